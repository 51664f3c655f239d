"""The examples run as they say. `test_workflows.py` and `test_business.py` have their results, step by step."""

from __future__ import annotations

import json

from .conftest import EXAMPLES, Start

ORDER = {
    "customer": {"id": 1, "email": "ada@example.com"},
    "items": [{"product_id": 7, "quantity": 2, "price_cents": 1250}, {"product_id": 9, "quantity": 1, "price_cents": 500}],
}


def run(start: Start, handlers: str, template: str, context: object) -> tuple[int, str]:
    """Run one of the examples, and return its exit code and all that it printed."""
    arguments = ("--templates", EXAMPLES / "templates", "--run", template, "--context", json.dumps(context))
    code, out, log = start("-m", "tasker_core.dev", EXAMPLES / handlers, *arguments).end()
    return code, out + log


def test_the_command_that_the_example_names_calculates_exactly(start: Start) -> None:
    code, out = run(start, "math/arithmetic.py", "examples_tree/hierarchical_tree", {"even_number": 6})
    assert code == 0, out
    record = next(line for line in out.splitlines() if " tree_final_convergence " in line and " complete " in line)
    assert json.loads(record.partition(" complete ")[2]) == {"value": str(6**64)}


def test_an_odd_number_fails_the_first_step_for_good(start: Start) -> None:
    code, out = run(start, "math/arithmetic.py", "examples_linear/mathematical_sequence", {"even_number": 7})
    assert (code, "permanent_error: even_number must be an even whole number" in out) == (1, True), out


def test_an_order_is_fulfilled_at_its_second_payment(start: Start) -> None:
    code, out = run(start, "orders/orders.py", "examples_order_fulfillment/order_fulfillment", ORDER)
    assert (code, '"amount_cents": 3000' in out, '"tracking_number": "trk_' in out) == (0, True, True), out
    assert "attempt 1 of 5: retryable_error: the payment gateway did not answer" in out


def test_an_order_that_the_template_rules_out_is_refused(start: Start) -> None:
    order = {**ORDER, "items": [{"product_id": 0, "quantity": 1, "price_cents": 1}]}
    code, out = run(start, "orders/orders.py", "examples_order_fulfillment/order_fulfillment", order)
    assert (code, "items/0/product_id: 0 is less than 1" in out) == (4, True), out
