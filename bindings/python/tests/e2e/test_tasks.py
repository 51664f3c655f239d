"""What clients do with tasks: they create, list, look at and cancel them."""

from __future__ import annotations

import pytest

from tasker_core._status import CoreNotFoundError, UsageError
from tasker_core.testing import Sandbox

from . import handlers
from .conftest import until
from .forms.errors import hung, seen


@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_as_many_steps_run_side_by_side_as_there_are_slots(sandbox: Sandbox, kind: str) -> None:
    run = sandbox.run(f"fan_{kind}", namespace="fan_py").completed()
    assert handlers.most[kind] == sandbox.worker.slots == handlers.SLOTS
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
    task = sandbox.client.create_task("slow_class", namespace="errors_py", context={"why": "to be cancelled"})
    until(lambda: task.task_uuid in hung, "the handler runs")
    assert sandbox.client.cancel_task(task.task_uuid)["status"] == "cancelled"
    assert until(lambda: seen.get(task.task_uuid), "the handler hears of it") == [{"cancelled": True, "heartbeat": False}]


def test_one_request_with_one_key_is_one_task(sandbox: Sandbox) -> None:
    tasks = {
        sandbox.client.create_task("success_only", namespace="errors_py", idempotency_key="once").task_uuid for _ in range(3)
    }
    assert len(tasks) == 1


def test_requests_that_name_nothing_are_refused_with_what_there_is(sandbox: Sandbox) -> None:
    with pytest.raises(CoreNotFoundError, match="no_such"):
        sandbox.client.create_task("no_such", namespace="errors_py")
    with pytest.raises(UsageError, match="colour"):
        sandbox.client.create_task("success_only", namespace="errors_py", colour="red")
    with pytest.raises(CoreNotFoundError):
        sandbox.client.get_task("00000000-0000-7000-8000-000000000000")
