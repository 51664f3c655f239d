"""What happens in a worker, for parts of the same process that want to know."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

Listener = Callable[..., Any]


class EventNames:
    """The events of a worker."""

    STEP_EXECUTION_RECEIVED = "step.execution.received"
    STEP_COMPLETION_SENT = "step.completion.sent"
    STEP_CHECKPOINT_YIELD = "step.checkpoint_yield.sent"
    HANDLER_REGISTERED = "handler.registered"
    HANDLER_ERROR = "handler.error"
    POLLER_METRICS = "poller.metrics"
    POLLER_ERROR = "poller.error"


_SCHEMA = {
    EventNames.STEP_EXECUTION_RECEIVED: "FfiStepEvent: a step was handed to this process",
    EventNames.STEP_COMPLETION_SENT: "dict: the result of a step was handed over",
    EventNames.STEP_CHECKPOINT_YIELD: "dict: a step saved how far it got",
    EventNames.HANDLER_REGISTERED: "str, type: a handler was registered under a name",
    EventNames.HANDLER_ERROR: "FfiStepEvent, Exception: a handler failed",
    EventNames.POLLER_METRICS: "FfiDispatchMetrics: the steps that this process holds",
    EventNames.POLLER_ERROR: "Exception: polling failed",
}


class EventBridge:
    """Passes events to listeners, in the thread of whoever publishes. A listener that fails does not hold up the others.

    Nothing is passed on before `start` and after `stop`; `stop` forgets the listeners.
    """

    _instance: EventBridge | None = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        self._listeners: dict[str, tuple[tuple[Listener, bool], ...]] = {}
        self._lock = threading.Lock()
        self._active = False

    @classmethod
    def instance(cls) -> EventBridge:
        """Return the bridge of this process."""
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    @classmethod
    def reset_instance(cls) -> None:
        """Stop the bridge of this process and forget it."""
        with cls._instance_lock:
            bridge, cls._instance = cls._instance, None
        if bridge is not None:
            bridge.stop()

    def start(self) -> None:
        """Begin to pass events on."""
        self._active = True

    def stop(self) -> None:
        """Pass nothing on any more, and forget the listeners."""
        with self._lock:
            self._active = False
            self._listeners.clear()

    def subscribe(self, event: str, handler: Listener) -> None:
        """Have a function called with every event of a name."""
        self._add(event, handler, once=False)

    def subscribe_once(self, event: str, handler: Listener) -> None:
        """Have a function called with the next event of a name."""
        self._add(event, handler, once=True)

    def unsubscribe(self, event: str, handler: Listener) -> None:
        """Forget a listener. One that is not known is no error."""
        with self._lock:
            self._keep(event, tuple(item for item in self._listeners.get(event, ()) if item[0] != handler))

    def publish(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Pass an event on. It is dropped if the bridge is not active."""
        if not self._active:
            return
        listeners = self._listeners.get(event, ())
        if any(once for _, once in listeners):
            listeners = self._take(event)
        for listener, _ in listeners:
            try:
                listener(*args, **kwargs)
            except Exception:
                logger.exception("a listener of %s failed", event)

    def listener_count(self, event: str) -> int:
        """Return how many listeners an event has."""
        return len(self._listeners.get(event, ()))

    def listeners(self, event: str) -> list[Listener]:
        """Return the listeners of an event, in the order in which they came."""
        return [listener for listener, _ in self._listeners.get(event, ())]

    @property
    def has_listeners(self) -> bool:
        """Whether events are passed on to anybody."""
        return self._active and bool(self._listeners)

    @property
    def is_active(self) -> bool:
        """Whether events are passed on."""
        return self._active

    @property
    def event_schema(self) -> dict[str, str]:
        """The events of a worker, with what listeners are given."""
        return dict(_SCHEMA)

    def _add(self, event: str, handler: Listener, *, once: bool) -> None:
        with self._lock:
            self._listeners[event] = (*self._listeners.get(event, ()), (handler, once))

    def _take(self, event: str) -> tuple[tuple[Listener, bool], ...]:
        """Return the listeners, and forget those that wanted one event: each gets one, also when two threads publish."""
        with self._lock:
            listeners = self._listeners.get(event, ())
            self._keep(event, tuple(item for item in listeners if not item[1]))
            return listeners

    def _keep(self, event: str, listeners: tuple[tuple[Listener, bool], ...]) -> None:
        """Leave an event with these listeners; one without any is not kept. Holds the lock."""
        if listeners:
            self._listeners[event] = listeners
        else:
            self._listeners.pop(event, None)
