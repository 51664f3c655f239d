"""One step in every style: as a class, as a decorated function and as a step of a typed workflow, it does the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from unit_helpers import outcome_of, run

from tasker_core import StepContext, Workflow, result
from tasker_core.batch_processing import Batchable
from tasker_core.errors import BusinessLogicError, NetworkError, PermanentError, RateLimitError
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler import (
    BatchConfig,
    Decision,
    DecisionHandler,
    StepHandler,
    batch_analyzer,
    batch_worker,
    decision_handler,
    depends_on,
    inputs,
    step_handler,
)
from tasker_core.types import BatchWorkerContext, StepHandlerResult

STYLES = ["class", "function", "workflow"]

Graph = Mapping[str, Iterable[str]]
"""Steps, with those that they depend on."""


def complete(style: str, graph: Graph, context: Mapping[str, Any]) -> dict[str, Any]:
    """Run the steps of a graph in their order, and return what each led to. It ends with the first that fails."""
    registry = HandlerRegistry()
    for name, handler in HANDLERS[style].items():
        registry.register(name, handler)
    results: dict[str, Any] = {}
    outcomes: dict[str, Any] = {}
    for step in graph:
        document = run(registry, step, context=context, results=results, name=step)
        outcomes[step] = outcome_of(document)
        if not document["success"]:
            break
        results[step] = document["result"]
    return outcomes


# Linear: square, add ten, times three, halve.


class Square(StepHandler):
    def call(self, context: StepContext) -> Any:
        n = context.get_input("even_number")
        if n % 2:
            raise PermanentError(f"{n} is odd", error_code="ODD")
        return self.success({"result": n * n})


class AddTen(StepHandler):
    def call(self, context: StepContext) -> Any:
        return {"result": context.get_dependency_result("square")["result"] + 10}


class TimesThree(StepHandler):
    async def call(self, context: StepContext) -> Any:
        return self.success({"result": context.get_dependency_field("add_ten", "result") * 3})


class Halve(StepHandler):
    def call(self, context: StepContext) -> Any:
        return {"result": context.get_dependency_field("times_three", "result") / 2}


@step_handler("square")
@inputs("even_number")
def square(even_number: int) -> dict[str, int]:
    if even_number % 2:
        raise PermanentError(f"{even_number} is odd", error_code="ODD")
    return {"result": even_number * even_number}


@step_handler("add_ten")
@depends_on(before="square")
def add_ten(before: dict[str, int]) -> dict[str, int]:
    return {"result": before["result"] + 10}


@step_handler("times_three", depends_on={"before": "add_ten"})
async def times_three(before: dict[str, int]) -> dict[str, int]:
    return {"result": before["result"] * 3}


@step_handler("halve", depends_on={"before": "times_three"})
def halve(before: dict[str, int], context: StepContext) -> StepHandlerResult:
    return StepHandlerResult.success({"result": before["result"] / 2})


numbers = Workflow("numbers")


@numbers.step(name="square")
def square_step(even_number: int) -> dict[str, int]:
    return square(even_number)


@numbers.step(name="add_ten")
def add_ten_step(before: dict[str, int] = result(square_step)) -> dict[str, int]:
    return add_ten(before)


@numbers.step(name="times_three")
async def times_three_step(before: dict[str, int] = result(add_ten_step)) -> dict[str, int]:
    return await times_three(before)


@numbers.step(name="halve")
def halve_step(before: dict[str, int] = result(times_three_step)) -> dict[str, float]:
    return {"result": before["result"] / 2}


# Diamond: one square, two branches, the average of both.


class AddTwentyFive(StepHandler):
    def call(self, context: StepContext) -> Any:
        return {"result": context.get_dependency_field("square", "result") + 25}


class Double(StepHandler):
    def call(self, context: StepContext) -> Any:
        return {"result": context.get_dependency_field("square", "result") * 2}


class Average(StepHandler):
    def call(self, context: StepContext) -> Any:
        both = [context.get_dependency_field(step, "result") for step in ("add_twenty_five", "double")]
        return {"result": sum(both) / len(both)}


@step_handler("add_twenty_five", depends_on={"start": "square"})
def add_twenty_five(start: Any) -> Any:
    return {"result": start["result"] + 25}


@step_handler("double", depends_on={"start": "square"})
def double(start: Any) -> Any:
    return {"result": start["result"] * 2}


@step_handler("average", depends_on={"left": "add_twenty_five", "right": "double"})
def average(left: Any, right: Any) -> Any:
    return {"result": (left["result"] + right["result"]) / 2}


@numbers.step(name="add_twenty_five")
def add_twenty_five_step(start: dict[str, int] = result(square_step)) -> dict[str, int]:
    return {"result": start["result"] + 25}


@numbers.step(name="double")
def double_step(start: dict[str, int] = result(square_step)) -> dict[str, int]:
    return {"result": start["result"] * 2}


@numbers.step(name="average")
def average_step(
    left: dict[str, int] = result(add_twenty_five_step), right: dict[str, int] = result(double_step)
) -> dict[str, float]:
    return {"result": (left["result"] + right["result"]) / 2}


# Approval: a decision by amount.


def approvers(amount: int) -> list[str]:
    if amount < 1000:
        return ["auto_approve"]
    return ["manager_approval"] if amount < 5000 else ["manager_approval", "finance_review"]


class Route(DecisionHandler):
    def call(self, context: StepContext) -> Any:
        amount = context.get_input("amount")
        if amount <= 0:
            return self.skip_branches("nothing to approve", {"amount": amount})
        return self.decision_success(approvers(amount), {"amount": amount})


@decision_handler("route", inputs=["amount"])
def route(amount: int) -> Decision:
    if amount <= 0:
        return Decision.skip("nothing to approve", amount=amount)
    return Decision.route(approvers(amount), amount=amount)


@numbers.step(name="route", type="decision")
def route_step(amount: int) -> Decision:
    return route(amount)


# Batches.


class Analyze(StepHandler, Batchable):
    def call(self, context: StepContext) -> Any:
        outcome = self.create_batch_outcome(context.get_input("rows"), 200, batch_metadata={"file": "a.csv"})
        return self.batch_analyzer_success(outcome, worker_template_name="process")


class Process(StepHandler, Batchable):
    def call(self, context: StepContext) -> Any:
        if (idle := self.handle_no_op_worker(context)) is not None:
            return idle
        batch = self.get_batch_context(context)
        assert batch is not None
        return self.checkpoint_yield(batch.end_cursor, 5, {"sum": 1})


@batch_analyzer("analyze", worker_template="process", inputs=["rows"])
def analyze(rows: int) -> BatchConfig:
    return BatchConfig(rows, 200, {"file": "a.csv"})


@batch_worker("process")
def process(batch_context: BatchWorkerContext) -> StepHandlerResult:
    return Batchable().checkpoint_yield(batch_context.end_cursor, 5, {"sum": 1})


@numbers.step(name="analyze", type="batchable")
def analyze_step(rows: int) -> BatchConfig:
    return analyze(rows)


@numbers.step(name="process", type="batch_worker", after=[analyze_step])
def process_step(batch: BatchWorkerContext) -> StepHandlerResult:
    return process(batch)


# Failures of every kind.

FAILURES = {
    "business": BusinessLogicError("refund period is over", error_code="TOO_LATE", context={"days": 31}),
    "network": NetworkError("gateway is down", metadata={"status_code": 503}),
    "limit": RateLimitError("slow down", retry_after=9),
    "value": ValueError("no such currency"),
    "key": KeyError("amount"),
    "os": ConnectionResetError("reset"),
    "other": RuntimeError("hm"),
}


class Fail(StepHandler):
    def call(self, context: StepContext) -> Any:
        raise FAILURES[context.get_input("how")]


@step_handler("fail", inputs=["how"])
def fail(how: str) -> Any:
    raise FAILURES[how]


@numbers.step(name="fail")
async def fail_step(how: str) -> None:
    raise FAILURES[how]


HANDLERS: dict[str, dict[str, Any]] = {
    "class": {
        "square": Square,
        "add_ten": AddTen,
        "times_three": TimesThree,
        "halve": Halve,
        "add_twenty_five": AddTwentyFive,
        "double": Double,
        "average": Average,
        "route": Route,
        "analyze": Analyze,
        "process": Process,
        "fail": Fail,
    },
    "function": {
        f.__name__: f
        for f in (
            square, add_ten, times_three, halve, add_twenty_five, double, average, route, analyze, process, fail,
        )
    },
    "workflow": {name.rpartition(".")[2]: handler for name, handler in numbers.handlers().items()},
}  # fmt: skip

LINEAR: Graph = {"square": [], "add_ten": ["square"], "times_three": ["add_ten"], "halve": ["times_three"]}
DIAMOND: Graph = {
    "square": [],
    "add_twenty_five": ["square"],
    "double": ["square"],
    "average": ["add_twenty_five", "double"],
}


@pytest.mark.parametrize("style", STYLES)
class TestEveryStyle:
    def test_a_linear_workflow_adds_up(self, style: str) -> None:
        outcomes = complete(style, LINEAR, {"even_number": 6})
        assert [outcome["result"]["result"] for outcome in outcomes.values()] == [36, 46, 138, 69]

    def test_a_diamond_adds_up(self, style: str) -> None:
        outcomes = complete(style, DIAMOND, {"even_number": 6})
        assert [outcome["result"]["result"] for outcome in outcomes.values()] == [36, 61, 72, 66.5]

    def test_odd_input_fails_the_first_step_for_good(self, style: str) -> None:
        outcomes = complete(style, LINEAR, {"even_number": 7})
        assert list(outcomes) == ["square"]
        assert outcomes["square"] == {
            "success": False,
            "result": {},
            "retryable": False,
            "error_code": "ODD",
            "message": "7 is odd",
            "error_type": "permanent_error",
            "context": {},
        }

    @pytest.mark.parametrize(
        ("amount", "steps"),
        [
            (999, ["auto_approve"]),
            (1000, ["manager_approval"]),
            (4999, ["manager_approval"]),
            (5000, ["manager_approval", "finance_review"]),
        ],
    )
    def test_the_amount_decides_who_approves(self, style: str, amount: int, steps: list[str]) -> None:
        outcome = complete(style, {"route": []}, {"amount": amount})["route"]
        assert outcome["result"] == {
            "decision_point_outcome": {"type": "create_steps", "step_names": steps},
            "routing_context": {"amount": amount},
        }

    def test_nothing_is_approved_by_nobody(self, style: str) -> None:
        assert complete(style, {"route": []}, {"amount": 0})["route"]["result"] == {
            "decision_point_outcome": {"type": "no_branches"},
            "reason": "nothing to approve",
            "routing_context": {"amount": 0},
        }


@pytest.mark.parametrize("rows", [0, 1, 200, 1000, 1001])
def test_batches_are_the_same_in_all_styles(rows: int) -> None:
    first, *others = (complete(style, {"analyze": []}, {"rows": rows}) for style in STYLES)
    assert all(other == first for other in others)
    outcome = first["analyze"]["result"]["batch_processing_outcome"]
    assert outcome.get("worker_count", 0) == -(-rows // 200)


@pytest.mark.parametrize("idle", [False, True])
def test_workers_yield_the_same_in_all_styles(idle: bool) -> None:
    cursor = {"batch_id": "001", "start_cursor": 0, "end_cursor": 7, "batch_size": 7}
    documents = []
    for style in STYLES:
        registry = HandlerRegistry()
        registry.register("process", HANDLERS[style]["process"])
        document = run(registry, "process", inputs={"cursor": cursor, "is_no_op": idle})
        documents.append(outcome_of(document) if idle else document)
    assert documents[0] == documents[1] == documents[2]
    if not idle:
        assert documents[0] == {"cursor": 7, "items_processed": 5, "accumulated_results": {"sum": 1}}


@pytest.mark.parametrize("how", FAILURES)
def test_failures_are_the_same_in_all_styles(how: str) -> None:
    documents = []
    for style in STYLES:
        registry = HandlerRegistry()
        registry.register("fail", HANDLERS[style]["fail"])
        documents.append(run(registry, "fail", context={"how": how}))
    first, *others = documents
    for other in others:
        assert outcome_of(other) == outcome_of(first)
        assert other["metadata"]["custom"] == first["metadata"]["custom"]
        assert other.get("orchestration_metadata") == first.get("orchestration_metadata")
    assert first["success"] is False
