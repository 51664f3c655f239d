"""Workflows of businesses: W9 to W12."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tasker_core import InProcessDomainEventPoller
from tasker_core.testing import Sandbox, TaskRun

from .conftest import until_step_is

SOON_S = 30.0


def run_business(sandbox: Sandbox, name: str, **context: Any) -> TaskRun:
    return sandbox.run(name, namespace="business_py", context=context)


@pytest.mark.parametrize(("numbers", "half", "batches"), [([2, 4, 6, 3], "evens", 2), ([1, 3, 5, 7, 9, 2], "odds", 3)])
def test_w9_a_diamond_decides_which_half_is_worked_off_in_batches(
    sandbox: Sandbox, numbers: list[int], half: str, batches: int
) -> None:
    run = run_business(sandbox, "numbers", numbers=numbers).completed()
    other = {"evens": "odds", "odds": "evens"}[half]
    assert [name for name in run.steps if name in (f"split_{other}", f"work_{other}_001")] == []
    chosen = [number for number in numbers if number % 2 == (half == "odds")]
    assert run.results["sum"] == {"sum": sum(chosen), "batches": batches}
    assert run.results["finish"] == {"done": True}


def test_w10_a_pipeline_of_three_sources(sandbox: Sandbox) -> None:
    run = run_business(sandbox, "pipeline", days=3).completed()
    assert len(run.steps) == 8
    assert run.results["aggregate"] == {"total": 2 * 3 * len("salesinventorycustomers")}
    assert run.results["report"] == {"report": "total 138"}


def test_w10_a_registration_is_a_diamond(sandbox: Sandbox) -> None:
    run = run_business(sandbox, "registration", email="ada@example.com").completed()
    assert run.results["activate"] == {"active": "ada"}
    assert len(run.steps) == 5


@pytest.mark.parametrize(
    ("name", "context", "step"), [("pipeline", {"days": -1}, "extract_sales"), ("registration", {}, "create_user")]
)
def test_w10_bad_input_fails_the_step_that_checks_it_for_good(
    sandbox: Sandbox, name: str, context: dict[str, Any], step: str
) -> None:
    run = until_step_is("error", step, run_business(sandbox, name, **context), sandbox)
    assert run.status in ("error", "blocked_by_failures")
    assert run.steps[step].attempts == 1
    assert run.error(step)["retryable"] is False


def test_w11_namespaces_whose_workflows_have_the_same_names_do_not_cross(sandbox: Sandbox) -> None:
    teams = ["payments", "support"] * 5
    made = [sandbox.client.create_task("process_refund", namespace=f"{team}_py") for team in teams]
    runs = [sandbox.wait(task.task_uuid).completed() for task in made]
    assert [run.results["refund"] for run in runs] == [{"by": team, "namespace": f"{team}_py"} for team in teams]


class Heard:
    """The names of events, by task."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._changed = threading.Condition()

    def hear(self, event: Any) -> None:
        with self._changed:
            self._names.setdefault(str(event.metadata.task_uuid), []).append(event.event_name)
            self._changed.notify_all()

    def of(self, task: str, count: int) -> list[str]:
        """Wait until there are as many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._names.get(task, [])) >= count, SOON_S), self._names
            return sorted(self._names[task])


@pytest.fixture
def heard(sandbox: Sandbox) -> Iterator[Heard]:
    """What a subscriber hears beside one that is broken."""
    listener, poller = Heard(), InProcessDomainEventPoller()

    def fail(_: Any) -> None:
        raise ValueError("a subscriber that is broken")

    poller.on_event(fail)
    poller.on_event(listener.hear)
    poller.start()
    deadline = time.monotonic() + SOON_S
    while poller.stats["poll_count"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield listener
    poller.stop()


def test_w12_four_steps_tell_what_they_did_whatever_others_do(sandbox: Sandbox, heard: Heard) -> None:
    tasks = [sandbox.client.create_task("paid_order", namespace="business_py", context={"amount": n}) for n in (1, 2, 3)]
    for task in tasks:
        run = sandbox.wait(task.task_uuid).completed()
        assert all(step.attempts == 1 for step in run.steps.values())
    for task in tasks:
        assert heard.of(task.task_uuid, 3) == ["customer.told", "inventory.updated", "order.validated"], "the fast ones"


def test_w12_a_payment_that_fails_is_told_and_none_that_was_made(sandbox: Sandbox, heard: Heard) -> None:
    run = run_business(sandbox, "paid_order", amount=0)
    assert run.status in ("error", "blocked_by_failures")
    assert run.steps["payment"].current_state == "error"
    assert heard.of(run.task.task_uuid, 3) == ["inventory.updated", "order.validated", "payment.failed"]
