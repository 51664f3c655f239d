"""Workflows from their templates to their results, on PostgreSQL."""

from __future__ import annotations

import time

import pytest

from tasker_core.testing import Sandbox

from . import handlers


@pytest.mark.parametrize(("number", "expected"), [(6, [36, 46, 138, 69]), (8, [64, 74, 222, 111])])
def test_w1_four_steps_in_a_row_as_classes(sandbox: Sandbox, number: int, expected: list[int]) -> None:
    run = sandbox.run("mathematical_sequence_py", namespace="linear_workflow_py", context={"even_number": number})
    results = run.completed().results
    assert [results[name]["result"] for name in ("square", "add", "multiply", "divide")] == expected
    assert all(step.attempts == 1 for step in run.steps.values())


def test_w3_a_diamond_as_functions(sandbox: Sandbox) -> None:
    run = sandbox.run("diamond_workflow_py", namespace="diamond_workflow_py", context={"even_number": 6}).completed()
    assert {name: outcome["value"] for name, outcome in run.results.items()} == {
        "start": 36,
        "branch_add": 61,
        "branch_double": 72,
        "average": 66.5,
    }


def test_w13_templates_name_methods_and_resolvers(sandbox: Sandbox) -> None:
    run = sandbox.run("methods", namespace="methods_py").completed()
    assert {name: outcome["ran"] for name, outcome in run.results.items()} == {
        "validate": "validate",
        "process": "process",
        "plain": "call",
    }


def test_the_record_of_a_step_tells_who_ran_it_and_how_long(sandbox: Sandbox) -> None:
    run = sandbox.run("mathematical_sequence_py", namespace="linear_workflow_py", context={"even_number": 2}).completed()
    record = run.steps["square"].results
    assert record is not None
    assert record["metadata"]["worker_id"] == sandbox.worker.worker_id
    assert record["metadata"]["execution_time_ms"] >= 0
    assert record["metadata"]["handler_version"] == "1.0.0"
    assert record["metadata"]["custom"] == {"operation": "square"}


@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_as_many_steps_run_side_by_side_as_there_are_slots(sandbox: Sandbox, kind: str) -> None:
    run = sandbox.run(f"fan_{kind}", namespace="fan_py").completed()
    assert handlers.most[kind] == sandbox.worker.slots == 10
    threads = {outcome["on"] for outcome in run.results.values()}
    assert threads == {"tasker-asyncio"} if kind == "coroutine" else len(threads) >= 10


def test_a_task_can_be_listed_and_looked_at(sandbox: Sandbox) -> None:
    run = sandbox.run("success_only", namespace="errors_py", tags=["looked-at"], priority=3).completed()
    client, step = sandbox.client, run.steps["step"]
    assert client.get_task(run.task.task_uuid).completion_percentage == 100
    assert (run.task.tags, run.task.priority, run.task.initiator) == (["looked-at"], 3, "tasker_core.testing")
    listed = client.list_tasks(limit=5, namespace="errors_py", status="complete")
    assert run.task.task_uuid in [task.task_uuid for task in listed.tasks]
    assert listed.pagination.per_page == 5
    assert client.get_step(run.task.task_uuid, step.step_uuid).results == step.results
    assert client.health_check().healthy


def test_a_task_can_be_cancelled_and_its_handler_hears_of_it(sandbox: Sandbox) -> None:
    task = sandbox.client.create_task("slow", namespace="errors_py", context={"why": "to be cancelled"})
    while not sandbox.worker.in_flight:
        time.sleep(0.005)
    assert sandbox.client.cancel_task(task.task_uuid)["status"] == "cancelled"
    deadline = time.monotonic() + 10
    while task.task_uuid not in handlers.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert handlers.seen[task.task_uuid] == [{"cancelled": True, "heartbeat": False}]


def test_one_request_with_one_key_is_one_task(sandbox: Sandbox) -> None:
    tasks = {
        sandbox.client.create_task("success_only", namespace="errors_py", idempotency_key="once").task_uuid for _ in range(3)
    }
    assert len(tasks) == 1


def test_requests_that_name_nothing_are_refused_with_what_there_is(sandbox: Sandbox) -> None:
    from tasker_core._status import CoreNotFoundError, UsageError

    with pytest.raises(CoreNotFoundError, match="no_such"):
        sandbox.client.create_task("no_such", namespace="errors_py")
    with pytest.raises(UsageError, match="colour"):
        sandbox.client.create_task("success_only", namespace="errors_py", colour="red")
    with pytest.raises(CoreNotFoundError):
        sandbox.client.get_task("00000000-0000-7000-8000-000000000000")
