"""W10: workflows of businesses. The first step of each checks what it is given."""

from __future__ import annotations

from typing import Any

from tasker_core import PermanentError, StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import depends_on, inputs, step_handler


def must(good: bool, otherwise: str) -> None:
    if not good:
        raise PermanentError(otherwise, code="BAD_INPUT")


# A shop: five steps in a row.


def total_of(items: list[dict[str, int]] | None) -> dict[str, int]:
    must(bool(items) and all(item["quantity"] > 0 for item in items or []), "the cart holds nothing")
    return {
        "pieces": sum(item["quantity"] for item in items or []),
        "cents": sum(item["quantity"] * item["cents"] for item in items or []),
    }


class ValidateCart(StepHandler):
    handler_name = "shop.validate_cart_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(total_of(context.get_input("items")))


@step_handler("shop.validate_cart_dsl")
@inputs("items")
def validate_cart(items: list[dict[str, int]] | None) -> dict[str, int]:
    return total_of(items)


class ProcessPayment(StepHandler):
    handler_name = "shop.process_payment_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"paid": context.get_dependency_field("validate_cart", "cents")})


@step_handler("shop.process_payment_dsl")
@depends_on(cart="validate_cart")
def process_payment(cart: dict[str, int]) -> dict[str, Any]:
    return {"paid": cart["cents"]}


class UpdateInventory(StepHandler):
    handler_name = "shop.update_inventory_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"taken": context.get_dependency_field("validate_cart", "pieces")})


@step_handler("shop.update_inventory_dsl")
@depends_on(cart="validate_cart")
def update_inventory(cart: dict[str, int]) -> dict[str, Any]:
    return {"taken": cart["pieces"]}


class CreateOrder(StepHandler):
    handler_name = "shop.create_order_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        taken, paid = context.get_dependency_result("update_inventory"), context.get_dependency_result("process_payment")
        return self.success({"order": {**taken, **paid}})


@step_handler("shop.create_order_dsl")
@depends_on(taken="update_inventory", paid="process_payment")
def create_order(taken: dict[str, int], paid: dict[str, int]) -> dict[str, Any]:
    return {"order": {**taken, **paid}}


class SendConfirmation(StepHandler):
    handler_name = "shop.send_confirmation_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"confirmed": context.get_dependency_field("create_order", "order")})


@step_handler("shop.send_confirmation_dsl")
@depends_on(made="create_order")
def send_confirmation(made: dict[str, Any]) -> dict[str, Any]:
    return {"confirmed": made["order"]}


# A pipeline of three sources.


def rows_of(days: Any, rows_a_day: int) -> dict[str, int]:
    must(isinstance(days, int) and days > 0, "days must be a positive number")
    return {"rows": days * rows_a_day}


class Extract(StepHandler):
    handler_name = "pipeline.extract_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(rows_of(context.get_input("days"), context.get_config("rows_a_day")))


@step_handler("pipeline.extract_dsl")
@inputs("days")
def extract(days: int | None, context: StepContext) -> dict[str, Any]:
    return rows_of(days, context.get_config("rows_a_day"))


class Transform(StepHandler):
    handler_name = "pipeline.transform_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        (extracted,) = context.get_all_dependency_results("extract_")
        return self.success({"value": extracted["rows"] * 2})


@step_handler("pipeline.transform_dsl")
def transform(context: StepContext) -> dict[str, Any]:
    (extracted,) = context.get_all_dependency_results("extract_")
    return {"value": extracted["rows"] * 2}


class Aggregate(StepHandler):
    handler_name = "pipeline.aggregate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"total": sum(result["value"] for result in context.get_all_dependency_results("transform_"))})


@step_handler("pipeline.aggregate_dsl")
@depends_on(sales="transform_sales", inventory="transform_inventory", customers="transform_customers")
def aggregate(sales: dict[str, Any], inventory: dict[str, Any], customers: dict[str, Any]) -> dict[str, Any]:
    return {"total": sales["value"] + inventory["value"] + customers["value"]}


class Report(StepHandler):
    handler_name = "pipeline.report_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"report": f"total {context.get_dependency_field('aggregate', 'total')}"})


@step_handler("pipeline.report_dsl")
@depends_on(total="aggregate")
def report(total: dict[str, Any]) -> dict[str, Any]:
    return {"report": f"total {total['total']}"}


# A registration, which is a diamond.


def user_of(email: str | None) -> dict[str, str]:
    must(email is not None and "@" in email, "an e-mail address is needed")
    return {"user": str(email).partition("@")[0]}


class CreateUser(StepHandler):
    handler_name = "registration.create_user_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(user_of(context.get_input("email")))


@step_handler("registration.create_user_dsl")
@inputs("email")
def create_user(email: str | None) -> dict[str, Any]:
    return user_of(email)


class SetUp(StepHandler):
    handler_name = "registration.set_up_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({context.step_name: context.get_dependency_field("create_user", "user")})


@step_handler("registration.set_up_dsl")
@depends_on(user="create_user")
def set_up(user: dict[str, Any], context: StepContext) -> dict[str, Any]:
    return {context.step_name: user["user"]}


class Welcome(StepHandler):
    handler_name = "registration.welcome_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        both = {context.get_dependency_field(step, step) for step in ("billing", "preferences")}
        return self.success({"welcomed": len(both) == 1})


@step_handler("registration.welcome_dsl")
@depends_on(billing="billing", preferences="preferences")
def welcome(billing: dict[str, Any], preferences: dict[str, Any]) -> dict[str, Any]:
    return {"welcomed": billing["billing"] == preferences["preferences"]}


class Activate(StepHandler):
    handler_name = "registration.activate_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        welcomed = context.get_dependency_field("welcome", "welcomed")
        return self.success({"active": context.get_dependency_field("create_user", "user") if welcomed else None})


@step_handler("registration.activate_dsl")
@depends_on(user="create_user", welcomed="welcome")
def activate(user: dict[str, Any], welcomed: dict[str, Any]) -> dict[str, Any]:
    return {"active": user["user"] if welcomed["welcomed"] else None}
