"""What comes out of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

from tasker_core._model import Model


class ResultStatus(str, Enum):
    """The outcome of a step in one word."""

    SUCCESS = "completed"
    FAILURE = "error"
    RETRYABLE_ERROR = "retryable_error"
    PERMANENT_ERROR = "permanent_error"


class ErrorType(str, Enum):
    """The usual kinds of failure; handlers may use others."""

    PERMANENT_ERROR = "permanent_error"
    RETRYABLE_ERROR = "retryable_error"
    VALIDATION_ERROR = "validation_error"
    TIMEOUT = "timeout"
    HANDLER_ERROR = "handler_error"

    @classmethod
    def is_standard(cls, error_type: str) -> bool:
        """Tell whether a kind is one of these."""
        return error_type in {member.value for member in cls}

    @classmethod
    def is_typically_retryable(cls, error_type: str) -> bool:
        """Tell whether trying again often helps after a failure of this kind."""
        return error_type in {cls.RETRYABLE_ERROR.value, cls.TIMEOUT.value, cls.HANDLER_ERROR.value}


@dataclass(kw_only=True, init=False)
class StepHandlerResult(Model):
    """What a handler returns: make one with `success` or `failure`."""

    is_success: bool
    result: Any = None
    """The step's result, which must be JSON; mostly a dict."""
    error_message: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    retryable: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    """Kept with the step. `retry_after` (seconds) delays the next attempt after a failure."""

    _aliases: ClassVar[Mapping[str, str]] = {"success": "is_success"}

    def __init__(
        self,
        *,
        is_success: bool | None = None,
        success: bool | None = None,
        result: Any = None,
        error_message: str | None = None,
        error_type: str | None = None,
        error_code: str | None = None,
        retryable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Make a result; `success` is another name for `is_success`, and one of them is required."""
        if is_success is None:
            is_success = success
        if is_success is None:
            raise ValueError("StepHandlerResult needs is_success")
        self.is_success = is_success
        self.result = result
        self.error_message = error_message
        self.error_type = error_type
        self.error_code = error_code
        self.retryable = retryable
        self.metadata = {} if metadata is None else metadata

    @classmethod
    def success(cls, result: Any, metadata: dict[str, Any] | None = None) -> StepHandlerResult:
        """Say that the step is done."""
        return cls(is_success=True, result={} if result is None else result, metadata=metadata)

    @classmethod
    def failure(
        cls,
        message: str,
        error_type: str | ErrorType = ErrorType.HANDLER_ERROR,
        retryable: bool = True,
        metadata: dict[str, Any] | None = None,
        error_code: str | None = None,
    ) -> StepHandlerResult:
        """Say that the attempt failed, and whether another one may help."""
        return cls(
            is_success=False,
            error_message=message,
            error_type=error_type.value if isinstance(error_type, ErrorType) else error_type,
            error_code=error_code,
            retryable=retryable,
            metadata=metadata,
        )

    def is_success_result(self) -> bool:
        """Tell whether the step is done."""
        return self.is_success

    def is_failure_result(self) -> bool:
        """Tell whether the attempt failed."""
        return not self.is_success


@dataclass(kw_only=True)
class StepHandlerCallResult(Model):
    """The older form of what a handler returns. A failure in this form is retryable."""

    success: bool
    result: dict[str, Any] = field(default_factory=dict)
    error_message: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class StepError(Model):
    """Why an attempt failed."""

    error_type: str
    message: str
    stack_trace: str | None = None
    retryable: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class StepExecutionResult(Model):
    """The record of one attempt."""

    step_uuid: UUID
    task_uuid: UUID
    success: bool
    status: str
    execution_time_ms: int
    result: dict[str, Any] | None = None
    error: StepError | None = None
    worker_id: str | None = None
    correlation_id: UUID | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def success_result(
        cls,
        step_uuid: UUID,
        task_uuid: UUID,
        result: dict[str, Any],
        execution_time_ms: int,
        worker_id: str,
        correlation_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> StepExecutionResult:
        """Record an attempt that succeeded."""
        return cls(
            step_uuid=step_uuid,
            task_uuid=task_uuid,
            success=True,
            status=ResultStatus.SUCCESS.value,
            execution_time_ms=execution_time_ms,
            result=result,
            worker_id=worker_id,
            correlation_id=correlation_id,
            metadata=metadata or {},
        )

    @classmethod
    def failure_result(
        cls,
        step_uuid: UUID,
        task_uuid: UUID,
        error: StepError,
        execution_time_ms: int,
        worker_id: str,
        correlation_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> StepExecutionResult:
        """Record an attempt that failed."""
        return cls(
            step_uuid=step_uuid,
            task_uuid=task_uuid,
            success=False,
            status=ResultStatus.FAILURE.value,
            execution_time_ms=execution_time_ms,
            error=error,
            worker_id=worker_id,
            correlation_id=correlation_id,
            metadata=metadata or {},
        )
