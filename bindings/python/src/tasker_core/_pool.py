"""Threads for handlers, which fetch their own work."""

from __future__ import annotations

import collections
import logging
import queue
import threading
from collections.abc import Callable, Sequence

_log = logging.getLogger("tasker_core")

Job = Callable[[], None]

Fetch = Callable[[int], "Sequence[Job] | None"]
"""Waits a while for jobs, for so many at most, and returns what came. None: there will be no more. It never raises."""

FETCHERS = 2
"""How many idle threads wait for jobs at their source. When one has got a job, the other goes on waiting: a job that comes
alone is run by the thread that fetched it, and no other thread has to be woken."""


class DaemonPool:
    """Runs jobs in threads that are made when needed and kept.

    A thread that takes a job sees to it that another one looks after what is left to do: the jobs behind it, or the source.
    That one needs the interpreter's lock, and gets it as soon as the job waits for anything, or by and by if it never does.
    So jobs that wait run side by side, while those that do not are run by one thread after the other, without the switches
    of threads that would cost more than such jobs themselves.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so that one handler that hangs
    would keep a process from ending for ever. These threads are daemons.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: collections.deque[Job] = collections.deque()
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()  # each wakes a thread; False ends it
        self._lock = threading.Lock()
        self._fetch: Fetch | None = None
        self._exhausted: Callable[[], None] = _nothing
        self._threads = 0
        self._asleep = 0
        self._fetching = 0
        self._coming = False  # a thread was woken and has not looked around yet
        self._closed = False

    def start(self, fetch: Fetch, exhausted: Callable[[], None]) -> None:
        """Have the threads fetch jobs. `exhausted` is called when the source has no more and the last thread has left it."""
        with self._lock:
            self._fetch, self._exhausted = fetch, exhausted
            self._wake_one()

    def submit(self, job: Job) -> None:
        """Run a job, now or when a thread is free. Raises RuntimeError when the pool is closed, or has no thread to give."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if not self._coming:
                self._wake_one()
            self._jobs.append(job)

    def close(self) -> None:
        """Take no more jobs; threads end when theirs is done."""
        with self._lock:
            self._closed, self._fetch = True, None
            threads = self._threads
        for _ in range(threads):
            self._turns.put(False)

    def _wake_one(self) -> None:
        """Have one more thread look around, unless all are at work. Holds the lock."""
        if self._asleep:
            self._asleep -= 1
        elif self._threads < self._size:
            name = f"{self._name}-{self._threads + 1}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
            self._threads += 1
        else:
            return
        self._coming = True
        self._turns.put(True)

    def _work(self) -> None:
        while self._turns.get():
            with self._lock:
                self._coming = False
            while (job := self._next()) is not None:
                try:
                    job()
                except BaseException:  # even SystemExit must not take the thread away from the next job
                    _log.exception("a job of %s failed", self._name)
                del job  # what it holds may be large

    def _next(self) -> Job | None:
        """Take a job, or fetch some; None sends the thread to sleep."""
        while True:
            with self._lock:
                if self._jobs:
                    return self._take()
                fetch = self._fetch
                if fetch is None or self._fetching >= FETCHERS:
                    self._asleep += 1
                    return None
                self._fetching += 1
                free = self._size - self._threads + self._asleep + self._fetching
            jobs = fetch(max(1, free // FETCHERS))
            with self._lock:
                self._fetching -= 1
                if jobs is None:
                    self._fetch = None
                elif jobs:
                    self._jobs.extend(jobs)
                    if self._fetch is not None:
                        return self._take()
                exhausted = self._fetch is None and not self._fetching
            if exhausted:
                self._exhausted()

    def _take(self) -> Job:
        """Take a job, and have another thread look after what is left while this one runs it. Holds the lock."""
        job = self._jobs.popleft()
        if not self._coming and (self._jobs or (self._fetch is not None and not self._fetching)):
            try:
                self._wake_one()
            except RuntimeError:  # the system has no more threads, or the interpreter exits: those that there are go on
                _log.debug("no more threads for %s", self._name)
        return job


def _nothing() -> None:
    pass
