"""W10 and W11: refunds of two teams, whose workflows and steps have the same names, and an order that is fulfilled."""

from __future__ import annotations

from typing import Any

from tasker_core import RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import inputs, step_handler

from . import example
from .business import must


def begun(by: str, amount: int | None, context: StepContext) -> dict[str, Any]:
    must(amount is not None and amount > 0, "there is nothing to refund")
    return {"by": by, "namespace": context.namespace, "amount": amount}


def gone_on(by: str, context: StepContext) -> dict[str, Any]:
    """Go on from the step before, which must have been done by the same team."""
    (before,) = (
        context.get_dependency_result(name) for name in context.task_sequence_step["step_definition"]["dependencies"]
    )
    assert (before["by"], before["namespace"]) == (by, context.namespace)
    return {"by": by, "namespace": context.namespace, "amount": before["amount"]}


class SupportValidates(StepHandler):
    handler_name = "support.validate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(begun("support", context.get_input("amount"), context))


@step_handler("support.validate_dsl")
@inputs("amount")
def support_validates(amount: int | None, context: StepContext) -> dict[str, Any]:
    return begun("support", amount, context)


class SupportGoesOn(StepHandler):
    handler_name = "support.go_on_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(gone_on("support", context))


@step_handler("support.go_on_dsl")
def support_goes_on(context: StepContext) -> dict[str, Any]:
    return gone_on("support", context)


class PaymentsValidates(StepHandler):
    handler_name = "payments.validate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(begun("payments", context.get_input("amount"), context))


@step_handler("payments.validate_dsl")
@inputs("amount")
def payments_validates(amount: int | None, context: StepContext) -> dict[str, Any]:
    return begun("payments", amount, context)


class PaymentsGoesOn(StepHandler):
    handler_name = "payments.go_on_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(gone_on("payments", context))


@step_handler("payments.go_on_dsl")
def payments_goes_on(context: StepContext) -> dict[str, Any]:
    return gone_on("payments", context)


# An order: the example's own functions are the DSL's part.

_orders = example("orders/orders.py")
EXAMPLE_HANDLERS = {
    f"order.{name}_dsl": getattr(_orders, name)
    for name in ("validate_cart", "reserve_inventory", "process_payment", "ship_order")
}


class ValidateOrder(StepHandler):
    handler_name = "order.validate_cart_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        items = context.get_input("items")
        must(all(item["quantity"] > 0 for item in items), "a quantity that cannot be ordered")
        total = sum(item["quantity"] * item["price_cents"] for item in items)
        return self.success({"total_cents": total, "item_count": sum(item["quantity"] for item in items)})


class ReserveInventory(StepHandler):
    handler_name = "order.reserve_inventory_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        reservation = _orders.number("rsv", context)
        return self.success({"reservation_id": reservation, "hold_minutes": context.get_config("hold_minutes")})


class PayOrder(StepHandler):
    handler_name = "order.process_payment_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        if not context.is_retry():
            raise RetryableError("the payment gateway did not answer")
        cents, payment = context.get_dependency_field("validate_cart", "total_cents"), _orders.number("pay", context)
        return self.success({"payment_id": payment, "amount_cents": cents, "currency": context.get_config("currency")})


class ShipOrder(StepHandler):
    handler_name = "order.ship_order_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        tracking = _orders.number("trk", context)
        return self.success({"tracking_number": tracking, "carrier": context.get_config("carrier")})
