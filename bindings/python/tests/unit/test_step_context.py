"""What a handler reads of its step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from unit_helpers import STEP, TASK, contract, make_context

from tasker_core.types import FfiStepEvent, StepContext, StepControls


def from_contract(index: int) -> StepContext:
    document = contract("step_event")["accept"][index]["document"]
    return StepContext.from_ffi_event(FfiStepEvent.model_validate(document), "linear.step_3")


def test_every_part_is_read_from_the_event() -> None:
    context = from_contract(0)
    assert (context.task_uuid, context.step_uuid) == (UUID(TASK), UUID(STEP))
    assert context.handler_name == "linear.step_3"
    assert context.input_data == {"even_number": 6, "big": 9007199254740993, "name": "naïve <&>"}
    assert context.step_config == {"operation": "multiply"}
    assert context.step_inputs == {}
    assert (context.retry_count, context.max_retries) == (1, 3)
    assert (context.step_name, context.namespace) == ("linear_step_3", "linear_workflow")
    assert context.task_sequence_step["task"]["task_name"] == "mathematical_sequence"


def test_an_empty_event_leaves_everything_at_its_default() -> None:
    event = FfiStepEvent(event_id="e", task_uuid=TASK, step_uuid=STEP, correlation_id=TASK, task_sequence_step={})
    context = StepContext.from_ffi_event(event, "h")
    assert (context.input_data, context.dependency_results, context.step_config, context.step_inputs) == ({}, {}, {}, {})
    assert (context.retry_count, context.max_retries) == (0, 3)
    assert (context.checkpoint, context.step_name, context.namespace) == (None, "", "")


def test_what_is_read_once_stays_and_a_copy_has_it_too() -> None:
    context = from_contract(0)
    assert context.input_data is context.input_data
    other = copy.copy(context)
    assert other == context
    assert other.model_copy(update={"retry_count": 7}).retry_count == 7
    assert (other.max_retries, other.step_uuid) == (3, UUID(STEP))
    with pytest.raises(AttributeError, match="no attribute 'step_id'"):
        context.step_id  # noqa: B018


class TestInputs:
    def test_a_missing_input_is_none(self) -> None:
        context = make_context(context={"a": 1})
        assert context.get_input("a") == 1
        assert context.get_input("b") is None

    @pytest.mark.parametrize(("inputs", "want"), [({"a": 0}, 0), ({"a": None}, 7), ({}, 7), ({"a": ""}, "")])
    def test_a_default_stands_for_what_is_missing_or_null(self, inputs: Mapping[str, Any], want: Any) -> None:
        assert make_context(context=inputs).get_input_or("a", 7) == want

    def test_configuration_is_what_the_template_gives_the_handler(self) -> None:
        context = make_context(handler={"callable": "h", "initialization": {"rate": 3}})
        assert context.get_config("rate") == 3
        assert context.get_config("speed") is None


class TestDependencies:
    def test_a_result_is_taken_out_of_its_record(self) -> None:
        context = make_context(results={"a": {"total": 5}, "b": [1, 2], "c": None})
        assert context.get_dependency_result("a") == {"total": 5}
        assert context.get_dependency_result("b") == [1, 2]
        assert context.get_dependency_result("c") is None
        assert context.get_dependency_result("nowhere") is None
        assert context.get_dependency_result_keys() == ["a", "b", "c"]

    def test_a_result_without_a_record_is_taken_as_it_is(self, context: StepContext) -> None:
        context.dependency_results = {"a": {"total": 5}, "b": 3}
        assert context.get_dependency_result("a") == {"total": 5}
        assert context.get_dependency_result("b") == 3

    def test_a_field_is_found_by_its_way(self) -> None:
        context = make_context(results={"a": {"list": [{"x": 1}, {"x": 2}], "deep": {"er": {"still": True}}}})
        assert context.get_dependency_field("a", "deep", "er", "still") is True
        assert context.get_dependency_field("a", "list", 1, "x") == 2
        assert context.get_dependency_field("a") == context.get_dependency_result("a")

    @pytest.mark.parametrize("path", [("nowhere",), ("list", 5), ("list", "x"), ("deep", "er", "x")])
    def test_where_the_way_ends_there_is_none(self, path: tuple[str | int, ...]) -> None:
        context = make_context(results={"a": {"list": [1], "deep": {"er": 1}}})
        assert context.get_dependency_field("a", *path) is None

    def test_the_workers_of_a_batch_are_found_by_their_prefix(self) -> None:
        context = make_context(results={"work_001": {"n": 1}, "other": {"n": 9}, "work_002": {"n": 2}})
        assert context.get_all_dependency_results("work_") == [{"n": 1}, {"n": 2}]
        assert context.get_all_dependency_results("no_") == []


class TestAttempts:
    @pytest.mark.parametrize(
        ("attempts", "most", "again", "last"),
        [
            (0, 3, False, False),
            (1, 3, True, False),
            (2, 3, True, True),
            (3, 3, True, True),
            (0, 1, False, True),
            (0, 0, False, True),
            (None, None, False, False),
        ],
    )
    def test_flags_follow_the_counts(self, attempts: int | None, most: int | None, again: bool, last: bool) -> None:
        context = make_context(attempts=attempts, max_attempts=most)
        assert (context.is_retry(), context.is_last_retry()) == (again, last)

    def test_the_idempotency_key_is_the_same_for_all_attempts(self) -> None:
        assert make_context(attempts=0).idempotency_key == make_context(attempts=2).idempotency_key == STEP


class TestCheckpoint:
    def test_what_an_earlier_attempt_saved_is_there(self) -> None:
        context = from_contract(1)
        assert context.has_checkpoint()
        assert context.checkpoint_cursor == 50
        assert context.checkpoint_items_processed == 50
        assert context.accumulated_results == {"total": 1275}

    def test_without_one_there_is_nothing(self, context: StepContext) -> None:
        assert not context.has_checkpoint()
        assert context.checkpoint is None
        assert context.checkpoint_cursor is None
        assert context.checkpoint_items_processed == 0
        assert context.accumulated_results is None

    @pytest.mark.parametrize("cursor", [0, "token", {"page": 3}, None, [1, 2], True])
    def test_a_cursor_may_be_any_json(self, cursor: Any) -> None:
        assert make_context(checkpoint={"cursor": cursor, "items_processed": 0}).checkpoint_cursor == cursor


class TestControls:
    def test_without_a_worker_nothing_is_cancelled(self, context: StepContext) -> None:
        assert context.cancelled is False
        assert context.heartbeat() is True

    def test_with_a_worker_they_reach_it(self) -> None:
        told: list[Any] = []
        controls = StepControls(cancelled=lambda: len(told) > 1, heartbeat=lambda details: told.append(details) is None)
        event = make_context().event
        context = StepContext.from_ffi_event(event, "h", controls)
        assert context.heartbeat({"row": 1}) is True
        assert context.heartbeat() is False
        assert context.cancelled is True
        assert told == [{"row": 1}, None]

    def test_a_lost_step_says_so_at_the_heartbeat(self) -> None:
        controls = StepControls(heartbeat=lambda _: False)
        assert StepContext.from_ffi_event(make_context().event, "h", controls).heartbeat() is False
