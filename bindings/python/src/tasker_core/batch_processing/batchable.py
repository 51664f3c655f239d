"""What the handlers of batchable steps, of their workers and of the steps after them return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tasker_core.batch_processing._ranges import batch_id, outcome_document, ranges_for_workers, ranges_of_size
from tasker_core.batch_processing._scenario import BatchAggregationScenario
from tasker_core.errors import ValidationError
from tasker_core.types import (
    BatchAnalyzerOutcome,
    BatchWorkerContext,
    BatchWorkerOutcome,
    CursorConfig,
    RustBatchWorkerInputs,
    StepContext,
    StepHandlerResult,
    aggregate_batch_results,
)

__all__ = ["BatchAggregationScenario", "BatchWorkerConfig", "Batchable"]


class BatchWorkerConfig:
    """The share of one worker."""

    def __init__(
        self, batch_id: str, cursor_start: int, cursor_end: int, row_count: int, worker_index: int, total_workers: int
    ) -> None:
        self.batch_id = batch_id
        self.cursor_start = cursor_start
        self.cursor_end = cursor_end
        self.row_count = row_count
        self.worker_index = worker_index
        self.total_workers = total_workers

    def to_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return dict(vars(self))


class Batchable:
    """For handlers that split work, do a part of it, or bring the parts together. Positions count from 0."""

    # Splitting.

    def create_cursor_config(
        self, start: int, end: int, step_size: int = 1, metadata: dict[str, Any] | None = None
    ) -> CursorConfig:
        """Make a range from its first position and the first one after it."""
        return CursorConfig(start_cursor=start, end_cursor=end, step_size=step_size, metadata=metadata or {})

    def create_cursor_ranges(
        self, total_items: int, batch_size: int, step_size: int = 1, max_batches: int | None = None
    ) -> list[CursorConfig]:
        """Divide items into ranges of a size; with more than `max_batches` of them, the ranges grow instead."""
        ranges = ranges_of_size(total_items, batch_size, max_batches)
        return [self.create_cursor_config(start, end, step_size) for start, end in ranges]

    def create_cursor_configs(self, total_items: int, worker_count: int) -> list[BatchWorkerConfig]:
        """Divide items among workers evenly; what remains goes to the first of them."""
        ranges = ranges_for_workers(total_items, worker_count)
        return [
            BatchWorkerConfig(batch_id(index), start, end, end - start, index, len(ranges))
            for index, (start, end) in enumerate(ranges)
        ]

    def create_batch_outcome(
        self, total_items: int, batch_size: int, step_size: int = 1, batch_metadata: dict[str, Any] | None = None
    ) -> BatchAnalyzerOutcome:
        """Divide items into ranges of a size."""
        return BatchAnalyzerOutcome(
            cursor_configs=self.create_cursor_ranges(total_items, batch_size, step_size),
            total_items=total_items,
            batch_metadata=batch_metadata or {},
        )

    def create_batch_outcome_from_ranges(
        self,
        ranges: list[tuple[int, int]],
        step_size: int = 1,
        total_items: int | None = None,
        batch_metadata: dict[str, Any] | None = None,
    ) -> BatchAnalyzerOutcome:
        """Make batches from pairs of first position and first position after."""
        return BatchAnalyzerOutcome.from_ranges(ranges, step_size, total_items, batch_metadata)

    def batch_analyzer_success(
        self,
        outcome: BatchAnalyzerOutcome | None = None,
        metadata: dict[str, Any] | None = None,
        worker_template_name: str = "batch_worker",
        cursor_configs: list[CursorConfig] | None = None,
        total_items: int | None = None,
        batch_metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Ask for one worker step for each range.

        Args:
            outcome: The batches; or give `cursor_configs`, `total_items` and `batch_metadata` instead.
            metadata: Kept with the step.
            worker_template_name: The step of type `batch_worker` that the workers are made from.
            cursor_configs: The ranges. None, or an empty outcome, means that there is nothing to do.
            total_items: How many items there are in all. Defaults to the sum of the ranges.
            batch_metadata: Kept in the step's result.
        """
        if outcome is None:
            outcome = BatchAnalyzerOutcome(
                cursor_configs=cursor_configs or [], total_items=total_items, batch_metadata=batch_metadata or {}
            )
        return analyzer_result(outcome, worker_template_name, metadata)

    def no_batches_outcome(self, reason: str, metadata: dict[str, Any] | None = None) -> StepHandlerResult:
        """Say that there is nothing to do, and why."""
        return StepHandlerResult.success({"batch_processing_outcome": {"type": "no_batches"}, "reason": reason}, metadata)

    # Working on a batch.

    def get_batch_context(self, context: StepContext) -> BatchWorkerContext | None:
        """Return the batch that this worker step works off; None if it has none."""
        return BatchWorkerContext.from_step_context(context)

    def get_batch_worker_inputs(self, context: StepContext) -> RustBatchWorkerInputs | None:
        """Return the inputs of this worker step as they travelled; None if it has none."""
        if "cursor" not in context.step_inputs:
            return None
        return RustBatchWorkerInputs.model_validate(context.step_inputs)

    def handle_no_op_worker(self, context: StepContext) -> StepHandlerResult | None:
        """Return the result of a worker that has nothing to do; None if this one has. Ask this first."""
        inputs = self.get_batch_worker_inputs(context)
        if inputs is None or not inputs.is_no_op:
            return None
        done = worker_result(BatchWorkerOutcome())
        done.result.update(batch_id=inputs.cursor.batch_id, no_op=True)
        return done

    def create_batch_context(
        self,
        cursor_config: CursorConfig,
        batch_index: int,
        total_batches: int,
        batch_metadata: dict[str, Any] | None = None,
    ) -> BatchWorkerContext:
        """Make a batch by hand, for tests."""
        return BatchWorkerContext(
            batch_id=batch_id(batch_index),
            cursor_config=cursor_config,
            batch_index=batch_index,
            total_batches=total_batches,
            batch_metadata=batch_metadata or {},
        )

    def create_worker_outcome(
        self,
        items_processed: int,
        items_succeeded: int = 0,
        items_failed: int = 0,
        items_skipped: int = 0,
        results: list[dict[str, Any]] | None = None,
        errors: list[dict[str, Any]] | None = None,
        last_cursor: int | None = None,
        batch_metadata: dict[str, Any] | None = None,
    ) -> BatchWorkerOutcome:
        """Describe what was done with a batch."""
        return BatchWorkerOutcome(
            items_processed=items_processed,
            items_succeeded=items_succeeded,
            items_failed=items_failed,
            items_skipped=items_skipped,
            results=results or [],
            errors=errors or [],
            last_cursor=last_cursor,
            batch_metadata=batch_metadata or {},
        )

    def batch_worker_success(
        self,
        outcome: BatchWorkerOutcome | None = None,
        metadata: dict[str, Any] | None = None,
        items_processed: int | None = None,
        items_succeeded: int | None = None,
        items_failed: int = 0,
        items_skipped: int = 0,
        results: list[dict[str, Any]] | None = None,
        errors: list[dict[str, Any]] | None = None,
        last_cursor: int | None = None,
        batch_metadata: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Say that a batch is done: by an outcome, or by its numbers. Items of which nothing is said succeeded."""
        if outcome is None:
            processed = items_processed or 0
            outcome = BatchWorkerOutcome(
                items_processed=processed,
                items_succeeded=processed - items_failed - items_skipped if items_succeeded is None else items_succeeded,
                items_failed=items_failed,
                items_skipped=items_skipped,
                results=results or [],
                errors=errors or [],
                last_cursor=last_cursor,
                batch_metadata=batch_metadata or {},
            )
        return worker_result(outcome, metadata)

    def batch_worker_partial_failure(
        self, outcome: BatchWorkerOutcome, message: str | None = None, metadata: dict[str, Any] | None = None
    ) -> StepHandlerResult:
        """Say that a batch is done although some items failed. The step succeeds; its result tells of them."""
        done = worker_result(outcome, metadata)
        done.result["partial_failure"] = True
        done.result["message"] = message or f"{outcome.items_failed} of {outcome.items_processed} items failed"
        return done

    def checkpoint_yield(
        self,
        cursor: int | str | dict[str, Any] | None,
        items_processed: int,
        accumulated_results: dict[str, Any] | None = None,
    ) -> StepHandlerResult:
        """Save how far the work got. The step is handed out again and goes on from there; that is no new attempt.

        Args:
            cursor: Where to go on, in any form that the handler likes.
            items_processed: The items that are done, in all.
            accumulated_results: Partial results.
        """
        if type(items_processed) is not int or items_processed < 0:
            raise ValidationError(f"items_processed must be a whole number from 0, and is {items_processed!r}")
        saved = {"cursor": cursor, "items_processed": items_processed, "accumulated_results": accumulated_results}
        return StepHandlerResult.success(saved, {"checkpoint_yield": True})

    # Bringing batches together.

    def detect_aggregation_scenario(
        self, dependency_results: dict[str, Any], batchable_step_name: str, batch_worker_prefix: str
    ) -> BatchAggregationScenario:
        """Find the batchable step and its workers among the results of earlier steps."""
        return BatchAggregationScenario.detect(dependency_results, batchable_step_name, batch_worker_prefix)

    def no_batches_aggregation_result(self, zero_metrics: dict[str, Any] | None = None) -> StepHandlerResult:
        """Return the sum over no batches."""
        result = {**self.aggregate_worker_results([]), **(zero_metrics or {})}
        return StepHandlerResult.success({**result, "worker_count": 0, "scenario": "no_batches"})

    def aggregate_batch_worker_results(
        self,
        scenario: BatchAggregationScenario,
        zero_metrics: dict[str, Any] | None = None,
        aggregation_fn: Callable[[dict[str, dict[str, Any]]], dict[str, Any]] | None = None,
    ) -> StepHandlerResult:
        """Bring the workers' results together.

        Args:
            scenario: What the steps before returned.
            zero_metrics: Added to the result if there was nothing to do.
            aggregation_fn: Makes the result of what the workers returned, by step name. By default numbers are added up.
        """
        if scenario.is_no_batches:
            return self.no_batches_aggregation_result(zero_metrics)
        if aggregation_fn is None:
            result = self.aggregate_worker_results(list(scenario.batch_results.values()))
        else:
            result = aggregation_fn(scenario.batch_results)
        return StepHandlerResult.success({**result, "worker_count": scenario.worker_count, "scenario": "with_batches"})

    @staticmethod
    def aggregate_worker_results(worker_results: list[dict[str, Any]]) -> dict[str, Any]:
        """Add up what workers returned."""
        return aggregate_batch_results(list(worker_results)).model_dump()


def analyzer_result(
    outcome: BatchAnalyzerOutcome, worker_template_name: str, metadata: dict[str, Any] | None = None
) -> StepHandlerResult:
    """Return the batches as the result of a batchable step."""
    result: dict[str, Any] = {"batch_processing_outcome": outcome_document(outcome, worker_template_name)}
    if outcome.batch_metadata:
        result["batch_metadata"] = outcome.batch_metadata
    return StepHandlerResult.success(result, metadata)


def worker_result(outcome: BatchWorkerOutcome, metadata: dict[str, Any] | None = None) -> StepHandlerResult:
    """Return what was done with a batch as the result of a worker step."""
    result = outcome.model_dump()
    for optional in ("results", "errors"):
        if not result[optional]:
            del result[optional]
    return StepHandlerResult.success(result, metadata)
