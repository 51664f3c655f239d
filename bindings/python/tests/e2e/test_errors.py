"""Failures, retries, timeouts and results that are none, with handlers of both forms: E1 to E13."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tasker_core.testing import Sandbox, TaskRun

from .conftest import KILL_AFTER_S, run_all, until_step_is
from .forms import FORMS, errors
from .forms.errors import seen

BUSY = 5
"""How many times longer than elsewhere something may take here, beside all other tests."""

LEAST = 0.85
"""How much of a delay jitter leaves at least."""
HUNG = 2 * len(FORMS)
"""How many attempts of those that `Waits` begins hang: a thread and a coroutine of each form."""


def run_errors(sandbox: Sandbox, name: str) -> TaskRun:
    return sandbox.run(name, namespace="errors_py")


def took(run: TaskRun) -> float:
    """Seconds from the creation of a task to the last change of its steps."""
    changed = max(step.updated_at for step in run.steps.values())
    return (at(changed) - at(run.task.created_at)).total_seconds()


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


class Waits:
    """Runs of templates that take their time, by their names, and how many results came too late meanwhile."""

    def __init__(self, sandbox: Sandbox) -> None:
        late = self._late(sandbox)
        names = [f"{name}_{form}" for name in ("retryable", "flaky", "hinted", "slow", "slow_async") for form in FORMS]
        tasks = {name: sandbox.client.create_task(name, namespace="errors_py") for name in names}
        self.runs = {name: sandbox.wait(task.task_uuid) for name, task in tasks.items()}
        deadline = time.monotonic() + KILL_AFTER_S
        while self._late(sandbox) - late < HUNG and time.monotonic() < deadline:
            time.sleep(0.01)
        self.late = self._late(sandbox) - late

    @staticmethod
    def _late(sandbox: Sandbox) -> int:
        count: int = sandbox.worker.status()["steps"]["late_completions_total"]
        return count


@pytest.fixture(scope="module")
def waits(sandbox: Sandbox) -> Waits:
    """They run at once, so that waiting is done once."""
    return Waits(sandbox)


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e1_a_task_of_one_step_completes_at_once(sandbox: Sandbox, form: str) -> None:
    run = run_errors(sandbox, f"success_only_{form}").completed()
    assert [step.attempts for step in run.steps.values()] == [1]
    assert took(run) < 3 * BUSY


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e2_a_permanent_failure_is_not_tried_again(sandbox: Sandbox, form: str) -> None:
    run = run_errors(sandbox, f"permanent_{form}")
    assert run.status in ("error", "blocked_by_failures")
    step = run.steps["step"]
    assert (step.current_state, step.attempts, step.max_attempts) == ("error", 1, 3)
    assert run.error("step")["error_type"] == "permanent_error"
    assert run.error("step")["retryable"] is False
    assert len(seen[run.task.task_uuid]) == 1
    assert took(run) < 5 * BUSY


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e3_e5_a_retryable_failure_is_tried_until_attempts_are_used_up(waits: Waits, form: str) -> None:
    run = waits.runs[f"retryable_{form}"]
    assert run.status in ("error", "blocked_by_failures")
    assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", 3)
    first, second, third = seen[run.task.task_uuid]
    assert second - first > 0.1 * LEAST
    assert third - second > 0.2 * LEAST
    assert 0.1 < took(run) < 10 * BUSY


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e4_a_step_that_fails_twice_succeeds_the_third_time(waits: Waits, form: str) -> None:
    run = waits.runs[f"flaky_{form}"].completed()
    assert (run.steps["step"].attempts, run.steps["step"].max_attempts) == (3, 5)
    assert run.results["step"] == {"attempts_before": 2}
    attempts = seen[run.task.task_uuid]
    assert [count for count, _ in attempts] == [0, 1, 2]
    assert {key for _, key in attempts} == {run.steps["step"].step_uuid}, "one key for all attempts"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e6_a_permanent_failure_blocks_the_task_while_another_step_waits_to_be_retried(sandbox: Sandbox, form: str) -> None:
    run = until_step_is("waiting_for_retry", "tries", run_errors(sandbox, f"mixed_{form}"), sandbox)
    run = until_step_is("complete", "succeeds", run, sandbox)
    assert run.status == "blocked_by_failures"
    assert run.task.execution_status == "blocked_by_failures"
    states = {name: step.current_state for name, step in run.steps.items()}
    assert states == {"succeeds": "complete", "fails": "error", "tries": "waiting_for_retry"}
    sandbox.client.cancel_task(run.task.task_uuid)


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e7_a_step_is_tried_as_often_as_its_template_allows_and_once_whatever_it_says(sandbox: Sandbox, form: str) -> None:
    run = run_errors(sandbox, f"limits_{form}")
    for name in ("none", "one", "three", "never"):
        run = until_step_is("error", name, run, sandbox)
    assert {name: step.attempts for name, step in run.steps.items()} == {"none": 1, "one": 1, "three": 3, "never": 1}
    assert {step.current_state for step in run.steps.values()} == {"error"}
    began = sorted(seen[run.task.task_uuid])
    assert began == [("never", 0), ("none", 0), ("one", 0), ("three", 0), ("three", 1), ("three", 2)]


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e8_everything_that_a_handler_says_of_its_failure_can_be_read(sandbox: Sandbox, form: str) -> None:
    run = run_errors(sandbox, f"detailed_{form}")
    record = sandbox.client.get_step(run.task.task_uuid, run.steps["step"].step_uuid).results
    assert record is not None
    error, metadata = record["error"], record["metadata"]
    assert error["message"] == "card refused: naïve"
    assert (error["error_type"], metadata["error_type"]) == ("permanent_error", "permanent_error")
    assert metadata["error_code"] == "CARD_REFUSED"
    assert any("errors.py" in line for line in error["backtrace"])
    assert error["context"] == {"region": "eu"}
    assert (metadata["custom"]["gateway"], metadata["custom"]["attempted_cents"]) == ("test", 1250)
    assert metadata["handler_version"] == "2.3.4"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e9_retry_after_delays_the_next_attempt(waits: Waits, form: str) -> None:
    run = waits.runs[f"hinted_{form}"].completed()
    first, second = seen[run.task.task_uuid]
    assert second - first >= 2.0, "the template's own backoff is 100 ms at most"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e10_w13_a_step_whose_handler_cannot_be_had_fails_for_good(sandbox: Sandbox, form: str) -> None:
    run = sandbox.run(f"not_found_{form}", namespace="methods_py")
    for name, told, attempts in (
        ("no_handler", f"dispatch.nobody_has_this_{form}", 0),
        ("no_method", "steal", 1),
        ("no_resolver", "no_such_resolver", 1),
    ):
        run = until_step_is("error", name, run, sandbox)
        assert run.steps[name].attempts == attempts, name
        assert run.error(name)["error_type"] == "handler_not_found"
        assert run.error(name)["retryable"] is False
        assert told in run.error(name)["message"]
    assert run.status in ("error", "blocked_by_failures")


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize("template", ["crashing", "crashing_async"])
def test_e11_whatever_a_handler_raises_is_recorded_and_the_worker_lives(sandbox: Sandbox, template: str, form: str) -> None:
    kinds = list(errors.CRASHES)
    runs = run_all(sandbox, f"{template}_{form}", "errors_py", [{"kind": kind} for kind in kinds])
    for kind, run in zip(kinds, runs, strict=True):
        assert run.steps["step"].current_state == "error", kind
        assert "crashed on purpose" in run.error("step")["message"], kind
    assert run_errors(sandbox, f"success_only_{form}").status == "complete"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e12_a_step_that_takes_too_long_is_taken_away_and_tried_again(waits: Waits, form: str) -> None:
    run = waits.runs[f"slow_{form}"].completed()
    assert (run.steps["step"].attempts, run.results["step"]) == (2, {"attempt": 1})
    assert seen[run.task.task_uuid] == [{"cancelled": True, "heartbeat": False}]
    assert waits.late >= HUNG, "what the first attempts returned came too late, and changed nothing"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e12_a_coroutine_that_takes_too_long_is_cancelled(waits: Waits, form: str) -> None:
    run = waits.runs[f"slow_async_{form}"].completed()
    assert (run.steps["step"].attempts, run.results["step"]) == (2, {"attempt": 1})
    assert seen[run.task.task_uuid] == ["cancelled"]


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_e13_a_result_that_is_no_json_fails_the_step_for_good_and_says_why(sandbox: Sandbox, form: str) -> None:
    kinds = list(errors.UNSERIALISABLE)
    runs = run_all(sandbox, f"unserialisable_{form}", "errors_py", [{"kind": kind} for kind in kinds])
    for kind, run in zip(kinds, runs, strict=True):
        assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", 1), kind
        record: dict[str, Any] = run.steps["step"].results or {}
        assert record["error"]["error_type"] == "FFI_SERIALIZATION_ERROR", kind
        assert record["error"]["retryable"] is False, kind
        assert record["error"]["message"].startswith("FFI serialization failed: "), kind
        assert len(record["error"]["message"]) <= 500, kind
        assert record["metadata"]["custom"]["original_success"] is True, kind
        assert len(record["metadata"]["custom"]["ffi_serialization_error"]) <= 500, kind
