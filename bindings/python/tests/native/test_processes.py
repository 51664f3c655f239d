"""Forks, signals, exits and rest: what a library must not spoil for the program around it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from .children import Child, Play

FORKED = -3


@pytest.mark.parametrize("how", ["os.fork", "syscall"])
def test_a_forked_child_gets_clear_errors_and_the_parent_goes_on(play: Play, how: str) -> None:
    seen = play("forks", how)
    parent, child = seen["pids"]
    for call in ("status", "library", "open", "poll"):
        error = seen["child"][call]
        assert (error["class"], error["code"]) == ("ForkedError", FORKED), call
        assert f"started in process {parent}" in error["message"]
        assert "post_fork" in error["message"]
    assert f"this is process {child}" in seen["child"]["status"]["message"]
    assert seen["child"]["loaded"] is False
    assert seen["exit"] == 0
    assert seen["parent"] == 6


def test_a_child_that_was_forked_before_the_core_was_used_has_a_core_of_its_own(play: Play) -> None:
    assert play("forks_before_loading") == {"exit": 0, "mapped": False}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_works_when_it_does_not_fork(play: Play, method: str) -> None:
    assert play("multiprocess", method) == {"answers": ["works", "works"], "parent": True}


def test_multiprocessing_by_fork_gets_the_fix_named(play: Play) -> None:
    seen = play("multiprocess", "fork")
    assert all('set_start_method("spawn")' in answer for answer in seen["answers"])
    assert seen["parent"] is True


def test_a_process_can_forbid_the_core_until_it_has_forked(play: Play) -> None:
    seen = play("prevented")
    assert seen == {"message": "Tasker was started too early: handlers are loaded before the fork", "exit": 0}


@pytest.mark.parametrize("where", ["poll", "call", "stop", "open", "wait"])
def test_ctrl_c_is_not_held_up_by_the_core(start: Callable[..., Child], where: str) -> None:
    after = []
    while len(after) < 5 and min(after, default=1.0) >= 0.1:  # the machine may be busy with something else
        child = start("interrupted", where)
        child.told()
        time.sleep(0.3)  # it is waiting by then; if it is not yet, the interrupt comes before the wait, which is no less good
        sent = child.signal(signal.SIGINT)
        told = child.told()
        assert told["interrupted"] is True
        after.append(told["at"] - sent)
        assert child.end(10)[0] == 0
    assert min(after) < 0.1


@pytest.mark.parametrize(("how", "code"), [("return", 0), ("exit", 7), ("exception", 1)])
def test_the_interpreter_exits_at_once_whatever_the_threads_do(start: Callable[..., Child], how: str, code: int) -> None:
    child = start("exits", how)
    at = child.told()["at"]
    assert child.end(20)[0] == code
    assert time.time() - at < 10.0, "the threads wait for 20 s and more"


def test_a_worker_at_rest_costs_next_to_nothing(play: Play) -> None:
    seen = play("idle", 4)
    print(f"{seen['cpu_ms_per_s']:.2f} ms of CPU per second")
    assert seen["cpu_ms_per_s"] < 5


def test_signal_handlers_stay_those_of_the_program(play: Play) -> None:
    seen = play("signals_kept")
    assert seen["seen"] == [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]
    assert seen["sigpipe_ignored"] is True
