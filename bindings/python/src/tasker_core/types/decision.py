"""What a decision step decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tasker_core._model import Model


class DecisionType(str, Enum):
    """Whether a decision step creates steps."""

    CREATE_STEPS = "create_steps"
    NO_BRANCHES = "no_branches"


@dataclass(kw_only=True)
class DecisionPointOutcome(Model):
    """Which of the steps below a decision step are created."""

    decision_type: DecisionType
    next_step_names: list[str] = field(default_factory=list)
    dynamic_steps: list[dict[str, Any]] | None = None
    """Not supported: the steps to choose from stand in the template. A decision that has some fails for good."""
    reason: str | None = None
    routing_context: dict[str, Any] = field(default_factory=dict)
    """Why it was decided so; kept in the step's result."""

    @classmethod
    def create_steps(
        cls,
        step_names: list[str],
        dynamic_steps: list[dict[str, Any]] | None = None,
        routing_context: dict[str, Any] | None = None,
    ) -> DecisionPointOutcome:
        """Choose steps by their names in the template."""
        return cls(
            decision_type=DecisionType.CREATE_STEPS,
            next_step_names=step_names,
            dynamic_steps=dynamic_steps,
            routing_context=routing_context or {},
        )

    @classmethod
    def no_branches(cls, reason: str, routing_context: dict[str, Any] | None = None) -> DecisionPointOutcome:
        """Choose no step."""
        return cls(decision_type=DecisionType.NO_BRANCHES, reason=reason, routing_context=routing_context or {})
