"""What decision steps return."""

from __future__ import annotations

from typing import Any

import pytest
from unit_helpers import contract

from tasker_core.errors import ConfigurationError
from tasker_core.step_handler import DecisionHandler
from tasker_core.types import DecisionPointOutcome, StepContext


class Route(DecisionHandler):
    def call(self, context: StepContext) -> Any:
        return None


@pytest.fixture
def route() -> Route:
    return Route()


def accepted(name: str) -> Any:
    return next(e["document"] for e in contract("outcomes")["accept"] if e["name"] == name)


def test_chosen_steps_are_written_as_the_core_reads_them(route: Route) -> None:
    result = route.decision_success(["manager_approval", "finance_review"], {"amount": 7000}, {"rule": "r1"})
    assert result.is_success
    assert result.result["decision_point_outcome"] == accepted("chosen steps")["decision_point_outcome"]
    assert result.result["routing_context"] == {"amount": 7000}
    assert result.metadata == {"rule": "r1"}


def test_no_branch_is_written_as_the_core_reads_it(route: Route) -> None:
    assert route.skip_branches("nothing to approve").result == accepted("no branches")


def test_there_are_several_ways_to_say_the_same(route: Route) -> None:
    chosen = DecisionPointOutcome.create_steps(["a"], routing_context={"x": 1})
    assert (
        route.route_to_steps(["a"], {"x": 1})
        == route.decision_success(["a"], {"x": 1})
        == route.decision_success_with_outcome(chosen)
    )
    nothing = DecisionPointOutcome.no_branches("why")
    assert route.decision_no_branches(nothing) == route.skip_branches("why")


def test_a_decision_that_fails_is_not_retried_unless_it_says_so(route: Route) -> None:
    failure = route.decision_failure("no rule")
    assert (failure.error_type, failure.retryable) == ("decision_error", False)
    assert route.decision_failure("busy", retryable=True).retryable is True


def test_a_choice_of_nothing_is_refused(route: Route) -> None:
    with pytest.raises(ConfigurationError, match="names at least one step"):
        route.decision_success([])


def test_steps_that_the_template_does_not_have_are_refused(route: Route) -> None:
    with pytest.raises(ConfigurationError, match="dynamic_steps are not supported"):
        route.decision_success_with_outcome(DecisionPointOutcome.create_steps(["a"], dynamic_steps=[{"name": "a"}]))
