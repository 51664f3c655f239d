"""Tasks of a workflow are started with typed inputs, and tell their results or why they failed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from order_workflow import ITEMS, Item, orders

from tasker_core.workflow import Run, RunFailedError


@dataclasses.dataclass
class Record:
    """What a client answers."""

    status: str = ""
    task_uuid: str = "t-1"
    name: str = ""
    results: dict[str, Any] | None = None


class Client:
    """A client of a server that is not there."""

    def __init__(self, status: str, *steps: Record) -> None:
        self.status, self.steps, self.created = status, list(steps), []  # type: tuple[str, list[Record], list[Any]]

    def create_task(self, name: str, **request: Any) -> Record:
        self.created.append((name, request))
        return Record()

    def get_task(self, task_uuid: str) -> Record:
        return Record(status=self.status)

    def wait_for_task(self, task_uuid: str, *, timeout: float) -> Record:
        return Record(status=self.status)

    def list_task_steps(self, task_uuid: str) -> list[Record]:
        return self.steps


class TestRun:
    def test_a_task_is_started_with_inputs_and_key(self) -> None:
        client = Client(
            "complete", Record(name="charge", results={"success": True, "result": {"id": "p"}}), Record(name="x")
        )
        task = orders.start({"items": ITEMS}, address={"street": "s"}, key="order-42", client=client)
        assert client.created == [
            (
                "order_processing",
                {
                    "namespace": "ecommerce",
                    "context": {"items": ITEMS, "address": {"street": "s"}},
                    "version": "2.0.0",
                    "reason": "Started from Python",
                    "idempotency_key": "order-42",
                },
            )
        ]
        assert repr(task) == "Run('t-1')"
        assert task.wait(timeout=1).results["charge"] == {"id": "p"}
        assert task.status == "complete"

    def test_typed_inputs_are_written_as_json(self) -> None:
        client = Client("complete")
        orders.start(items=[Item("a", 1)], client=client)
        assert client.created[0][1]["context"] == {"items": [{"sku": "a", "cents": 1}]}

    def test_a_task_that_failed_tells_which_step_and_why(self) -> None:
        failed = Record(name="charge", results={"success": False, "error": {"message": "refused"}})
        task = Run("t-1", Client("error", failed, Record(name="x", results={"success": True})))
        with pytest.raises(RunFailedError, match="task t-1 is error; step charge: refused") as caught:
            task.wait()
        assert caught.value.errors == {"charge": "refused"}
        assert task.results == {"x": None}
