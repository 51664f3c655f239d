"""Results in the shape of `StepExecutionResult`, as programs hand them to `complete_step_event`, as the core's document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

_TELLTALES = ("task_uuid", "execution_time_ms", "worker_id", "correlation_id")
_OF_METADATA = ("error_code", "handler_version", "worker_hostname")


def result_document(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document for a result. What has the document's own shape already is left as it is."""
    if not any(key in data for key in _TELLTALES):
        return dict(data)
    success, error = bool(data.get("success")), data.get("error")
    custom = dict(data.get("metadata") or {})
    metadata: dict[str, Any] = {key: custom.pop(key) for key in _OF_METADATA if isinstance(custom.get(key), str)}
    metadata |= {
        "execution_time_ms": int(data.get("execution_time_ms") or 0),
        "worker_id": data.get("worker_id") or "",
        "completed_at": datetime.now(timezone.utc).isoformat(),
        "custom": custom,
    }
    document: dict[str, Any] = {
        "step_uuid": str(data["step_uuid"]) if data.get("step_uuid") else None,
        "success": success,
        "status": "completed" if success else "error",
        "result": data.get("result") if data.get("result") is not None else {},
        "metadata": metadata,
    }
    if document["step_uuid"] is None:
        del document["step_uuid"]
    if not success:
        document["error"] = failure = _error(error if isinstance(error, Mapping) else {})
        metadata |= {"retryable": failure["retryable"], "error_type": failure["error_type"]}
    return document


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message": str(error.get("message") or "the handler failed without a message"),
        "error_type": str(error.get("error_type") or "handler_error"),
        "retryable": bool(error.get("retryable", True)),
        "backtrace": str(error.get("stack_trace") or "").splitlines(),
        "context": dict(error.get("metadata") or {}),
    }
