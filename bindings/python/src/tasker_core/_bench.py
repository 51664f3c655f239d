"""The worker that `tasker bench --handlers python` measures: its handlers do nothing.

It reads what to do as one line of JSON, says when it is ready, and ends with its input.
"""

from __future__ import annotations

import json
import sys

from tasker_core.handler import HandlerRegistry
from tasker_core.types import BootstrapConfig, StepContext, StepHandlerResult
from tasker_core.worker import Worker


def main() -> int:
    """Run steps until nobody wants more."""
    asked = json.loads(sys.stdin.readline())
    outcome = StepHandlerResult.success(asked["result"])

    def do_nothing(_context: StepContext) -> StepHandlerResult:
        return outcome

    registry = HandlerRegistry()
    for name in asked["handlers"]:
        registry.register(name, do_nothing)
    with Worker.start(config=BootstrapConfig(settings=asked["settings"]), registry=registry):
        print(json.dumps({"Ready": True}), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
