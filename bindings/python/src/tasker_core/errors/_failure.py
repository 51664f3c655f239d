"""Exceptions as failures of a step: the one place where that is decided."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from tasker_core.errors import TaskerError
from tasker_core.errors.error_classifier import get_classifier
from tasker_core.types import StepHandlerResult

_MAX_MESSAGE = 8_000
_MAX_FRAMES = 30


def failure_from_exception(error: BaseException) -> StepHandlerResult:
    """Say what an exception that left a handler means for its step.

    The judgement is the ErrorClassifier's. What is no `Exception`, such as SystemExit, fails the step for good, as a
    panic does in the core.
    """
    metadata: dict[str, Any] = {
        "exception_class": type(error).__name__,
        "traceback": _traceback(error),
    }
    if isinstance(error, TaskerError):
        said = vars(error)  # a subclass may have left out our constructor
        metadata = {**(said.get("metadata") or {}), **metadata}
        if said.get("context"):
            metadata["error_context"] = said["context"]
        if said.get("retry_after") is not None:
            metadata["retry_after"] = said["retry_after"]
        return StepHandlerResult.failure(
            _message(error), error.default_error_type, get_classifier().retryable(error), metadata, said.get("error_code")
        )
    if isinstance(error, (Exception, asyncio.CancelledError)):
        return StepHandlerResult.failure(_message(error), "handler_error", get_classifier().retryable(error), metadata)
    return StepHandlerResult.failure(
        f"the handler ended with {type(error).__name__}: {_message(error)}", "handler_panic", False, metadata
    )


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return clean(text)[:_MAX_MESSAGE] or type(error).__name__


def _traceback(error: BaseException) -> str:
    """Tell where the error came from, without what the variables held."""
    summary = traceback.TracebackException.from_exception(error, limit=-_MAX_FRAMES, capture_locals=False)
    try:
        return clean("".join(summary.format()))
    except Exception:  # an exception whose own text cannot be made
        return type(error).__name__


def clean(text: str) -> str:
    """Replace what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
