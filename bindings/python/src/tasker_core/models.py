"""What a step event tells of task, step and template, as attributes instead of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tasker_core._convert import parse_time
from tasker_core.types.step import unwrap_result


@dataclass
class HandlerWrapper:
    """The handler that a step names."""

    callable: str
    initialization: dict[str, Any] = field(default_factory=dict)
    handler_method: str | None = None
    resolver: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> HandlerWrapper:
        """Read the `handler` of a step definition."""
        data = data or {}
        return cls(
            callable=data.get("callable") or "",
            initialization=data.get("initialization") or {},
            handler_method=data.get("method") or data.get("handler_method"),
            resolver=data.get("resolver"),
        )


@dataclass
class StepDefinitionWrapper:
    """A step as its template declares it."""

    name: str
    description: str
    handler: HandlerWrapper
    dependencies: list[str] = field(default_factory=list)
    retry: dict[str, Any] = field(default_factory=dict)
    timeout_seconds: int = 30
    publishes_events: list[str] = field(default_factory=list)

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> StepDefinitionWrapper:
        """Read the `step_definition` of an event."""
        data = data or {}
        events = data.get("publishes_events") or []
        return cls(
            name=data.get("name") or "",
            description=data.get("description") or "",
            handler=HandlerWrapper.from_dict(data.get("handler")),
            dependencies=data.get("dependencies") or [],
            retry=data.get("retry") or {},
            timeout_seconds=data.get("timeout_seconds") or 30,
            publishes_events=[e["name"] if isinstance(e, Mapping) else e for e in events],
        )


class DependencyResultsWrapper:
    """The records of the steps before, by name."""

    def __init__(self, results: dict[str, Any] | None = None) -> None:
        self._results = results or {}

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> DependencyResultsWrapper:
        """Read the `dependency_results` of an event."""
        return cls(data)

    def get_result(self, step_name: str) -> Any:
        """Return the record of a step, with what it returned under `result`; None if there is none."""
        return self._results.get(step_name)

    def get_results(self, step_name: str) -> Any:
        """Return what a step returned, or None."""
        return unwrap_result(self._results.get(step_name))

    def keys(self) -> list[str]:
        """Return the names of the steps."""
        return list(self._results)


@dataclass
class WorkflowStepWrapper:
    """The step's own row."""

    workflow_step_uuid: str
    task_uuid: str
    name: str
    named_step_uuid: str | None = None
    retryable: bool = True
    max_attempts: int = 3
    in_process: bool = False
    processed: bool = False
    processed_at: datetime | None = None
    attempts: int = 0
    last_attempted_at: datetime | None = None
    backoff_request_seconds: int = 0
    inputs: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> WorkflowStepWrapper:
        """Read the `workflow_step` of an event."""
        data = data or {}
        max_attempts = data.get("max_attempts")
        return cls(
            workflow_step_uuid=data.get("workflow_step_uuid") or "",
            task_uuid=data.get("task_uuid") or "",
            name=data.get("name") or "",
            named_step_uuid=data.get("named_step_uuid"),
            retryable=data.get("retryable", True),
            max_attempts=3 if max_attempts is None else max_attempts,
            in_process=data.get("in_process", False),
            processed=data.get("processed", False),
            processed_at=_time(data.get("processed_at")),
            attempts=data.get("attempts") or 0,
            last_attempted_at=_time(data.get("last_attempted_at")),
            backoff_request_seconds=data.get("backoff_request_seconds") or 0,
            inputs=data.get("inputs") or {},
            results=data.get("results") or {},
            created_at=_time(data.get("created_at")),
            updated_at=_time(data.get("updated_at")),
        )


@dataclass
class TaskWrapper:
    """The task that the step belongs to."""

    task_uuid: str
    context: dict[str, Any] = field(default_factory=dict)
    namespace_name: str = ""
    task_name: str = ""
    task_version: str = ""
    correlation_id: str | None = None
    parent_correlation_id: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> TaskWrapper:
        """Read the `task` of an event; its own `task` holds the row."""
        data = data or {}
        row = data.get("task") or data
        return cls(
            task_uuid=row.get("task_uuid") or "",
            context=row.get("context") or {},
            namespace_name=data.get("namespace_name") or "",
            task_name=data.get("task_name") or "",
            task_version=data.get("task_version") or "",
            correlation_id=row.get("correlation_id"),
            parent_correlation_id=row.get("parent_correlation_id"),
        )


@dataclass
class TaskSequenceStepWrapper:
    """All that an event tells of its step."""

    task: TaskWrapper
    workflow_step: WorkflowStepWrapper
    dependency_results: DependencyResultsWrapper
    step_definition: StepDefinitionWrapper

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> TaskSequenceStepWrapper:
        """Read the `task_sequence_step` of an event."""
        data = data or {}
        return cls(
            task=TaskWrapper.from_dict(data.get("task")),
            workflow_step=WorkflowStepWrapper.from_dict(data.get("workflow_step")),
            dependency_results=DependencyResultsWrapper.from_dict(data.get("dependency_results")),
            step_definition=StepDefinitionWrapper.from_dict(data.get("step_definition")),
        )

    def get_task_field(self, field_name: str) -> Any:
        """Return a field of the task's context, or None."""
        return self.task.context.get(field_name)

    def get_dependency_result(self, step_name: str) -> Any:
        """Return what an earlier step returned, or None."""
        return self.dependency_results.get_results(step_name)

    def get_results(self, step_name: str) -> Any:
        """Return what an earlier step returned, or None."""
        return self.dependency_results.get_results(step_name)


def _time(value: Any) -> Any:
    return parse_time(value) if isinstance(value, str) else value
