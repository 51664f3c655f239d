"""Workflows as plain typed functions: which step needs which is read from their parameters.

    orders = Workflow("order_processing", namespace="ecommerce")

    @orders.step(timeout="5s")
    def validate_cart(items: list[Item]) -> Cart: ...

    @orders.step(retries=3, timeout="30s")
    async def charge(cart: Cart = result(validate_cart)) -> Payment: ...

Steps stay functions, for tests to call. `orders.to_yaml()` is the template; a worker finds the handlers in the package that
it is given, or by `orders.register()`.
"""

from tasker_core.workflow._parameters import result, results
from tasker_core.workflow._run import Run, RunFailedError
from tasker_core.workflow._workflow import Workflow

__all__ = ["Run", "RunFailedError", "Workflow", "result", "results"]
