"""Splitting work into batches and bringing it together."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from unit_helpers import contract, make_context

from tasker_core.batch_processing import Batchable, BatchAggregationScenario
from tasker_core.errors import ConfigurationError, PermanentError
from tasker_core.types import (
    BatchAnalyzerOutcome,
    BatchWorkerContext,
    BatchWorkerOutcome,
    FailureStrategy,
    RustCursorConfig,
    StepHandlerResult,
    aggregate_batch_results,
    create_batches,
    no_batches,
)

batchable = Batchable()

WORKER_INPUTS = {
    "cursor": {"batch_id": "002", "start_cursor": 200, "end_cursor": 301, "batch_size": 101},
    "batch_metadata": {"cursor_field": "row", "failure_strategy": "fail_fast"},
    "is_no_op": False,
}
PLACEHOLDER = {
    "cursor": {"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0},
    "batch_metadata": {"cursor_field": "id", "failure_strategy": "continue_on_failure"},
    "is_no_op": True,
}


def pairs(total: int, size: int, **how: Any) -> list[tuple[int, int]]:
    return [(c.start_cursor, c.end_cursor) for c in batchable.create_cursor_ranges(total, size, **how)]


class TestRanges:
    def test_a_thousand_rows_by_two_hundred_are_five_ranges(self) -> None:
        assert pairs(1000, 200) == [(0, 200), (200, 400), (400, 600), (600, 800), (800, 1000)]

    @pytest.mark.parametrize(
        ("total", "size", "want"),
        [
            (0, 10, []),
            (1, 10, [(0, 1)]),
            (10, 10, [(0, 10)]),
            (11, 10, [(0, 10), (10, 11)]),
            (3, 1, [(0, 1), (1, 2), (2, 3)]),
        ],
    )
    def test_the_last_range_is_what_remains(self, total: int, size: int, want: list[tuple[int, int]]) -> None:
        assert pairs(total, size) == want

    @pytest.mark.parametrize(("most", "count"), [(1, 1), (3, 3), (5, 5), (10, 5)])
    def test_beyond_the_cap_ranges_grow_and_nothing_is_lost(self, most: int, count: int) -> None:
        ranges = pairs(1000, 200, max_batches=most)
        assert len(ranges) == count
        assert ranges[0][0] == 0
        assert ranges[-1][1] == 1000
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))

    @pytest.mark.parametrize(
        ("total", "workers", "rows"),
        [(10, 3, [4, 3, 3]), (11, 3, [4, 4, 3]), (12, 3, [4, 4, 4]), (2, 5, [1, 1]), (0, 5, [])],
    )
    def test_what_remains_goes_to_the_first_workers(self, total: int, workers: int, rows: list[int]) -> None:
        configs = batchable.create_cursor_configs(total, workers)
        assert [c.row_count for c in configs] == rows
        assert [c.batch_id for c in configs] == [f"{i + 1:03d}" for i in range(len(rows))]
        assert [(c.worker_index, c.total_workers) for c in configs] == [(i, len(rows)) for i in range(len(rows))]
        assert sum(c.cursor_end - c.cursor_start for c in configs) == total
        if configs:
            assert configs[0].to_dict() == {
                "batch_id": "001",
                "cursor_start": 0,
                "cursor_end": rows[0],
                "row_count": rows[0],
                "worker_index": 0,
                "total_workers": len(rows),
            }

    @pytest.mark.parametrize(
        "split",
        [
            lambda: batchable.create_cursor_ranges(10, 0),
            lambda: batchable.create_cursor_ranges(-1, 5),
            lambda: batchable.create_cursor_ranges(10, 5, max_batches=0),
            lambda: batchable.create_cursor_configs(10, 0),
            lambda: batchable.create_cursor_configs(-1, 1),
        ],
    )
    def test_numbers_that_make_no_sense_are_refused(self, split: Any) -> None:
        with pytest.raises(ConfigurationError):
            split()


class TestAnalyzer:
    def test_batches_are_written_as_the_core_reads_them(self) -> None:
        outcome = batchable.create_batch_outcome_from_ranges([(0, 200), (200, 301)])
        result = batchable.batch_analyzer_success(outcome, {"took": 1}, worker_template_name="process_csv_batch")
        want = next(e["document"] for e in contract("outcomes")["accept"] if e["name"] == "two batches")
        assert result.result == want
        assert result.metadata == {"took": 1}

    def test_an_outcome_may_be_given_in_parts(self) -> None:
        cursors = [batchable.create_cursor_config(0, 5), batchable.create_cursor_config(5, 9)]
        result = batchable.batch_analyzer_success(cursor_configs=cursors, total_items=9, batch_metadata={"file": "a"})
        outcome = result.result["batch_processing_outcome"]
        assert (outcome["worker_template_name"], outcome["worker_count"], outcome["total_items"]) == ("batch_worker", 2, 9)
        assert result.result["batch_metadata"] == {"file": "a"}

    def test_nothing_to_do_is_no_batches(self) -> None:
        want = next(e["document"] for e in contract("outcomes")["accept"] if e["name"] == "no batches")
        assert batchable.batch_analyzer_success(batchable.create_batch_outcome(0, 10)).result == want
        assert batchable.batch_analyzer_success().result == want
        assert batchable.no_batches_outcome("empty file").result == {**want, "reason": "empty file"}

    def test_a_batch_that_ends_before_it_starts_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="ends at 1, before its start 5"):
            batchable.batch_analyzer_success(BatchAnalyzerOutcome.from_ranges([(5, 1)]))

    def test_as_many_cursors_as_workers(self) -> None:
        cursor = RustCursorConfig(batch_id="001", start_cursor="a", end_cursor="f", batch_size=5)
        assert create_batches("w", 1, [cursor], 5).model_dump()["cursor_configs"][0]["start_cursor"] == "a"
        with pytest.raises(ValueError, match="worker_count is 2, but there are 1"):
            create_batches("w", 2, [cursor], 5)
        assert no_batches().model_dump() == {"type": "no_batches"}


class TestWorker:
    def test_the_batch_is_read_from_the_step_s_inputs(self) -> None:
        batch = batchable.get_batch_context(make_context(inputs=WORKER_INPUTS))
        assert batch is not None
        assert (batch.batch_id, batch.start_cursor, batch.end_cursor, batch.step_size) == ("002", 200, 301, 1)
        assert batch.batch_index == 1
        assert batch.batch_metadata == {"cursor_field": "row", "failure_strategy": "fail_fast"}
        assert not batch.has_checkpoint()
        assert (batch.checkpoint_cursor, batch.checkpoint_items_processed, batch.accumulated_results) == (None, 0, None)

    def test_a_checkpoint_goes_with_it(self) -> None:
        saved = {"cursor": 250, "items_processed": 50, "accumulated_results": {"sum": 9}}
        batch = batchable.get_batch_context(make_context(inputs=WORKER_INPUTS, checkpoint=saved))
        assert batch is not None
        assert batch.has_checkpoint()
        assert (batch.checkpoint_cursor, batch.checkpoint_items_processed, batch.accumulated_results) == (
            250,
            50,
            {"sum": 9},
        )

    @pytest.mark.parametrize(("batch_id", "index"), [("001", 0), ("batch_012", 11), ("000", 0), ("x", 0)])
    def test_the_index_is_in_the_batch_s_name(self, batch_id: str, index: int) -> None:
        batch = BatchWorkerContext.from_step_context(make_context(inputs={"cursor": {"batch_id": batch_id}}))
        assert batch is not None
        assert batch.batch_index == index

    def test_another_step_has_no_batch(self) -> None:
        assert batchable.get_batch_context(make_context()) is None
        assert batchable.get_batch_worker_inputs(make_context()) is None
        assert batchable.handle_no_op_worker(make_context()) is None

    @pytest.mark.parametrize("strategy", list(FailureStrategy))
    def test_the_inputs_are_typed(self, strategy: FailureStrategy) -> None:
        metadata = {"cursor_field": "row", "failure_strategy": strategy.value}
        inputs = batchable.get_batch_worker_inputs(make_context(inputs={**WORKER_INPUTS, "batch_metadata": metadata}))
        assert inputs is not None
        assert inputs.batch_metadata.failure_strategy is strategy
        assert inputs.cursor.end_cursor == 301
        assert inputs.is_no_op is False

    def test_the_placeholder_is_done_at_once(self) -> None:
        result = batchable.handle_no_op_worker(make_context(inputs=PLACEHOLDER))
        assert result is not None
        assert result.is_success
        assert (result.result["no_op"], result.result["batch_id"], result.result["items_processed"]) == (True, "000", 0)
        assert batchable.handle_no_op_worker(make_context(inputs=WORKER_INPUTS)) is None

    def test_an_outcome_is_the_standard_result(self) -> None:
        outcome = batchable.create_worker_outcome(10, 8, 1, 1, [{"id": 1}], [{"row": 3}], 10, {"file": "a"})
        assert batchable.batch_worker_success(outcome, {"took": 1}) == StepHandlerResult.success(
            {
                "items_processed": 10,
                "items_succeeded": 8,
                "items_failed": 1,
                "items_skipped": 1,
                "results": [{"id": 1}],
                "errors": [{"row": 3}],
                "last_cursor": 10,
                "batch_metadata": {"file": "a"},
            },
            {"took": 1},
        )

    def test_items_of_which_nothing_is_said_succeeded(self) -> None:
        result = batchable.batch_worker_success(items_processed=10, items_failed=2, items_skipped=1, last_cursor=10).result
        assert (result["items_succeeded"], result["last_cursor"]) == (7, 10)
        assert "results" not in result
        assert batchable.batch_worker_success(items_processed=10, items_succeeded=4).result["items_succeeded"] == 4

    def test_a_partial_failure_succeeds_and_says_so(self) -> None:
        outcome = batchable.create_worker_outcome(10, 8, 2)
        result = batchable.batch_worker_partial_failure(outcome)
        assert result.is_success
        assert result.result["partial_failure"] is True
        assert result.result["message"] == "2 of 10 items failed"
        assert batchable.batch_worker_partial_failure(outcome, "hm").result["message"] == "hm"

    def test_counts_are_not_negative(self) -> None:
        with pytest.raises(ValueError, match="items_failed must not be negative"):
            BatchWorkerOutcome(items_failed=-1)

    def test_a_batch_can_be_made_by_hand(self) -> None:
        batch = batchable.create_batch_context(batchable.create_cursor_config(5, 9, 2), 1, 3, {"a": 1})
        assert (batch.batch_id, batch.step_size, batch.total_batches, batch.batch_metadata) == ("002", 2, 3, {"a": 1})


class TestCheckpoint:
    def test_a_yield_saves_how_far_the_work_got(self) -> None:
        result = batchable.checkpoint_yield({"page": "x"}, 0)
        assert result.metadata == {"checkpoint_yield": True}
        assert result.result == {"cursor": {"page": "x"}, "items_processed": 0, "accumulated_results": None}

    @pytest.mark.parametrize("count", [-1, 1.0, True, None])
    def test_a_count_that_is_none_is_refused(self, count: Any) -> None:
        with pytest.raises(PermanentError, match="items_processed must be a whole number from 0"):
            batchable.checkpoint_yield(1, count)


def records(**results: Any) -> dict[str, Any]:
    return {name: {"success": True, "result": result} for name, result in results.items()}


NONE = {"batch_processing_outcome": {"type": "no_batches"}}
SOME = {"batch_processing_outcome": {"type": "create_batches", "worker_count": 2}}


class TestScenario:
    def test_nothing_to_do_is_seen(self) -> None:
        scenario = batchable.detect_aggregation_scenario(records(analyze=NONE, work_000={"no_op": True}), "analyze", "work_")
        assert scenario.no_batches()
        assert (scenario.worker_count, scenario.batch_results, scenario.batchable_result) == (0, {}, NONE)

    def test_workers_are_found_by_their_prefix(self) -> None:
        given = records(analyze=SOME, work_001={"n": 1}, work_002={"n": 2}, other={"n": 3})
        scenario = BatchAggregationScenario.detect(given, "analyze", "work_")
        assert not scenario.no_batches()
        assert (scenario.worker_count, scenario.batch_results) == (2, {"work_001": {"n": 1}, "work_002": {"n": 2}})

    def test_results_may_have_been_taken_out_of_their_records(self) -> None:
        scenario = BatchAggregationScenario.detect({"analyze": SOME, "work_001": {"n": 1}}, "analyze", "work_")
        assert scenario.batch_results == {"work_001": {"n": 1}}

    def test_the_analyzer_is_no_worker_though_its_name_fits(self) -> None:
        scenario = BatchAggregationScenario.detect(records(work=SOME, work_001={"n": 1}), "work", "work")
        assert list(scenario.batch_results) == ["work_001"]

    def test_without_the_analyzer_there_is_an_error(self) -> None:
        with pytest.raises(PermanentError, match="no result of the batchable step 'analyze'"):
            BatchAggregationScenario.detect(records(work_001={}), "analyze", "work_")

    def test_batches_without_workers_are_an_error(self) -> None:
        with pytest.raises(PermanentError, match="no step named 'work_'"):
            BatchAggregationScenario.detect(records(analyze=SOME), "analyze", "work_")


class TestAggregation:
    def test_numbers_are_added_up(self) -> None:
        first = {"items_processed": 10, "items_succeeded": 8, "items_failed": 2, "errors": [{"row": 1}, {"row": 2}]}
        second = {"items_processed": 5, "items_succeeded": 4, "items_skipped": 1}
        total = aggregate_batch_results([first, None, second])
        assert total.model_dump() == {
            "total_processed": 15,
            "total_succeeded": 12,
            "total_failed": 2,
            "total_skipped": 1,
            "batch_count": 2,
            "success_rate": 0.8,
            "errors": [{"row": 1}, {"row": 2}],
            "error_count": 2,
        }

    def test_at_most_a_hundred_errors_are_kept_and_all_are_counted(self) -> None:
        workers: list[dict[str, Any] | None] = [{"errors": [{"n": n} for n in range(70)]} for _ in range(3)]
        total = aggregate_batch_results(workers)
        assert (len(total.errors), total.error_count) == (100, 210)
        assert len(aggregate_batch_results(workers, max_errors=5).errors) == 5

    def test_of_nothing_the_rate_is_zero(self) -> None:
        assert aggregate_batch_results([]).success_rate == 0.0

    def test_results_of_workers_are_brought_together(self) -> None:
        scenario = BatchAggregationScenario(False, SOME, {"w_001": {"items_processed": 2, "items_succeeded": 2}}, 1)
        result = batchable.aggregate_batch_worker_results(scenario).result
        assert (result["total_processed"], result["success_rate"], result["worker_count"]) == (2, 1.0, 1)
        assert result["scenario"] == "with_batches"

    def test_a_function_may_bring_them_together(self) -> None:
        scenario = BatchAggregationScenario(False, SOME, {"w_001": {"n": 1}, "w_002": {"n": 2}}, 2)
        result = batchable.aggregate_batch_worker_results(
            scenario, aggregation_fn=lambda r: {"sum": sum(w["n"] for w in r.values())}
        )
        assert result.result == {"sum": 3, "worker_count": 2, "scenario": "with_batches"}

    def test_of_no_batches_the_sum_is_zero(self) -> None:
        result = batchable.aggregate_batch_worker_results(BatchAggregationScenario(True, NONE, {}, 0), {"rows": 0}).result
        assert (result["total_processed"], result["rows"], result["worker_count"]) == (0, 0, 0)
        assert result["scenario"] == "no_batches"
