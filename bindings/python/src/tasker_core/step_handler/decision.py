"""The base of decision handlers that are classes."""

from __future__ import annotations

from tasker_core.step_handler.base import StepHandler
from tasker_core.step_handler.mixins.decision import DecisionMixin


class DecisionHandler(DecisionMixin, StepHandler):
    """A handler of a step of type `decision`."""

    @property
    def capabilities(self) -> list[str]:
        """What the handler can do."""
        return ["process", "decision", *self.decision_capabilities]
