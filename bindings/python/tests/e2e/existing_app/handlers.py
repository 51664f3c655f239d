"""Handlers as classes and as functions."""

from __future__ import annotations

import os
from typing import Any

import httpx

from tasker_core import ApiHandler, PermanentError, RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.errors import ValidationError
from tasker_core.step_handler.functional import api_handler, depends_on, inputs, step_handler
from tasker_core.types import ErrorType

from .models import OrderRequest, ValidatedOrder


class ValidateOrderHandler(StepHandler):
    handler_name = "existing.validate_order"
    handler_version = "1.1.0"

    def call(self, context: StepContext) -> StepHandlerResult:
        customer = context.get_input("customer_id")
        amount = context.input_data.get("amount", 0)
        if amount <= 0:
            raise ValidationError("the amount must be positive", metadata={"amount": amount})
        limit = context.step_config.get("limit", 100)
        if amount > limit:
            return self.failure(
                f"more than {limit}", error_type=ErrorType.PERMANENT_ERROR, retryable=False, error_code="OVER_LIMIT"
            )
        return self.success({"order_id": f"order-{customer}", "total": amount}, metadata={"validated": True})


class CheckStockHandler(ApiHandler):
    handler_name = "existing.check_stock"
    base_url = os.environ.get("EXISTING_STOCK_URL", "http://127.0.0.1:1")
    default_timeout = 5.0

    def call(self, context: StepContext) -> StepHandlerResult:
        order = context.get_dependency_result("validate_order")
        try:
            response = self.get("/stock", params={"order": order["order_id"]})
        except httpx.ConnectError as error:
            return self.connection_error(error, "looking at the stock")
        if not response.ok:
            return self.api_failure(response)
        return self.api_success(response, {"available": response.body["available"]}, include_response=False)


@step_handler("existing.charge")
@depends_on(order=("validate_order", ValidatedOrder), stock="check_stock")
@inputs(OrderRequest)
def charge(order: ValidatedOrder, stock: dict[str, Any], inputs: OrderRequest, context: StepContext) -> dict[str, Any]:
    if not stock["available"]:
        raise PermanentError("nothing left", error_code="SOLD_OUT")
    if inputs.payment.token is None:
        raise PermanentError("no token", error_code="NO_TOKEN")
    if context.retry_count == 0:
        raise RetryableError("the gateway is busy", retry_after=0)
    return {"charge_id": f"ch-{inputs.customer_id}", "total": order.total, "card": inputs.payment.token}


@api_handler("existing.ship", base_url=os.environ.get("EXISTING_STOCK_URL", "http://127.0.0.1:1"), timeout=5.0)
@depends_on(paid="charge")
def ship(paid: dict[str, Any] | None, api: Any) -> StepHandlerResult:
    response = api.post("/parcels", json={"charge": (paid or {}).get("charge_id")})
    return api.api_success(response) if response.ok else api.api_failure(response)


@step_handler("existing.thank", version="2.0.0")
@depends_on(order="validate_order", paid="charge")
async def thank(order: dict[str, Any], paid: dict[str, Any], context: StepContext) -> StepHandlerResult:
    return StepHandlerResult.success({"thanked": order["order_id"], "for": paid["total"]}, {"step": str(context.step_uuid)})
