"""Events of steps whose templates name one of this program's publishers: they come here once the step's result is stored."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from typing import Any, Protocol

from tasker_core.domain_events._types import StepEventContext


class Caller(Protocol):
    """The worker's own calls."""

    def call(self, method: str, params: Mapping[str, Any] | None = None, timeout: float = 30.0) -> dict[str, Any]:
        """Call it."""
        ...


class Forwarded:
    """An event that waits to be published or declined, whichever its publisher does."""

    def __init__(self, worker: Caller, document: Mapping[str, Any]) -> None:
        self.name = str(document["event_name"])
        self.publisher = str(document["publisher"])
        self._worker = worker
        self._document = document
        self._answered = False

    def context(self) -> StepEventContext:
        """The step that it tells of. That of a failed step has the error and the outcome in its metadata."""
        about = self._document["metadata"]
        record = self._document["payload"]["execution_result"]
        result = record.get("result")
        metadata: dict[str, Any] = {"outcome": self._document["outcome"]}
        if record.get("error"):
            metadata["error"] = record["error"]
        return StepEventContext(
            task_uuid=about["task_uuid"],
            step_uuid=about["step_uuid"],
            step_name=about["step_name"],
            namespace=about["namespace"],
            correlation_id=about["correlation_id"],
            result=result if isinstance(result, dict) else None if result is None else {"value": result},
            metadata=metadata,
        )

    def publish(self, payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Publish it, the way that its template says."""
        self._answered = True
        shaped = {"forwarded": self._document["event_id"], "payload": payload, "metadata": metadata}
        self._worker.call("events.publish", shaped)

    def settle(self) -> None:
        """Decline it, unless it was published."""
        if not self._answered:
            self._worker.call("events.decline", {"forwarded": self._document["event_id"]})


forwarded: contextvars.ContextVar[Forwarded | None] = contextvars.ContextVar("tasker_forwarded_event", default=None)
"""The event that a publisher is called for."""
