"""Running steps that were taken by hand: the half of the work that `EventPoller` leaves. `Worker` needs none of this."""

from __future__ import annotations

from tasker_core._runner import Runner, StepExecutionError
from tasker_core._runtime import runtime
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent

__all__ = ["StepExecutionError", "StepExecutionSubscriber"]

_STOP_S = 5.0


class StepExecutionSubscriber:
    """Runs the steps that are published on a bridge, side by side, and hands their results over.

    poller.on_step_event(lambda event: bridge.publish(EventNames.STEP_EXECUTION_RECEIVED, event))
    """

    def __init__(self, event_bridge: EventBridge, handler_registry: HandlerRegistry, worker_id: str) -> None:
        """Make a subscriber that does not listen yet."""
        self._bridge = event_bridge
        self._registry = handler_registry
        self._worker_id = worker_id
        self._runner: Runner | None = None

    def start(self) -> None:
        """Listen for steps. Harmless when it does.

        Raises:
            WorkerNotInitializedError: There is no worker whose steps could be run.
        """
        if self._runner is None:
            slots = runtime.require().slots
            self._runner = Runner(
                self._registry, self._worker_id, slots, self._bridge, ended=lambda attempt: runtime.forget(attempt.event_id)
            )
            self._bridge.subscribe(EventNames.STEP_EXECUTION_RECEIVED, self._on_step)

    def stop(self) -> None:
        """Listen no more, and give the steps that run a moment to end. Harmless when it does not listen."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._bridge.unsubscribe(EventNames.STEP_EXECUTION_RECEIVED, self._on_step)
        if not runner.wait_idle(_STOP_S):
            runner.cancel_all("shutdown")
        runner.close()

    @property
    def is_active(self) -> bool:
        """Whether it listens."""
        return self._runner is not None

    @property
    def worker_id(self) -> str:
        """What results name as the worker."""
        return self._worker_id

    def _on_step(self, event: FfiStepEvent) -> None:
        """Run a step, unless it was not taken by hand: those of a `Worker` are only told of."""
        attempt, runner = runtime.polled(event.event_id), self._runner
        if attempt is not None and runner is not None:
            runner.run(attempt, event.model_dump)
