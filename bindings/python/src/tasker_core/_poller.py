"""Taking frames out of the core."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from tasker_core._frames import Frame
from tasker_core._handles import NativeWorker
from tasker_core._native import library
from tasker_core._status import CoreError, Status, UsageError

_log = logging.getLogger("tasker_core")

SLICE_S = 1.0
"""The longest wait inside the core: what changes without a frame is seen after this time."""

MOST_FRAMES = 32
"""How many frames are taken at once: more would wait for each other rather than for the core."""

_HARDEN_EVERY_S = 5.0


class Poller:
    """Takes frames from a worker, for threads that wait or for a loop."""

    def __init__(self, worker: NativeWorker) -> None:
        self._worker = worker
        self._stopping = threading.Event()
        self._trouble = 0
        self._hardened = 0.0

    def fetch(self, limit: int = MOST_FRAMES) -> list[Frame] | None:
        """Wait for frames, `limit` at most, but no longer than a slice. None: there will be no more.

        Any number of threads may do so. It never raises: what went wrong is logged, and tried again after a pause.
        """
        if self._stopping.is_set():
            return None
        try:
            frames = self._poll(SLICE_S, min(limit, MOST_FRAMES))
            self._trouble = 0
            return frames
        except UsageError as error:  # freed, or forked: it will not get better
            _log.debug("polling ends: %s", error)
            return None
        except Exception:
            self._trouble += 1
            _log.exception("polling failed; trying again")
            self._stopping.wait(min(0.1 * 2 ** min(self._trouble, 6), 5.0))
            return []

    def watch(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[Frame]], None], ended: Callable[[], None]
    ) -> None:
        """Deliver frames on a loop, without a thread, until there will be no more. To be called on the loop.

        Raises:
            NotImplementedError: The loop cannot watch descriptors.
        """
        descriptor = self._worker.event_fd()

        def ready() -> None:
            frames = self._take_now()
            if frames is None:
                loop.remove_reader(descriptor)
                ended()
            else:
                deliver(frames)

        loop.add_reader(descriptor, ready)

    def stop(self) -> None:
        """End soon, also if there are frames left."""
        self._stopping.set()
        self._worker.wake()

    def _take_now(self) -> list[Frame] | None:
        if self._stopping.is_set():
            return None
        try:
            return self._poll(0.0, MOST_FRAMES)
        except CoreError as error:
            _log.error("polling ends: %s", error)
            return None

    def _poll(self, timeout: float, limit: int) -> list[Frame] | None:
        now = time.monotonic()
        if now - self._hardened >= _HARDEN_EVERY_S:  # what was installed meanwhile, a profiler's handler for instance
            self._hardened = now
            library().plain("tasker_signals_harden", 0xFFFFFFFF)
        code, frames = self._worker.poll(timeout, limit)
        return None if code == Status.CLOSED else frames
