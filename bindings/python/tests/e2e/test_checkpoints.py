"""Steps that yield at checkpoints, with handlers of both forms: C1 to C10."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from tasker_core import _tasker_core
from tasker_core.testing import Sandbox, TaskRun

from .conftest import run_all
from .forms.checkpoints import begun


def count(sandbox: Sandbox, form: str, items: int, per_checkpoint: int, **more: Any) -> TaskRun:
    context = {"items": items, "per_checkpoint": per_checkpoint, **more}
    return sandbox.run(f"counting_{form}", namespace="checkpoints_py", context=context)


def keep(sandbox: Sandbox, form: str, given: Iterable[dict[str, Any]]) -> list[TaskRun]:
    return run_all(sandbox, f"keeping_{form}", "checkpoints_py", given)


def began_at(run: TaskRun) -> list[int]:
    return [at for at, _ in begun[run.task.task_uuid]]


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("items", "per_checkpoint", "checkpoints"),
    [
        pytest.param(100, 25, [25, 50, 75], id="C1"),
        pytest.param(8, 1, [1, 2, 3, 4, 5, 6, 7], id="C4: one item for each checkpoint"),
        pytest.param(0, 25, [], id="C5: no items"),
        pytest.param(25, 25, [], id="C6: one batch"),
    ],
)
def test_c1_c4_c5_c6_all_items_are_counted_once_in_one_attempt(
    sandbox: Sandbox, form: str, items: int, per_checkpoint: int, checkpoints: list[int]
) -> None:
    run = count(sandbox, form, items, per_checkpoint).completed()
    assert run.results["count"] == {
        "total": items, "counted": list(range(items)), "checkpoints": checkpoints, "test_passed": True,
    }  # fmt: skip
    assert run.steps["count"].attempts == 1


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("per_checkpoint", "fail_after", "began"),
    [
        pytest.param(20, 50, [0, 20, 40, 60, 60, 80], id="C2"),
        pytest.param(25, 50, [0, 25, 50, 50, 75], id="C7: exactly where it failed"),
    ],
)
def test_c2_c7_an_attempt_goes_on_from_the_last_checkpoint(
    sandbox: Sandbox, form: str, per_checkpoint: int, fail_after: int, began: list[int]
) -> None:
    run = count(sandbox, form, 100, per_checkpoint, fail_after=fail_after).completed()
    assert began_at(run) == began
    assert run.steps["count"].attempts == 2
    assert run.results["count"]["total"] == 100
    assert run.results["count"]["counted"] == list(range(100)), "none twice"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_c3_a_permanent_failure_behind_a_checkpoint_ends_the_step(sandbox: Sandbox, form: str) -> None:
    run = count(sandbox, form, 100, 25, fail_after=50, for_good=True)
    assert run.status in ("error", "blocked_by_failures")
    assert (run.steps["count"].current_state, run.steps["count"].attempts) == ("error", 1)
    assert run.error("count")["retryable"] is False
    assert began_at(run) == [0, 25, 50]


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_c8_what_is_given_at_a_checkpoint_comes_back_as_it_was(sandbox: Sandbox, form: str) -> None:
    cursors = [42, "page-7?x=ä", {"page": 3, "of": [1, {"a": None}]}, None, [1, "two", None], True, False, 2**60]
    so_far = {"sums": {"a": [1, 2.5], "b": {"c": None}}}
    given = [{"cursor": cursor, "done": 7, "so_far": so_far} for cursor in cursors]
    given += [{"cursor": 1, "done": done, "so_far": None} for done in (0, 2**53 + 1)]
    for run, want in zip(keep(sandbox, form, given), given, strict=True):
        assert run.completed().results["keep"] == {**want, "attempts_before": 0}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_c8_a_negative_number_of_items_is_the_handlers_mistake(sandbox: Sandbox, form: str) -> None:
    (run,) = keep(sandbox, form, [{"cursor": 1, "done": -1, "so_far": None}])
    assert (run.steps["keep"].current_state, run.steps["keep"].attempts) == ("error", 1)
    assert "items_processed" in run.error("keep")["message"]


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_c8_a_step_that_is_run_anew_begins_without_its_checkpoint(sandbox: Sandbox, form: str) -> None:
    run = count(sandbox, form, 6, 3).completed()
    sandbox.client.retry_from(run.task.task_uuid, run.steps["count"].step_uuid, reason="count again")
    again = sandbox.wait(run.task.task_uuid).completed()
    assert began_at(again) == [0, 3, 0, 3]
    assert again.results["count"] == {"total": 6, "counted": list(range(6)), "checkpoints": [3], "test_passed": True}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_c10_each_time_that_a_step_is_handed_out_has_an_event_of_its_own(sandbox: Sandbox, form: str) -> None:
    run = count(sandbox, form, 100, 25).completed()
    events = [event for _, event in begun[run.task.task_uuid]]
    assert len(set(events)) == len(events) == 4
    done = {"step_uuid": run.steps["count"].step_uuid, "success": True, "result": {}}
    for event in events:
        assert _tasker_core.complete_step_event(event, done) is False, "none of them is known any longer"


# No handler, and so neither form, has a part in this.
def test_c8_c9_a_checkpoint_of_a_step_that_nobody_knows_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.worker.is_running
    assert _tasker_core.checkpoint_yield_step_event(str(uuid4()), {"cursor": 1, "items_processed": 1}) is False
