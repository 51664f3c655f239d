"""Steps that yield at checkpoints: C1, C2 and C4 to C10."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tasker_core import _tasker_core
from tasker_core.testing import Sandbox, TaskRun

from .checkpoints import begun


def count(sandbox: Sandbox, items: int, per_checkpoint: int, **more: Any) -> TaskRun:
    context = {"items": items, "per_checkpoint": per_checkpoint, **more}
    return sandbox.run("counting", namespace="checkpoints_py", context=context)


@pytest.mark.parametrize(
    ("items", "per_checkpoint", "checkpoints"),
    [
        pytest.param(100, 25, 3, id="C1"),
        pytest.param(8, 1, 7, id="C4: one item for each checkpoint"),
        pytest.param(0, 25, 0, id="C5: no items"),
        pytest.param(25, 25, 0, id="C6: one batch"),
    ],
)
def test_all_items_are_counted_once_in_one_attempt(sandbox: Sandbox, items: int, per_checkpoint: int, checkpoints: int) -> None:
    run = count(sandbox, items, per_checkpoint).completed()
    assert run.results["count"] == {"total": items, "counted": list(range(items)), "checkpoints": checkpoints}
    assert run.steps["count"].attempts == 1


@pytest.mark.parametrize(
    ("per_checkpoint", "fail_after", "began_at"),
    [
        pytest.param(25, 50, [0, 25, 50, 50, 75], id="C7: exactly where it failed"),
        pytest.param(20, 50, [0, 20, 40, 60, 60, 80], id="C2"),
    ],
)
def test_an_attempt_goes_on_from_the_last_checkpoint(
    sandbox: Sandbox, per_checkpoint: int, fail_after: int, began_at: list[int]
) -> None:
    run = count(sandbox, 100, per_checkpoint, fail_after=fail_after).completed()
    assert [at for at, _ in begun[run.task.task_uuid]] == began_at
    assert run.steps["count"].attempts == 2
    assert run.results["count"]["counted"] == list(range(100)), "none twice"


def test_c10_each_time_that_a_step_is_handed_out_has_an_event_of_its_own(sandbox: Sandbox) -> None:
    run = count(sandbox, 100, 25).completed()
    events = [event for _, event in begun[run.task.task_uuid]]
    assert len(set(events)) == len(events) == 4
    done = {"step_uuid": run.steps["count"].step_uuid, "success": True, "result": {}}
    assert _tasker_core.complete_step_event(events[0], done) is False, "the one before is no longer known"


@pytest.mark.parametrize("cursor", [42, "page-7?x=ä", {"page": 3, "of": [1, {"a": None}]}, None, [1, "two", None], True, 2**60])
def test_c8_a_cursor_comes_back_as_it_was(sandbox: Sandbox, cursor: Any) -> None:
    given = {"cursor": cursor, "done": 7, "so_far": {"sums": {"a": [1, 2.5], "b": {"c": None}}}}
    run = sandbox.run("keeping", namespace="checkpoints_py", context=given).completed()
    assert run.results["keep"] == {**given, "attempts_before": 0}


@pytest.mark.parametrize("done", [0, 2**53 + 1])
def test_c8_items_are_counted_from_none_to_very_many(sandbox: Sandbox, done: int) -> None:
    given = {"cursor": 1, "done": done, "so_far": None}
    run = sandbox.run("keeping", namespace="checkpoints_py", context=given).completed()
    assert run.results["keep"]["done"] == done


def test_c8_a_negative_number_of_items_is_the_handlers_mistake(sandbox: Sandbox) -> None:
    run = sandbox.run("keeping", namespace="checkpoints_py", context={"cursor": 1, "done": -1, "so_far": None})
    assert (run.steps["keep"].current_state, run.steps["keep"].attempts) == ("error", 1)
    assert "items_processed" in run.error("keep")["message"]


def test_c9_a_checkpoint_of_an_event_that_nobody_knows_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.worker.is_running
    assert _tasker_core.checkpoint_yield_step_event(str(uuid4()), {"cursor": 1, "items_processed": 1}) is False
