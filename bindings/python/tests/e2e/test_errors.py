"""Failures, retries, timeouts and results that are none: E1 to E13."""

from __future__ import annotations

import time

import pytest

from tasker_core.testing import Sandbox, TaskRun

from . import handlers
from .conftest import until_step_is


def run_errors(sandbox: Sandbox, name: str, **context: object) -> TaskRun:
    return sandbox.run(name, namespace="errors_py", context=dict(context))


def test_e1_a_task_of_one_step_completes_at_once(sandbox: Sandbox) -> None:
    began = time.monotonic()
    assert run_errors(sandbox, "success_only").completed().steps["step"].attempts == 1
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("name", ["permanent", "permanent_class"])
def test_e2_a_permanent_failure_is_not_tried_again(sandbox: Sandbox, name: str) -> None:
    run = run_errors(sandbox, name)
    assert run.status in ("error", "blocked_by_failures")
    assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", 1)
    assert run.error("step")["error_type"] == "permanent_error"
    assert run.error("step")["retryable"] is False
    assert len(handlers.seen[run.task.task_uuid]) == 1


def test_e3_e5_a_retryable_failure_is_tried_until_attempts_are_used_up(sandbox: Sandbox) -> None:
    began = time.monotonic()
    run = run_errors(sandbox, "retryable")
    assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", 3)
    assert 0.2 < time.monotonic() - began < 25, "backoff of 100 and 200 ms"
    assert len(handlers.seen[run.task.task_uuid]) == 3


def test_e4_a_step_that_fails_twice_succeeds_the_third_time(sandbox: Sandbox) -> None:
    run = run_errors(sandbox, "flaky").completed()
    assert run.steps["step"].attempts == 3
    assert run.results["step"] == {"attempts_before": 2}
    attempts = handlers.seen[run.task.task_uuid]
    assert [count for count, _ in attempts] == [0, 1, 2]
    assert {key for _, key in attempts} == {run.steps["step"].step_uuid}, "one key for all attempts"


def test_e6_a_permanent_failure_blocks_the_task_while_another_step_waits_to_be_retried(sandbox: Sandbox) -> None:
    run = until_step_is("waiting_for_retry", "tries", run_errors(sandbox, "mixed"), sandbox)
    run = until_step_is("complete", "succeeds", run, sandbox)
    assert run.status == "blocked_by_failures"
    assert run.task.execution_status == "blocked_by_failures"
    states = {name: step.current_state for name, step in run.steps.items()}
    assert states == {"succeeds": "complete", "fails": "error", "tries": "waiting_for_retry"}


@pytest.mark.parametrize("form", ["class", "function"])
def test_e7_a_step_is_tried_as_often_as_its_template_allows_and_once_whatever_it_says(sandbox: Sandbox, form: str) -> None:
    run = until_step_is("error", "three", run_errors(sandbox, f"limits_{form}"), sandbox)
    assert {name: step.attempts for name, step in run.steps.items()} == {"none": 1, "one": 1, "three": 3, "never": 1}
    assert {step.current_state for step in run.steps.values()} == {"error"}
    began = sorted(handlers.seen[run.task.task_uuid])
    assert began == [("never", 0), ("none", 0), ("one", 0), ("three", 0), ("three", 1), ("three", 2)]


def test_e8_everything_that_a_handler_says_of_its_failure_can_be_read(sandbox: Sandbox) -> None:
    run = run_errors(sandbox, "detailed")
    record = sandbox.client.get_step(run.task.task_uuid, run.steps["step"].step_uuid).results
    assert record is not None
    error, metadata = record["error"], record["metadata"]
    assert error["message"] == "card refused: naïve"
    assert (error["error_type"], metadata["error_type"]) == ("permanent_error", "permanent_error")
    assert metadata["error_code"] == "CARD_REFUSED"
    assert any("handlers.py" in line for line in error["backtrace"])
    assert error["context"] == {"region": "eu"}
    assert (metadata["custom"]["gateway"], metadata["custom"]["attempted_cents"]) == ("test", 1250)
    assert metadata["handler_version"] == "2.3.4"


def test_e9_retry_after_delays_the_next_attempt(sandbox: Sandbox) -> None:
    run = run_errors(sandbox, "hinted").completed()
    first, second = handlers.seen[run.task.task_uuid]
    assert second - first >= 2.0, "the template's own backoff is 100 ms at most"


@pytest.mark.parametrize(
    ("name", "told", "attempts"),
    [("nobody", "nobody_has_this", 0), ("bad_method", "steal", 1), ("bad_resolver", "no_such_resolver", 1)],
)
def test_e10_a_step_whose_handler_cannot_be_had_fails_for_good(
    sandbox: Sandbox, name: str, told: str, attempts: int
) -> None:
    run = run_errors(sandbox, name)
    assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", attempts)
    assert run.error("step")["error_type"] == "handler_not_found"
    assert told in run.error("step")["message"]


@pytest.mark.parametrize("template", ["crashing", "crashing_async"])
@pytest.mark.parametrize("kind", list(handlers.CRASHES))
def test_e11_whatever_a_handler_raises_is_recorded_and_the_worker_lives(sandbox: Sandbox, template: str, kind: str) -> None:
    run = run_errors(sandbox, template, kind=kind)
    assert run.steps["step"].current_state == "error"
    assert "crashed on purpose" in run.error("step")["message"]
    assert run_errors(sandbox, "success_only").status == "complete"


def test_e12_a_step_that_takes_too_long_is_taken_away_and_tried_again(sandbox: Sandbox) -> None:
    late = sandbox.worker.status()["steps"]["late_completions_total"]
    run = run_errors(sandbox, "slow").completed()
    assert (run.steps["step"].attempts, run.results["step"]) == (2, {"attempt": 1})
    assert handlers.seen[run.task.task_uuid] == [{"cancelled": True, "heartbeat": False}]
    assert sandbox.worker.status()["steps"]["late_completions_total"] == late + 1


def test_e12_a_coroutine_that_takes_too_long_is_cancelled(sandbox: Sandbox) -> None:
    run = run_errors(sandbox, "slow_async").completed()
    assert (run.steps["step"].attempts, run.results["step"]) == (2, {"attempt": 1})
    assert handlers.seen[run.task.task_uuid] == ["cancelled"]


@pytest.mark.parametrize("kind", list(handlers.UNSERIALISABLE))
def test_e13_a_result_that_is_no_json_fails_the_step_for_good_and_says_why(sandbox: Sandbox, kind: str) -> None:
    run = run_errors(sandbox, "unserialisable", kind=kind)
    assert (run.steps["step"].current_state, run.steps["step"].attempts) == ("error", 1)
    record = run.steps["step"].results
    assert record is not None
    assert record["error"]["error_type"] == "FFI_SERIALIZATION_ERROR"
    assert record["error"]["retryable"] is False
    assert record["error"]["message"].startswith("FFI serialization failed: ")
    assert len(record["error"]["message"]) <= 500
    assert record["metadata"]["custom"]["original_success"] is True
    assert len(record["metadata"]["custom"]["ffi_serialization_error"]) <= 500
