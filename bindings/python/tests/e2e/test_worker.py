"""The life of a worker, in programs of its own."""

from __future__ import annotations

import signal
import time

import pytest

from .conftest import Play, Start


def test_d16_one_of_many_that_start_at_once_starts_the_worker(play: Play) -> None:
    assert play("together", 10)["answers"] == ["already_running"] * 9 + ["started"]


def test_d17_what_needs_a_worker_says_so_without_one(play: Play) -> None:
    seen = play("without_a_worker")
    assert len(seen["errors"]) == 5
    assert all("Worker.start()" in message for message in seen["errors"].values())
    assert (seen["complete"], seen["checkpoint"], seen["events"], seen["poller"]) == (False, False, None, None)
    assert seen["health"] == "unhealthy"


def test_steps_can_be_polled_and_run_by_hand(play: Play) -> None:
    seen = play("by_hand")
    assert seen["before"] == {"status": False, "running": False}
    assert (seen["status"], seen["same"]) == (["started", "already_running"], True)
    assert (seen["good"], seen["bad"]) == ("complete", "blocked_by_failures")
    assert seen["seen"] == ["handler.error", "step.completion.sent"]
    assert (seen["running"], seen["core"]) == (True, "running")
    assert seen["stopped"] == "Worker stopped: 2 steps completed"
    assert (seen["again"], seen["after"]) == ("Worker system not running", False)


def test_d15_a_worker_can_be_started_again_in_the_same_process(play: Play) -> None:
    seen = play("restarted", 3)
    assert seen["statuses"] == [True, "complete", False] * 3
    assert seen["threads"] == [2, 2, 2]
    assert seen["live"] == 0


def test_health_counters_and_configuration_tell_what_happened(play: Play) -> None:
    seen = play("observed")
    assert seen["processed"] == [3, 2, 1, 0]
    assert (seen["health"], seen["components"]) == ("healthy", ["completion", "database", "lease"])
    assert (seen["slots"], seen["timeout"], seen["prometheus"]) == ([3, 3], 30000, True)
    assert seen["pool"] > 0


def test_a_workflow_that_is_declared_in_python_runs(play: Play) -> None:
    assert play("workflow")["results"] == {"price": 6, "charge": {"charged": 6}}


def test_a_worker_can_live_on_the_event_loop_of_the_program(play: Play) -> None:
    seen = play("on_a_loop")
    assert seen["statuses"] == ["complete"] * 3
    assert (seen["threads"], seen["pollers"]) == (["MainThread"], [])
    assert seen["took"] < 3


def test_domain_events_reach_the_program(play: Play) -> None:
    seen = play("events")
    assert sorted(seen["names"]) == ["own.event", "payment.failed", "payment.processed"]
    assert (seen["payload"], seen["step"], seen["own"]) == ({"payment_id": "p-1"}, "pay", True)


def test_a_forked_child_is_told_what_to_do_and_the_parent_goes_on(play: Play) -> None:
    seen = play("forked")
    said, running, core_running, no_instance = seen["child"]
    assert said.startswith("ForkedError: ")
    assert "post_fork" in said
    assert (running, core_running, no_instance) == (False, False, True)
    assert (seen["exit"], seen["parent"]) == (0, "complete")


@pytest.mark.parametrize(("how", "code"), [("idle", 0), ("busy", 0), ("exception", 1)])
def test_a_program_that_forgets_to_stop_ends_soon_and_gives_its_step_back(start: Start, how: str, code: int) -> None:
    program = start("programs.py", "leaves", how)
    if how != "idle":
        assert program.told() == {"began": 0}
    at = program.told()["at"]
    assert program.end()[0] == code
    assert time.time() - at < 20
    if how == "idle":
        return
    other = start("-m", "tasker_core.server", "--handlers", "handlers.py", "--templates", "templates")
    assert other.line() == "began 0", "given back at once, and without having used up an attempt"
    other.signal(signal.SIGTERM)
    other.signal(signal.SIGTERM)


def test_ctrl_c_reaches_a_program_that_runs_a_worker_at_once(start: Start) -> None:
    after = []
    while len(after) < 5 and min(after, default=1.0) >= 0.1:  # the machine may be busy with something else
        program = start("programs.py", "interrupted")
        program.told()
        sent = program.signal(signal.SIGINT)
        after.append(program.told()["at"] - sent)
        assert program.told()["stopped"] - sent < 10
        assert program.end()[0] == 0
    assert min(after) < 0.1
