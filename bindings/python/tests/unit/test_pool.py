"""Threads for handlers: one for work that waits for nothing, one each for work that waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from tasker_core._pool import FETCHERS, DaemonPool, Job

SOON = 30.0


class Source:
    """Where the threads of a pool fetch jobs: they wait here until there are some."""

    def __init__(self) -> None:
        self.limits: list[int] = []
        self.waiting = threading.Semaphore(0)
        self._jobs: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()

    def fetch(self, limit: int) -> list[Job] | None:
        self.limits.append(limit)
        self.waiting.release()
        return self._jobs.get()

    def give(self, *jobs: Job) -> None:
        self._jobs.put(list(jobs))

    def await_fetchers(self, n: int) -> None:
        for _ in range(n):
            assert self.waiting.acquire(timeout=SOON)

    def close(self) -> None:
        for _ in range(FETCHERS):
            self._jobs.put(None)


def run_all(pool: DaemonPool, jobs: int) -> set[str]:
    """Run jobs that wait for nothing, and return the names of their threads."""
    names: set[str] = set()
    done = threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(jobs):
        pool.submit(job)
    for _ in range(jobs):
        assert done.acquire(timeout=SOON)
    return names


def waiting_for(barrier: threading.Barrier) -> Callable[[], None]:
    return lambda: barrier.wait(SOON) and None


def test_jobs_that_wait_for_each_other_all_run_at_once() -> None:
    pool = DaemonPool(40, "waiting")
    together = threading.Barrier(41)
    for _ in range(40):
        pool.submit(waiting_for(together))
    together.wait(SOON)
    pool.close()


def test_jobs_that_are_fetched_together_and_wait_for_each_other_all_run_at_once() -> None:
    pool, source = DaemonPool(40, "fetched"), Source()
    pool.start(source.fetch, lambda: None)
    together = threading.Barrier(31)
    source.give(*(waiting_for(together) for _ in range(30)))
    together.wait(SOON)
    source.close()
    pool.close()


def test_somebody_fetches_while_all_jobs_wait() -> None:
    pool, source = DaemonPool(10, "fetching"), Source()
    pool.start(source.fetch, lambda: None)
    end, ran = threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        ran.release()
        end.wait(SOON)

    for _ in range(9):
        source.give(hang)
        assert ran.acquire(timeout=SOON)
    source.give(ran.release)
    assert ran.acquire(timeout=SOON)
    end.set()
    source.close()
    pool.close()


def test_no_more_is_fetched_than_there_are_threads_for() -> None:
    pool, source = DaemonPool(4, "limited"), Source()
    pool.start(source.fetch, lambda: None)
    end, ran = threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        ran.release()
        end.wait(SOON)

    source.await_fetchers(1)
    for _ in range(4):
        source.give(hang)
        assert ran.acquire(timeout=SOON)
    asked = len(source.limits)
    assert max(source.limits) <= 2
    assert source.limits[-1] == 1, "for the last thread"
    source.give(ran.release)
    assert len(source.limits) == asked, "nobody is left to fetch"
    end.set()
    assert ran.acquire(timeout=SOON)
    source.close()
    pool.close()


def test_a_thread_that_fetched_a_job_runs_it_while_another_goes_on_waiting() -> None:
    pool, source = DaemonPool(8, "alone"), Source()
    pool.start(source.fetch, lambda: None)
    names: set[str] = set()
    done = threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        done.release()

    source.await_fetchers(1)
    for number in range(50):
        source.give(job)
        assert done.acquire(timeout=SOON)
        source.await_fetchers(1 if number else 2)  # all threads wait again: one that is late would need another beside it
    assert names <= {f"alone-{n + 1}" for n in range(FETCHERS + 1)}
    source.close()
    pool.close()


def test_a_source_is_exhausted_once_the_last_thread_has_left_it() -> None:
    pool, source = DaemonPool(8, "ending"), Source()
    told = threading.Semaphore(0)
    pool.start(source.fetch, told.release)
    first = threading.Event()
    source.give(first.set)
    assert first.wait(SOON)
    source.close()
    assert told.acquire(timeout=SOON)
    assert run_all(pool, 3), "what is submitted still runs"
    assert not told.acquire(blocking=False), "it is told once"
    pool.close()


def test_a_job_behind_one_that_hangs_gets_a_thread() -> None:
    pool = DaemonPool(2, "hanging")
    end, ran = threading.Event(), threading.Event()
    pool.submit(lambda: end.wait(SOON) and None)
    pool.submit(ran.set)
    assert ran.wait(SOON)
    end.set()
    pool.close()


def test_no_more_threads_are_made_than_there_may_be() -> None:
    pool = DaemonPool(1, "alone")
    assert run_all(pool, 50) == {"alone-1"}
    pool.close()


def test_jobs_that_come_again_and_again_find_their_threads() -> None:
    pool = DaemonPool(8, "again")
    for _ in range(200):
        run_all(pool, 5)
    pool.close()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_job_that_raises_costs_no_thread(error: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    pool = DaemonPool(1, "raising")

    def fail() -> None:
        raise error("on purpose")

    pool.submit(fail)
    assert run_all(pool, 3) == {"raising-1"}
    assert "a job of raising failed" in caplog.text
    pool.close()


def test_a_closed_pool_takes_no_jobs_and_its_threads_end() -> None:
    pool = DaemonPool(6, "closing")
    together = threading.Barrier(7)
    for _ in range(6):
        pool.submit(waiting_for(together))
    together.wait(SOON)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: None)
    for thread in threading.enumerate():
        if thread.name.startswith("closing-"):
            thread.join(SOON)
            assert not thread.is_alive()
