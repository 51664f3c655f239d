"""Data types: made from dicts and from keywords, written back as dicts."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from unit_helpers import CORRELATION, STEP, TASK

from tasker_core.types import (
    BootstrapConfig,
    ClientTaskListResponse,
    DecisionPointOutcome,
    DecisionType,
    ErrorType,
    FfiStepEvent,
    HealthCheck,
    InProcessDomainEvent,
    ResultStatus,
    StepError,
    StepExecutionResult,
    StepHandlerCallResult,
    StepHandlerResult,
    WorkerState,
    WorkerStatus,
)


class TestModel:
    def test_unknown_keys_are_ignored_as_hosts_must(self) -> None:
        status = WorkerStatus.model_validate({"running": True, "of_a_newer_core": 1})
        assert status == WorkerStatus(running=True)

    def test_a_missing_field_is_named(self) -> None:
        with pytest.raises(ValueError, match="StepError needs error_type, message"):
            StepError.model_validate({})

    def test_only_a_dict_makes_a_model(self) -> None:
        with pytest.raises(ValueError, match="from a dict, not from list"):
            StepError.model_validate([])  # type: ignore[arg-type]

    def test_an_instance_is_taken_as_it_is(self) -> None:
        error = StepError(error_type="x", message="y")
        assert StepError.model_validate(error) is error

    def test_texts_become_uuids_and_enum_values(self) -> None:
        result = StepExecutionResult(
            step_uuid=STEP,  # type: ignore[arg-type]
            task_uuid=UUID(TASK),
            success=True,
            status="completed",
            execution_time_ms=1,
            correlation_id=CORRELATION,  # type: ignore[arg-type]
        )
        assert (result.step_uuid, result.correlation_id) == (UUID(STEP), UUID(CORRELATION))
        outcome = DecisionPointOutcome.model_validate({"decision_type": "no_branches"})
        assert outcome.decision_type is DecisionType.NO_BRANCHES

    def test_a_text_that_is_no_uuid_is_refused(self) -> None:
        with pytest.raises(ValueError, match="badly formed"):
            StepExecutionResult(
                step_uuid="no",  # type: ignore[arg-type]
                task_uuid=UUID(TASK),
                success=True,
                status="completed",
                execution_time_ms=1,
            )

    def test_nested_models_are_made_from_nested_dicts(self) -> None:
        health = HealthCheck.model_validate(
            {
                "status": "healthy",
                "is_running": True,
                "components": {"db": {"name": "db", "status": "healthy", "pool_size": 4}},
            }
        )
        assert health.components["db"].pool_size == 4
        page = {"page": 1, "per_page": 50, "total_count": 0, "total_pages": 0, "has_next": False, "has_previous": False}
        answer = ClientTaskListResponse.model_validate({"tasks": [], "pagination": page})
        assert answer.pagination.per_page == 50

    def test_a_model_is_written_as_json(self) -> None:
        outcome = DecisionPointOutcome.create_steps(["a"])
        assert outcome.model_dump(mode="json")["decision_type"] == "create_steps"
        assert json.loads(outcome.model_dump_json(exclude_none=True)) == {
            "decision_type": "create_steps",
            "next_step_names": ["a"],
            "routing_context": {},
        }
        assert outcome.model_dump()["decision_type"] is DecisionType.CREATE_STEPS

    def test_a_copy_differs_in_what_was_updated(self) -> None:
        config = BootstrapConfig(namespace="a")
        assert config.model_copy(update={"namespace": "b"}) == BootstrapConfig(namespace="b")
        assert config.namespace == "a"

    def test_defaults_are_not_shared(self) -> None:
        first, second = StepHandlerCallResult(success=True), StepHandlerCallResult(success=True)
        first.result["a"] = 1
        assert second.result == {}


class TestBootstrapConfig:
    def test_has_defaults_for_everything(self) -> None:
        config = BootstrapConfig()
        assert (config.worker_id, config.namespace, config.config_path, config.log_level) == (None, "default", None, "info")

    def test_refuses_what_is_unknown(self) -> None:
        with pytest.raises(ValueError, match="BootstrapConfig has no namespaec"):
            BootstrapConfig.model_validate({"namespaec": "x"})
        with pytest.raises(TypeError):
            BootstrapConfig(namespaec="x")  # type: ignore[call-arg]


class TestStepHandlerResult:
    def test_a_success_has_a_result(self) -> None:
        result = StepHandlerResult.success({"a": 1}, {"rows": 2})
        assert result.is_success_result()
        assert not result.is_failure_result()
        assert (result.result, result.metadata, result.error_message) == ({"a": 1}, {"rows": 2}, None)

    def test_a_success_with_nothing_to_say_is_an_empty_object(self) -> None:
        assert StepHandlerResult.success(None).result == {}

    def test_a_failure_is_retryable_unless_it_says_otherwise(self) -> None:
        result = StepHandlerResult.failure("no")
        assert (result.is_success, result.error_type, result.retryable) == (False, "handler_error", True)

    def test_a_failure_takes_its_type_as_enum_or_text(self) -> None:
        assert StepHandlerResult.failure("no", ErrorType.TIMEOUT).error_type == "timeout"
        assert StepHandlerResult.failure("no", "sold_out", False, error_code="X1").error_type == "sold_out"

    def test_success_and_is_success_are_one_field(self) -> None:
        assert StepHandlerResult(success=True) == StepHandlerResult(is_success=True)
        assert StepHandlerResult.model_validate({"success": False}).is_success is False
        with pytest.raises(ValueError, match="needs is_success"):
            StepHandlerResult(result={})


class TestStepExecutionResult:
    def test_a_success_is_completed(self) -> None:
        result = StepExecutionResult.success_result(UUID(STEP), UUID(TASK), {"a": 1}, 5, "w")
        assert (result.success, result.status, result.error) == (True, ResultStatus.SUCCESS.value, None)

    def test_a_failure_has_an_error(self) -> None:
        error = StepError(error_type="x", message="y")
        result = StepExecutionResult.failure_result(UUID(STEP), UUID(TASK), error, 5, "w", metadata={"a": 1})
        assert (result.success, result.status, result.error, result.metadata) == (False, "error", error, {"a": 1})


def test_an_event_cannot_be_changed() -> None:
    event = FfiStepEvent(event_id="e", task_uuid=TASK, step_uuid=STEP, correlation_id=CORRELATION, task_sequence_step={})
    with pytest.raises(AttributeError):
        event.event_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("error_type", "standard", "retryable"),
    [
        ("permanent_error", True, False),
        ("retryable_error", True, True),
        ("validation_error", True, False),
        ("timeout", True, True),
        ("handler_error", True, True),
        ("sold_out", False, False),
    ],
)
def test_kinds_of_failure_are_known(error_type: str, standard: bool, retryable: bool) -> None:
    assert ErrorType.is_standard(error_type) is standard
    assert ErrorType.is_typically_retryable(error_type) is retryable


def test_states_of_a_worker_are_texts() -> None:
    assert [state.value for state in WorkerState] == ["starting", "running", "shutting_down", "stopped", "error"]


def test_a_domain_event_is_read_as_the_core_sends_it() -> None:
    from unit_helpers import contract

    document: dict[str, Any] = contract("domain_event")["accept"][0]["document"]
    event = InProcessDomainEvent.model_validate(document)
    assert event.event_name == "payment.processed"
    assert event.metadata.step_name == "process_payment"
    assert event.business_payload == {"payment_id": "p-1", "amount": 9007199254740993}
    assert event.execution_result is not None
    assert event.execution_result.success
    assert event.execution_result.result == {"payment_id": "p-1"}
