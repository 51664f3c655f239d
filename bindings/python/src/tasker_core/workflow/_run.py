"""A task of a workflow, as the one who started it sees it."""

from __future__ import annotations

from typing import Any, Protocol

from tasker_core import exceptions


class Client(Protocol):
    """What a run needs of a client; `tasker_core.client.TaskerClient` has it."""

    def create_task(
        self, name: str, *, namespace: str, context: dict[str, Any], version: str, reason: str, **kwargs: Any
    ) -> Any:
        """Create a task."""

    def get_task(self, task_uuid: str) -> Any:
        """Look at a task."""

    def wait_for_task(self, task_uuid: str, *, timeout: float) -> Any:
        """Wait until a task moves no more."""

    def list_task_steps(self, task_uuid: str) -> Any:
        """List the steps of a task."""


class RunFailedError(exceptions.TaskerError):
    """A task ended without success. `errors` has the messages of the steps that failed, by name."""

    def __init__(self, message: str, errors: dict[str, str]) -> None:
        super().__init__(message)
        self.errors = errors


class Run:
    """A task that was started."""

    def __init__(self, task_uuid: str, client: Client) -> None:
        self.task_uuid = task_uuid
        self._client = client

    @property
    def status(self) -> str:
        """The task's state now."""
        return str(self._client.get_task(self.task_uuid).status)

    def wait(self, timeout: float = 60.0) -> Run:
        """Wait until the task is complete.

        Raises:
            RunFailedError: It ended otherwise, or needs somebody to repair its failed steps.
            TimeoutError: It still moves after `timeout` seconds.
        """
        task = self._client.wait_for_task(self.task_uuid, timeout=timeout)
        if task.status in ("complete", "resolved_manually"):
            return self
        errors = self.errors
        reasons = "".join(f"; step {name}: {message}" for name, message in errors.items())
        raise RunFailedError(f"task {self.task_uuid} is {task.status}{reasons}", errors)

    @property
    def results(self) -> dict[str, Any]:
        """What the steps returned that are complete, by name."""
        records = {step.name: step.results for step in self._steps() if step.results}
        return {name: record.get("result") for name, record in records.items() if record.get("success")}

    @property
    def errors(self) -> dict[str, str]:
        """Why the steps failed whose last attempt did, by name."""
        records = {step.name: step.results for step in self._steps() if step.results}
        failures = {name: record.get("error") or {} for name, record in records.items() if not record.get("success")}
        return {name: str(error.get("message", "")) for name, error in failures.items()}

    def _steps(self) -> list[Any]:
        return list(self._client.list_task_steps(self.task_uuid))

    def __repr__(self) -> str:
        return f"Run({self.task_uuid!r})"
