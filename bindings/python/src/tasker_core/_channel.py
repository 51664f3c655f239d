"""From the core to the handlers: one poller for steps that run in many threads."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from uuid import UUID

from tasker_core._attempt import Attempt
from tasker_core._codec import loads
from tasker_core._execute import Document
from tasker_core._frames import Frame, FrameType
from tasker_core._handles import NativeWorker
from tasker_core._native import library
from tasker_core._runner import Runner
from tasker_core._status import CoreError, Status, UsageError
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent

_log = logging.getLogger("tasker_core")

SLICE_S = 1.0
"""The longest wait inside the core: what changes without a frame is seen after this time."""

_HARDEN_EVERY_S = 5.0


class Poller:
    """Takes frames from a worker, in a thread or on a loop, and passes them on. It ends when the worker has no more."""

    def __init__(
        self,
        worker: NativeWorker,
        deliver: Callable[[Frame], None],
        *,
        ready: Callable[[float], bool] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._worker = worker
        self._deliver = deliver
        self._ready = ready
        self._loop = loop
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._hardened = 0.0

    def start(self) -> None:
        """Begin. With a loop that can watch descriptors there is no thread."""
        if self._loop is not None:
            try:
                descriptor = self._worker.event_fd()
                self._loop.call_soon_threadsafe(self._watch, self._loop, descriptor)
                return
            except RuntimeError:  # the loop is closed
                _log.warning("the event loop is closed; steps are polled in a thread")
        self._start_thread()

    def stop(self, timeout: float) -> bool:
        """End soon, also if there are frames left. True: it has ended."""
        self._stopping.set()
        self._worker.wake()
        return self._ended.wait(timeout)

    def join(self, timeout: float) -> bool:
        """Wait until the worker has no more frames."""
        return self._ended.wait(timeout)

    def _start_thread(self) -> None:
        threading.Thread(target=self._run, name="tasker-poller", daemon=True).start()

    def _run(self) -> None:
        trouble = 0
        while not self._stopping.is_set():
            if self._ready is not None and not self._ready(SLICE_S):
                continue
            try:
                if not self._take(SLICE_S):
                    break
                trouble = 0
            except UsageError as error:  # freed, or forked: it will not get better
                _log.debug("polling ends: %s", error)
                break
            except Exception:
                trouble += 1
                _log.exception("polling failed; trying again")
                self._stopping.wait(min(0.1 * 2 ** min(trouble, 6), 5.0))
        self._ended.set()

    def _take(self, timeout: float) -> bool:
        """Poll once. False: there will be no more frames."""
        now = time.monotonic()
        if now - self._hardened >= _HARDEN_EVERY_S:  # what was installed meanwhile, a profiler's handler for instance
            self._hardened = now
            library().plain("tasker_signals_harden", 0xFFFFFFFF)
        code, frames = self._worker.poll(timeout)
        for frame in frames:
            try:
                self._deliver(frame)
            except Exception:
                _log.exception("a frame of the core was lost")
        return code != Status.CLOSED

    def _watch(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        def ready() -> None:
            if self._stopping.is_set() or not self._take_now():
                loop.remove_reader(descriptor)
                self._ended.set()

        try:
            loop.add_reader(descriptor, ready)
        except NotImplementedError:  # not every loop can
            self._start_thread()

    def _take_now(self) -> bool:
        try:
            return self._take(0.0)
        except CoreError as error:
            _log.error("polling ends: %s", error)
            return False


class Channel:
    """Polls the steps of a worker and has them run."""

    def __init__(
        self,
        worker: NativeWorker,
        registry: HandlerRegistry,
        worker_id: str,
        *,
        bridge: EventBridge,
        forwarded: Callable[[Document], None] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._worker = worker
        self._bridge = bridge
        self._forwarded = forwarded
        self.runner = Runner(registry, worker_id, worker.slots, bridge, loop=loop)
        self._poller = Poller(worker, self._on_frame, ready=self.runner.wait_for_room, loop=loop)

    def start(self) -> None:
        """Begin to take steps."""
        self._poller.start()

    def close(self, timeout: float) -> bool:
        """End the threads, once the worker has ended. True: the poller has ended in time."""
        ended = self._poller.join(timeout) or self._poller.stop(timeout)
        self.runner.close()
        return ended

    def _on_frame(self, frame: Frame) -> None:
        if frame.type == FrameType.STEP:
            attempt = Attempt(self._worker, frame.number, str(UUID(bytes=frame.id)))
            self.runner.run(attempt, lambda: self._read(frame.payload))
        elif frame.type == FrameType.CANCEL:
            self.runner.cancel(frame.number, str(loads(frame.payload).get("reason", "cancelled")))
        elif frame.type == FrameType.DOMAIN_EVENT and self._forwarded is not None:
            self._forwarded(loads(frame.payload))
        elif frame.type == FrameType.DROPPED:
            _log.warning("the core dropped what was not polled in time: %s", frame.payload.decode(errors="replace"))

    def _read(self, payload: bytes) -> Document:
        """Read a step's event, on the thread of its handler, and tell listeners of the bridge."""
        event: Document = loads(payload)
        if self._bridge.is_active and self._bridge.listener_count(EventNames.STEP_EXECUTION_RECEIVED):
            self._bridge.publish(EventNames.STEP_EXECUTION_RECEIVED, FfiStepEvent.model_validate(event))
        return event
