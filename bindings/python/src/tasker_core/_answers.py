"""What clients are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

A = TypeVar("A", bound="Answer")


@dataclass
class Answer:
    """What answers have in common."""

    @classmethod
    def from_dict(cls: type[A], data: Mapping[str, Any]) -> A:
        """Read an answer: what it has of the fields. Null leaves the default, and what is unknown is left out."""
        names = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in names and value is not None})


@dataclass
class PaginationInfo(Answer):
    """Which page of a list this is; pages count from 1."""

    page: int = 0
    per_page: int = 50
    total_count: int = 0
    total_pages: int = 0
    has_next: bool = False
    has_previous: bool = False


@dataclass
class TaskResponse(Answer):
    """A task, with the sum of its steps."""

    task_uuid: str = ""
    name: str = ""
    namespace: str = ""
    version: str = ""
    status: str = ""
    created_at: str = ""
    updated_at: str = ""
    completed_at: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    initiator: str = ""
    source_system: str = ""
    reason: str = ""
    priority: int | None = None
    tags: list[str] | None = None
    correlation_id: str = ""
    parent_correlation_id: str | None = None
    total_steps: int = 0
    pending_steps: int = 0
    in_progress_steps: int = 0
    completed_steps: int = 0
    failed_steps: int = 0
    ready_steps: int = 0
    execution_status: str = ""
    recommended_action: str = ""
    completion_percentage: float = 0.0
    health_status: str = ""
    paused_at: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class TaskListResponse(Answer):
    """A page of tasks, newest first."""

    tasks: list[TaskResponse] = field(default_factory=list)
    pagination: PaginationInfo = field(default_factory=PaginationInfo)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskListResponse:
        """Read an answer with its tasks."""
        return cls(
            tasks=[TaskResponse.from_dict(task) for task in data.get("tasks") or []],
            pagination=PaginationInfo.from_dict(data.get("pagination") or {}),
        )


@dataclass
class StepResponse(Answer):
    """A step of a task. `results` is the record of the last attempt that ended, or None."""

    step_uuid: str = ""
    task_uuid: str = ""
    name: str = ""
    created_at: str = ""
    updated_at: str = ""
    completed_at: str | None = None
    results: dict[str, Any] | None = None
    current_state: str = ""
    dependencies_satisfied: bool = False
    retry_eligible: bool = False
    ready_for_execution: bool = False
    total_parents: int = 0
    completed_parents: int = 0
    attempts: int = 0
    max_attempts: int = 0
    last_failure_at: str | None = None
    next_retry_at: str | None = None
    last_attempted_at: str | None = None


@dataclass
class StepAuditResponse(Answer):
    """One change of a step's state."""

    audit_uuid: str = ""
    workflow_step_uuid: str = ""
    transition_uuid: str = ""
    task_uuid: str = ""
    recorded_at: str = ""
    worker_uuid: str | None = None
    correlation_id: str | None = None
    success: bool = False
    execution_time_ms: int | None = None
    result: dict[str, Any] | None = None
    step_name: str = ""
    from_state: str | None = None
    to_state: str = ""


@dataclass
class HealthResponse(Answer):
    """A sign of life."""

    healthy: bool = False
    status: str = ""
    timestamp: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HealthResponse:
        """Read an answer, and what it means."""
        return super().from_dict({"healthy": data.get("status") == "healthy", **data})
