"""What can be said of a step beside its function, in the words of templates."""

from __future__ import annotations

import math
import re
from typing import Any, Literal, TypeAlias

from tasker_core.errors import ConfigurationError

StepType: TypeAlias = Literal["standard", "decision", "deferred_convergence", "batchable", "batch_worker"]
Backoff: TypeAlias = Literal["none", "linear", "exponential", "fibonacci"]
Duration: TypeAlias = "str | int | float"
"""Seconds, or a text such as `500ms`, `5s`, `2m` or `1h`."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: Duration) -> float:
    """Return a duration in seconds.

    Raises:
        ConfigurationError: It is no duration, or not positive.
    """
    if isinstance(duration, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", duration.strip())
        length = float(match[1]) * _UNITS[match[2]] if match else 0.0
    else:
        length = float(duration)
    if not 0 < length < math.inf:
        raise ConfigurationError(f"{duration!r} is no duration; write seconds, or a text such as 500ms, 5s, 2m or 1h")
    return length


def retry_document(
    retries: int | None, backoff: Backoff | None, backoff_base: Duration | None, max_backoff: Duration | None
) -> dict[str, Any]:
    """Return the `retry` of a step; empty where the template's defaults hold."""
    document: dict[str, Any] = {}
    if retries is not None:
        if retries < 0:
            raise ConfigurationError(f"retries must be 0 or more, and is {retries}")
        document = {"retryable": retries > 0, "max_attempts": retries + 1}
    if backoff is not None:
        document["backoff"] = backoff
    if backoff_base is not None:
        document["backoff_base_ms"] = math.ceil(seconds(backoff_base) * 1000)
    if max_backoff is not None:
        document["max_backoff_ms"] = math.ceil(seconds(max_backoff) * 1000)
    return document
