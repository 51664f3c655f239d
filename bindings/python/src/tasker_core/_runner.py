"""Running steps: a handler in a thread, or as a coroutine on the loop, and its result on its way back."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from tasker_core._attempt import Attempt
from tasker_core._codec import EncodeError
from tasker_core._execute import Document, execute_step, is_checkpoint
from tasker_core._loop import HandlerLoop
from tasker_core._pool import DaemonPool, Fetch
from tasker_core._status import CoreError, Status
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent, StepControls

_log = logging.getLogger("tasker_core")

StepJob: TypeAlias = "functools.partial[None]"

_MOST_EARLY = 1024
"""How many notices are kept for steps that are not known, most of which have ended."""


class StepExecutionError(Exception):
    """A step failed, as listeners of `handler.error` are told."""

    def __init__(self, message: str, error_type: str = "step_execution_error", retryable: bool = True) -> None:
        """Make an error that says whether another attempt may help."""
        super().__init__(message)
        self.error_type = error_type
        self.retryable = retryable


class Runner:
    """Runs as many steps at once as a worker has slots, and answers each."""

    def __init__(
        self,
        registry: HandlerRegistry,
        worker_id: str,
        slots: int,
        bridge: EventBridge,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        ended: Callable[[Attempt], None] | None = None,
    ) -> None:
        self._registry = registry
        self._worker_id = worker_id
        self._bridge = bridge
        self._ended = ended
        # A handler that hangs keeps its thread when the core has given its slot to another step. Beyond that reserve no
        # thread is left to poll, and the core gives the steps to other workers.
        self._pool = DaemonPool(2 * slots, "tasker-handler")
        self._async = HandlerLoop(loop)
        self._attempts: dict[int, Attempt] = {}
        self._early: dict[int, str] = {}
        self._changed = threading.Condition()
        self._awaited = 0

    def start(self, fetch: Fetch, exhausted: Callable[[], None]) -> None:
        """Have the threads of handlers fetch steps. `exhausted` is called when there will be no more."""
        self._pool.start(fetch, exhausted)

    def run(self, attempt: Attempt, load: Callable[[], Document]) -> None:
        """Run a step, whose event `load` reads on the thread of its handler."""
        self.submit(self.job(attempt, load))

    def job(self, attempt: Attempt, load: Callable[[], Document]) -> StepJob:
        """Make the job that runs a step. From now on it counts as in flight, and can be cancelled."""
        self._attempts[attempt.token] = attempt
        if self._early and (reason := self._early.pop(attempt.token, "")):
            attempt.cancel(reason)
        return functools.partial(self._begin, attempt, load)

    def submit(self, job: StepJob) -> None:
        """Run a job in one of the threads. Without one, its step is given back."""
        try:
            self._pool.submit(job)
        except RuntimeError as error:
            attempt: Attempt = job.args[0]
            attempt.release(f"no thread: {error}")
            self._forget(attempt)

    def cancel(self, token: int, reason: str) -> None:
        """Tell the handler of a step to stop, if it still runs, or when it begins to."""
        attempt = self._attempts.get(token)
        if attempt is not None:
            attempt.cancel(reason)
            return
        # Most likely it has ended. But of two threads that poll, one may have got the step and the other one this notice.
        self._early[token] = reason
        attempt = self._attempts.get(token)
        if attempt is not None:
            attempt.cancel(reason)
        while len(self._early) > _MOST_EARLY:
            self._early.pop(next(iter(self._early), token), None)

    def cancel_all(self, reason: str) -> None:
        """Tell all handlers to stop."""
        for attempt in self._running():
            attempt.cancel(reason)

    def release_all(self, reason: str) -> int:
        """Give back what still runs, and return how many steps that were."""
        return sum(attempt.release(reason) for attempt in self._running())

    def in_flight(self) -> int:
        """How many steps run."""
        return len(self._attempts)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no step runs."""
        with self._changed:
            self._awaited += 1
            try:
                return self._changed.wait_for(lambda: not self._attempts, timeout)
            finally:
                self._awaited -= 1

    def close(self) -> None:
        """Run nothing any more. Threads end when their handlers do."""
        self._pool.close()
        self._async.close()

    def _running(self) -> list[Attempt]:
        return list(self._attempts.values())

    def _begin(self, attempt: Attempt, load: Callable[[], Document]) -> None:
        event: Document = {}
        try:
            event = load()
            controls = StepControls(cancelled=attempt.cancelled, heartbeat=attempt.heartbeat)
            outcome = execute_step(event, self._registry, controls, worker_id=self._worker_id)
            if not isinstance(outcome, dict):
                self._await(attempt, event, outcome)
                return
        except BaseException as error:
            self._finish(attempt, event, None, error)
            return
        self._finish(attempt, event, outcome, None)

    def _await(self, attempt: Attempt, event: Document, outcome: Coroutine[Any, Any, Document]) -> None:
        """Leave a coroutine to the loop. What it ends with comes back to the pool: handing it over may have to wait."""

        def ended(document: Document | None, error: BaseException | None) -> None:
            try:
                self._pool.submit(lambda: self._finish(attempt, event, document, error))
            except RuntimeError:  # closed: the worker has ended, and the core knows
                self._forget(attempt)

        try:
            cancel = self._async.run(outcome, ended)
        except RuntimeError:  # the program closed its loop
            outcome.close()
            raise
        attempt.on_cancel(cancel)

    def _finish(self, attempt: Attempt, event: Document, document: Document | None, error: BaseException | None) -> None:
        try:
            if document is None:
                document = _not_run(attempt, error)
            if answer(attempt, document):
                self._tell(event, document)
        except CoreError:
            _log.exception("step %s could not be answered; it runs again when its time is up", event.get("step_uuid"))
        finally:
            self._forget(attempt)

    def _tell(self, event: Document, document: Document) -> None:
        """Tell listeners of the bridge, if there are any."""
        if not self._bridge.has_listeners:
            return
        if is_checkpoint(document):
            self._bridge.publish(EventNames.STEP_CHECKPOINT_YIELD, document)
            return
        if self._bridge.listener_count(EventNames.STEP_COMPLETION_SENT):
            self._bridge.publish(EventNames.STEP_COMPLETION_SENT, document)
        if not document.get("success") and self._bridge.listener_count(EventNames.HANDLER_ERROR):
            failure = document["error"]
            error = StepExecutionError(failure["message"], failure["error_type"], failure["retryable"])
            self._bridge.publish(EventNames.HANDLER_ERROR, FfiStepEvent.model_validate(event), error)

    def _forget(self, attempt: Attempt) -> None:
        if self._ended is not None:
            self._ended(attempt)
        self._attempts.pop(attempt.token, None)
        if self._awaited:
            with self._changed:
                self._changed.notify_all()


def answer(attempt: Attempt, document: Document) -> bool:
    """Hand over what a step ended with: a result, or a checkpoint to go on from. False: the attempt was over already."""
    if not is_checkpoint(document):
        return attempt.complete(document)
    try:
        return attempt.checkpoint(document)
    except (CoreError, EncodeError) as error:
        may_help = isinstance(error, CoreError) and error.code != Status.E_UNSUPPORTED
        message = f"the checkpoint could not be stored: {error}"
        return attempt.complete(_failed(message, "checkpoint_error", retryable=may_help))


def _not_run(attempt: Attempt, error: BaseException | None) -> Document:
    """The result of a step whose handler was cancelled, or that a bug in this package kept from running."""
    if isinstance(error, asyncio.CancelledError):
        return _failed(f"the handler was cancelled: {attempt.reason or 'by itself'}", "handler_cancelled", retryable=True)
    _log.error("a step could not be run", exc_info=error)
    return _failed(f"the step could not be run: {error!r}", "handler_error", retryable=True)


def _failed(message: str, error_type: str, *, retryable: bool) -> Document:
    return {
        "success": False,
        "metadata": {"retryable": retryable},
        "error": {"message": message[:2000], "error_type": error_type, "retryable": retryable},
    }
