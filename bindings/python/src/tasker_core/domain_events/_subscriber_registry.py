"""The subscribers of this process, by name."""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import datetime, timezone
from typing import Any

from tasker_core.domain_events._poller import InProcessDomainEventPoller
from tasker_core.domain_events._subscriber import BaseSubscriber

logger = logging.getLogger(__name__)


class SubscriberRegistry:
    """Knows subscribers, and starts and stops them together."""

    _instance: SubscriberRegistry | None = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        self._classes: dict[str, type[BaseSubscriber]] = {}
        self._subscribers: dict[str, BaseSubscriber] = {}
        self._lock = threading.Lock()

    @classmethod
    def instance(cls) -> SubscriberRegistry:
        """Return the registry of this process."""
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    @classmethod
    def reset(cls) -> None:
        """Stop the subscribers of this process and forget the registry, between tests."""
        with cls._instance_lock:
            registry, cls._instance = cls._instance, None
        if registry is not None:
            registry.stop_all()

    def register(self, subscriber_class: type[BaseSubscriber]) -> None:
        """Register a class; its subscriber is made when subscribers are started."""
        with self._lock:
            self._classes[subscriber_class.__name__] = subscriber_class

    def register_instance(self, subscriber: BaseSubscriber, name: str | None = None) -> None:
        """Register a subscriber under its class's name or another one."""
        with self._lock:
            self._subscribers[name or type(subscriber).__name__] = subscriber

    def start_all(self, poller: InProcessDomainEventPoller) -> int:
        """Start all subscribers. One that cannot be started is logged, and the others go on.

        Returns:
            How many were started.
        """
        started = 0
        with self._lock:
            for name, kind in self._classes.items():
                if name not in self._subscribers:
                    try:
                        self._subscribers[name] = kind()
                    except Exception:
                        logger.exception("subscriber %s cannot be made", name)
            subscribers = dict(self._subscribers)
        for name, subscriber in subscribers.items():
            if not subscriber.active:
                try:
                    subscriber.start(poller)
                    started += 1
                except Exception:
                    logger.exception("subscriber %s cannot be started", name)
        return started

    def stop_all(self) -> int:
        """Stop all subscribers, and return how many that were."""
        stopped = 0
        for name, subscriber in list(self._subscribers.items()):
            if subscriber.active:
                try:
                    subscriber.stop()
                    stopped += 1
                except Exception:
                    logger.exception("subscriber %s cannot be stopped", name)
        return stopped

    def list_registered(self) -> dict[str, list[str]]:
        """Return the patterns of subscribers, by name."""
        with self._lock:
            known = {name: list(kind.subscribes_to()) for name, kind in self._classes.items()}
            return {**known, **{name: s.subscriptions for name, s in self._subscribers.items()}}

    @property
    def active_count(self) -> int:
        """How many subscribers handle events."""
        return sum(subscriber.active for subscriber in list(self._subscribers.values()))

    def stats(self) -> dict[str, Any]:
        """Return how many subscribers there are, how many handle events, and all patterns by name."""
        registered = self.list_registered()
        return {"total_registered": len(registered), "active_count": self.active_count, "subscriptions": registered}

    def clear(self) -> None:
        """Stop all subscribers, and forget them."""
        self.stop_all()
        with self._lock:
            self._classes.clear()
            self._subscribers.clear()

    def deliver(self, published: dict[str, Any]) -> None:
        """Pass an event to the subscribers that are active, as the core would: for processes without a worker."""
        step = {key: published.get(key) for key in ("task_uuid", "step_uuid", "step_name", "namespace", "correlation_id")}
        fired = {"fired_at": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"), "fired_by": "host"}
        event = {
            "event_id": str(uuid.uuid4()),
            "event_name": published["event_name"],
            "event_version": "1.0",
            "payload": {"task_sequence_step": None, "execution_result": None, "payload": published["payload"]},
            "metadata": {**published["metadata"], **step, **fired},
        }
        for subscriber in list(self._subscribers.values()):
            if subscriber.active and subscriber.matches(event["event_name"]):
                subscriber.handle_event_safely(event)
