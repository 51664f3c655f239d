"""From the core to the handlers: frames that become jobs of their threads."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable

from tasker_core._attempt import Attempt
from tasker_core._codec import loads
from tasker_core._execute import Document
from tasker_core._frames import Frame, FrameType
from tasker_core._handles import NativeWorker
from tasker_core._poller import Poller
from tasker_core._runner import Runner, StepJob
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent

_log = logging.getLogger("tasker_core")


class Channel:
    """Takes the steps of a worker and has them run: the threads of handlers poll by themselves, or a loop polls for them."""

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
        self._loop = loop
        self.runner = Runner(registry, worker_id, worker.slots, bridge, loop=loop)
        self._poller = Poller(worker)
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to take steps."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._watch, self._loop)
                return
            except RuntimeError:  # the loop is closed
                _log.warning("the event loop is closed; steps are polled in threads")
        self._start_threads()

    def close(self, timeout: float) -> bool:
        """End the threads, once the worker has ended. True: nobody polls any more."""
        if not self._ended.wait(timeout):
            self._poller.stop()
        ended = self._ended.wait(timeout)
        self.runner.close()
        return ended

    def _start_threads(self) -> None:
        self.runner.start(self._fetch, self._ended.set)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._poller.watch(loop, self._submit, self._ended.set)
        except NotImplementedError:  # not every loop can
            self._start_threads()

    def _fetch(self, limit: int) -> list[StepJob] | None:
        frames = self._poller.fetch(limit)
        return None if frames is None else self._jobs(frames)

    def _submit(self, frames: list[Frame]) -> None:
        for job in self._jobs(frames):
            self.runner.submit(job)

    def _jobs(self, frames: list[Frame]) -> list[StepJob]:
        """Make jobs of steps, and see to all other frames."""
        jobs = []
        for frame in frames:
            if frame.type == FrameType.STEP:
                attempt = Attempt(self._worker, frame.number, frame.id)
                jobs.append(self.runner.job(attempt, functools.partial(self._read, frame.payload)))
                continue
            try:
                self._on_notice(frame)
            except Exception:
                _log.exception("a frame of the core was lost")
        return jobs

    def _on_notice(self, frame: Frame) -> None:
        if frame.type == FrameType.CANCEL:
            self.runner.cancel(frame.number, str(loads(frame.payload).get("reason", "cancelled")))
        elif frame.type == FrameType.DOMAIN_EVENT and self._forwarded is not None:
            self._forwarded(loads(frame.payload))
        elif frame.type == FrameType.DROPPED:
            _log.warning("the core dropped what was not polled in time: %s", frame.payload.decode(errors="replace"))

    def _read(self, payload: bytes) -> Document:
        """Read a step's event, on the thread of its handler, and tell listeners of the bridge."""
        event: Document = loads(payload)
        if self._bridge.has_listeners and self._bridge.listener_count(EventNames.STEP_EXECUTION_RECEIVED):
            self._bridge.publish(EventNames.STEP_EXECUTION_RECEIVED, FfiStepEvent.model_validate(event))
        return event
