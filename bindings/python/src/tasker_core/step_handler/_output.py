"""What handlers return, as results of steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasker_core._convert import dump
from tasker_core.batch_processing._ranges import ranges_of_size
from tasker_core.batch_processing.batchable import analyzer_result, worker_result
from tasker_core.errors import ConfigurationError
from tasker_core.step_handler.mixins.decision import decision_result
from tasker_core.types import (
    BatchAnalyzerOutcome,
    BatchWorkerOutcome,
    DecisionPointOutcome,
    StepHandlerCallResult,
    StepHandlerResult,
)


@dataclass(frozen=True)
class Decision:
    """What a decision handler returns: which of the steps below it are created."""

    outcome: DecisionPointOutcome

    @staticmethod
    def route(steps: list[str], **routing_context: Any) -> Decision:
        """Choose steps by their names in the template. The context says why, and is kept."""
        return Decision(DecisionPointOutcome.create_steps(steps, routing_context=routing_context))

    @staticmethod
    def skip(reason: str, **routing_context: Any) -> Decision:
        """Choose no step."""
        return Decision(DecisionPointOutcome.no_branches(reason, routing_context))


@dataclass(frozen=True)
class BatchConfig:
    """What a batch analyzer returns: how many items there are, and how many a batch holds."""

    total_items: int
    batch_size: int
    metadata: dict[str, Any] = field(default_factory=dict)


def step_result(output: Any, worker_template: str | None = None) -> StepHandlerResult:
    """Make a result of whatever a handler returned.

    Args:
        output: A result, a decision, batches, or simply the step's own result: JSON, a dataclass, a Pydantic model, None.
        worker_template: The step that the workers of batches are made from.
    """
    if isinstance(output, StepHandlerResult):
        return output
    if type(output) is dict or output is None:
        return StepHandlerResult.success(dump(output))
    if isinstance(output, StepHandlerCallResult):
        return _from_call_result(output)
    if isinstance(output, Decision):
        return decision_result(output.outcome)
    if isinstance(output, DecisionPointOutcome):
        return decision_result(output)
    if isinstance(output, BatchConfig):
        ranges = ranges_of_size(output.total_items, output.batch_size)
        output = BatchAnalyzerOutcome.from_ranges(ranges, total_items=output.total_items, batch_metadata=output.metadata)
    if isinstance(output, BatchAnalyzerOutcome):
        if not worker_template:
            raise ConfigurationError("batches need the step that their workers are made from: use @batch_analyzer")
        return analyzer_result(output, worker_template)
    if isinstance(output, BatchWorkerOutcome):
        return worker_result(output)
    return StepHandlerResult.success(dump(output))


def _from_call_result(output: StepHandlerCallResult) -> StepHandlerResult:
    if output.success:
        return StepHandlerResult.success(output.result, output.metadata)
    return StepHandlerResult.failure(output.error_message or "the handler failed", metadata=output.metadata)
