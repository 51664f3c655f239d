"""Creating tasks, looking at them, and repairing them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from tasker_core import logging as core_logging
from tasker_core._answers import (
    HealthResponse,
    PaginationInfo,
    StepAuditResponse,
    StepResponse,
    TaskListResponse,
    TaskResponse,
)
from tasker_core._codec import dumps
from tasker_core._handles import CALL_TIMEOUT_S, NativeClient
from tasker_core._native import library
from tasker_core._operator_answers import DlqEntry, DlqInvestigation, DlqStats, StepSummary, TaskStaleness, TaskSummary
from tasker_core._operators import Operators
from tasker_core._runtime import runtime

__all__ = [
    "ENDED",
    "RESTING",
    "DlqEntry",
    "DlqInvestigation",
    "DlqStats",
    "HealthResponse",
    "PaginationInfo",
    "StepAuditResponse",
    "StepResponse",
    "StepSummary",
    "TaskListResponse",
    "TaskResponse",
    "TaskStaleness",
    "TaskSummary",
    "TaskerClient",
]

ENDED = frozenset(("complete", "error", "cancelled", "resolved_manually"))
"""The states of a task that does not move any more."""

RESTING = ENDED | {"blocked_by_failures"}
"""These, and that of a task that waits for somebody to repair it."""


class TaskerClient(Operators):
    """Creates tasks, looks at them, and does what operators do by hand.

    Where a worker runs in this process, calls go through it. Without one, or with a `url` or `settings`, the client has a
    connection of its own, made at the first call: to the server at `url`, else to the database. It is safe for threads.
    """

    def __init__(
        self,
        initiator: str = "tasker-core-python",
        source_system: str = "tasker-core",
        *,
        url: str | None = None,
        token: str | None = None,
        settings: Mapping[str, Any] | None = None,
        timeout: float = CALL_TIMEOUT_S,
    ) -> None:
        """Make a client; nothing is connected yet.

        Args:
            initiator: Who creates tasks, as they record it.
            source_system: The system they come from.
            url: A server, such as `http://127.0.0.1:8080`.
            token: What the server knows this caller by.
            settings: Keys of the configuration by their dotted names, such as `database.url`.
            timeout: Seconds that one call may take.
        """
        self.initiator = initiator
        self.source_system = source_system
        self._own = bool(url or settings)
        self._config: dict[str, Any] = {"settings": dict(settings or {})}
        if url:
            self._config["url"] = url
        if token:
            self._config["token"] = token
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: NativeClient | None = None

    def create_task(
        self,
        name: str,
        *,
        namespace: str = "default",
        context: dict[str, Any] | None = None,
        version: str = "1.0.0",
        reason: str = "Task requested",
        **kwargs: Any,
    ) -> TaskResponse:
        """Create a task.

        Args:
            name: The template.
            namespace: The template's namespace.
            context: What the handlers read.
            version: The template's version.
            reason: Why, for people.
            **kwargs: `priority`, `tags`, `correlation_id`, `parent_correlation_id`, `idempotency_key`, `requested_at`, or
                another `initiator` or `source_system`.
        """
        request = {
            "name": name,
            "namespace": namespace,
            "version": version,
            "context": context or {},
            "initiator": self.initiator,
            "source_system": self.source_system,
            "reason": reason,
            **{key: value for key, value in kwargs.items() if value is not None},
        }
        return TaskResponse.from_dict(self.call("client.create_task", request))

    def get_task(self, task_uuid: str) -> TaskResponse:
        """Look at a task and its steps."""
        return TaskResponse.from_dict(self.call("client.get_task", {"task_uuid": task_uuid}))

    def list_tasks(
        self, *, limit: int = 50, offset: int = 0, namespace: str | None = None, status: str | None = None, **filters: Any
    ) -> TaskListResponse:
        """List tasks, newest first. `offset` is a multiple of `limit`.

        Args:
            limit: How many a page has.
            offset: How many to leave out.
            namespace: The namespace of their templates.
            status: Their state.
            **filters: `name`, `initiator` and `source_system`; `tag`, one or several; `context`, a dict that a task's
                context contains; `since` and `until`, which bound when it was created, as a datetime or RFC 3339 text.
        """
        params = {"limit": limit, "offset": offset, "namespace": namespace, "status": status, **filters}
        if isinstance(params.get("context"), Mapping):
            params["context"] = dumps(dict(params["context"])).decode()
        for bound in ("since", "until"):
            if isinstance(params.get(bound), datetime):
                params[bound] = params[bound].astimezone(timezone.utc).isoformat()
        return TaskListResponse.from_dict(self.call("client.list_tasks", params))

    def cancel_task(self, task_uuid: str) -> dict[str, Any]:
        """Cancel a task; steps that run are told to stop."""
        answer: dict[str, Any] = self.call("client.cancel_task", {"task_uuid": task_uuid})
        return answer

    def list_task_steps(self, task_uuid: str) -> list[StepResponse]:
        """List the steps of a task."""
        return [StepResponse.from_dict(step) for step in self.call("client.list_steps", {"task_uuid": task_uuid})]

    def get_step(self, task_uuid: str, step_uuid: str) -> StepResponse:
        """Look at a step, with the record of its last attempt."""
        return StepResponse.from_dict(self.call("client.get_step", {"task_uuid": task_uuid, "step_uuid": step_uuid}))

    def get_step_audit_history(self, task_uuid: str, step_uuid: str) -> list[StepAuditResponse]:
        """List what became of a step, oldest first."""
        answer = self.call("client.step_audit", {"task_uuid": task_uuid, "step_uuid": step_uuid})
        return [StepAuditResponse.from_dict(entry) for entry in answer]

    def health_check(self) -> HealthResponse:
        """Ask for a sign of life."""
        return HealthResponse.from_dict(self.call("client.health"))

    def wait_for_task(self, task_uuid: str, *, timeout: float = 60.0) -> TaskResponse:
        """Wait until a task has ended, or waits for somebody to repair its failed steps.

        Raises:
            TimeoutError: It still moves after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        pause = 0.005
        while True:
            task = self.get_task(task_uuid)
            if task.status in RESTING:
                return task
            if time.monotonic() + pause > deadline:
                raise TimeoutError(f"task {task_uuid} is {task.status} after {timeout} seconds: {task.execution_status}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call one of the library's methods, such as `templates.list`."""
        worker = None if self._own else runtime.current()
        return (worker or self._connected()).call(method, params, self._timeout)

    def _connected(self) -> NativeClient:
        with self._lock:
            if self._client is None:
                core_logging.start_drain(library())
                self._client = NativeClient(self._config)
            return self._client

    def close(self) -> None:
        """Close the client's own connection, if it has one. The next call makes another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.free()

    def __enter__(self) -> TaskerClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
