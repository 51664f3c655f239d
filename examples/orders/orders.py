"""The handlers of the order_fulfillment example, as orders.go has them in Go: run them with

    python -m tasker_core.dev examples/orders/orders.py --templates examples/templates/order_fulfillment.yaml

ORDERS_PACE_S is how long a step takes, in seconds.
"""

from __future__ import annotations

import os
import time
from typing import Any

from tasker_core import PermanentError, RetryableError, StepContext
from tasker_core.step_handler import depends_on, inputs, step_handler

PACE_S = float(os.environ.get("ORDERS_PACE_S", "0"))


@step_handler("order.validate_cart")
@inputs("items")
def validate_cart(items: list[dict[str, int]], context: StepContext) -> dict[str, int]:
    """Check the items and add up the total."""
    for item in items:
        if item["quantity"] < 1:
            raise PermanentError(f"product {item['product_id']}: a quantity of {item['quantity']} cannot be ordered")
    wait(context, PACE_S / 2)
    return {
        "total_cents": sum(item["quantity"] * item["price_cents"] for item in items),
        "item_count": sum(item["quantity"] for item in items),
    }


@step_handler("order.reserve_inventory")
def reserve_inventory(context: StepContext) -> dict[str, Any]:
    """Set the goods aside."""
    wait(context, PACE_S)
    return {"reservation_id": number("rsv", context), "hold_minutes": context.get_config("hold_minutes")}


@step_handler("order.process_payment")
@depends_on(cart="validate_cart")
def process_payment(cart: dict[str, int], context: StepContext) -> dict[str, Any]:
    """Charge the customer. The first attempt fails, so that there is a retry to see."""
    wait(context, PACE_S)
    if not context.is_retry():
        raise RetryableError("the payment gateway did not answer")
    return {
        "payment_id": number("pay", context),
        "amount_cents": cart["total_cents"],
        "currency": context.get_config("currency"),
    }


@step_handler("order.ship_order")
def ship_order(context: StepContext) -> dict[str, Any]:
    """Hand the goods to the carrier."""
    wait(context, PACE_S)
    return {"tracking_number": number("trk", context), "carrier": context.get_config("carrier")}


def number(kind: str, context: StepContext) -> str:
    """Make up a number that is the same for every attempt of a step, so that one that runs again books nothing twice."""
    return f"{kind}_{str(context.step_uuid).replace('-', '')[20:]}"


def wait(context: StepContext, seconds: float) -> None:
    """Take its time, unless the step is told to stop."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not context.cancelled:
        time.sleep(0.01)
