"""Workflows of businesses, with handlers of both forms: W10 to W12."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tasker_core import InProcessDomainEventPoller, _tasker_core
from tasker_core.testing import Sandbox

from .conftest import SOON_S, run_all, until, until_step_is

ITEMS = [{"quantity": 2, "cents": 1250}, {"quantity": 1, "cents": 500}]
ORDER = {
    "customer": {"id": 1, "email": "ada@example.com"},
    "items": [{"product_id": 7, "quantity": 2, "price_cents": 1250}, {"product_id": 9, "quantity": 1, "price_cents": 500}],
}


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("workflow", "context", "steps", "last", "result"),
    [
        (
            "business_py/ecommerce", {"items": ITEMS}, 5,
            "send_confirmation", {"confirmed": {"taken": 3, "paid": 3000}},
        ),
        ("business_py/pipeline", {"days": 3}, 8, "report", {"report": "total 138"}),
        ("business_py/registration", {"email": "ada@example.com"}, 5, "activate", {"active": "ada"}),
        (
            "customer_success_py/process_refund", {"amount": 3}, 5,
            "close_ticket", {"by": "support", "namespace": "customer_success_py", "amount": 3},
        ),
        (
            "payments_py/process_refund", {"amount": 4}, 4,
            "notify", {"by": "payments", "namespace": "payments_py", "amount": 4},
        ),
    ],
)  # fmt: skip
def test_w10_all_steps_complete(
    sandbox: Sandbox, form: str, workflow: str, context: dict[str, Any], steps: int, last: str, result: dict[str, Any]
) -> None:
    namespace, _, name = workflow.partition("/")
    run = sandbox.run(f"{name}_{form}", namespace=namespace, context=context).completed()
    assert [step.current_state for step in run.steps.values()] == ["complete"] * steps
    assert run.results[last] == result


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w10_an_order_is_fulfilled_at_its_second_payment(sandbox: Sandbox, form: str) -> None:
    run = sandbox.run(f"order_fulfillment_{form}", namespace="examples_order_fulfillment", context=ORDER).completed()
    attempts = {name: step.attempts for name, step in run.steps.items()}
    assert attempts == {"validate_cart": 1, "reserve_inventory": 1, "process_payment": 2, "ship_order": 1}
    payment, shipped = run.results["process_payment"], run.results["ship_order"]
    assert (payment["amount_cents"], payment["currency"]) == (3000, "EUR")
    assert shipped["tracking_number"].startswith("trk_")


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("workflow", "contexts", "step"),
    [
        ("business_py/ecommerce", [{}, {"items": []}, {"items": [{"quantity": 0, "cents": 5}]}], "validate_cart"),
        ("business_py/pipeline", [{}, {"days": -1}], "extract_sales"),
        ("business_py/registration", [{}, {"email": "nobody"}], "create_user"),
        ("customer_success_py/process_refund", [{}, {"amount": 0}], "validate"),
        ("payments_py/process_refund", [{}, {"amount": -1}], "validate"),
        (
            "examples_order_fulfillment/order_fulfillment",
            [{**ORDER, "items": [{"product_id": 7, "quantity": 0, "price_cents": 5}]}],
            "validate_cart",
        ),
    ],
)
def test_w10_bad_input_fails_the_step_that_checks_it_for_good(
    sandbox: Sandbox, form: str, workflow: str, contexts: list[dict[str, Any]], step: str
) -> None:
    namespace, _, name = workflow.partition("/")
    for run in run_all(sandbox, f"{name}_{form}", namespace, contexts):
        run = until_step_is("error", step, run, sandbox)
        assert run.status in ("error", "blocked_by_failures")
        assert run.steps[step].attempts == 1
        assert (run.error(step)["error_type"], run.error(step)["retryable"]) == ("permanent_error", False)
        assert run.results == {}, "nothing behind it was begun"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w11_namespaces_whose_workflows_have_the_same_names_do_not_cross(sandbox: Sandbox, form: str) -> None:
    teams = [("payments", "payments_py", 4), ("support", "customer_success_py", 5)] * 5
    made = [
        sandbox.client.create_task(f"process_refund_{form}", namespace=namespace, context={"amount": amount})
        for amount, (_, namespace, _) in enumerate(teams, 1)
    ]
    for amount, (task, (by, namespace, steps)) in enumerate(zip(made, teams, strict=True), 1):
        results = sandbox.wait(task.task_uuid).completed().results
        assert list(results.values()) == [{"by": by, "namespace": namespace, "amount": amount}] * steps


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
    until(lambda: poller.stats["poll_count"] >= 2, "the poller listens")
    yield listener
    poller.stop()


def published() -> Counter[str]:
    """How many events were published so far, by the way that they went."""
    system = _tasker_core.get_metrics()["domain_events"]["system"]
    return Counter({way: system[way] for way in ("published", "durable", "fast", "broadcast")})


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w12_four_steps_tell_what_they_did_whatever_others_do(sandbox: Sandbox, heard: Heard, form: str) -> None:
    before, began = published(), time.monotonic()
    runs = run_all(sandbox, f"paid_order_{form}", "business_py", [{"amount": amount} for amount in (1, 2, 3)])
    assert time.monotonic() - began < SOON_S, "10 s where nothing else runs"
    for run in runs:
        assert [step.attempts for step in run.completed().steps.values()] == [1] * 4
        # payment.booked is kept, and not heard here
        told = ["customer.told", "inventory.updated", "order.validated", "payment.processed"]
        assert heard.of(run.task.task_uuid, 4) == told
    each = Counter({"published": 5, "durable": 1, "fast": 3, "broadcast": 1})
    want = Counter({way: count * len(runs) for way, count in each.items()})
    until(lambda: published() - before >= want, f"{want}, and perhaps events of tests before, were published")


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("fails", "told"),
    [
        ("payment", ["inventory.updated", "order.validated", "payment.failed"]),
        ("inventory", ["inventory.updated", "order.validated", "payment.processed"]),
    ],
)
def test_w12_what_fails_is_told_and_nothing_that_was_not_done(
    sandbox: Sandbox, heard: Heard, form: str, fails: str, told: list[str]
) -> None:
    context = {"amount": 1, "fails": fails}
    run = until_step_is("error", fails, sandbox.run(f"paid_order_{form}", namespace="business_py", context=context), sandbox)
    assert run.status in ("error", "blocked_by_failures")
    assert heard.of(run.task.task_uuid, 3) == told
