"""The handlers of B1 to B4, items in batches, some of which are bad."""

from __future__ import annotations

from typing import Any

from tasker_core import PermanentError, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable, BatchAggregationScenario
from tasker_core.step_handler import batch_analyzer, batch_worker, depends_on, inputs, step_handler
from tasker_core.types import BatchAnalyzerOutcome, BatchWorkerContext, BatchWorkerOutcome, FailureStrategy


def split(items: int, size: int | None, most: int | None, workers: int | None) -> list[tuple[int, int]]:
    """Divide items among workers, or into batches of a size."""
    if workers is not None:
        return [(share.cursor_start, share.cursor_end) for share in Batchable().create_cursor_configs(items, workers)]
    ranges = Batchable().create_cursor_ranges(items, size or items, max_batches=most)
    return [(batch.start_cursor, batch.end_cursor) for batch in ranges]


def work_off(start: int, end: int, context: StepContext, strategy: FailureStrategy) -> BatchWorkerOutcome:
    """Work off items, of which those below `bad` are bad: what they mean is the strategy's to say. `broken` is no item at all."""
    bad = context.get_input_or("bad", 0)
    if start <= context.get_input_or("broken", -1) < end:
        raise PermanentError(f"the batch from item {start} cannot be read")
    errors = [{"item": item} for item in range(start, min(end, bad))]
    if errors and strategy is FailureStrategy.FAIL_FAST:
        raise PermanentError(f"item {start} is bad")
    isolated = strategy is FailureStrategy.ISOLATE
    return BatchWorkerOutcome(
        items_processed=end - start,
        items_succeeded=end - start - len(errors),
        items_failed=0 if isolated else len(errors),
        items_skipped=len(errors) if isolated else 0,
        results=[{"range": [start, end]}],
        errors=errors,
    )


class AnalyzeItems(StepHandler, Batchable):
    handler_name = "batches.analyze_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        ranges = split(*map(context.get_input, ("items", "size", "most", "workers")))
        if not ranges:
            return self.no_batches_outcome("no items")
        outcome = self.create_batch_outcome_from_ranges(ranges)
        return self.batch_analyzer_success(outcome, worker_template_name="work")


class WorkItems(StepHandler, Batchable):
    handler_name = "batches.work_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        nothing = self.handle_no_op_worker(context)
        if nothing is not None:
            return nothing
        given, batch = self.get_batch_worker_inputs(context), self.get_batch_context(context)
        assert given is not None
        assert batch is not None
        strategy = given.batch_metadata.failure_strategy
        return self.batch_worker_success(work_off(batch.start_cursor, batch.end_cursor, context, strategy))


class SumItems(StepHandler, Batchable):
    handler_name = "batches.sum_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        analyzer, prefix = context.get_input_or("analyzer", "analyze"), context.get_input_or("prefix", "work_")
        scenario = self.detect_aggregation_scenario(context.dependency_results, analyzer, prefix)
        return self.aggregate_batch_worker_results(scenario)


@batch_analyzer("batches.analyze_dsl", worker_template="work")
@inputs("items", "size", "most", "workers")
def analyze(items: int, size: int | None, most: int | None, workers: int | None) -> BatchAnalyzerOutcome:
    return BatchAnalyzerOutcome.from_ranges(split(items, size, most, workers))


@batch_worker("batches.work_dsl")
def work(batch_context: BatchWorkerContext, context: StepContext) -> BatchWorkerOutcome:
    strategy = FailureStrategy(batch_context.batch_metadata["failure_strategy"])
    return work_off(batch_context.start_cursor, batch_context.end_cursor, context, strategy)


@step_handler("batches.sum_dsl")
@depends_on(analyzed="analyze")
@inputs("analyzer", "prefix")
def sum_up(analyzed: dict[str, Any], analyzer: str | None, prefix: str | None, context: StepContext) -> dict[str, Any]:
    assert "batch_processing_outcome" in analyzed
    found = BatchAggregationScenario.detect(context.dependency_results, analyzer or "analyze", prefix or "work_")
    total = Batchable.aggregate_worker_results(list(found.batch_results.values()))
    return {**total, "worker_count": found.worker_count, "scenario": "no_batches" if found.no_batches() else "with_batches"}
