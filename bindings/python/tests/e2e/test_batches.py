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
        ({"size": 10, "broken": 7}, "no step named 'work_'... has a result"),
    ],
)
def test_b2_without_analyzer_or_workers_the_sum_fails_for_good(
    sandbox: Sandbox, form: str, wrong: dict[str, Any], told: str
) -> None:
    run = run_batches(sandbox, form, **{"items": 10, "size": 5, **wrong})
    assert run.status in ("error", "blocked_by_failures")
    assert (run.steps["sum"].current_state, run.steps["sum"].attempts) == ("error", 1)
    assert told in run.error("sum")["message"]
    assert run.error("sum")["retryable"] is False


STRATEGIES = {
    "continue_on_failure": {
        "work_001": "complete",
        "work_002": "resolved_manually",
        "work_003": "complete",
        "sum": "complete",
    },
    "fail_fast": {"work_001": "error", "work_002": "error", "work_003": "error", "sum": "pending"},
    "isolate": {"work_001": "complete", "work_002": "error", "work_003": "complete", "sum": "pending"},
}


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b3_the_strategy_says_what_bad_items_and_failed_batches_mean(sandbox: Sandbox, form: str) -> None:
    context = {"items": 9, "size": 3, "bad": 2, "broken": 4}
    tasks = {
        strategy: sandbox.client.create_task(f"{strategy}_{form}", namespace="batches_py", context=context)
        for strategy in STRATEGIES
    }
    runs = {strategy: sandbox.wait(task.task_uuid) for strategy, task in tasks.items()}
    for strategy, states in STRATEGIES.items():
        for step, state in states.items():
            runs[strategy] = until_step_is(state, step, runs[strategy], sandbox)
    went_on, fast, isolated = runs.values()
    total = went_on.completed().results["sum"]
    assert (total["total_processed"], total["worker_count"]) == (6, 2), "those of the batches that did not fail"
    assert {fast.status, isolated.status} == {"blocked_by_failures"}

    def told(run: TaskRun) -> list[int]:
        return [run.results["work_001"][key] for key in ("items_succeeded", "items_failed", "items_skipped")]

    assert (told(went_on), told(isolated)) == ([1, 2, 0], [1, 0, 2])
    assert fast.error("work_001")["message"] == "item 0 is bad"
    assert fast.error("work_003")["error_type"] == "cut_short"
    assert isolated.error("work_002")["message"] == "the batch from item 3 cannot be read"


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_b4_the_sum_tells_the_rate_and_keeps_a_hundred_errors_at_most(sandbox: Sandbox, form: str) -> None:
    total = run_batches(sandbox, form, items=300, size=100, bad=240).completed().results["sum"]
    assert (total["total_processed"], total["total_succeeded"], total["total_failed"]) == (300, 60, 240)
    assert total["success_rate"] == 0.2
    assert (len(total["errors"]), total["error_count"]) == (100, 240)
