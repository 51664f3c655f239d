"""W14: a step that prints its task, so that one who reads what workers print knows how often each of them ran it."""

from __future__ import annotations

import time

from tasker_core import StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import step_handler


class Run(StepHandler):
    handler_name = "burst.run_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        print(f"ran {context.task_uuid}", flush=True)
        time.sleep(0.05)
        return self.success({"by": "class"})


@step_handler("burst.run_dsl")
def run(context: StepContext) -> dict[str, str]:
    print(f"ran {context.task_uuid}", flush=True)
    time.sleep(0.05)
    return {"by": "dsl"}
