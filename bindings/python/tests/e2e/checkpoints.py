"""The handlers of C1 to C10: steps that yield at checkpoints."""

from __future__ import annotations

from typing import Any

from tasker_core import RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable

begun: dict[str, list[tuple[Any, str]]] = {}
"""Where each time that a step was handed out began, and the id of its event, by task."""


class CountItems(StepHandler, Batchable):
    """Counts items, some at a time. It fails once behind `fail_after` of them, if it is told to."""

    handler_name = "checkpoints.CountItems"

    def call(self, context: StepContext) -> Any:
        items, per_checkpoint = context.get_input("items"), context.get_input("per_checkpoint")
        at = context.checkpoint_cursor or 0
        begun.setdefault(str(context.task_uuid), []).append((at, context.event.event_id))
        fail_after = context.get_input("fail_after")
        if fail_after is not None and at >= fail_after and context.retry_count == 0:
            raise RetryableError("the source is gone for a moment")
        so_far = context.accumulated_results or {"counted": [], "checkpoints": 0}
        end = min(at + per_checkpoint, items)
        counted = [*so_far["counted"], *range(at, end)]
        if end < items:
            return self.checkpoint_yield(end, len(counted), {"counted": counted, "checkpoints": so_far["checkpoints"] + 1})
        return {"total": len(counted), "counted": counted, "checkpoints": so_far["checkpoints"]}


class KeepCheckpoint(StepHandler, Batchable):
    """Yields once with what its task gives, and tells what comes back."""

    handler_name = "checkpoints.KeepCheckpoint"

    def call(self, context: StepContext) -> StepHandlerResult | dict[str, Any]:
        if not context.has_checkpoint():
            given = context.input_data
            return self.checkpoint_yield(given["cursor"], given["done"], given["so_far"])
        return {
            "cursor": context.checkpoint_cursor,
            "done": context.checkpoint_items_processed,
            "so_far": context.accumulated_results,
            "attempts_before": context.retry_count,
        }
