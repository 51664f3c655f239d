"""W14: a step that prints its task, so that one who reads what workers print knows how often each of them ran it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tasker_core import StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import step_handler

WORKERS = 2


def run_beside_others(context: StepContext) -> None:
    """Print the task, and stay until each worker runs a step of the burst: none is so quick that nothing is left to others."""
    sys.stdout.write(f"ran {context.task_uuid}\n")  # in one piece: print writes a line and its end, and threads come between
    sys.stdout.flush()
    at_work = Path(context.get_input("at_work"))
    (at_work / str(os.getpid())).touch()
    deadline = time.monotonic() + 20
    while len(list(at_work.iterdir())) < WORKERS and time.monotonic() < deadline:
        time.sleep(0.01)


class Run(StepHandler):
    handler_name = "burst.run_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        run_beside_others(context)
        return self.success({"by": "class"})


@step_handler("burst.run_dsl")
def run(context: StepContext) -> dict[str, str]:
    run_beside_others(context)
    return {"by": "dsl"}
