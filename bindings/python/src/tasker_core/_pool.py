"""Threads for handlers."""

from __future__ import annotations

import collections
import logging
import queue
import threading
import time
from collections.abc import Callable

_log = logging.getLogger("tasker_core")

Job = Callable[[], None]

EAGER = 2
"""How many threads take jobs as long as these get done. Python runs one thread at a time: more of them would take turns,
which costs jobs that wait for nothing more than their own work."""

PATIENCE_S = 0.001
"""How long jobs wait for one of these. When none is taken for so long, twice as many threads take jobs."""


class DaemonPool:
    """Runs jobs in threads that are made when needed and kept.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so that one handler that hangs
    would keep a process from ending for ever. These threads are daemons.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: collections.deque[Job] = collections.deque()
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()  # each wakes a thread; False ends it
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._threads = 0
        self._awake = 0
        self._busy = 0
        self._taken = 0
        self._watching = False
        self._hurry = threading.Event()
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run a job, now or when a thread is free. Raises RuntimeError when the pool is closed, or has no thread to give."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if self._awake < EAGER:
                self._wake_one()
            elif not self._watching:
                self._watch()
            self._busy += 1
            self._jobs.append(job)
        if self._awake >= EAGER:
            self._hurry.set()

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
            self._turns.put(False)
        self._hurry.set()

    def _wake_one(self) -> None:
        """Have one more thread take jobs, if there may be one. Holds the lock."""
        if self._awake >= self._threads:
            if self._threads >= self._size:
                return
            name = f"{self._name}-{self._threads + 1}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
            self._threads += 1
        self._awake += 1
        self._turns.put(True)

    def _watch(self) -> None:
        """Begin to look for jobs that wait. Holds the lock."""
        threading.Thread(target=self._widen, name=f"{self._name}-widener", daemon=True).start()
        self._watching = True

    def _widen(self) -> None:
        """Give jobs threads of their own where those that are awake do not get to them."""
        while not self._closed:
            self._hurry.wait()
            self._hurry.clear()
            while self._jobs and not self._closed:
                before = self._taken
                time.sleep(PATIENCE_S)
                if before == self._taken:
                    self._wake_more()

    def _wake_more(self) -> None:
        with self._lock:
            try:
                for _ in range(min(len(self._jobs), self._awake)):
                    self._wake_one()
            except RuntimeError:  # the system has no more threads, or the interpreter exits: those that there are go on
                _log.debug("no more threads for %s", self._name)

    def _work(self) -> None:
        while self._turns.get():
            while (job := self._next()) is not None:
                try:
                    job()
                except BaseException:  # even SystemExit must not take the thread away from the next job
                    _log.exception("a job of %s failed", self._name)
                del job  # what it holds may be large
                with self._room:
                    self._busy -= 1
                    self._room.notify()

    def _next(self) -> Job | None:
        """Take a job; without one, the thread goes to sleep."""
        with self._lock:
            if self._jobs:
                self._taken += 1
                return self._jobs.popleft()
            self._awake -= 1
            return None
