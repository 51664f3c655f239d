"""What operators do by hand, through a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tasker_core import TaskerClient
from tasker_core._status import CoreConflictError, CoreNotFoundError, UsageError
from tasker_core.client import ENDED, DlqEntry, StepResponse
from tasker_core.testing import Sandbox

from .conftest import until


class Operated:
    """A task of two steps that fail as it is told to."""

    def __init__(self, client: TaskerClient, **context: Any) -> None:
        self.client = client
        self.task = client.create_task("operated", namespace="errors_py", context=context, tags=["operated"])
        self.uuid = self.task.task_uuid

    def step(self, name: str) -> StepResponse:
        return next(step for step in self.client.list_task_steps(self.uuid) if step.name == name)

    def until(self, name: str, state: str) -> str:
        """Wait until a step is in a state, and return its id."""
        return until(lambda: self.step(name).current_state == state and self.step(name).step_uuid, f"{name} is {state}")

    def dead_letter(self) -> DlqEntry:
        return until(self._dead_letter, "there is a dead letter")

    def _dead_letter(self) -> DlqEntry | None:
        try:
            return self.client.get_dlq_entry(self.uuid)
        except CoreNotFoundError:
            return None


Begin = Callable[..., Operated]


@pytest.fixture
def begin(sandbox: Sandbox) -> Iterator[Begin]:
    """Begin a task, and see to it that it does not outlive the test."""
    tasks: list[Operated] = []

    def create(how: str, **context: Any) -> Operated:
        tasks.append(Operated(sandbox.client, how=how, **context))
        return tasks[-1]

    yield create
    for task in tasks:
        if sandbox.client.get_task(task.uuid).status not in ENDED:
            sandbox.client.resolve_task(task.uuid, reason="the test is over")


def test_steps_are_run_now_completed_by_hand_and_run_again(begin: Begin) -> None:
    task = begin("later", times=1)
    client, why = task.client, {"reason": "because", "by": "ada"}
    client.run_now(task.uuid, task.until("charge", "waiting_for_retry"), **why)
    ship = task.until("ship", "waiting_for_retry")
    done = client.complete_manually(task.uuid, ship, result={"fetched": 2**60}, metadata={"till": 3}, **why)
    assert done.current_state == "complete"
    assert (done.results or {})["result"] == {"fetched": 2**60}
    assert client.wait_for_task(task.uuid).status == "complete"

    client.retry_from(task.uuid, task.step("charge").step_uuid, **why)
    charge = task.until("charge", "waiting_for_retry")
    assert task.step("charge").attempts == 1, "it began anew"
    assert client.resolve_manually(task.uuid, charge, **why).current_state == "resolved_manually"
    task.until("ship", "waiting_for_retry")
    records = [entry.result or {} for entry in client.get_step_audit_history(task.uuid, charge)]
    acts = [record["action"] for record in records if record.get("by") == "ada"]
    assert acts == ["run_now", "retry_from", "resolve_manually"]


def test_a_step_that_failed_for_good_runs_again(begin: Begin) -> None:
    task = begin("permanent")
    charge = task.until("charge", "error")
    before = len(task.client.get_step_audit_history(task.uuid, charge))
    task.client.reset_for_retry(task.uuid, charge, reason="the card is valid again")
    until(lambda: len(task.client.get_step_audit_history(task.uuid, charge)) > before + 1, "it ran again")
    task.until("charge", "error")
    with pytest.raises(CoreConflictError):
        task.client.run_now(task.uuid, charge, reason="it does not wait")


def test_tasks_are_paused_resumed_and_resolved_and_seen_in_one_answer(begin: Begin) -> None:
    task = begin("later")
    charge = task.until("charge", "waiting_for_retry")
    client = task.client
    assert client.pause_task(task.uuid, reason="wait").paused_at is not None
    assert client.resume_task(task.uuid, reason="go on").paused_at is None
    assert client.resolve_task(task.uuid, reason="moot").status == "resolved_manually"
    summary = client.task_summary(task.uuid)
    assert (summary.task.task_uuid, summary.task.status, summary.dlq) == (task.uuid, "resolved_manually", None)
    assert [step.name for step in summary.steps] == ["charge", "ship"]
    first = summary.steps[0]
    assert (first.step_uuid, first.attempts, first.max_attempts, first.error) == (charge, 1, 3, "the gateway is away")
    assert summary.links


def test_dead_letters_are_investigated_and_requeued(begin: Begin) -> None:
    task = begin("permanent")
    client, entry = task.client, task.dead_letter()
    assert (entry.task_uuid, entry.dlq_reason, entry.resolution_status) == (task.uuid, "permanent_failure", "pending")
    assert entry in client.list_dlq(resolution_status="pending")
    assert task.uuid in [pending.task_uuid for pending in client.dlq_investigations(limit=1000)]
    assert [stats.pending >= 1 for stats in client.dlq_stats() if stats.dlq_reason == "permanent_failure"] == [True]
    seen = client.task_summary(task.uuid).dlq
    assert seen is not None
    assert seen.dlq_entry_uuid == entry.dlq_entry_uuid

    noted = client.update_dlq_entry(entry.dlq_entry_uuid, resolution_notes="asked", metadata={"ticket": 7})
    assert (noted.resolution_notes, noted.resolution_status, noted.metadata["ticket"]) == ("asked", "pending", 7)
    assert client.requeue_dlq_entry(entry.dlq_entry_uuid, reason="a new card").resolution_status == "manually_resolved"


def test_tasks_are_entered_among_the_dead_letters_by_hand_and_those_that_do_not_move_are_seen(begin: Begin) -> None:
    task = begin("later")
    task.until("charge", "waiting_for_retry")
    assert task.client.add_dlq_entry(task.uuid, reason="it looks odd").dlq_reason == "manual_dlq"
    assert task.uuid in [open_task.task_uuid for open_task in task.client.dlq_staleness(limit=100)]


def test_tasks_are_found_by_what_they_carry(begin: Begin) -> None:
    task = begin("later", marked={"by": ["pytest"]})
    now, hour = datetime.now(timezone.utc), timedelta(hours=1)

    def found(**filters: Any) -> bool:
        return task.uuid in [listed.task_uuid for listed in task.client.list_tasks(**filters).tasks]

    assert found(context={"marked": {"by": ["pytest"]}}, tag=["operated"], name="operated")
    assert found(since=now - hour, until=now + hour, initiator=task.task.initiator)
    assert not found(until=now - hour)
    with pytest.raises(UsageError, match="2026-01-31T12:00:00Z"):
        task.client.list_tasks(since="yesterday")
