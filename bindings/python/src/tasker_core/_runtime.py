"""The worker of this process: there is one at most, and everything that needs it finds it here."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasker_core import logging as core_logging
from tasker_core._attempt import Attempt
from tasker_core._codec import loads
from tasker_core._frames import FrameType
from tasker_core._handles import NativeWorker
from tasker_core._native import forked_error, library
from tasker_core._status import CoreError, ForkedError
from tasker_core.domain_events import PublisherRegistry
from tasker_core.domain_events._forwarding import ForwardedEvents
from tasker_core.exceptions import WorkerBootstrapError, WorkerNotInitializedError
from tasker_core.types import BootstrapConfig

_log = logging.getLogger("tasker_core")

FLUSH_S = 5.0
"""How long publishers may take when the worker stops."""

FINISH_S, EXIT_FINISH_S = 10.0, 2.0
"""How long the core may take to store what was completed, when it stops, and when the interpreter exits."""


class Runtime:
    """The life of one worker, and the steps that were polled by hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: NativeWorker | None = None
        self._process = 0
        self._worker_id = ""
        self._polled: dict[str, Attempt] = {}
        self._forwarded: ForwardedEvents | None = None

    def bootstrap(self, config: BootstrapConfig, handlers: Sequence[str]) -> bool:
        """Start the worker. False: it runs already.

        Raises:
            WorkerBootstrapError: It did not start; nothing is left running.
            ForkedError: The core was started before this process was forked.
        """
        if self._worker is not None and self._process != os.getpid():
            raise forked_error()
        with self._lock:
            if self._worker is not None:
                return False
            core_logging.start_drain(library())
            publishers = PublisherRegistry.instance()
            try:
                worker = NativeWorker(native_config(config, handlers, publishers.list_publishers()))
            except ForkedError:
                raise
            except CoreError as error:
                raise _not_started(error) from error
            try:
                worker.start()
                self._worker_id = worker.name()
            except BaseException as error:
                worker.free()
                if isinstance(error, CoreError):
                    raise _not_started(error) from error
                raise
            self._worker, self._process = worker, os.getpid()
            self._forwarded = ForwardedEvents(worker)
            publishers.freeze()
            atexit.register(self._at_exit)
            return True

    def _at_exit(self) -> None:
        """Leave no lease behind, also when nobody stopped the worker."""
        if self.current() is not None:
            self.end(EXIT_FINISH_S)

    @property
    def worker_id(self) -> str:
        """The name of the worker; empty if there was none yet."""
        return self._worker_id

    def current(self) -> NativeWorker | None:
        """The worker, if this process has one."""
        return self._worker if self._process == os.getpid() else None

    def require(self) -> NativeWorker:
        """The worker, or an error that tells how to get one."""
        worker = self._worker
        if worker is None:
            raise WorkerNotInitializedError("no worker runs in this process; start one with Worker.start()")
        if self._process != os.getpid():
            raise forked_error()
        return worker

    def end(self, finish: float = FINISH_S, *, before_free: Callable[[], object] | None = None) -> dict[str, Any]:
        """End the worker, and return what it did. Steps that nobody gave back are run again elsewhere.

        Args:
            finish: How long its results may take to be stored.
            before_free: Called when it has stopped, to end whatever polls it: its descriptor is closed after that.
        """
        with self._lock:
            worker = self.require()
            try:
                for attempt in list(self._polled.values()):
                    attempt.release("the worker stops")
                self._polled.clear()
                stopped, summary = worker.stop(finish)
                if not stopped:
                    _log.warning("the worker stopped with steps still out; they run again later: %s", summary)
                return summary
            finally:
                if before_free is not None:
                    before_free()
                worker.free()
                self._worker = None
                self.take_forwarded(None)
                PublisherRegistry.instance().unfreeze()
                atexit.unregister(self._at_exit)
                core_logging.flush()

    def take_forwarded(self, document: dict[str, Any] | None) -> None:
        """Have an event published by the publisher that its template names; None ends that."""
        if self._forwarded is not None:
            self._forwarded.put(document)

    def flush_events(self, timeout: float = FLUSH_S) -> None:
        """Wait until the publishers of this program, if it has any, have published the events of all steps that ended."""
        if not PublisherRegistry.instance().list_publishers():
            return
        try:
            self.require().call("events.flush", timeout=timeout)
        except CoreError as error:
            _log.warning("domain events may be lost: their publishers did not end within %s s: %s", timeout, error)

    def poll(self, timeout: float) -> dict[str, Any] | None:
        """Take one step by hand; it is answered by `take`."""
        worker = self.require()
        while True:
            _, frames = worker.poll(timeout, max_frames=1)
            if not frames:
                return None
            for frame in frames:
                if frame.type == FrameType.STEP:
                    event: dict[str, Any] = loads(frame.payload)
                    self._polled[event["event_id"]] = Attempt(worker, frame.number, frame.id)
                    return event
                if frame.type == FrameType.DOMAIN_EVENT:
                    self.take_forwarded(loads(frame.payload))
                if frame.type == FrameType.CANCEL:
                    self._cancel(frame.number, loads(frame.payload))

    def _cancel(self, token: int, notice: Mapping[str, Any]) -> None:
        for attempt in list(self._polled.values()):
            if attempt.token == token:
                attempt.cancel(str(notice.get("reason", "cancelled")))

    def polled(self, event_id: str) -> Attempt | None:
        """The attempt of a step that was polled by hand and not ended yet."""
        return self._polled.get(event_id)

    def forget(self, event_id: str) -> None:
        """Drop an attempt that has ended."""
        self._polled.pop(event_id, None)


def native_config(
    config: BootstrapConfig, handlers: Sequence[str], publishers: Sequence[str] = ()
) -> dict[str, Any]:
    """The configuration as the library takes it. What is left at its default is left to files and environment."""
    settings = dict(config.settings)
    if config.worker_id:
        settings.setdefault("worker.worker_id", config.worker_id)
    if config.namespace not in ("", "default"):
        settings.setdefault("worker.namespaces", [config.namespace])
    if config.log_level != "info":
        settings.setdefault("telemetry.log_level", config.log_level.lower())
    native: dict[str, Any] = {"settings": settings, "role": config.role, "handlers": list(handlers)}
    if config.config_path:
        native["files"] = [config.config_path]
    if publishers:
        native["publishers"] = list(publishers)
    if config.domain_events:
        native["domain_events"] = list(config.domain_events)
    return native


def _not_started(error: CoreError) -> WorkerBootstrapError:
    core_logging.flush()
    return WorkerBootstrapError(f"the worker did not start: {error}")


runtime = Runtime()


def _after_fork_in_child() -> None:
    runtime._lock = threading.Lock()  # it may have been held
    runtime._polled.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
