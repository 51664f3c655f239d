"""Handlers that are classes."""

from __future__ import annotations

from typing import Any

import pytest

from tasker_core.step_handler import ApiHandler, DecisionHandler, StepHandler
from tasker_core.types import StepContext


class Plain(StepHandler):
    def call(self, context: StepContext) -> Any:
        return self.success({"ok": True})


class Named(Plain):
    handler_name = "named"
    handler_version = "2.0.0"


def test_a_handler_has_to_say_what_it_does() -> None:
    with pytest.raises(TypeError, match="abstract"):
        StepHandler()  # type: ignore[abstract]


def test_a_handler_without_a_name_has_its_class_s() -> None:
    assert (Plain().name, Plain().version) == ("Plain", "1.0.0")
    assert (Named().name, Named().version) == ("named", "2.0.0")


def test_a_handler_tells_what_it_can_do() -> None:
    class Api(ApiHandler):
        def call(self, context: StepContext) -> Any: ...

    class Decide(DecisionHandler):
        def call(self, context: StepContext) -> Any: ...

    assert Plain().capabilities == ["process"]
    assert Api().capabilities == ["process", "http", "api"]
    assert Decide().capabilities == ["process", "decision", "decision_point", "dynamic_workflow", "step_creation"]
    assert Plain().config_schema() is None


def test_success_is_an_empty_object_unless_there_is_more_to_say() -> None:
    result = Plain().success()
    assert (result.is_success, result.result, result.metadata) == (True, {}, {})
    assert Plain().success({"a": 1}, {"b": 2}).metadata == {"b": 2}


def test_failure_is_retryable_unless_it_says_otherwise() -> None:
    failure = Plain().failure("no")
    assert (failure.error_message, failure.error_type, failure.retryable, failure.error_code) == (
        "no",
        "handler_error",
        True,
        None,
    )
    failure = Plain().failure("no", "sold_out", False, {"sku": 1}, "S1")
    assert (failure.error_type, failure.retryable, failure.metadata, failure.error_code) == (
        "sold_out",
        False,
        {"sku": 1},
        "S1",
    )
