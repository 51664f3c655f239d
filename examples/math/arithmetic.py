"""The handlers of the arithmetic examples, as math.go has them in Go: linear, diamond, tree and mixed DAG. Run one with

    python -m tasker_core.dev examples/math/arithmetic.py --templates examples/templates \\
        --run examples_tree/hierarchical_tree --context '{"even_number": 6}'

A result is a whole number as decimal text, which no JSON reader rounds.
"""

from __future__ import annotations

import math

from tasker_core import PermanentError, StepContext
from tasker_core.step_handler import step_handler


@step_handler("math.square")
def square(context: StepContext) -> dict[str, str]:
    """Square the number of the task, for a first step, or the result of the one step that it depends on."""
    return {"value": str(product(context) ** 2)}


@step_handler("math.multiply_square")
def multiply_square(context: StepContext) -> dict[str, str]:
    """Multiply the results of all steps that it depends on, and square the product."""
    return {"value": str(product(context) ** 2)}


def product(context: StepContext) -> int:
    """Multiply what the step works from."""
    before = context.task_sequence_step["step_definition"]["dependencies"]
    if before:
        return math.prod(int(context.get_dependency_field(name, "value")) for name in before)
    number = context.get_input("even_number")
    if not isinstance(number, int) or number % 2:
        raise PermanentError("even_number must be an even whole number")
    return number
