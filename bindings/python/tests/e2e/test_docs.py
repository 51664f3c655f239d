"""The code of docs/python.md does what the page says."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from tasker_core.testing import Sandbox

from .conftest import ROOT, Start

FENCE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.M | re.S)


def test_the_guides_code_runs_and_its_tests_pass(start: Start, tmp_path: Path) -> None:
    files = dict(FENCE.findall((ROOT / "docs" / "python.md").read_text()))
    assert sorted(files) == ["handlers.py", "repair.py", "test_handlers.py", "test_trips.py", "trips.py", "web.py"]
    for name, code in files.items():
        (tmp_path / name).write_text(code)
    program = start("-m", "pytest", "-q", "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path)
    code, out, log = program.end(170)
    assert (code, "3 passed" in out) == (0, True), out + log


def test_the_guides_command_runs_its_workflow(start: Start, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    (tmp_path / "trips.py").write_text(dict(FENCE.findall(page))["trips.py"])
    assert "python -m tasker_core.dev trips.py --run travel/book_trip --context '{\"to\": \"Trier\"}'" in page
    arguments = ("--run", "travel/book_trip", "--context", '{"to": "Trier"}')
    code, out, log = start("-m", "tasker_core.dev", tmp_path / "trips.py", *arguments).end()
    assert (code, '"carrier": "bus"' in out) == (0, True), out + log


def test_a_web_application_starts_and_stops_a_worker(start: Start, tmp_path: Path) -> None:
    for name, code in FENCE.findall((ROOT / "docs" / "python.md").read_text()):
        (tmp_path / name).write_text(code)
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(tmp_path)!r})
from web import lifespan
from trips import trips

async def serve():
    async with lifespan(None):
        run = trips.start(to="Trier")
        await asyncio.get_running_loop().run_in_executor(None, run.wait, 60)
        print(run.results["book"]["carrier"])

asyncio.run(serve())
"""
    code, out, log = start("-c", program, program=sys.executable).end()
    assert (code, out.strip()) == (0, "bus"), log


def test_the_guides_repair_resets_the_steps_that_it_names(tmp_path: Path, sandbox: Sandbox) -> None:
    code = dict(FENCE.findall((ROOT / "docs" / "python.md").read_text()))["repair.py"]
    namespace: dict[str, Any] = {}
    exec(code.replace('"shop"', '"errors_py"'), namespace)
    client = sandbox.client
    task = client.create_task("operated", namespace="errors_py", context={"how": "permanent"})
    assert client.wait_for_task(task.task_uuid).status == "blocked_by_failures"
    [charge] = [step for step in client.list_task_steps(task.task_uuid) if step.name == "charge"]
    try:
        assert namespace["retry_failed_charges"](client, "ada") >= 1
        history = client.get_step_audit_history(task.task_uuid, charge.step_uuid)
        assert "ada" in [(entry.result or {}).get("by") for entry in history]
    finally:
        client.resolve_task(task.task_uuid, reason="the test is over")
