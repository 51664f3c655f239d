"""The types of a workflow's steps reach those that need them: what fits passes, what does not is told."""

from __future__ import annotations

from pathlib import Path

import mypy.api

SOURCE = Path(__file__).parents[2] / "src"

WORKFLOW = """
from tasker_core import StepContext, Workflow, result
from tasker_core.step_handler import step_handler
from tasker_core.workflow import results

orders = Workflow("orders")

class Cart:
    total: int

@orders.step(timeout="5s")
def validate(items: list[str]) -> Cart: ...

@orders.step
async def charge(context: StepContext, cart: Cart = result(validate)) -> int: ...

@orders.step(retries=3)
def ship(paid: int = result(charge), carts: list[Cart] = results(validate)) -> str: ...

@step_handler("plain")
def plain(n: int) -> str: ...

cart: Cart = validate(["a"])
text: str = ship(3, [cart])
name: str = plain(1)
handler = plain._handler_class()

wrong_result: str = result(validate)
wrong_async: str = result(charge)
wrong_list: list[str] = results(validate)
validate(3)
plain("x")
orders.step(type="decison")
"""


def test_types_flow_from_step_to_step(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WORKFLOW)
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = True\nmypy_path = {SOURCE}\ndisable_error_code = empty-body\n")
    told, _, _ = mypy.api.run([str(program), "--config-file", str(config), "--cache-dir", str(tmp_path / "cache")])
    found = {
        (WORKFLOW.splitlines()[int(line.split(":")[1]) - 1].split("(")[0].split(":")[0], line.rpartition("[")[2].rstrip("]"))
        for line in told.splitlines()
        if "program.py:" in line and ": error:" in line
    }
    assert found == {
        ("wrong_result", "assignment"),
        ("wrong_async", "assignment"),
        ("wrong_list", "arg-type"),
        ("validate", "arg-type"),
        ("plain", "arg-type"),
        ("orders.step", "call-overload"),
    }, told
