"""What operators are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasker_core._answers import Answer, TaskResponse


@dataclass
class DlqEntry(Answer):
    """A dead letter: a task that needs somebody to look at it. The task keeps its own state."""

    dlq_entry_uuid: str = ""
    task_uuid: str = ""
    original_state: str = ""
    dlq_reason: str = ""
    """`staleness_timeout`, `max_retries_exceeded`, `permanent_failure`, `manual_dlq` or another."""
    dlq_timestamp: str = ""
    resolution_status: str = ""
    """`pending`, `manually_resolved`, `permanently_failed` or `cancelled`."""
    resolution_timestamp: str | None = None
    resolution_notes: str | None = None
    resolved_by: str | None = None
    task_snapshot: dict[str, Any] = field(default_factory=dict)
    """The task as it was then."""
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""


@dataclass
class DlqStats(Answer):
    """How many dead letters there are of one reason."""

    dlq_reason: str = ""
    total_entries: int = 0
    pending: int = 0
    manually_resolved: int = 0
    permanent_failures: int = 0
    cancelled: int = 0
    oldest_entry: str | None = None
    newest_entry: str | None = None
    avg_resolution_time_minutes: float | None = None


@dataclass
class DlqInvestigation(Answer):
    """A dead letter that nobody has resolved yet, and what its task does now."""

    dlq_entry_uuid: str = ""
    task_uuid: str = ""
    original_state: str = ""
    dlq_reason: str = ""
    dlq_timestamp: str = ""
    minutes_in_dlq: float = 0.0
    namespace_name: str | None = None
    task_name: str | None = None
    current_state: str | None = None
    time_in_state_minutes: int | None = None
    priority_score: float = 0.0
    """What to look at first has the highest."""


@dataclass
class TaskStaleness(Answer):
    """How long an open task has not moved."""

    task_uuid: str = ""
    namespace_name: str | None = None
    task_name: str | None = None
    current_state: str = ""
    time_in_state_minutes: int = 0
    task_age_minutes: int = 0
    staleness_threshold_minutes: int = 0
    health_status: str = ""
    """`healthy`, `warning` or `stale`."""
    priority: int = 0


@dataclass
class StepSummary(Answer):
    """A step in a summary."""

    step_uuid: str = ""
    name: str = ""
    state: str = ""
    attempts: int = 0
    max_attempts: int = 0
    duration_ms: int | None = None
    error: str | None = None
    next_retry_at: str | None = None


@dataclass
class TaskSummary(Answer):
    """What there is to know of a task in one answer."""

    task: TaskResponse = field(default_factory=TaskResponse)
    steps: list[StepSummary] = field(default_factory=list)
    template_content_hash: str | None = None
    dlq: DlqEntry | None = None
    """Its latest dead letter."""
    links: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskSummary:
        """Read an answer with all its parts."""
        parts = {
            "task": TaskResponse.from_dict(data.get("task") or {}),
            "steps": [StepSummary.from_dict(step) for step in data.get("steps") or []],
            "dlq": DlqEntry.from_dict(data["dlq"]) if data.get("dlq") else None,
        }
        return super().from_dict({**data, **parts})
