"""The handlers of the templates beside this file."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from tasker_core import (
    HandlerRegistry,
    PermanentError,
    RateLimitError,
    RetryableError,
    StepContext,
    StepHandler,
    StepHandlerResult,
)
from tasker_core.step_handler import depends_on, inputs, step_handler

seen: dict[str, list[Any]] = {}
"""What handlers noted, by task."""


def note(context: StepContext, what: Any) -> None:
    seen.setdefault(str(context.task_uuid), []).append(what)


# W1, as classes.


class Square(StepHandler):
    handler_name = "linear.square"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"result": context.get_input("even_number") ** 2}, {"operation": "square"})


class Add(StepHandler):
    handler_name = "linear.add"

    def call(self, context: StepContext) -> StepHandlerResult:
        return self.success({"result": context.get_dependency_field("square", "result") + context.get_config("addend")})


class Multiply(StepHandler):
    handler_name = "linear.multiply"

    def __init__(self, config: dict[str, Any]) -> None:
        self.factor = config["factor"]

    async def call(self, context: StepContext) -> StepHandlerResult:
        await asyncio.sleep(0)
        return self.success({"result": context.get_dependency_field("add", "result") * self.factor})


class Divide(StepHandler):
    handler_name = "linear.divide"

    def call(self, context: StepContext) -> dict[str, Any]:
        return {"result": context.get_dependency_field("multiply", "result") // context.get_config("divisor")}


# W3, as functions.


@step_handler("diamond.start")
@inputs("even_number")
def start(even_number: int) -> dict[str, Any]:
    return {"value": even_number**2}


@step_handler("diamond.branch_add")
@depends_on(before="start")
def branch_add(before: dict[str, Any]) -> dict[str, Any]:
    return {"value": before["value"] + 25}


@step_handler("diamond.branch_double")
@depends_on(before="start")
async def branch_double(before: dict[str, Any]) -> dict[str, Any]:
    return {"value": before["value"] * 2}


@step_handler("diamond.average")
@depends_on(left="branch_add", right="branch_double")
def average(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {"value": (left["value"] + right["value"]) / 2}


# W13.


class Payments(StepHandler):
    handler_name = "payments.Payments"

    def validate(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "validate"}

    def process(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "process"}

    def call(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "call"}


# Errors.


@step_handler("errors.succeed")
def succeed() -> dict[str, Any]:
    return {"done": True}


@step_handler("errors.operated")
@inputs("how", "times")
def operated(how: str, times: int | None, context: StepContext) -> dict[str, Any]:
    """Fail for good, or for as many attempts as the task says: for ever, if it does not."""
    if how == "permanent":
        raise PermanentError("the card is not valid")
    if times is None or context.step_name != "charge" or context.retry_count < times:
        raise RetryableError("the gateway is away")
    return {"charged": True}


@step_handler("errors.permanent")
def permanent(context: StepContext) -> None:
    note(context, time.monotonic())
    raise PermanentError("the order is closed", code="ORDER_CLOSED")


class PermanentClass(StepHandler):
    handler_name = "errors.PermanentClass"

    def call(self, context: StepContext) -> None:
        note(context, time.monotonic())
        raise PermanentError("the order is closed")


@step_handler("errors.retryable")
def retryable(context: StepContext) -> None:
    note(context, time.monotonic())
    raise RetryableError("the gateway is down")


class FailsAsOftenAsItMay(StepHandler):
    handler_name = "limits.Fails"

    def call(self, context: StepContext) -> None:
        note(context, (context.step_name, context.retry_count))
        raise RetryableError("it never works")


@step_handler("limits.fails")
def fails_as_often_as_it_may(context: StepContext) -> None:
    note(context, (context.step_name, context.retry_count))
    raise RetryableError("it never works")


@step_handler("errors.flaky")
def flaky(context: StepContext) -> dict[str, Any]:
    note(context, (context.retry_count, context.idempotency_key))
    if context.retry_count < 2:
        raise ConnectionError("reset by peer")
    return {"attempts_before": context.retry_count}


@step_handler("errors.hinted")
def hinted(context: StepContext) -> dict[str, Any]:
    note(context, time.monotonic())
    if context.retry_count == 0:
        raise RateLimitError("slow down", retry_after=2)
    return {}


class Detailed(StepHandler):
    handler_name = "errors.detailed"
    handler_version = "2.3.4"

    def call(self, context: StepContext) -> None:
        raise PermanentError(
            "card refused: naïve",
            code="CARD_REFUSED",
            metadata={"gateway": "test", "attempted_cents": 1250},
            context={"region": "eu"},
        )


class Chaos(BaseException):
    """No Exception: what a careless handler does not catch either."""


CRASHES: dict[str, type[BaseException]] = {
    kind.__name__: kind for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, Chaos, ZeroDivisionError, MemoryError)
}


@step_handler("errors.crash")
def crash(context: StepContext) -> None:
    raise CRASHES[context.get_input("kind")]("crashed on purpose")


@step_handler("errors.crash_async")
async def crash_async(context: StepContext) -> None:
    await asyncio.sleep(0)
    raise CRASHES[context.get_input("kind")]("crashed on purpose")


@step_handler("errors.slow")
def slow(context: StepContext) -> dict[str, Any]:
    if context.retry_count == 0:
        deadline = time.monotonic() + 20
        while not context.cancelled and time.monotonic() < deadline:
            time.sleep(0.01)
        note(context, {"cancelled": context.cancelled, "heartbeat": context.heartbeat()})
    return {"attempt": context.retry_count}


@step_handler("errors.slow_async")
async def slow_async(context: StepContext) -> dict[str, Any]:
    if context.retry_count == 0:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            note(context, "cancelled")
            raise
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


@step_handler("errors.unserialisable")
def unserialisable(context: StepContext) -> StepHandlerResult:
    return StepHandlerResult.success(UNSERIALISABLE[context.get_input("kind")](), {"note": "kept"})


# Concurrency.

_running = itertools.count()
_lock = threading.Lock()
most = {"thread": 0, "coroutine": 0}
_now = {"thread": 0, "coroutine": 0}


def _enter(kind: str, by: int) -> None:
    with _lock:
        _now[kind] += by
        most[kind] = max(most[kind], _now[kind])


@step_handler("fan.thread")
def fan_thread(context: StepContext) -> dict[str, Any]:
    _enter("thread", 1)
    time.sleep(0.1)
    _enter("thread", -1)
    return {"on": threading.current_thread().name}


@step_handler("fan.coroutine")
async def fan_coroutine(context: StepContext) -> dict[str, Any]:
    _enter("coroutine", 1)
    await asyncio.sleep(0.1)
    _enter("coroutine", -1)
    return {"on": threading.current_thread().name}


# Others.


@step_handler("events.pay")
def pay(context: StepContext) -> dict[str, Any]:
    if context.get_input("refuse"):
        raise PermanentError("refused")
    return {"payment_id": "p-1"}


@step_handler("waits.wait")
def wait(context: StepContext) -> dict[str, Any]:
    print(f"began {context.retry_count}", flush=True)
    deadline = time.monotonic() + float(context.get_input("seconds"))
    while time.monotonic() < deadline:
        if context.cancelled and not context.get_input("deaf"):
            return {"cut": "short"}
        time.sleep(0.01)
    return {"waited": context.get_input("seconds")}


def registry() -> HandlerRegistry:
    """A registry with all of these but those that only processes of their own have."""
    made = HandlerRegistry()
    made.discover_handlers(__name__)
    made.unregister("waits.wait")
    return made
