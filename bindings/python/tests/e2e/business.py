"""The handlers of W9 to W12."""

from __future__ import annotations

from typing import Any

from tasker_core import DecisionHandler, PermanentError, StepContext, StepHandler, StepHandlerResult
from tasker_core.batch_processing import Batchable
from tasker_core.domain_events import BasePublisher, StepEventContext
from tasker_core.step_handler import depends_on, inputs, step_handler
from tasker_core.step_handler.functional import BatchConfig, batch_analyzer, batch_worker

# W9: a diamond, whose end decides which half of the numbers is worked off in batches.


@step_handler("numbers.count")
@inputs("numbers")
def count(numbers: list[int], context: StepContext) -> dict[str, Any]:
    rest = {"evens": 0, "odds": 1}[context.step_name]
    return {"numbers": [number for number in numbers if number % 2 == rest]}


class ChooseHalf(DecisionHandler):
    handler_name = "numbers.ChooseHalf"

    def call(self, context: StepContext) -> StepHandlerResult:
        evens, odds = (context.get_dependency_field(half, "numbers") for half in ("evens", "odds"))
        return self.decision_success(["split_evens" if len(evens) >= len(odds) else "split_odds"])


@batch_analyzer("numbers.split_evens", worker_template="work_evens")
@depends_on(half="evens")
def split_evens(half: dict[str, Any]) -> BatchConfig:
    return BatchConfig(total_items=len(half["numbers"]), batch_size=2)


@batch_analyzer("numbers.split_odds", worker_template="work_odds")
@depends_on(half="odds")
def split_odds(half: dict[str, Any]) -> BatchConfig:
    return BatchConfig(total_items=len(half["numbers"]), batch_size=2)


@batch_worker("numbers.work")
def work(batch_context: Any, context: StepContext) -> dict[str, Any]:
    half = "evens" if "evens" in context.step_name else "odds"
    mine = context.get_dependency_field(half, "numbers")[batch_context.start_cursor : batch_context.end_cursor]
    return {"items_processed": len(mine), "items_succeeded": len(mine), "sum": sum(mine)}


class SumHalf(StepHandler, Batchable):
    handler_name = "numbers.SumHalf"

    def call(self, context: StepContext) -> dict[str, Any]:
        sums = [context.get_all_dependency_results(f"work_{half}_") for half in ("evens", "odds")]
        return {"sum": sum(result["sum"] for results in sums for result in results), "batches": sum(map(len, sums))}


# W10: a pipeline of three sources, and a registration that is a diamond. Each checks its input first.


@step_handler("pipeline.extract")
@inputs("days")
def extract(days: int | None, context: StepContext) -> dict[str, Any]:
    if not isinstance(days, int) or days <= 0:
        raise PermanentError("days must be a positive number", code="BAD_INPUT")
    return {"rows": days * context.get_config("rows_a_day")}


@step_handler("pipeline.transform")
def transform(context: StepContext) -> dict[str, Any]:
    (extracted,) = context.get_all_dependency_results("extract_")
    return {"value": extracted["rows"] * 2}


@step_handler("pipeline.aggregate")
def aggregate(context: StepContext) -> dict[str, Any]:
    return {"total": sum(result["value"] for result in context.get_all_dependency_results("transform_"))}


@step_handler("pipeline.report")
@depends_on(total="aggregate")
def report(total: dict[str, Any]) -> dict[str, Any]:
    return {"report": f"total {total['total']}"}


@step_handler("registration.create_user")
@inputs("email")
def create_user(email: str | None) -> dict[str, Any]:
    if not email or "@" not in email:
        raise PermanentError("an e-mail address is needed", code="BAD_INPUT")
    return {"user": email.partition("@")[0]}


@step_handler("registration.set_up")
@depends_on(user="create_user")
def set_up(user: dict[str, Any], context: StepContext) -> dict[str, Any]:
    return {context.step_name: user["user"]}


@step_handler("registration.welcome")
@depends_on(billing="billing", preferences="preferences")
def welcome(billing: dict[str, Any], preferences: dict[str, Any]) -> dict[str, Any]:
    return {"welcomed": billing["billing"] == preferences["preferences"]}


@step_handler("registration.activate")
@depends_on(user="create_user", welcomed="welcome")
def activate(user: dict[str, Any], welcomed: dict[str, Any]) -> dict[str, Any]:
    return {"active": user["user"] if welcomed["welcomed"] else None}


# W11: two teams whose workflows and steps have the same names.


@step_handler("payments.refund")
def refund_payment(context: StepContext) -> dict[str, Any]:
    return {"by": "payments", "namespace": context.namespace}


@step_handler("support.refund")
def refund_ticket(context: StepContext) -> dict[str, Any]:
    return {"by": "support", "namespace": context.namespace}


# W12: four steps that tell what they did.


@step_handler("orders.step")
@inputs("amount")
def order_step(amount: int, context: StepContext) -> dict[str, Any]:
    if context.step_name == "payment" and amount <= 0:
        raise PermanentError("nothing to pay")
    return {"amount": amount}


class BrokenPublisher(BasePublisher):
    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        raise ValueError("a publisher that is broken")
