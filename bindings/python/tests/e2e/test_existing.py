"""An application that was written for the existing Python package runs unchanged."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from .conftest import HERE, Play, Program


@pytest.fixture(scope="module")
def seen(data_dir: str) -> Any:
    """What became of its tasks and events."""
    program = Program(data_dir, [sys.executable, str(HERE / "programs.py"), "existing"])
    code, out, log = program.end()
    assert code == 0, f"{out}\n{log}"
    return json.loads(out.splitlines()[-1])


def test_classes_and_functions_with_models_and_an_api_take_a_task_to_its_end(seen: Any) -> None:
    run = seen["runs"]["paid"]
    assert run["status"] == "complete"
    assert run["validate_order"] == ["complete", 1, {"order_id": "order-7", "total": 12.5}, None]
    assert run["check_stock"] == ["complete", 2, {"available": True}, None], "the first answer was 503"
    assert run["charge"] == ["complete", 2, {"charge_id": "ch-7", "total": 12.5, "card": "tok_1"}, None]
    assert run["ship"][:2] == ["complete", 1]
    assert run["thank"] == ["complete", 1, {"thanked": "order-7", "for": 12.5}, None]


def test_what_handlers_say_of_themselves_is_kept(seen: Any) -> None:
    run = seen["runs"]["paid"]
    assert run["validate_order record"]["metadata"]["handler_version"] == "1.1.0"
    assert run["validate_order record"]["metadata"]["custom"] == {"validated": True}
    assert run["thank record"]["metadata"]["handler_version"] == "2.0.0"


def test_failures_are_what_the_handlers_meant(seen: Any) -> None:
    runs = seen["runs"]
    over, nothing, no_token = runs["over_limit"], runs["nothing"], runs["no_token"]
    assert over["validate_order"] == ["error", 1, {}, "more than 500"]
    assert over["validate_order record"]["metadata"]["error_code"] == "OVER_LIMIT"
    assert nothing["validate_order"][:2] == ["error", 1], "a ValidationError is permanent, whatever may be tried again"
    assert no_token["charge"] == ["error", 1, {}, "no token"]
    assert {run["status"] for run in (over, nothing, no_token)} <= {"error", "blocked_by_failures"}


def test_trap_17_publishers_that_templates_name_are_called_under_each_condition(seen: Any) -> None:
    names = [name for name, _, _ in seen["heard"]]
    assert sorted(names) == ["payment.charged", "payment.delayed", "payment.delayed", "payment.refused"]
    charged = next(event for event in seen["heard"] if event[0] == "payment.charged")
    assert charged[1] == {"charge": "ch-7", "step": "charge", "namespace": "existing_py"}
    assert (charged[2]["step_name"], charged[2]["namespace"]) == ("charge", "existing_py")


def test_hooks_of_publishers_hear_what_became_of_their_events(seen: Any) -> None:
    log = seen["log"]
    assert log.count("before payment.charged") == log.count("after payment.charged") == 1, "the quiet one was held back"
    assert log.index("before payment.charged") < log.index("after payment.charged")
    assert log.count("error customer.paid: no such customer") == 2


def test_decisions_and_batches_of_classes_and_functions_run(play: Play) -> None:
    ways = {0: [], 500: ["auto_approve"], 9000: ["manager_approval", "finance_review"]}
    approvals = {(f"approval_{style}", amount): chosen for style in ("class", "function") for amount, chosen in ways.items()}
    rows = {(f"rows_{style}", rows): total for style in ("class", "function") for rows, total in ((1000, 499500), (0, 0))}
    requests = [[name, {"amount": amount}] for name, amount in approvals]
    requests += [[name, {"rows": rows, "batch_size": 200}] for name, rows in rows]
    requests += [["approval_class", {"amount": -1}], ["rows_class", {"rows": 100, "fail_at": 50}]]
    runs = play("growing", json.dumps(requests))["runs"]
    again, refused = runs.pop(), runs.pop()

    assert {run["status"] for run in runs} == {"complete"}
    for asked, run in zip([*approvals, *rows], runs, strict=True):
        steps, chosen, total = run["steps"], approvals.get(asked), rows.get(asked)
        if chosen:
            assert steps["finalize"] == ["complete", 1, {"approved_by": chosen}], asked
        if chosen is not None:
            assert {"auto_approve", "manager_approval", "finance_review"} & set(steps) == set(chosen), asked
        if total is not None:
            assert steps["sum"][2]["total"] == total, asked
    assert (refused["steps"]["decide"][:2], "auto_approve" in refused["steps"]) == (["error", 1], False)
    assert again["steps"]["process_batch_001"][:2] == ["complete", 2]
    assert again["steps"]["sum"][2]["total"] == sum(range(100)), "no row twice, and none left out"
