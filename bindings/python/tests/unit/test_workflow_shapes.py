"""Workflows that grow while they run: decisions and batches."""

from __future__ import annotations

import pytest
from unit_helpers import run

from tasker_core import StepContext, Workflow, result
from tasker_core.errors import ConfigurationError
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler import BatchConfig, Decision
from tasker_core.types import BatchWorkerContext, BatchWorkerOutcome
from tasker_core.workflow import results

branches = Workflow("branches")


@branches.step
def count(numbers: list[int]) -> dict[str, int]:
    return {"even": sum(n % 2 == 0 for n in numbers), "odd": sum(n % 2 for n in numbers)}


@branches.step(type="decision")
def route(counts: dict[str, int] = result(count)) -> Decision:
    return Decision.route(["evens" if counts["even"] > counts["odd"] else "odds"])


@branches.step(after=[route])
def evens() -> str:
    return "evens"


@branches.step(after=[route])
def odds() -> str:
    return "odds"


@branches.step(type="deferred_convergence")
def join(left: str | None = result(evens), right: str | None = result(odds)) -> list[str | None]:
    return [left, right]


batches = Workflow("batches")


@batches.step(type="batchable")
def split(rows: int, size: int = 2) -> BatchConfig:
    return BatchConfig(rows, size)


@batches.step(type="batch_worker", after=[split])
async def work(context: StepContext, batch: BatchWorkerContext) -> BatchWorkerOutcome:
    return BatchWorkerOutcome(items_processed=batch.end_cursor - batch.start_cursor)


@batches.step(type="deferred_convergence")
def total(parts: list[BatchWorkerOutcome] = results(work)) -> int:
    return sum(part.items_processed for part in parts)


class TestShapes:
    def test_a_decision_chooses_and_the_rest_is_none(self, registry: HandlerRegistry) -> None:
        branches.register(registry)
        decided = run(registry, "default.branches.route", results={"count": {"even": 2, "odd": 1}})
        assert decided["result"] == {"decision_point_outcome": {"type": "create_steps", "step_names": ["evens"]}}
        joined = run(registry, "default.branches.join", results={"count": {}, "evens": "evens"})
        assert joined["result"] == ["evens", None]
        types = {step["name"]: step.get("type") for step in branches.template()["steps"]}
        assert (types["route"], types["evens"], types["join"]) == ("decision", None, "deferred_convergence")

    def test_batches_are_made_worked_off_and_brought_together(self, registry: HandlerRegistry) -> None:
        batches.register(registry)
        outcome = run(registry, "default.batches.split", context={"rows": 3})["result"]["batch_processing_outcome"]
        assert (outcome["worker_template_name"], outcome["worker_count"]) == ("work", 2)
        parts = {}
        for cursor in outcome["cursor_configs"]:
            done = run(registry, "default.batches.work", inputs={"cursor": cursor, "is_no_op": False})
            parts[f"work_{cursor['batch_id']}"] = done["result"]
        assert run(registry, "default.batches.total", results={**parts, "workshop": {}})["result"] == 3

    def test_a_worker_with_nothing_to_do_is_not_called(self, registry: HandlerRegistry) -> None:
        batches.register(registry)
        cursor = {"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0}
        done = run(registry, "default.batches.work", inputs={"cursor": cursor, "is_no_op": True})
        assert done["result"]["no_op"] is True

    def test_batches_need_one_step_that_works_them_off(self) -> None:
        flow = Workflow("w")

        @flow.step(type="batchable")
        def split() -> BatchConfig:
            return BatchConfig(1, 1)

        with pytest.raises(ConfigurationError, match="needs one step of type batch_worker after it"):
            flow.handlers()
