"""Threads for handlers."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

_log = logging.getLogger("tasker_core")

Job = Callable[[], None]


class DaemonPool:
    """Runs jobs in threads that are made when needed and kept.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so that one handler that hangs
    would keep a process from ending for ever. These threads are daemons.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._threads = 0
        self._busy = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run a job, now or when a thread is free. Raises RuntimeError when the pool is closed, or has no thread to give."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._busy += 1
            needed = self._busy > self._threads and self._threads < self._size
            if needed:
                self._threads += 1
                number = self._threads
        if needed:
            try:
                threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
            except RuntimeError:  # the system has no more threads, or the interpreter exits
                with self._lock:
                    self._threads -= 1
                    self._busy -= 1
                raise
        self._jobs.put(job)

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until a job would run at once."""
        with self._room:
            return self._room.wait_for(lambda: self._busy < self._size or self._closed, timeout)

    def close(self) -> None:
        """Take no more jobs; threads end when theirs is done."""
        with self._room:
            self._closed = True
            threads = self._threads
            self._room.notify_all()
        for _ in range(threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except BaseException:  # even SystemExit must not take the thread away from the next job
                _log.exception("a job of %s failed", self._name)
            del job  # what it holds may be large
            with self._room:
                self._busy -= 1
                self._room.notify()
