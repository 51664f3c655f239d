"""What decision steps return."""

from __future__ import annotations

from typing import Any

from tasker_core.errors import ConfigurationError
from tasker_core.types import DecisionPointOutcome, DecisionType, StepHandlerResult


class DecisionMixin:
    """For handlers of steps of type `decision`, which choose the steps that are created below them."""

    @property
    def decision_capabilities(self) -> list[str]:
        """What a decision handler can do."""
        return ["decision_point", "dynamic_workflow", "step_creation"]

    def decision_success(
        self,
        steps: list[str],
        routing_context: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Choose steps by their names in the template."""
        return decision_result(DecisionPointOutcome.create_steps(steps, routing_context=routing_context), metadata)

    def decision_success_with_outcome(
        self, outcome: DecisionPointOutcome, metadata: dict[str, Any] | None = None
    ) -> StepHandlerResult:
        """Return a decision that was made before."""
        return decision_result(outcome, metadata)

    def decision_no_branches(
        self, outcome: DecisionPointOutcome, metadata: dict[str, Any] | None = None
    ) -> StepHandlerResult:
        """Return the decision that nothing is created."""
        return decision_result(outcome, metadata)

    def route_to_steps(
        self,
        step_names: list[str],
        routing_context: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Choose steps by their names in the template."""
        return self.decision_success(step_names, routing_context, metadata)

    def skip_branches(
        self,
        reason: str,
        routing_context: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Choose no step, and say why."""
        return decision_result(DecisionPointOutcome.no_branches(reason, routing_context), metadata)

    def decision_failure(
        self,
        message: str,
        error_type: str = "decision_error",
        retryable: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Say that no decision could be made."""
        return StepHandlerResult.failure(message, error_type, retryable, metadata)


def decision_result(outcome: DecisionPointOutcome, metadata: dict[str, Any] | None = None) -> StepHandlerResult:
    """Write a decision as the core reads it.

    Raises:
        ConfigurationError: The decision chooses steps but names none, or wants steps that the template does not have.
    """
    if outcome.dynamic_steps:
        raise ConfigurationError("dynamic_steps are not supported: declare the steps in the template and choose by name")
    decision: dict[str, Any] = {"type": outcome.decision_type.value}
    result: dict[str, Any] = {"decision_point_outcome": decision}
    if outcome.decision_type is DecisionType.CREATE_STEPS:
        if not outcome.next_step_names:
            raise ConfigurationError("a decision names at least one step; to choose none, skip the branches")
        decision["step_names"] = list(outcome.next_step_names)
    elif outcome.reason:
        result["reason"] = outcome.reason
    if outcome.routing_context:
        result["routing_context"] = outcome.routing_context
    return StepHandlerResult.success(result, metadata)
