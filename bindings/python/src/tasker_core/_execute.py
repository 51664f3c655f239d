"""One attempt of a step: from the event that announced it to the document that answers it.

This is all that the rest of the package knows of handlers, and it knows nothing of the core. Whatever a handler does, there
is a document: only a cancelled coroutine raises.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any

from tasker_core._wire import document, is_checkpoint, stamp
from tasker_core.errors._failure import failure_from_exception
from tasker_core.handler import HandlerRegistry
from tasker_core.registry import HandlerDefinition, MethodDispatchWrapper, ResolutionError, ResolverNotFoundError
from tasker_core.registry._handlers import is_of_one_attempt
from tasker_core.step_handler._output import step_result
from tasker_core.step_handler.mixins import APIMixin
from tasker_core.types import FfiStepEvent, StepContext, StepControls, StepHandlerResult

__all__ = ["Document", "execute_step", "execute_step_async", "is_checkpoint"]

Document = dict[str, Any]
"""A step result, or a checkpoint: `is_checkpoint` tells which."""


def execute_step(
    event: Mapping[str, Any],
    registry: HandlerRegistry,
    controls: StepControls | None = None,
    *,
    worker_id: str = "",
) -> Document | Coroutine[Any, Any, Document]:
    """Run the handler of a step.

    Args:
        event: The step event.
        registry: Where its handler is looked up.
        controls: How the handler reaches the worker.
        worker_id: Kept with the result.

    Returns:
        The document; or, if the handler is `async`, a coroutine that makes it. Cancelling the coroutine cancels the
        handler, and raises.
    """
    attempt = _Attempt(event, worker_id)
    try:
        outcome = attempt.begin(registry, controls)
    except BaseException as error:
        return attempt.end(_failed(error))
    if isinstance(outcome, StepHandlerResult):
        return attempt.end(outcome)
    return attempt.finish(outcome)


async def execute_step_async(
    event: Mapping[str, Any],
    registry: HandlerRegistry,
    controls: StepControls | None = None,
    *,
    worker_id: str = "",
) -> Document:
    """Run the handler of a step, and wait for it. One that is not `async` holds up the event loop."""
    outcome = execute_step(event, registry, controls, worker_id=worker_id)
    return outcome if isinstance(outcome, dict) else await outcome


class _Attempt:
    __slots__ = ("_began", "_event", "_handler", "_worker_id")

    def __init__(self, event: Mapping[str, Any], worker_id: str) -> None:
        self._event = event
        self._worker_id = worker_id
        self._began = time.monotonic_ns()
        self._handler: Any = None

    def begin(self, registry: HandlerRegistry, controls: StepControls | None) -> StepHandlerResult | Awaitable[Any]:
        """Find the handler and call it."""
        event = FfiStepEvent.from_core(self._event)
        definition = HandlerDefinition.from_dict((event.task_sequence_step.get("step_definition") or {}).get("handler"))
        handler = _resolve(definition, registry)
        if isinstance(handler, StepHandlerResult):
            return handler
        self._handler = handler.unwrap() if isinstance(handler, MethodDispatchWrapper) else handler
        output = handler.call(StepContext.from_ffi_event(event, definition.callable, controls))
        if isinstance(output, StepHandlerResult):
            return output
        return output if type(output) is not dict and inspect.isawaitable(output) else step_result(output)

    async def finish(self, outcome: Awaitable[Any]) -> Document:
        """Wait for an `async` handler."""
        try:
            result = step_result(await outcome)
        except (asyncio.CancelledError, GeneratorExit):  # of the one who waits, not of the handler
            _close(self._handler)
            raise
        except BaseException as error:
            result = _failed(error)
        return self.end(result)

    def end(self, result: StepHandlerResult) -> Document:
        """Write the document."""
        handler = self._handler
        _close(handler)
        elapsed = time.monotonic_ns() - self._began
        stamped = stamp(elapsed, self._worker_id, str(getattr(handler, "version", "") or ""))
        step_uuid = str(self._event.get("step_uuid", ""))
        try:
            return document(result, step_uuid, stamped)
        except Exception as error:  # a result whose own parts are not what they should be
            return document(failure_from_exception(error), step_uuid, stamped)


def _close(handler: Any) -> None:
    """Close what an API handler opened. Its client is made for one attempt, so that attempts share no cookies."""
    if isinstance(handler, APIMixin) and is_of_one_attempt(handler):
        handler.close()


def _resolve(definition: HandlerDefinition, registry: HandlerRegistry) -> Any:
    """Return the handler, or the failure that says why there is none."""
    try:
        handler = registry.resolver_chain.resolve(definition, definition.initialization)
    except ResolverNotFoundError as error:
        return _not_found(str(error))
    except ResolutionError as error:
        if error.__cause__ is None:
            return _not_found(str(error))
        return failure_from_exception(error.__cause__)
    if handler is None:
        known = ", ".join(registry.list_handlers()) or "none"
        return _not_found(f"Handler not found: {definition.callable}. This worker has: {known[:1000]}")
    return handler


def _not_found(message: str) -> StepHandlerResult:
    return StepHandlerResult.failure(message, "handler_not_found", retryable=False)


def _failed(error: BaseException) -> StepHandlerResult:
    """Say what an exception means; Ctrl-C in the main thread stops the program."""
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        raise error
    return failure_from_exception(error)
