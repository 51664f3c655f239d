"""Testing workflows: one handler by itself, or whole templates on a database that is made for the test.

    outcome = run_handler(charge_card, context={"amount": 12}, dependencies={"validate_cart": {"total": 12}})
    assert outcome.result == {"payment_id": "p-1"}

    with Sandbox(templates=["config/tasks"], handler_packages=["my_app.handlers"]) as sandbox:
        run = sandbox.run("checkout", namespace="orders", context={"cart": [1]})
        assert run.completed().results["charge_card"] == {"payment_id": "p-1"}

`tasker_core.testing.fixtures` has the sandbox as a pytest fixture.
"""

from tasker_core.testing._handlers import Outcome, make_context, run_handler, run_handler_async, step_event
from tasker_core.testing._sandbox import Sandbox, TaskRun

__all__ = ["Outcome", "Sandbox", "TaskRun", "make_context", "run_handler", "run_handler_async", "step_event"]
