"""W7: an approval that takes one of several ways, as the example in Go has it."""

from __future__ import annotations

from typing import Any

from tasker_core import DecisionHandler, StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import Decision, decision_handler, depends_on, inputs, step_handler

WAYS = ("auto_approve", "manager_approval", "finance_review")


def ways(amount: int) -> list[str]:
    if amount < 1000:
        return ["auto_approve"]
    return ["manager_approval"] if amount < 5000 else ["manager_approval", "finance_review"]


class Validate(StepHandler):
    handler_name = "approval.validate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"amount": context.get_input("amount")})


@step_handler("approval.validate_dsl")
@inputs("amount")
def validate(amount: int) -> dict[str, Any]:
    return {"amount": amount}


class Route(DecisionHandler):
    handler_name = "approval.route_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        amount = context.get_dependency_field("validate_request", "amount")
        return self.decision_success(ways(amount), routing_context={"amount": amount})


@decision_handler("approval.route_dsl")
@depends_on(request="validate_request")
def route(request: dict[str, Any]) -> Decision:
    return Decision.route(ways(request["amount"]), amount=request["amount"])


class Approve(StepHandler):
    handler_name = "approval.auto_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"by": context.step_name})


class ApproveAsManager(Approve):
    handler_name = "approval.manager_class"


class ApproveAsFinance(Approve):
    handler_name = "approval.finance_class"


@step_handler("approval.auto_dsl")
def approve(context: StepContext) -> dict[str, Any]:
    return {"by": context.step_name}


@step_handler("approval.manager_dsl")
def approve_as_manager(context: StepContext) -> dict[str, Any]:
    return {"by": context.step_name}


@step_handler("approval.finance_dsl")
def approve_as_finance(context: StepContext) -> dict[str, Any]:
    return {"by": context.step_name}


class Finalize(StepHandler):
    handler_name = "approval.finalize_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        results = [context.get_dependency_result(way) for way in WAYS]
        return self.success({"approved_by": [result["by"] for result in results if result]})


@step_handler("approval.finalize_dsl")
@depends_on(policy="auto_approve", manager="manager_approval", finance="finance_review")
def finalize(policy: Any, manager: Any, finance: Any) -> dict[str, Any]:
    return {"approved_by": [result["by"] for result in (policy, manager, finance) if result]}
