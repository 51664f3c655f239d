"""W8: a CSV file of products, counted in batches that yield at checkpoints."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any

from tasker_core import StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable, BatchAggregationScenario
from tasker_core.step_handler import batch_analyzer, batch_worker, inputs, step_handler
from tasker_core.types import BatchAnalyzerOutcome, BatchWorkerContext

Row = Mapping[str, str]
Totals = dict[str, Any]

PER_CHECKPOINT = 80
NOTHING: Totals = {"products": 0, "stock": 0, "value_cents": 0, "by_category": {}}


def rows_of(path: str) -> list[Row]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def count(rows: Iterable[Row]) -> Totals:
    """Count products, pieces, and what they are worth."""
    return add(
        {
            "products": 1,
            "stock": int(row["stock"]),
            "value_cents": int(row["stock"]) * int(row["price_cents"]),
            "by_category": {row["category"]: 1},
        }
        for row in rows
    )


def add(parts: Iterable[Totals]) -> Totals:
    whole = {**NOTHING, "by_category": {}}
    for part in parts:
        for key in ("products", "stock", "value_cents"):
            whole[key] += part[key]
        for category, products in part["by_category"].items():
            whole["by_category"][category] = whole["by_category"].get(category, 0) + products
    return whole


def work_off(path: str, batch: BatchWorkerContext) -> StepHandlerResult:
    """Count the next rows of a batch, and yield if there are more."""
    begin = batch.checkpoint_cursor if batch.has_checkpoint() else batch.start_cursor
    assert isinstance(begin, int)
    end = min(begin + PER_CHECKPOINT, batch.end_cursor)
    so_far = add([batch.accumulated_results or NOTHING, count(rows_of(path)[begin:end])])
    if end < batch.end_cursor:
        return Batchable().checkpoint_yield(end, end - batch.start_cursor, so_far)
    done = batch.end_cursor - batch.start_cursor
    return Batchable().batch_worker_success(items_processed=done, items_succeeded=done, results=[so_far])


class AnalyzeCsv(StepHandler, Batchable):
    handler_name = "products.analyze_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        rows = len(rows_of(context.get_input("csv")))
        if not rows:
            return self.no_batches_outcome("the file has no rows")
        ranges = self.create_cursor_ranges(
            rows, context.get_config("batch_size"), max_batches=context.get_config("max_workers")
        )
        return self.batch_analyzer_success(worker_template_name="process_csv_batch", cursor_configs=ranges, total_items=rows)


# A BatchConfig knows no most of batches: where there is one, a function returns the ranges themselves.
@batch_analyzer("products.analyze_dsl", worker_template="process_csv_batch")
@inputs("csv")
def analyze_csv(csv: str, context: StepContext) -> BatchAnalyzerOutcome:
    rows = len(rows_of(csv))
    ranges = Batchable().create_cursor_ranges(
        rows, context.get_config("batch_size"), max_batches=context.get_config("max_workers")
    )
    return BatchAnalyzerOutcome(cursor_configs=ranges, total_items=rows)


class ProcessCsvBatch(StepHandler, Batchable):
    handler_name = "products.process_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        nothing = self.handle_no_op_worker(context)
        if nothing is not None:
            return nothing
        batch = self.get_batch_context(context)
        assert batch is not None
        return work_off(context.get_input("csv"), batch)


@batch_worker("products.process_dsl")
@inputs("csv")
def process_csv_batch(csv: str, batch_context: BatchWorkerContext) -> StepHandlerResult:
    return work_off(csv, batch_context)


class AggregateCsv(StepHandler, Batchable):
    handler_name = "products.aggregate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.aggregate_batch_worker_results(
            self.detect_aggregation_scenario(context.dependency_results, "analyze_csv", "process_csv_batch_"),
            zero_metrics=NOTHING,
            aggregation_fn=lambda results: add(result["results"][0] for result in results.values()),
        )


@step_handler("products.aggregate_dsl")
def aggregate_csv(context: StepContext) -> dict[str, Any]:
    found = BatchAggregationScenario.detect(context.dependency_results, "analyze_csv", "process_csv_batch_")
    totals = add(result["results"][0] for result in found.batch_results.values()) if not found.no_batches() else NOTHING
    return {**totals, "worker_count": found.worker_count, "scenario": "no_batches" if found.no_batches() else "with_batches"}
