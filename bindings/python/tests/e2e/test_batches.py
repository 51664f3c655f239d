"""Batches, with handlers of both forms: B1 to B4."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tasker_core.testing import Sandbox, TaskRun

from .conftest import until_step_is


def run_batches(sandbox: Sandbox, form: str, **context: Any) -> TaskRun:
    return sandbox.run(f"batches_{form}", namespace="batches_py", context=context)


def ranges(run: TaskRun) -> list[list[int]]:
    """What each worker worked off, in the order of their names."""
    workers = sorted(name for name in run.steps if name.startswith("work_"))
    assert workers == [f"work_{number:03}" for number in range(1, len(workers) + 1)]
    assert [run.steps[name].attempts for name in workers] == [1] * len(workers)
    found: list[list[int]] = [run.results[name]["results"][0]["range"] for name in workers]
    return found


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("how", "want"),
    [
        ({"items": 1000, "size": 200}, [[0, 200], [200, 400], [400, 600], [600, 800], [800, 1000]]),
        ({"items": 11, "workers": 3}, [[0, 4], [4, 8], [8, 11]]),
        ({"items": 2, "workers": 5}, [[0, 1], [1, 2]]),
    ],
)
def test_b1_b2_each_batch_is_one_worker_and_what_remains_goes_to_the_first(
    sandbox: Sandbox, form: str, how: dict[str, int], want: list[list[int]]
) -> None:
    run = run_batches(sandbox, form, **how).completed()
    assert ranges(run) == want
    total = run.results["sum"]
    assert (total["scenario"], total["worker_count"]) == ("with_batches", len(want))
    assert (total["total_processed"], total["success_rate"]) == (how["items"], 1.0)


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b1_there_are_no_more_batches_than_the_cap_and_nothing_is_lost(sandbox: Sandbox, form: str) -> None:
    run = run_batches(sandbox, form, items=1000, size=200, most=3).completed()
    found = ranges(run)
    assert (len(found), found[0][0], found[-1][1]) == (3, 0, 1000)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b1_b2_of_no_items_there_is_no_batch(sandbox: Sandbox, form: str) -> None:
    run = run_batches(sandbox, form, items=0, size=200).completed()
    total = run.results["sum"]
    assert (total["scenario"], total["worker_count"], total["total_processed"]) == ("no_batches", 0, 0)


@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"analyzer": "analyse"}, "no result of the batchable step 'analyse'"),
        ({"prefix": "worker_"}, "no step named 'worker_'"),
    ],
)
def test_b2_without_analyzer_or_workers_the_sum_fails_for_good(
    sandbox: Sandbox, form: str, wrong: dict[str, str], told: str
) -> None:
    run = run_batches(sandbox, form, items=10, size=5, **wrong)
    assert run.status in ("error", "blocked_by_failures")
    assert (run.steps["sum"].current_state, run.steps["sum"].attempts) == ("error", 1)
    assert told in run.error("sum")["message"]
    assert run.error("sum")["retryable"] is False


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b3_a_worker_is_told_what_bad_items_mean(sandbox: Sandbox, form: str) -> None:
    run = sandbox.run(f"strategies_{form}", namespace="batches_py", context={"items": 10, "workers": 1, "bad": 3})
    for name, state in (("continue_on_failure", "complete"), ("isolate", "complete"), ("fail_fast", "error")):
        run = until_step_is(state, f"{name}_001", run, sandbox)
    went_on, isolated = run.results["continue_on_failure_001"], run.results["isolate_001"]
    assert (went_on["items_succeeded"], went_on["items_failed"], went_on["items_skipped"]) == (7, 3, 0)
    assert (isolated["items_succeeded"], isolated["items_failed"], isolated["items_skipped"]) == (7, 0, 3)
    assert run.error("fail_fast_001")["message"] == "item 0 is bad"
    assert run.status in ("error", "blocked_by_failures")


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b4_the_sum_tells_the_rate_and_keeps_a_hundred_errors_at_most(sandbox: Sandbox, form: str) -> None:
    total = run_batches(sandbox, form, items=300, size=100, bad=240).completed().results["sum"]
    assert (total["total_processed"], total["total_succeeded"], total["total_failed"]) == (300, 60, 240)
    assert total["success_rate"] == 0.2
    assert (len(total["errors"]), total["error_count"]) == (100, 240)
