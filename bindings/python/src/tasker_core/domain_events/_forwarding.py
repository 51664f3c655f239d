"""Calling the publishers that templates name."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any

from tasker_core.domain_events._forwarded import Caller, Forwarded, forwarded
from tasker_core.domain_events._publisher_registry import PublisherRegistry

_log = logging.getLogger("tasker_core")


class ForwardedEvents:
    """Calls publishers, one event after the other, on a thread that is made for the first of them."""

    def __init__(self, worker: Caller) -> None:
        self._worker = worker
        self._events: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, document: Mapping[str, Any] | None) -> None:
        """Have an event published; None ends the thread, after those before. What is for no publisher is left alone."""
        if document is not None and "publisher" not in document:
            return
        with self._lock:
            if self._thread is None:
                if document is None:
                    return
                self._thread = threading.Thread(target=self._run, name="tasker-publisher", daemon=True)
                self._thread.start()
            self._events.put(document)

    def _run(self) -> None:
        while (document := self._events.get()) is not None:
            try:
                publish(Forwarded(self._worker, document))
            except BaseException:  # whatever a publisher does, the next one gets its event
                _log.exception("domain event %s was not published", document.get("event_name"))


def publish(event: Forwarded) -> None:
    """Have an event's publisher publish it."""
    publisher = PublisherRegistry.instance().get_or_default(event.publisher)
    token = forwarded.set(event)
    try:
        publisher.publish(event.context(), event.name)
    finally:
        forwarded.reset(token)
        event.settle()
