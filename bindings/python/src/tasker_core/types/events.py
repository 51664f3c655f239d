"""Domain events as subscribers get them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tasker_core._model import Model


@dataclass(kw_only=True)
class DomainEventMetadata(Model):
    """Where an event comes from."""

    task_uuid: UUID
    correlation_id: UUID
    fired_by: str
    fired_at: str = ""
    """When, as ISO 8601 in UTC."""
    step_uuid: UUID | None = None
    step_name: str | None = None
    namespace: str | None = None


@dataclass(kw_only=True)
class ExecutionResult(Model):
    """The attempt that an event tells of."""

    success: bool
    result: dict[str, Any] | None = None
    error_message: str | None = None
    error_type: str | None = None
    execution_time_ms: int | None = None


@dataclass(kw_only=True)
class InProcessDomainEvent(Model):
    """An event of this process."""

    event_id: UUID
    event_name: str
    event_version: str
    metadata: DomainEventMetadata
    payload: dict[str, Any] = field(default_factory=dict)
    execution_result: ExecutionResult | None = None

    @classmethod
    def model_validate(cls, data: Any) -> InProcessDomainEvent:
        """Make an event from a dict; the execution result is taken from the payload if it stands there."""
        event = super().model_validate(data)
        if event.execution_result is None and isinstance(event.payload, dict):
            record = event.payload.get("execution_result")
            if isinstance(record, Mapping):
                event.execution_result = _execution_result(record)
        return event

    @property
    def business_payload(self) -> Any:
        """What the event is about, without the record of the step around it."""
        return self.payload.get("payload", self.payload)


def _execution_result(record: Mapping[str, Any]) -> ExecutionResult:
    error, metadata = record.get("error") or {}, record.get("metadata") or {}
    return ExecutionResult(
        success=bool(record.get("success")),
        result=record.get("result"),
        error_message=error.get("message"),
        error_type=error.get("error_type"),
        execution_time_ms=metadata.get("execution_time_ms"),
    )
