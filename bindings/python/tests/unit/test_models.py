"""Wrappers of what an event tells."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from unit_helpers import TASK, contract

from tasker_core.models import (
    DependencyResultsWrapper,
    HandlerWrapper,
    StepDefinitionWrapper,
    TaskSequenceStepWrapper,
    TaskWrapper,
    WorkflowStepWrapper,
)


def test_an_event_of_the_core_is_read_in_full() -> None:
    event = contract("step_event")["accept"][0]["document"]
    sequence = TaskSequenceStepWrapper.from_dict(event["task_sequence_step"])
    assert sequence.task.task_uuid == TASK
    assert (sequence.task.namespace_name, sequence.task.task_name, sequence.task.task_version) == (
        "linear_workflow",
        "mathematical_sequence",
        "1.0.0",
    )
    assert sequence.get_task_field("even_number") == 6
    assert sequence.get_dependency_result("linear_step_2") == {"value": 46}
    assert sequence.get_results("linear_step_1") == {"value": 36}
    assert sequence.dependency_results.keys() == ["linear_step_1", "linear_step_2"]
    assert sequence.workflow_step.attempts == 1
    assert sequence.step_definition.handler.initialization == {"operation": "multiply"}
    assert sequence.step_definition.dependencies == ["linear_step_2"]


@pytest.mark.parametrize("data", [None, {}])
def test_nothing_is_read_as_defaults(data: dict[str, object] | None) -> None:
    sequence = TaskSequenceStepWrapper.from_dict(data)
    assert sequence.task == TaskWrapper(task_uuid="")
    assert sequence.workflow_step == WorkflowStepWrapper(workflow_step_uuid="", task_uuid="", name="")
    assert sequence.step_definition == StepDefinitionWrapper(name="", description="", handler=HandlerWrapper(callable=""))
    assert sequence.get_task_field("x") is None
    assert sequence.get_dependency_result("x") is None


def test_a_task_is_read_with_and_without_its_inner_task() -> None:
    assert TaskWrapper.from_dict({"task_uuid": "t", "context": {"a": 1}}).context == {"a": 1}
    assert TaskWrapper.from_dict({"task": {"task_uuid": "t"}, "namespace_name": "n"}).namespace_name == "n"


def test_a_handler_keeps_method_and_resolver() -> None:
    handler = HandlerWrapper.from_dict({"callable": "h", "method": "refund", "resolver": "explicit_mapping"})
    assert (handler.callable, handler.handler_method, handler.resolver) == ("h", "refund", "explicit_mapping")


def test_events_are_read_by_name_or_declaration() -> None:
    definition = StepDefinitionWrapper.from_dict({"name": "s", "publishes_events": ["a.b", {"name": "c.d"}]})
    assert definition.publishes_events == ["a.b", "c.d"]
    assert definition.timeout_seconds == 30


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00:00.5Z", 500_000),
        ("2026-01-31T12:00:00.123456789Z", 123_456),
        ("2026-01-31T13:00:00.25+01:00", 250_000),
    ],
)
def test_moments_are_read_with_any_number_of_digits(text: str, microsecond: int) -> None:
    step = WorkflowStepWrapper.from_dict({"created_at": text})
    assert step.created_at == datetime(2026, 1, 31, 12, 0, 0, microsecond, timezone.utc)


def test_records_and_what_they_hold_are_told_apart() -> None:
    results = DependencyResultsWrapper.from_dict({"a": {"success": True, "result": 5}})
    assert results.get_result("a") == {"success": True, "result": 5}
    assert results.get_results("a") == 5
    assert results.get_result("b") is None
