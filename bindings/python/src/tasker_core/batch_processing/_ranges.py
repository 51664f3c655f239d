"""Dividing positions into ranges, and ranges as they travel."""

from __future__ import annotations

from typing import Any

from tasker_core.errors import ConfigurationError
from tasker_core.types import BatchAnalyzerOutcome, CursorConfig, NoBatchesOutcome, RustCursorConfig, create_batches


def ranges_of_size(total: int, size: int, most: int | None = None) -> list[tuple[int, int]]:
    """Divide `total` items into ranges of `size`; the last is what remains. Beyond `most` ranges, ranges grow."""
    if total < 0:
        raise ConfigurationError(f"total_items must not be negative, and is {total}")
    if size < 1:
        raise ConfigurationError(f"batch_size must be 1 or more, and is {size}")
    if most is not None:
        if most < 1:
            raise ConfigurationError(f"max_batches must be 1 or more, and is {most}")
        size = max(size, -(-total // most))
    return [(start, min(start + size, total)) for start in range(0, total, size)]


def ranges_for_workers(total: int, workers: int) -> list[tuple[int, int]]:
    """Divide `total` items evenly; what remains goes to the first workers. No worker is left without items."""
    if total < 0:
        raise ConfigurationError(f"total_items must not be negative, and is {total}")
    if workers < 1:
        raise ConfigurationError(f"worker_count must be 1 or more, and is {workers}")
    workers = min(workers, total)
    ranges, start = [], 0
    for worker in range(workers):
        end = start + total // workers + (1 if worker < total % workers else 0)
        ranges.append((start, end))
        start = end
    return ranges


def batch_id(index: int) -> str:
    """Name a batch by its index from 0: 001, 002 and so on."""
    return f"{index + 1:03d}"


def outcome_document(outcome: BatchAnalyzerOutcome, worker_template_name: str) -> dict[str, Any]:
    """Write the batches that a batchable step makes as the core reads them."""
    if not outcome.cursor_configs:
        return NoBatchesOutcome().model_dump()
    cursors = [
        RustCursorConfig(
            batch_id=batch_id(index),
            start_cursor=cursor.start_cursor,
            end_cursor=cursor.end_cursor,
            batch_size=_size(cursor),
        )
        for index, cursor in enumerate(outcome.cursor_configs)
    ]
    total = outcome.total_items
    if total is None:
        total = sum(cursor.batch_size for cursor in cursors)
    return create_batches(worker_template_name, len(cursors), cursors, total).model_dump()


def _size(cursor: CursorConfig) -> int:
    size = cursor.end_cursor - cursor.start_cursor
    if size < 0:
        raise ConfigurationError(f"a batch ends at {cursor.end_cursor}, before its start {cursor.start_cursor}")
    return size
