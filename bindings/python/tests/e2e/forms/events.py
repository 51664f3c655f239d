"""W12: four steps that tell what they did."""

from __future__ import annotations

from typing import Any

from tasker_core import PermanentError, StepContext, StepHandler, StepHandlerResult
from tasker_core.domain_events import BasePublisher, StepEventContext
from tasker_core.step_handler import inputs, step_handler


class OrderStep(StepHandler):
    handler_name = "orders.step_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        if context.step_name == context.get_input("fails"):
            raise PermanentError("it fails as it was told to")
        return self.success({"amount": context.get_input("amount")})


@step_handler("orders.step_dsl")
@inputs("amount", "fails")
def order_step(amount: int, fails: str | None, context: StepContext) -> dict[str, Any]:
    if context.step_name == fails:
        raise PermanentError("it fails as it was told to")
    return {"amount": amount}


class BrokenPublisher(BasePublisher):
    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        raise ValueError("a publisher that is broken")
