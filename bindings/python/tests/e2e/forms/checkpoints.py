"""C1 to C10: steps that yield at checkpoints. The DSL has no word for that: its functions return what Batchable makes."""

from __future__ import annotations

from typing import Any

from tasker_core import PermanentError, RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable
from tasker_core.step_handler import inputs, step_handler

begun: dict[str, list[tuple[Any, str]]] = {}
"""Where each time that a step was handed out began, and the id of its event, by task."""


def next_items(items: int, per_checkpoint: int, context: StepContext) -> dict[str, Any]:
    """Count the next items. It fails behind `fail_after` of them, if the task says so: for good, or once."""
    at, fail_after = context.checkpoint_cursor or 0, context.get_input("fail_after")
    begun.setdefault(str(context.task_uuid), []).append((at, context.event.event_id))
    if fail_after is not None and at >= fail_after:
        if context.get_input("for_good"):
            raise PermanentError("the source is gone")
        if context.retry_count == 0:
            raise RetryableError("the source is gone for a moment")
    so_far = context.accumulated_results or {"counted": []}
    end = min(at + per_checkpoint, items)
    return {"end": end, "counted": [*so_far["counted"], *range(at, end)]}


def outcome(counted: list[int], context: StepContext) -> dict[str, Any]:
    """What is told in the end: `checkpoints` are the cursors of all, as the last one kept them."""
    marks = (context.checkpoint or {}).get("history", [])
    return {
        "total": len(counted),
        "counted": counted,
        "checkpoints": [mark["cursor"] for mark in marks],
        "test_passed": len(set(counted)) == len(counted) == context.get_input("items"),
    }


class Count(StepHandler, Batchable):
    handler_name = "checkpoints.count_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        items = context.get_input("items")
        done = next_items(items, context.get_input("per_checkpoint"), context)
        if done["end"] < items:
            return self.checkpoint_yield(done["end"], len(done["counted"]), {"counted": done["counted"]})
        return self.success(outcome(done["counted"], context))


@step_handler("checkpoints.count_dsl")
@inputs("items", "per_checkpoint")
def count(items: int, per_checkpoint: int, context: StepContext) -> StepHandlerResult | dict[str, Any]:
    done = next_items(items, per_checkpoint, context)
    if done["end"] < items:
        return Batchable().checkpoint_yield(done["end"], len(done["counted"]), {"counted": done["counted"]})
    return outcome(done["counted"], context)


def kept(context: StepContext) -> dict[str, Any]:
    return {
        "cursor": context.checkpoint_cursor,
        "done": context.checkpoint_items_processed,
        "so_far": context.accumulated_results,
        "attempts_before": context.retry_count,
    }


class Keep(StepHandler, Batchable):
    """Yields once with what its task gives, and tells what comes back."""

    handler_name = "checkpoints.keep_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        if context.has_checkpoint():
            return self.success(kept(context))
        return self.checkpoint_yield(*(context.get_input(key) for key in ("cursor", "done", "so_far")))


@step_handler("checkpoints.keep_dsl")
@inputs("cursor", "done", "so_far")
def keep(cursor: Any, done: int, so_far: Any, context: StepContext) -> StepHandlerResult | dict[str, Any]:
    return kept(context) if context.has_checkpoint() else Batchable().checkpoint_yield(cursor, done, so_far)
