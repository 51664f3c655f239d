"""Workflows from their templates to their results, on PostgreSQL, with handlers of both forms: W1 to W9 and W13."""

from __future__ import annotations

import csv
import socket
from pathlib import Path
from typing import Any

import pytest

from tasker_core._status import UsageError
from tasker_core.testing import Sandbox

from .conftest import run_all
from .forms import products
from .forms.approval import WAYS


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w1_four_steps_in_a_row(sandbox: Sandbox, form: str) -> None:
    numbers = {6: [36, 46, 138, 69], 8: [64, 74, 222, 111]}
    contexts = [{"even_number": number} for number in numbers]
    runs = run_all(sandbox, f"mathematical_sequence_py_{form}", "linear_workflow_py", contexts)
    for run, expected in zip(runs, numbers.values(), strict=True):
        results = run.completed().results
        assert [results[name]["result"] for name in ("square", "add", "multiply", "divide")] == expected
        assert [step.attempts for step in run.steps.values()] == [1] * 4


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("template", "exponents"),
    [
        pytest.param(
            "examples_linear/mathematical_sequence",
            {"linear_step_1": 2, "linear_step_2": 4, "linear_step_3": 8, "linear_step_4": 16},
            id="W2",
        ),
        pytest.param(
            "examples_diamond/diamond_pattern",
            {"diamond_start": 2, "diamond_branch_b": 4, "diamond_branch_c": 4, "diamond_end": 16},
            id="W4",
        ),
        pytest.param(
            "examples_tree/hierarchical_tree",
            {
                "tree_root": 2, "tree_branch_left": 4, "tree_branch_right": 4, "tree_leaf_d": 8, "tree_leaf_e": 8,
                "tree_leaf_f": 8, "tree_leaf_g": 8, "tree_final_convergence": 64,
            },
            id="W5",
        ),
        pytest.param(
            "examples_mixed_dag/complex_dag",
            {
                "dag_init": 2, "dag_process_left": 4, "dag_process_right": 4, "dag_validate": 16, "dag_transform": 8,
                "dag_analyze": 8, "dag_finalize": 64,
            },
            id="W6",
        ),
    ],
)  # fmt: skip
def test_w2_w4_w5_w6_the_arithmetic_is_exact_at_each_step(
    sandbox: Sandbox, form: str, template: str, exponents: dict[str, int]
) -> None:
    namespace, _, name = template.partition("/")
    run = sandbox.run(f"{name}_{form}", namespace=namespace, context={"even_number": 6}).completed()
    assert run.results == {step: {"value": str(6**exponent)} for step, exponent in exponents.items()}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w3_two_branches_and_their_average(sandbox: Sandbox, form: str) -> None:
    context = {"even_number": 6}
    run = sandbox.run(f"diamond_workflow_py_{form}", namespace="diamond_workflow_py", context=context).completed()
    assert {name: outcome["value"] for name, outcome in run.results.items()} == {
        "start": 36,
        "branch_add": 61,
        "branch_double": 72,
        "average": 66.5,
    }


def approval(amount: int, **more: Any) -> dict[str, Any]:
    return {"amount": amount, "requester": "ada", "purpose": "a lathe", **more}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w7_only_the_steps_that_a_decision_chooses_come_into_being(sandbox: Sandbox, form: str) -> None:
    auto, manager, both = ["auto_approve"], ["manager_approval"], ["manager_approval", "finance_review"]
    chosen = {1: auto, 999: auto, 1000: manager, 4999: manager, 5000: both, 1_000_000: both}
    runs = run_all(sandbox, f"approval_routing_{form}", "conditional_approval", map(approval, chosen))
    for run, ways in zip(runs, chosen.values(), strict=True):
        assert set(run.completed().steps) == {"validate_request", "routing_decision", *ways, "finalize_approval"}
        assert run.results["finalize_approval"] == {"approved_by": [way for way in WAYS if way in ways]}
        assert {step.attempts for step in run.steps.values()} == {1}


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("context", "told"),
    [
        (approval(0), "amount: 0 is less than 1"),
        (approval(-5), "amount: -5 is less than 1"),
        (approval(1_000_001), "amount: 1000001 is more than 1000000"),
        (approval(500, requester=""), "requester"),
        (approval(500, purpose=""), "purpose"),
    ],
)
def test_w7_a_request_that_the_schema_rules_out_makes_no_task(
    sandbox: Sandbox, form: str, context: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        sandbox.client.create_task(f"approval_routing_{form}", namespace="conditional_approval", context=context)


def write_products(path: Path, count: int) -> products.Totals:
    """Write a file of products, and add up what is in it."""
    totals = {"products": count, "stock": 0, "value_cents": 0, "by_category": {}}
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["name", "category", "stock", "price_cents"])
        for number in range(count):
            category, stock, cents = f"category {number % 7}", number % 13, 100 + number
            out.writerow([f'product "{number}", new', category, stock, cents])
            totals["stock"] += stock
            totals["value_cents"] += stock * cents
            totals["by_category"][category] = totals["by_category"].get(category, 0) + 1
    return totals


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w8_a_csv_file_is_counted_in_batches(sandbox: Sandbox, form: str, tmp_path: Path) -> None:
    workers = {1000: 5, 0: 0, 150: 1, 200: 1, 201: 2, 2500: 5}
    files = {rows: tmp_path / f"{rows}.csv" for rows in workers}
    totals = [write_products(file, rows) for rows, file in files.items()]
    runs = run_all(sandbox, f"csv_products_{form}", "csv_py", [{"csv": str(file)} for file in files.values()])
    for (rows, count), total, run in zip(workers.items(), totals, runs, strict=True):
        names = [f"process_csv_batch_{number:03}" for number in range(1, count + 1)]
        placeholder = [] if rows else ["process_csv_batch_000"]
        assert set(run.completed().steps) == {"analyze_csv", *names, *placeholder, "aggregate_csv_results"}, rows
        assert {step.attempts for step in run.steps.values()} == {1}, "checkpoints use up no attempt"
        shares = [run.results[name]["items_processed"] for name in names]
        assert shares == {1000: [200] * 5, 0: [], 150: [150], 200: [200], 201: [200, 1], 2500: [500] * 5}[rows]
        found = run.results["aggregate_csv_results"]
        assert {key: found[key] for key in total} == total
        assert (found["worker_count"], found["scenario"]) == (count, "with_batches" if rows else "no_batches")


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w9_a_diamond_decides_which_half_is_worked_off_in_batches(sandbox: Sandbox, form: str) -> None:
    ways = [([2, 4, 6, 3], "evens", 2), ([1, 3, 5, 7, 9, 2], "odds", 3), ([1, 2, 3, 4], "evens", 1)]
    runs = run_all(sandbox, f"numbers_{form}", "business_py", [{"numbers": numbers} for numbers, _, _ in ways])
    for run, (numbers, half, batches) in zip(runs, ways, strict=True):
        workers = {f"work_{half}_{number:03}" for number in range(1, batches + 1)}
        assert set(run.completed().steps) == {
            "start", "evens", "odds", "choose", f"split_{half}", *workers, "sum", "finish",
        }  # fmt: skip
        chosen = [number for number in numbers if number % 2 == (half == "odds")]
        assert run.results["sum"] == {"sum": sum(chosen), "batches": batches}
        assert run.results["finish"] == {"finished": sum(chosen)}


# Other methods than call are those of classes: a function of the DSL has no others.
def test_w13_templates_name_methods_of_a_class(sandbox: Sandbox) -> None:
    run = sandbox.run("methods", namespace="methods_py").completed()
    assert {name: outcome["ran"] for name, outcome in run.results.items()} == {
        "validate": "validate",
        "process": "process",
        "refund": "refund",
        "plain": "call",
    }


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w13_templates_name_resolvers(sandbox: Sandbox, form: str) -> None:
    run = sandbox.run(f"resolved_{form}", namespace="methods_py").completed()
    ran = {"ran": f"dispatch.tell_{form}.call"}
    assert run.results == {"plain": ran, "named": ran, "hinted": ran, "both": ran}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_the_record_of_a_step_tells_who_ran_it_where_and_when(sandbox: Sandbox, form: str) -> None:
    context = {"even_number": 2}
    run = sandbox.run(f"mathematical_sequence_py_{form}", namespace="linear_workflow_py", context=context).completed()
    record = run.steps["square"].results
    assert record is not None
    assert record["metadata"]["worker_id"] == sandbox.worker.worker_id
    assert record["metadata"]["worker_hostname"] == socket.gethostname()
    assert run.task.created_at < record["metadata"]["started_at"] <= record["metadata"]["completed_at"]
    assert record["metadata"]["execution_time_ms"] >= 0
    assert record["metadata"]["handler_version"] == "1.0.0"
    assert record["metadata"]["custom"] == {"operation": "square"}
