"""What the program `tasker` does with handlers in Python."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tasker_core.client import TaskerClient

from .conftest import Program, Start

PYTHON = {"TASKER_PYTHON": sys.executable}


def changes(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_demo_runs_a_workflow_of_go_and_python_handlers(tasker: Path, start: Start, client: TaskerClient) -> None:
    code, out, log = start("demo", "--pace", "50ms", "--output", "json", program=tasker, **PYTHON).end()
    assert (code, log) == (0, "")
    ended = changes(out)[-1]
    assert (ended["type"], ended["status"]) == ("task", "complete")
    assert ended["results"]["process_payment"]["amount_cents"] == 4498
    records = {step.name: step for step in client.list_task_steps(ended["task_uuid"])}
    assert (records["process_payment"].attempts, records["ship_order"].attempts) == (2, 1)
    workers = {name: (step.results or {})["metadata"].get("worker_id") for name, step in records.items()}
    assert workers["process_payment"] not in (workers["validate_cart"], workers["ship_order"])
    assert [c["error"] for c in changes(out) if "error" in c] == ["the payment gateway did not answer"]


def test_the_demo_says_which_language_does_what(tasker: Path, start: Start) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    code, out, _ = start("demo", "--pace", "10ms", program=tasker, **PYTHON).end()
    assert (code, f"process_payment is done in Python {version}, by a process of its own." in out) == (0, True), out
    code, out, _ = start("demo", "--pace", "10ms", program=tasker, TASKER_PYTHON="no-python").end()
    assert (code, "process_payment is done in Go: Python handlers cannot run here (no-python is not in PATH)" in out) == (0, True)


def paying(tasker: Path, start: Start) -> tuple[Program, str]:
    """A demo whose payment is under way, and its task."""
    demo = start("demo", "--pace", "2s", "--output", "json", program=tasker, **PYTHON)
    while True:
        change = demo.told()
        if change.get("step") == "process_payment" and change["status"] == "in_progress":
            return demo, change["task_uuid"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_demo_that_ends_while_python_is_at_work_goes_on_with_the_next(
    tasker: Path, start: Start, client: TaskerClient, number: signal.Signals, code: int
) -> None:
    demo, task = paying(tasker, start)
    demo.signal(number)
    assert demo.end(30)[0] == code
    assert client.get_task(task).status != "complete"
    code, _, log = start("demo", "--pace", "10ms", program=tasker, **PYTHON).end()
    assert (code, client.get_task(task).status) == (0, "complete"), log


def test_bench_compares_handlers_in_python_with_handlers_in_go(tasker: Path, start: Start) -> None:
    sizes = ("--tasks", "20", "--rounds", "2", "--concurrency", "5", "--payload", "1024")
    bench = start("bench", "--handlers", "python", *sizes, "--output", "json", program=tasker, **PYTHON)
    code, out, log = bench.end()
    assert (code, log) == (0, "")
    report = json.loads(out)
    assert [side["language"] for side in report["languages"]] == ["go", "python"]
    assert (report["shape"], report["payload_bytes"], report["concurrency"]) == ("linear4", 1024, 5)
    assert report["ratio"] > 0
    assert all(side["p50_ms"] > 0 for side in report["languages"])


def test_bench_says_what_is_missing(tasker: Path, start: Start) -> None:
    code, _, log = start("bench", "--handlers", "python", program=tasker, TASKER_PYTHON="no-python").end()
    assert (code, "Python handlers cannot run here (no-python is not in PATH): install" in log) == (1, True), log
