"""Results of handlers as the documents that the core takes; `include/contract` has examples of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tasker_core._convert import dump
from tasker_core.errors import ValidationError
from tasker_core.errors._failure import clean
from tasker_core.types import StepHandlerResult

_LONGEST_DELAY = 2**32 - 1
_HINT_TYPES = {"rate_limited": "RateLimit", "service_unavailable": "ServiceUnavailable"}
_HINT_CLASSES = {"RateLimitError": "RateLimit", "ServiceUnavailableError": "ServiceUnavailable"}


def stamp(elapsed: int, worker_id: str, handler_version: str) -> dict[str, Any]:
    """Return what every result tells: how many nanoseconds the attempt took, and who made it. The core knows the rest."""
    told: dict[str, Any] = {"execution_time_ms": (elapsed + 500_000) // 1_000_000}
    if worker_id:
        told["worker_id"] = worker_id
    if handler_version:
        told["handler_version"] = handler_version
    return told


def document(result: StepHandlerResult, step_uuid: str, stamped: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step result, or a checkpoint if the handler yielded at one."""
    if not result.is_success:
        return _failure(result, step_uuid, stamped)
    custom = result.metadata
    if custom.get("checkpoint_yield") is True:
        return _checkpoint(result)
    return {
        "step_uuid": step_uuid,
        "success": True,
        "status": "completed",
        "result": {} if result.result is None else dump(result.result),
        "metadata": {**stamped, "retryable": False, "custom": plain(custom) if custom else {}},
    }


def is_checkpoint(written: Mapping[str, Any]) -> bool:
    """Tell a checkpoint, which the step goes on from, from a step result."""
    return "cursor" in written and "success" not in written


def _checkpoint(result: StepHandlerResult) -> dict[str, Any]:
    saved = result.result
    if not isinstance(saved, Mapping) or "cursor" not in saved:
        raise ValidationError("a checkpoint needs a cursor: return self.checkpoint_yield(cursor, items_processed)")
    done = saved.get("items_processed", 0)
    if type(done) is not int or done < 0:
        raise ValidationError(f"items_processed must be a whole number from 0, and is {done!r}")
    return {
        "cursor": dump(saved["cursor"]),
        "items_processed": done,
        "accumulated_results": dump(saved.get("accumulated_results")),
    }


def _failure(result: StepHandlerResult, step_uuid: str, stamped: Mapping[str, Any]) -> dict[str, Any]:
    custom = dict(result.metadata)
    backtrace = str(custom.pop("traceback", "") or "").splitlines()
    context = custom.pop("error_context", None)
    error_type = result.error_type or "handler_error"
    error: dict[str, Any] = {
        "message": clean(result.error_message or "") or "the handler failed and gave no reason",
        "error_type": error_type,
        "retryable": result.retryable,
        "backtrace": backtrace,
        "context": plain(context) if isinstance(context, Mapping) else {},
    }
    status = custom.get("status_code")
    if type(status) is int and 0 <= status < 2**16:
        error["status_code"] = status
    metadata = {**stamped, "retryable": result.retryable, "error_type": error_type, "custom": plain(custom)}
    if result.error_code is not None:
        metadata["error_code"] = str(result.error_code)
    written = {
        "step_uuid": step_uuid,
        "success": False,
        "status": "error",
        "result": {},
        "metadata": metadata,
        "error": error,
    }
    hint = _backoff_hint(custom, error_type) if result.retryable else None
    if hint is not None:
        written["orchestration_metadata"] = {"backoff_hint": hint}
    return written


def _backoff_hint(metadata: Mapping[str, Any], error_type: str) -> dict[str, Any] | None:
    """Ask for the delay that the other system asked for, rounded up to whole seconds."""
    seconds = metadata.get("retry_after")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        return None
    kind = _HINT_TYPES.get(error_type) or _HINT_CLASSES.get(str(metadata.get("exception_class")), "ServerRequested")
    return {
        "backoff_type": kind,
        "delay_seconds": min(math.ceil(seconds), _LONGEST_DELAY),
        "context": f"retry_after of {error_type}",
    }


def plain(value: Any, depth: int = 0) -> Any:
    """Write what goes with a result for people to read: what is no JSON becomes text, so that it never fails a step."""
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if depth < 20:
        if isinstance(value, Mapping):
            return {clean(str(key)): plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [plain(item, depth + 1) for item in value]
    try:
        return clean(str(value))[:1000]
    except Exception:
        return f"({type(value).__name__})"
