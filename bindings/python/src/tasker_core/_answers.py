"""What clients are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

_R = TypeVar("_R")


def _made(cls: type[_R], data: Mapping[str, Any]) -> _R:
    """Fill a dataclass with what an answer has of its fields; null leaves the default."""
    names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{key: value for key, value in data.items() if key in names and value is not None})


@dataclass
class PaginationInfo:
    """Which page of a list this is; pages count from 1."""

    page: int = 0
    per_page: int = 50
    total_count: int = 0
    total_pages: int = 0
    has_next: bool = False
    has_previous: bool = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PaginationInfo:
        """Read an answer."""
        return _made(cls, data)


@dataclass
class TaskResponse:
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
    steps: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TaskResponse:
        """Read an answer."""
        return _made(cls, data)


@dataclass
class TaskListResponse:
    """A page of tasks, newest first."""

    tasks: list[TaskResponse] = field(default_factory=list)
    pagination: PaginationInfo = field(default_factory=PaginationInfo)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TaskListResponse:
        """Read an answer."""
        return cls(
            tasks=[TaskResponse.from_dict(task) for task in data.get("tasks") or []],
            pagination=PaginationInfo.from_dict(data.get("pagination") or {}),
        )


@dataclass
class StepResponse:
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

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StepResponse:
        """Read an answer."""
        return _made(cls, data)


@dataclass
class StepAuditResponse:
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

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StepAuditResponse:
        """Read an answer."""
        return _made(cls, data)


@dataclass
class HealthResponse:
    """A sign of life."""

    healthy: bool = False
    status: str = ""
    timestamp: str = ""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> HealthResponse:
        """Read an answer."""
        return _made(cls, {"healthy": data.get("status") == "healthy", **data})
