"""Hearing of events."""

from __future__ import annotations

import fnmatch
import logging
from abc import ABC, abstractmethod
from typing import Any

from tasker_core.domain_events._poller import InProcessDomainEventPoller
from tasker_core.types import InProcessDomainEvent

logger = logging.getLogger(__name__)


class BaseSubscriber(ABC):
    """Hears of the events that match its patterns: a name, `payment.*`, or `*` for all.

    Whatever goes wrong is logged and told to `on_handle_error`; it disturbs no step and no other subscriber.

        class Ledger(BaseSubscriber):
            @classmethod
            def subscribes_to(cls):
                return ["payment.*"]

            def handle(self, event):
                book(event["payload"])
    """

    def __init__(self) -> None:
        self._active = False

    @classmethod
    def subscribes_to(cls) -> list[str]:
        """Return the patterns; none by default."""
        return []

    @abstractmethod
    def handle(self, event: dict[str, Any]) -> None:
        """Handle an event: `event_id`, `event_name`, `event_version`, `metadata` and `payload`."""

    @property
    def active(self) -> bool:
        """Whether events are handled."""
        return self._active

    @property
    def subscriptions(self) -> list[str]:
        """The patterns."""
        return list(self.subscribes_to())

    def before_handle(self, event: dict[str, Any]) -> bool:
        """See an event before it is handled; False passes it over."""
        return True

    def after_handle(self, event: dict[str, Any]) -> None:  # noqa: B027
        """Hear that an event was handled."""

    def on_handle_error(self, event: dict[str, Any], error: Exception) -> None:
        """Hear that an event could not be handled."""
        logger.error("%s failed on event %s: %s", type(self).__name__, event.get("event_name"), error)

    def matches(self, event_name: str) -> bool:
        """Tell whether a pattern takes an event."""
        return any(fnmatch.fnmatchcase(event_name, pattern) for pattern in self.subscriptions)

    def start(self, poller: InProcessDomainEventPoller) -> None:
        """Begin to handle the events that a poller brings."""
        if not self._active:
            self._active = True
            poller.on_event(self._on_event)

    def stop(self) -> None:
        """Handle no event any more."""
        self._active = False

    def handle_event_safely(self, event: dict[str, Any]) -> None:
        """Handle an event with all hooks. Nothing is raised."""
        try:
            if self.before_handle(event):
                self.handle(event)
                self.after_handle(event)
        except Exception as error:
            try:
                self.on_handle_error(event, error)
            except Exception:
                logger.exception("on_handle_error of %s failed", type(self).__name__)

    def _on_event(self, event: InProcessDomainEvent) -> None:
        if self._active and self.matches(event.event_name):
            self.handle_event_safely(event.model_dump(mode="json"))
