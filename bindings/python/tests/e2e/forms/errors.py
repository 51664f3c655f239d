"""E1 to E13: handlers that fail, hang, or return what is no JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tasker_core import PermanentError, RateLimitError, RetryableError, StepContext, StepHandler, StepHandlerResult
from tasker_core.step_handler import inputs, step_handler

seen: dict[str, list[Any]] = {}
"""What handlers noted, by task."""


hung: set[str] = set()
"""The tasks whose handlers hang, or did."""


def note(context: StepContext, what: Any) -> None:
    seen.setdefault(str(context.task_uuid), []).append(what)


class Succeed(StepHandler):
    handler_name = "errors.succeed_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"done": True})


@step_handler("errors.succeed_dsl")
def succeed() -> dict[str, Any]:
    return {"done": True}


class Permanent(StepHandler):
    handler_name = "errors.permanent_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        note(context, time.monotonic())
        raise PermanentError("the order is closed", code="ORDER_CLOSED")


@step_handler("errors.permanent_dsl")
def permanent(context: StepContext) -> None:
    note(context, time.monotonic())
    raise PermanentError("the order is closed", code="ORDER_CLOSED")


class Retryable(StepHandler):
    handler_name = "errors.retryable_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        note(context, time.monotonic())
        raise RetryableError("the gateway is down")


@step_handler("errors.retryable_dsl")
def retryable(context: StepContext) -> None:
    note(context, time.monotonic())
    raise RetryableError("the gateway is down")


class Limited(StepHandler):
    handler_name = "errors.limited_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        note(context, (context.step_name, context.retry_count))
        raise RetryableError("it never works")


@step_handler("errors.limited_dsl")
def limited(context: StepContext) -> None:
    note(context, (context.step_name, context.retry_count))
    raise RetryableError("it never works")


class Flaky(StepHandler):
    handler_name = "errors.flaky_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        note(context, (context.retry_count, context.idempotency_key))
        if context.retry_count < 2:
            raise ConnectionError("reset by peer")
        return self.success({"attempts_before": context.retry_count})


@step_handler("errors.flaky_dsl")
def flaky(context: StepContext) -> dict[str, Any]:
    note(context, (context.retry_count, context.idempotency_key))
    if context.retry_count < 2:
        raise ConnectionError("reset by peer")
    return {"attempts_before": context.retry_count}


class Hinted(StepHandler):
    handler_name = "errors.hinted_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        note(context, time.monotonic())
        if context.retry_count == 0:
            raise RateLimitError("slow down", retry_after=2)
        return self.success()


@step_handler("errors.hinted_dsl")
def hinted(context: StepContext) -> None:
    note(context, time.monotonic())
    if context.retry_count == 0:
        raise RateLimitError("slow down", retry_after=2)


def refusal() -> PermanentError:
    told = {"gateway": "test", "attempted_cents": 1250}
    return PermanentError("card refused: naïve", code="CARD_REFUSED", metadata=told, context={"region": "eu"})


class Detailed(StepHandler):
    handler_name = "errors.detailed_class"
    handler_version = "2.3.4"

    def call(self, context: StepContext) -> StepHandlerResult:
        raise refusal()


@step_handler("errors.detailed_dsl", version="2.3.4")
def detailed() -> None:
    raise refusal()


class Chaos(BaseException):
    """No Exception: what a careless handler does not catch either."""


CRASHES: dict[str, type[BaseException]] = {
    kind.__name__: kind for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, Chaos, ZeroDivisionError, MemoryError)
}


class Crash(StepHandler):
    handler_name = "errors.crash_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        raise CRASHES[context.get_input("kind")]("crashed on purpose")


@step_handler("errors.crash_dsl")
@inputs("kind")
def crash(kind: str) -> None:
    raise CRASHES[kind]("crashed on purpose")


class CrashAsync(StepHandler):
    handler_name = "errors.crash_async_class"

    async def call(self, context: StepContext) -> StepHandlerResult:
        await asyncio.sleep(0)
        raise CRASHES[context.get_input("kind")]("crashed on purpose")


@step_handler("errors.crash_async_dsl")
@inputs("kind")
async def crash_async(kind: str) -> None:
    await asyncio.sleep(0)
    raise CRASHES[kind]("crashed on purpose")


def hang(context: StepContext) -> None:
    """Wait until the step is cancelled, and note what the handler is told then."""
    hung.add(str(context.task_uuid))
    deadline = time.monotonic() + 20
    while not context.cancelled and time.monotonic() < deadline:
        time.sleep(0.01)
    note(context, {"cancelled": context.cancelled, "heartbeat": context.heartbeat()})


async def hang_async(context: StepContext) -> None:
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        note(context, "cancelled")
        raise


class Slow(StepHandler):
    handler_name = "errors.slow_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        if context.retry_count == 0:
            hang(context)
        return self.success({"attempt": context.retry_count})


@step_handler("errors.slow_dsl")
def slow(context: StepContext) -> dict[str, Any]:
    if context.retry_count == 0:
        hang(context)
    return {"attempt": context.retry_count}


class SlowAsync(StepHandler):
    handler_name = "errors.slow_async_class"

    async def call(self, context: StepContext) -> StepHandlerResult:
        if context.retry_count == 0:
            await hang_async(context)
        return self.success({"attempt": context.retry_count})


@step_handler("errors.slow_async_dsl")
async def slow_async(context: StepContext) -> dict[str, Any]:
    if context.retry_count == 0:
        await hang_async(context)
    return {"attempt": context.retry_count}


def circle() -> dict[str, Any]:
    ring: dict[str, Any] = {}
    ring["again"] = ring
    return ring


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"v": value}
    return value


UNSERIALISABLE: dict[str, Callable[[], Any]] = {
    "a circle": circle,
    "NaN": lambda: {"x": float("nan")},
    "bytes": lambda: {"x": b"\xff" * 1000},
    "an object": lambda: {"x": object()},
    "a key that is no text": lambda: {"x": {1: 2}},
    "half a character": lambda: {"x": "\ud800"},
    "a NUL": lambda: {"x": "a\0b"},
    "too large": lambda: {"x": "x" * (1 << 20)},
    "too deep": lambda: deep(100),
}


class Unserialisable(StepHandler):
    handler_name = "errors.unserialisable_class"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success(UNSERIALISABLE[context.get_input("kind")](), {"note": "kept"})


@step_handler("errors.unserialisable_dsl")
@inputs("kind")
def unserialisable(kind: str) -> Any:
    return UNSERIALISABLE[kind]()
