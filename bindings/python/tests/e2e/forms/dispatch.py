"""W13 and E10: handlers by what templates say of them."""

from __future__ import annotations

from typing import Any

from tasker_core import StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import step_handler


class Tell(StepHandler):
    handler_name = "dispatch.tell_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"ran": f"{context.handler_name}.call"})


@step_handler("dispatch.tell_dsl")
def tell(context: StepContext) -> dict[str, Any]:
    return {"ran": f"{context.handler_name}.call"}
