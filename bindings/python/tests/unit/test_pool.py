"""Threads for handlers: few for work that waits for nothing, one each for work that waits."""

from __future__ import annotations

import threading

import pytest

from tasker_core._pool import EAGER, DaemonPool

SOON = 30.0


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


def test_jobs_that_wait_for_each_other_all_run_at_once() -> None:
    pool = DaemonPool(40, "waiting")
    together = threading.Barrier(41)
    for _ in range(40):
        pool.submit(lambda: together.wait(SOON) and None)
    together.wait(SOON)
    pool.close()


def test_a_job_behind_jobs_that_hang_gets_a_thread() -> None:
    pool = DaemonPool(EAGER + 1, "hanging")
    end, ran = threading.Event(), threading.Event()
    for _ in range(EAGER):
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


def test_there_is_room_until_all_threads_have_a_job() -> None:
    pool = DaemonPool(2, "room")
    end = threading.Event()
    assert pool.wait_for_room(0.0)
    for _ in range(2):
        pool.submit(lambda: end.wait(SOON) and None)
    assert not pool.wait_for_room(0.0)
    end.set()
    assert pool.wait_for_room(SOON)
    pool.close()


def test_a_closed_pool_takes_no_jobs_and_its_threads_end() -> None:
    pool = DaemonPool(6, "closing")
    together = threading.Barrier(7)
    for _ in range(6):
        pool.submit(lambda: together.wait(SOON) and None)
    together.wait(SOON)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: None)
    for thread in threading.enumerate():
        if thread.name.startswith("closing-"):
            thread.join(SOON)
            assert not thread.is_alive()
