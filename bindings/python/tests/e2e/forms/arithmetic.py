"""W1 to W6: calculations whose results are known."""

from __future__ import annotations

import asyncio
from typing import Any

from tasker_core import StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import depends_on, inputs, step_handler

from . import example

# W1: n squared, plus ten, times three, halved.


class Square(StepHandler):
    handler_name = "linear.square_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"result": context.get_input("even_number") ** 2}, {"operation": "square"})


@step_handler("linear.square_dsl")
@inputs("even_number")
def square(even_number: int) -> StepHandlerResult:
    return StepHandlerResult.success({"result": even_number**2}, {"operation": "square"})


class Add(StepHandler):
    handler_name = "linear.add_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"result": context.get_dependency_field("square", "result") + context.get_config("addend")})


@step_handler("linear.add_dsl")
@depends_on(before="square")
def add(before: dict[str, Any], context: StepContext) -> dict[str, Any]:
    return {"result": before["result"] + context.get_config("addend")}


class Multiply(StepHandler):
    handler_name = "linear.multiply_class"

    def __init__(self, config: dict[str, Any]) -> None:
        self.factor = config["factor"]

    async def call(self, context: StepContext) -> StepHandlerResult:
        await asyncio.sleep(0)
        return self.success({"result": context.get_dependency_field("add", "result") * self.factor})


@step_handler("linear.multiply_dsl")
@depends_on(before="add")
async def multiply(before: dict[str, Any], context: StepContext) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"result": before["result"] * context.get_config("factor")}


class Divide(StepHandler):
    handler_name = "linear.divide_class"

    def call(self, context: StepContext) -> dict[str, Any]:
        return {"result": context.get_dependency_field("multiply", "result") // context.get_config("divisor")}


@step_handler("linear.divide_dsl")
@depends_on(before="multiply")
def divide(before: dict[str, Any], context: StepContext) -> dict[str, Any]:
    return {"result": before["result"] // context.get_config("divisor")}


# W3: n squared, two branches, and their average.


class Start(StepHandler):
    handler_name = "diamond.start_class"

    def call(self, context: StepContext) -> dict[str, Any]:
        return {"value": context.get_input("even_number") ** 2}


@step_handler("diamond.start_dsl")
@inputs("even_number")
def start(even_number: int) -> dict[str, Any]:
    return {"value": even_number**2}


class BranchAdd(StepHandler):
    handler_name = "diamond.branch_add_class"

    def call(self, context: StepContext) -> dict[str, Any]:
        return {"value": context.get_dependency_field("start", "value") + 25}


@step_handler("diamond.branch_add_dsl")
@depends_on(before="start")
def branch_add(before: dict[str, Any]) -> dict[str, Any]:
    return {"value": before["value"] + 25}


class BranchDouble(StepHandler):
    handler_name = "diamond.branch_double_class"

    async def call(self, context: StepContext) -> dict[str, Any]:
        return {"value": context.get_dependency_field("start", "value") * 2}


@step_handler("diamond.branch_double_dsl")
@depends_on(before="start")
async def branch_double(before: dict[str, Any]) -> dict[str, Any]:
    return {"value": before["value"] * 2}


class Average(StepHandler):
    handler_name = "diamond.average_class"

    def call(self, context: StepContext) -> dict[str, Any]:
        both = [context.get_dependency_field(branch, "value") for branch in ("branch_add", "branch_double")]
        return {"value": sum(both) / 2}


@step_handler("diamond.average_dsl")
@depends_on(left="branch_add", right="branch_double")
def average(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {"value": (left["value"] + right["value"]) / 2}


# W2, W4, W5 and W6: the examples' own functions are the DSL's part.

_math = example("math/arithmetic.py")
EXAMPLE_HANDLERS = {"math.square_dsl": _math.square, "math.multiply_square_dsl": _math.multiply_square}


class MathSquare(StepHandler):
    handler_name = "math.square_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"value": str(_math.product(context) ** 2)})


class MathMultiplySquare(MathSquare):
    handler_name = "math.multiply_square_class"
