"""Fetching the events of this process."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from tasker_core.types import InProcessDomainEvent

logger = logging.getLogger(__name__)

DomainEventCallback = Callable[[InProcessDomainEvent], None]
ErrorCallback = Callable[[Exception], None]
Poll = Callable[[int], "list[dict[str, Any]]"]
"""Returns the events that there are, at most so many."""

_MOST_AT_ONCE = 100


class InProcessDomainEventPoller:
    """Fetches events in a thread and passes them to callbacks. Slow callbacks may make the core drop the oldest events."""

    DEFAULT_POLL_INTERVAL_MS = 10
    DEFAULT_MAX_EVENTS_PER_POLL = 100

    def __init__(
        self,
        polling_interval_ms: int = DEFAULT_POLL_INTERVAL_MS,
        max_events_per_poll: int = DEFAULT_MAX_EVENTS_PER_POLL,
        *,
        poll: Poll | None = None,
    ) -> None:
        """Make a poller.

        Args:
            polling_interval_ms: How long to rest when there was nothing.
            max_events_per_poll: How many events to fetch at once, up to 100.
            poll: Where events come from; by default the worker of this process.
        """
        self._interval = polling_interval_ms / 1000
        self._most = min(max(max_events_per_poll, 1), _MOST_AT_ONCE)
        self._poll = poll
        self._event_callbacks: list[DomainEventCallback] = []
        self._error_callbacks: list[ErrorCallback] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._stats = {"poll_count": 0, "event_count": 0, "error_count": 0}

    def on_event(self, callback: DomainEventCallback) -> None:
        """Have a function called with every event."""
        self._event_callbacks.append(callback)

    def on_error(self, callback: ErrorCallback) -> None:
        """Have a function called when fetching, or another function, fails."""
        self._error_callbacks.append(callback)

    def start(self) -> None:
        """Begin to fetch.

        Raises:
            RuntimeError: The poller runs already.
        """
        if self.is_running:
            raise RuntimeError("the domain event poller runs already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="tasker-domain-events", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Fetch nothing any more, and wait up to `timeout` seconds for callbacks. Harmless when it does not run."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            if thread.is_alive():
                logger.warning("a callback for domain events still runs after %s seconds", timeout)

    @property
    def is_running(self) -> bool:
        """Whether events are fetched."""
        return self._thread is not None and self._thread.is_alive() and not self._stopping.is_set()

    @property
    def stats(self) -> dict[str, int]:
        """How often was fetched, how many events there were, and how many errors."""
        return dict(self._stats)

    def _run(self) -> None:
        poll = self._poll or importlib.import_module("tasker_core._tasker_core").poll_in_process_event_batch
        while not self._stopping.is_set():
            try:
                rest = 0.0 if self._fetch(poll) == self._most else self._interval
            except Exception as error:
                self._failed(error)
                rest = self._interval * 10
            self._stopping.wait(rest)

    def _fetch(self, poll: Poll) -> int:
        """Pass on what there is, and return how many events that were."""
        self._stats["poll_count"] += 1
        documents = poll(self._most)
        for document in documents:
            self._stats["event_count"] += 1
            self._pass_on(InProcessDomainEvent.model_validate(document))
        return len(documents)

    def _pass_on(self, event: InProcessDomainEvent) -> None:
        for callback in list(self._event_callbacks):
            try:
                callback(event)
            except Exception as error:
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._stats["error_count"] += 1
        logger.error("domain events: %s", error, exc_info=error)
        for callback in list(self._error_callbacks):
            try:
                callback(error)
            except Exception:
                logger.exception("an error callback for domain events failed")
