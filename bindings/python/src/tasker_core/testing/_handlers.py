"""Running one handler without a worker, just as a worker would."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasker_core._attempt import serialization_failure
from tasker_core._codec import EncodeError, dumps, loads
from tasker_core._execute import Document, execute_step, is_checkpoint
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent, StepContext, StepControls

_NAME = "handler_under_test"


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt, as the core would be told."""

    success: bool
    result: Any = None
    error_message: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    retryable: bool = False
    retry_after: int | None = None
    """Seconds that the handler asked to wait before the next attempt."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What the handler gave along with its result."""
    checkpoint: dict[str, Any] | None = None
    """Where it yielded, if it did: cursor, items_processed and accumulated_results."""
    document: dict[str, Any] = field(default_factory=dict, repr=False)


def step_event(
    *,
    context: Any = None,
    dependencies: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    retry_count: int = 0,
    max_attempts: int = 3,
    step_name: str = "step_under_test",
    namespace: str = "test",
    task_name: str = "task_under_test",
    handler: str = _NAME,
    method: str | None = None,
) -> Document:
    """Make a step event as the core does.

    Args:
        context: The task's context.
        dependencies: What earlier steps returned, by their names.
        config: The template's `handler.initialization`.
        inputs: What the step itself is given, as workers of batches are.
        checkpoint: Where an earlier attempt yielded.
        retry_count: The attempts before this one.
        max_attempts: How many the template allows.
        step_name: The step's name in its template.
        namespace: The template's namespace.
        task_name: The template's name.
        handler: The template's `handler.callable`.
        method: The template's `handler.method`.
    """
    task, step, correlation = (str(uuid.uuid4()) for _ in range(3))
    records = {
        name: {"step_uuid": str(uuid.uuid4()), "success": True, "status": "completed", "result": result}
        for name, result in (dependencies or {}).items()
    }
    event: Document = {
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "task_uuid": task,
        "step_uuid": step,
        "correlation_id": correlation,
        "task_correlation_id": correlation,
        "parent_correlation_id": None,
        "trace_id": correlation.replace("-", ""),
        "span_id": step.replace("-", "")[:16],
        "timeout_ms": 30000,
        "task_sequence_step": {
            "task": {
                "task": {
                    "task_uuid": task,
                    "correlation_id": correlation,
                    "parent_correlation_id": None,
                    "context": {} if context is None else context,
                },
                "task_name": task_name,
                "task_version": "1.0.0",
                "namespace_name": namespace,
            },
            "workflow_step": {
                "workflow_step_uuid": step,
                "task_uuid": task,
                "name": step_name,
                "template_step_name": step_name,
                "retryable": True,
                "max_attempts": max_attempts,
                "attempts": retry_count,
                "in_process": True,
                "processed": False,
                "inputs": dict(inputs) if inputs is not None else None,
                "checkpoint": dict(checkpoint) if checkpoint is not None else None,
            },
            "dependency_results": records,
            "step_definition": {
                "name": step_name,
                "description": None,
                "handler": {"callable": handler, "method": method, "resolver": None, "initialization": dict(config or {})},
                "type": "standard",
                "system_dependency": None,
                "dependencies": list(records),
                "retry": {
                    "retryable": True,
                    "max_attempts": max_attempts,
                    "backoff": "exponential",
                    "backoff_base_ms": 1000,
                    "max_backoff_ms": 30000,
                },
                "timeout_seconds": None,
                "publishes_events": [],
                "batch_config": None,
            },
        },
    }
    carried: Document = loads(dumps(event))  # what a handler is given has been JSON
    return carried


def make_context(*, handler_name: str = _NAME, controls: StepControls | None = None, **event: Any) -> StepContext:
    """Make a context for a handler that a test calls itself. Takes what `step_event` takes."""
    made = step_event(handler=handler_name, **event)
    return StepContext.from_ffi_event(FfiStepEvent.model_validate(made), handler_name, controls)


def run_handler(
    handler: Any,
    *,
    cancelled: Callable[[], bool] | bool = False,
    heartbeat: Callable[[Mapping[str, Any] | None], bool] | None = None,
    **event: Any,
) -> Outcome:
    """Run a handler - a class, a decorated function, or a function of the context - and return what a worker would say.

    Exceptions become failures, as in a worker. An `async` handler gets an event loop.

    Args:
        handler: The handler.
        cancelled: What the handler is told when it asks whether it is cancelled.
        heartbeat: Called with what the handler gives to `context.heartbeat`.
        **event: What `step_event` takes.
    """
    outcome = _begin(handler, cancelled, heartbeat, event)
    return _outcome(outcome if isinstance(outcome, dict) else asyncio.run(outcome))


async def run_handler_async(
    handler: Any,
    *,
    cancelled: Callable[[], bool] | bool = False,
    heartbeat: Callable[[Mapping[str, Any] | None], bool] | None = None,
    **event: Any,
) -> Outcome:
    """Do what `run_handler` does, on the loop of the test."""
    outcome = _begin(handler, cancelled, heartbeat, event)
    return _outcome(outcome if isinstance(outcome, dict) else await outcome)


def _begin(
    handler: Any,
    cancelled: Callable[[], bool] | bool,
    heartbeat: Callable[[Mapping[str, Any] | None], bool] | None,
    event: dict[str, Any],
) -> Document | Coroutine[Any, Any, Document]:
    is_cancelled = cancelled if callable(cancelled) else lambda: bool(cancelled)
    controls = StepControls(cancelled=is_cancelled, heartbeat=heartbeat or (lambda _details: not is_cancelled()))
    registry = HandlerRegistry()
    registry.register(_NAME, handler)
    return execute_step(step_event(**event), registry, controls, worker_id="test")


def _outcome(document: Document) -> Outcome:
    try:
        carried: Document = loads(dumps(document))
    except EncodeError as problem:
        carried = serialization_failure(document, str(problem))
    if is_checkpoint(carried):
        return Outcome(success=True, checkpoint=carried, document=carried)
    metadata, error = carried.get("metadata") or {}, carried.get("error") or {}
    hint = (carried.get("orchestration_metadata") or {}).get("backoff_hint") or {}
    return Outcome(
        success=carried["success"],
        result=carried.get("result") if carried["success"] else None,
        error_message=error.get("message"),
        error_type=error.get("error_type"),
        error_code=metadata.get("error_code"),
        retryable=bool(error.get("retryable", False)),
        retry_after=hint.get("delay_seconds"),
        metadata=metadata.get("custom") or {},
        document=carried,
    )
