"""W9: a diamond, whose end decides which half of the numbers is worked off in batches."""

from __future__ import annotations

from typing import Any

from tasker_core import DecisionHandler, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable
from tasker_core.step_handler import (
    BatchConfig,
    Decision,
    batch_analyzer,
    batch_worker,
    decision_handler,
    depends_on,
    inputs,
    step_handler,
)
from tasker_core.types import BatchWorkerContext

HALVES = ("evens", "odds")


def half_of(numbers: list[int], half: str) -> list[int]:
    return [number for number in numbers if number % 2 == HALVES.index(half)]


def share(context: StepContext, batch: BatchWorkerContext) -> list[int]:
    """What one batch holds of the half that its step is for."""
    half = "evens" if "evens" in context.step_name else "odds"
    numbers: list[int] = context.get_dependency_field(half, "numbers")
    return numbers[batch.start_cursor : batch.end_cursor]


class Begin(StepHandler):
    handler_name = "numbers.start_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"numbers": context.get_input("numbers")})


@step_handler("numbers.start_dsl")
@inputs("numbers")
def begin(numbers: list[int]) -> dict[str, Any]:
    return {"numbers": numbers}


class Pick(StepHandler):
    handler_name = "numbers.pick_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"numbers": half_of(context.get_dependency_field("start", "numbers"), context.step_name)})


@step_handler("numbers.pick_dsl")
@depends_on(start="start")
def pick(start: dict[str, Any], context: StepContext) -> dict[str, Any]:
    return {"numbers": half_of(start["numbers"], context.step_name)}


class Choose(DecisionHandler):
    handler_name = "numbers.choose_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        evens, odds = (context.get_dependency_field(half, "numbers") for half in HALVES)
        return self.decision_success(["split_evens" if len(evens) >= len(odds) else "split_odds"])


@decision_handler("numbers.choose_dsl")
@depends_on(evens="evens", odds="odds")
def choose(evens: dict[str, Any], odds: dict[str, Any]) -> Decision:
    return Decision.route(["split_evens" if len(evens["numbers"]) >= len(odds["numbers"]) else "split_odds"])


class SplitEvens(StepHandler, Batchable):
    handler_name = "numbers.split_evens_class"
    half = "evens"

    def call(self, context: StepContext) -> StepHandlerResult:
        numbers = context.get_dependency_field(self.half, "numbers")
        return self.batch_analyzer_success(
            self.create_batch_outcome(len(numbers), 2), worker_template_name=f"work_{self.half}"
        )


class SplitOdds(SplitEvens):
    handler_name = "numbers.split_odds_class"
    half = "odds"


@batch_analyzer("numbers.split_evens_dsl", worker_template="work_evens")
@depends_on(half="evens")
def split_evens(half: dict[str, Any]) -> BatchConfig:
    return BatchConfig(total_items=len(half["numbers"]), batch_size=2)


@batch_analyzer("numbers.split_odds_dsl", worker_template="work_odds")
@depends_on(half="odds")
def split_odds(half: dict[str, Any]) -> BatchConfig:
    return BatchConfig(total_items=len(half["numbers"]), batch_size=2)


class Work(StepHandler, Batchable):
    handler_name = "numbers.work_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        batch = self.get_batch_context(context)
        assert batch is not None
        mine = share(context, batch)
        return self.batch_worker_success(items_processed=len(mine), items_succeeded=len(mine), results=[{"sum": sum(mine)}])


@batch_worker("numbers.work_dsl")
def work(batch_context: BatchWorkerContext, context: StepContext) -> dict[str, Any]:
    mine = share(context, batch_context)
    return {"items_processed": len(mine), "items_succeeded": len(mine), "results": [{"sum": sum(mine)}]}


def sum_of(context: StepContext) -> dict[str, Any]:
    batches = [result for half in HALVES for result in context.get_all_dependency_results(f"work_{half}_")]
    return {"sum": sum(batch["results"][0]["sum"] for batch in batches), "batches": len(batches)}


class SumHalf(StepHandler):
    handler_name = "numbers.sum_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(sum_of(context))


@step_handler("numbers.sum_dsl")
def sum_half(context: StepContext) -> dict[str, Any]:
    return sum_of(context)


class Finish(StepHandler):
    handler_name = "numbers.finish_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"finished": context.get_dependency_field("sum", "sum")})


@step_handler("numbers.finish_dsl")
@depends_on(total="sum")
def finish(total: dict[str, Any]) -> dict[str, Any]:
    return {"finished": total["sum"]}
