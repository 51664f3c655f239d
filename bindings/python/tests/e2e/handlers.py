"""The handlers of the templates beside this file, for programs and for what has one form only. See `forms` for the others."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from tasker_core import HandlerRegistry, PermanentError, RetryableError, StepContext, StepHandler
from tasker_core.step_handler import inputs, step_handler

# W13: the methods of a class. A function of the DSL has none but its own.


class Payments(StepHandler):
    handler_name = "payments.Payments"

    def validate(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "validate"}

    def process(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "process"}

    def refund(self, context: StepContext) -> dict[str, Any]:
        return {"ran": "refund"}

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
def permanent() -> None:
    raise PermanentError("the order is closed", code="ORDER_CLOSED")


# Concurrency. The first steps stay until as many as there are slots run side by side, and long enough for one too many.

SLOTS = 10
TOGETHER_S = 20.0
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
    deadline = time.monotonic() + TOGETHER_S
    while most["thread"] < SLOTS and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    _enter("thread", -1)
    return {"on": threading.current_thread().name}


@step_handler("fan.coroutine")
async def fan_coroutine(context: StepContext) -> dict[str, Any]:
    _enter("coroutine", 1)
    deadline = time.monotonic() + TOGETHER_S
    while most["coroutine"] < SLOTS and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
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
