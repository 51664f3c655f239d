"""Handlers that decide, split into batches, and yield at checkpoints."""

from __future__ import annotations

from typing import Any

from tasker_core import DecisionHandler, PermanentError, RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable
from tasker_core.step_handler.functional import (
    BatchConfig,
    Decision,
    batch_analyzer,
    batch_worker,
    decision_handler,
    depends_on,
    inputs,
    step_handler,
)

# A decision, as a class and as a function.


class RouteApproval(DecisionHandler):
    handler_name = "existing.route"

    def call(self, context: StepContext) -> StepHandlerResult:
        amount = context.get_input("amount")
        if amount < 0:
            return self.decision_failure("a negative amount")
        if amount == 0:
            return self.skip_branches("nothing to approve", {"amount": amount})
        if amount < 1000:
            return self.decision_success(["auto_approve"], routing_context={"amount": amount})
        return self.route_to_steps(["manager_approval", "finance_review"] if amount >= 5000 else ["manager_approval"])


@decision_handler("existing.route_function")
@inputs("amount")
def route(amount: int) -> Decision:
    if amount == 0:
        return Decision.skip("nothing to approve")
    if amount < 1000:
        return Decision.route(["auto_approve"], amount=amount)
    return Decision.route(["manager_approval", "finance_review"] if amount >= 5000 else ["manager_approval"])


@step_handler("existing.approve")
def approve(context: StepContext) -> dict[str, Any]:
    return {"by": context.step_name}


@step_handler("existing.finalize")
def finalize(context: StepContext) -> dict[str, Any]:
    branches = ("auto_approve", "manager_approval", "finance_review")
    return {"approved_by": [name for name in branches if context.get_dependency_result(name)]}


# Batches, as functions and as classes.


@batch_analyzer("existing.analyze", worker_template="process_batch")
@inputs("rows")
def analyze(rows: int) -> BatchConfig:
    return BatchConfig(total_items=rows, batch_size=200)


@batch_worker("existing.process")
def process(batch_context: Any) -> dict[str, Any]:
    rows = range(batch_context.start_cursor, batch_context.end_cursor)
    return {"items_processed": len(rows), "items_succeeded": len(rows), "total": sum(rows)}


class AnalyzeRows(StepHandler, Batchable):
    handler_name = "existing.AnalyzeRows"

    def call(self, context: StepContext) -> StepHandlerResult:
        rows = context.get_input("rows")
        if not rows:
            return self.no_batches_outcome("no rows")
        ranges = self.create_cursor_ranges(rows, batch_size=context.get_input_or("batch_size", 100))
        return self.batch_analyzer_success(
            worker_template_name="process_batch", cursor_configs=ranges, total_items=rows
        )


class ProcessRows(StepHandler, Batchable):
    """Yields every 25 rows; its first attempt fails in the middle, if it is told to."""

    handler_name = "existing.ProcessRows"

    def call(self, context: StepContext) -> StepHandlerResult:
        nothing = self.handle_no_op_worker(context)
        if nothing is not None:
            return nothing
        batch = self.get_batch_context(context)
        assert batch is not None
        done = batch.checkpoint_items_processed
        so_far = batch.accumulated_results or {"total": 0, "seen": 0}
        start = batch.checkpoint_cursor if batch.has_checkpoint() else batch.start_cursor
        fail_at = context.get_input("fail_at")
        if fail_at is not None and done >= fail_at and context.retry_count == 0:
            error = PermanentError if context.get_input("for_good") else RetryableError
            raise error("the source is gone")
        end = min(int(start) + 25, batch.end_cursor)
        rows = range(int(start), end)
        total = {"total": so_far["total"] + sum(rows), "seen": so_far["seen"] + len(rows)}
        if end < batch.end_cursor:
            return self.checkpoint_yield(cursor=end, items_processed=done + len(rows), accumulated_results=total)
        return self.batch_worker_success(
            items_processed=total["seen"], items_succeeded=total["seen"], results=[total], last_cursor=end
        )


class SumRows(StepHandler, Batchable):
    handler_name = "existing.SumRows"

    def call(self, context: StepContext) -> StepHandlerResult:
        scenario = self.detect_aggregation_scenario(context.dependency_results, "analyze", "process_batch_")
        return self.aggregate_batch_worker_results(
            scenario,
            zero_metrics={"total": 0},
            aggregation_fn=lambda results: {
                "rows": sum(result["items_processed"] for result in results.values()),
                "total": sum(result["total"] if "total" in result else result["results"][0]["total"] for result in results.values()),
            },
        )


@step_handler("existing.sum")
@depends_on(analyzed="analyze")
def sum_up(analyzed: dict[str, Any], context: StepContext) -> dict[str, Any]:
    results = context.get_all_dependency_results("process_batch_")
    return {"batches": len(results), "analyzed": analyzed is not None}
