"""What operators do by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from tasker_core._answers import StepResponse, TaskResponse
from tasker_core._operator_answers import DlqEntry, DlqInvestigation, DlqStats, TaskStaleness, TaskSummary


class Operators(ABC):
    """What operators do by hand about tasks, steps and dead letters.

    `reason` and `by`, which is the client's initiator unless said otherwise, are kept with what became of the task. What
    does not suit the state of a task or step is a `CoreConflictError`.
    """

    initiator: str

    @abstractmethod
    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call one of the library's methods."""

    def task_summary(self, task_uuid: str) -> TaskSummary:
        """Look at a task, its steps in short, and its latest dead letter."""
        return TaskSummary.from_dict(self.call("client.task_summary", {"task_uuid": task_uuid}))

    # Steps.

    def reset_for_retry(self, task_uuid: str, step_uuid: str, *, reason: str, by: str | None = None) -> StepResponse:
        """Have a step that failed for good run again, with all its attempts."""
        return self._on_step("reset_for_retry", task_uuid, step_uuid, reason=reason, reset_by=by or self.initiator)

    def resolve_manually(self, task_uuid: str, step_uuid: str, *, reason: str, by: str | None = None) -> StepResponse:
        """Say that a step is done without it, and without a result."""
        return self._on_step("resolve_manually", task_uuid, step_uuid, reason=reason, resolved_by=by or self.initiator)

    def complete_manually(
        self,
        task_uuid: str,
        step_uuid: str,
        *,
        result: Any,
        reason: str,
        metadata: Mapping[str, Any] | None = None,
        by: str | None = None,
    ) -> StepResponse:
        """Give a step a result, which the steps after it read."""
        data = {"result": result, "metadata": dict(metadata or {})}
        return self._on_step(
            "complete_manually", task_uuid, step_uuid, reason=reason, completed_by=by or self.initiator, completion_data=data
        )

    def retry_from(self, task_uuid: str, step_uuid: str, *, reason: str, by: str | None = None) -> StepResponse:
        """Run a step that has ended again, and all steps after it."""
        return self._on_step("retry_from", task_uuid, step_uuid, reason=reason, requested_by=by or self.initiator)

    def run_now(self, task_uuid: str, step_uuid: str, *, reason: str, by: str | None = None) -> StepResponse:
        """Run a step now that waits for its retry."""
        return self._on_step("run_now", task_uuid, step_uuid, reason=reason, requested_by=by or self.initiator)

    # Tasks.

    def pause_task(self, task_uuid: str, *, reason: str, by: str | None = None) -> TaskResponse:
        """Hand out no further steps of a task; those that run go on."""
        return self._on_task("pause_task", task_uuid, reason=reason, requested_by=by or self.initiator)

    def resume_task(self, task_uuid: str, *, reason: str, by: str | None = None) -> TaskResponse:
        """Undo `pause_task`."""
        return self._on_task("resume_task", task_uuid, reason=reason, requested_by=by or self.initiator)

    def resolve_task(self, task_uuid: str, *, reason: str, by: str | None = None) -> TaskResponse:
        """Say that a task is done with, whatever its steps are."""
        return self._on_task("resolve_task", task_uuid, reason=reason, resolved_by=by or self.initiator)

    # Dead letters.

    def list_dlq(self, *, resolution_status: str | None = None, limit: int = 50, offset: int = 0) -> list[DlqEntry]:
        """List dead letters, newest first: those in a state of their resolution (`pending`, ...), or all."""
        params = {"resolution_status": resolution_status, "limit": limit, "offset": offset}
        return [DlqEntry.from_dict(entry) for entry in self.call("client.list_dlq", params)]

    def get_dlq_entry(self, task_uuid: str) -> DlqEntry:
        """Look at the latest dead letter of a task."""
        return DlqEntry.from_dict(self.call("client.get_dlq_entry", {"task_uuid": task_uuid}))

    def add_dlq_entry(self, task_uuid: str, *, reason: str, by: str | None = None) -> DlqEntry:
        """Enter a task among the dead letters."""
        params = {"task_uuid": task_uuid, "reason": reason, "requested_by": by or self.initiator}
        return DlqEntry.from_dict(self.call("client.add_dlq_entry", params))

    def update_dlq_entry(
        self,
        dlq_entry_uuid: str,
        *,
        resolution_status: str | None = None,
        resolution_notes: str | None = None,
        resolved_by: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> DlqEntry:
        """Note what became of an investigation. What is left out stays as it is."""
        params = {
            "dlq_entry_uuid": dlq_entry_uuid,
            "resolution_status": resolution_status,
            "resolution_notes": resolution_notes,
            "resolved_by": resolved_by,
            "metadata": None if metadata is None else dict(metadata),
        }
        return DlqEntry.from_dict(self.call("client.update_dlq_entry", params))

    def requeue_dlq_entry(self, dlq_entry_uuid: str, *, reason: str, by: str | None = None) -> DlqEntry:
        """Run the failed steps of a dead letter's task again."""
        params = {"dlq_entry_uuid": dlq_entry_uuid, "reason": reason, "requested_by": by or self.initiator}
        return DlqEntry.from_dict(self.call("client.requeue_dlq_entry", params))

    def dlq_stats(self) -> list[DlqStats]:
        """Count dead letters by their reasons."""
        return [DlqStats.from_dict(stats) for stats in self.call("client.dlq_stats")]

    def dlq_investigations(self, *, limit: int = 50) -> list[DlqInvestigation]:
        """List dead letters that nobody has resolved yet, the most urgent first."""
        answer = self.call("client.dlq_investigations", {"limit": limit})
        return [DlqInvestigation.from_dict(entry) for entry in answer]

    def dlq_staleness(self, *, limit: int = 50) -> list[TaskStaleness]:
        """List open tasks, and how long they have not moved."""
        return [TaskStaleness.from_dict(task) for task in self.call("client.dlq_staleness", {"limit": limit})]

    def _on_step(self, action: str, task_uuid: str, step_uuid: str, **params: Any) -> StepResponse:
        params = {"task_uuid": task_uuid, "step_uuid": step_uuid, **params}
        return StepResponse.from_dict(self.call(f"client.{action}", params))

    def _on_task(self, action: str, task_uuid: str, **params: Any) -> TaskResponse:
        return TaskResponse.from_dict(self.call(f"client.{action}", {"task_uuid": task_uuid, **params}))
