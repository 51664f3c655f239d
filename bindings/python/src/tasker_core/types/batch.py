"""How a batchable step splits its work, and what its workers are given and give back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tasker_core._model import Model
from tasker_core.types.step import StepContext


@dataclass(kw_only=True)
class CursorConfig(Model):
    """The range of one batch."""

    start_cursor: int
    """First position."""
    end_cursor: int
    """First position after the range."""
    step_size: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class BatchAnalyzerOutcome(Model):
    """The batches that a batchable step makes. None means that there is nothing to do."""

    cursor_configs: list[CursorConfig] = field(default_factory=list)
    total_items: int | None = None
    batch_metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_ranges(
        cls,
        ranges: list[tuple[int, int]],
        step_size: int = 1,
        total_items: int | None = None,
        batch_metadata: dict[str, Any] | None = None,
    ) -> BatchAnalyzerOutcome:
        """Make batches from pairs of first position and first position after."""
        return cls(
            cursor_configs=[CursorConfig(start_cursor=a, end_cursor=b, step_size=step_size) for a, b in ranges],
            total_items=total_items,
            batch_metadata=batch_metadata or {},
        )


@dataclass(kw_only=True)
class BatchWorkerContext(Model):
    """The batch that a worker step works off, and how far earlier attempts got."""

    batch_id: str
    cursor_config: CursorConfig
    batch_index: int
    """Which of the batches, from 0."""
    total_batches: int
    """How many batches there are; 0 if the step was not told."""
    batch_metadata: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, Any] = field(default_factory=dict)

    @property
    def start_cursor(self) -> int:
        """First position."""
        return self.cursor_config.start_cursor

    @property
    def end_cursor(self) -> int:
        """First position after the range."""
        return self.cursor_config.end_cursor

    @property
    def step_size(self) -> int:
        """The distance between positions."""
        return self.cursor_config.step_size

    @property
    def checkpoint_cursor(self) -> int | str | dict[str, Any] | None:
        """Where to go on, as it was saved."""
        return self.checkpoint.get("cursor")

    @property
    def accumulated_results(self) -> dict[str, Any] | None:
        """The partial results that were saved."""
        return self.checkpoint.get("accumulated_results")

    def has_checkpoint(self) -> bool:
        """Tell whether something was saved."""
        return bool(self.checkpoint)

    @property
    def checkpoint_items_processed(self) -> int:
        """How many items were done when it was saved."""
        return self.checkpoint.get("items_processed") or 0

    @classmethod
    def from_step_context(cls, step_context: StepContext) -> BatchWorkerContext | None:
        """Read the batch from a worker step's inputs; None if the step has none."""
        cursor = step_context.step_inputs.get("cursor")
        if not isinstance(cursor, dict):
            return None
        batch_id = str(cursor.get("batch_id", ""))
        number = re.search(r"\d+$", batch_id)
        return cls(
            batch_id=batch_id,
            cursor_config=CursorConfig(
                start_cursor=cursor.get("start_cursor", 0),
                end_cursor=cursor.get("end_cursor", 0),
                step_size=cursor.get("step_size", 1),
            ),
            batch_index=max(int(number.group()) - 1, 0) if number else 0,
            total_batches=step_context.step_inputs.get("total_batches", 0),
            batch_metadata=step_context.step_inputs.get("batch_metadata") or {},
            checkpoint=step_context.checkpoint or {},
        )


@dataclass(kw_only=True)
class BatchWorkerOutcome(Model):
    """What a worker did with its batch."""

    items_processed: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    last_cursor: int | None = None
    batch_metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("items_processed", "items_succeeded", "items_failed", "items_skipped"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")


class FailureStrategy(str, Enum):
    """What a failed item means for its batch."""

    CONTINUE_ON_FAILURE = "continue_on_failure"
    FAIL_FAST = "fail_fast"
    ISOLATE = "isolate"


@dataclass(kw_only=True)
class RustCursorConfig(Model):
    """The range of one batch as it travels; the cursors may be any JSON."""

    batch_id: str
    start_cursor: Any
    end_cursor: Any
    batch_size: int


@dataclass(kw_only=True)
class BatchMetadata(Model):
    """What the template says of a batch."""

    cursor_field: str = "id"
    failure_strategy: FailureStrategy = FailureStrategy.CONTINUE_ON_FAILURE


@dataclass(kw_only=True)
class RustBatchWorkerInputs(Model):
    """The inputs of a batch worker step as they travel."""

    cursor: RustCursorConfig
    batch_metadata: BatchMetadata = field(default_factory=BatchMetadata)
    is_no_op: bool = False
    """The one worker of a batchable step that found nothing to do."""


@dataclass(kw_only=True)
class NoBatchesOutcome(Model):
    """Nothing to do, as it travels."""

    type: str = "no_batches"


@dataclass(kw_only=True)
class CreateBatchesOutcome(Model):
    """Batches to make, as they travel."""

    type: str = "create_batches"
    worker_template_name: str
    worker_count: int
    cursor_configs: list[RustCursorConfig]
    total_items: int


def no_batches() -> NoBatchesOutcome:
    """Say that there is nothing to do."""
    return NoBatchesOutcome()


def create_batches(
    worker_template_name: str, worker_count: int, cursor_configs: list[RustCursorConfig], total_items: int
) -> CreateBatchesOutcome:
    """Ask for one worker step for each range.

    Raises:
        ValueError: The count of workers is not that of the ranges.
    """
    if worker_count != len(cursor_configs):
        raise ValueError(f"worker_count is {worker_count}, but there are {len(cursor_configs)} cursor_configs")
    return CreateBatchesOutcome(
        worker_template_name=worker_template_name,
        worker_count=worker_count,
        cursor_configs=cursor_configs,
        total_items=total_items,
    )


@dataclass(kw_only=True)
class BatchAggregationResult(Model):
    """The sum over all workers of a batch."""

    total_processed: int = 0
    total_succeeded: int = 0
    total_failed: int = 0
    total_skipped: int = 0
    batch_count: int = 0
    success_rate: float = 0.0
    """Succeeded of processed, from 0.0 to 1.0; 0.0 if nothing was processed."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    error_count: int = 0
    """All errors, also those beyond the ones that are kept."""


def aggregate_batch_results(worker_results: list[dict[str, Any] | None], max_errors: int = 100) -> BatchAggregationResult:
    """Add up what workers returned. A worker without a result is left out; at most `max_errors` errors are kept."""
    total = BatchAggregationResult()
    for result in worker_results:
        if result is None:
            continue
        total.batch_count += 1
        total.total_processed += result.get("items_processed") or 0
        total.total_succeeded += result.get("items_succeeded") or 0
        total.total_failed += result.get("items_failed") or 0
        total.total_skipped += result.get("items_skipped") or 0
        errors = result.get("errors") or []
        total.error_count += len(errors)
        total.errors.extend(errors[: max_errors - len(total.errors)])
    if total.total_processed:
        total.success_rate = total.total_succeeded / total.total_processed
    return total
