"""One attempt of a step: whatever a handler does, there is a document that the core takes."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import math
import sys
import threading
from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from unit_helpers import STEP, check_contract, contract, make_event, outcome_of, run

from tasker_core import errors
from tasker_core._execute import execute_step, execute_step_async, is_checkpoint
from tasker_core.batch_processing import Batchable
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler import StepHandler
from tasker_core.types import StepContext, StepControls, StepHandlerCallResult, StepHandlerResult


@dataclasses.dataclass
class Cart:
    total: int
    at: datetime.date = datetime.date(2026, 1, 31)


class Payment(pydantic.BaseModel):
    id: str
    cart: Cart


def handler(call: Callable[[StepContext], Any]) -> type[StepHandler]:
    """Return a handler class that does what a function says."""

    class Handler(StepHandler):
        handler_name = "a_handler"
        handler_version = "2.1.0"

        def call(self, context: StepContext) -> Any:
            return call(context)

    return Handler


def run_handler(call: Callable[[StepContext], Any], **parts: Any) -> dict[str, Any]:
    registry = HandlerRegistry()
    registry.register("a_handler", handler(call))
    return run(registry, "a_handler", **parts)


def raising(error: BaseException) -> Callable[[StepContext], Any]:
    def call(_: StepContext) -> Any:
        raise error

    return call


class TestSuccess:
    @pytest.mark.parametrize(
        ("output", "result"),
        [
            ({"a": 1}, {"a": 1}),
            (None, {}),
            ([1, "two", None], [1, "two", None]),
            (0, 0),
            (False, False),
            ("text", "text"),
            (Cart(5), {"total": 5, "at": "2026-01-31"}),
            (Payment(id="p", cart=Cart(5)), {"id": "p", "cart": {"total": 5, "at": "2026-01-31"}}),
            ({"carts": [Cart(5)]}, {"carts": [{"total": 5, "at": "2026-01-31"}]}),
            (StepHandlerResult.success({"a": 1}), {"a": 1}),
            (StepHandlerResult.success(Cart(1)), {"total": 1, "at": "2026-01-31"}),
            (StepHandlerCallResult(success=True, result={"a": 1}), {"a": 1}),
        ],
        ids=lambda v: type(v).__name__,
    )
    def test_what_a_handler_returns_is_the_result(self, output: Any, result: Any) -> None:
        document = run_handler(lambda _: output)
        assert document["success"] is True
        assert document["status"] == "completed"
        assert document["result"] == result

    def test_the_document_tells_who_made_it_and_how_long_it_took(self) -> None:
        document = run_handler(lambda _: StepHandlerResult.success({}, {"rows": 3, "at": datetime.date(2026, 1, 1)}))
        metadata = document["metadata"]
        assert document["step_uuid"] == STEP
        assert metadata["worker_id"] == "worker-1"
        assert metadata["handler_version"] == "2.1.0"
        assert metadata["execution_time_ms"] >= 0
        assert metadata["custom"] == {"rows": 3, "at": "2026-01-01"}

    def test_numbers_stay_exact(self) -> None:
        big = 9007199254740993
        assert run_handler(lambda c: {"big": c.get_input("big") + 2**64}, context={"big": big})["result"] == {
            "big": big + 2**64
        }

    def test_an_async_handler_is_a_coroutine_until_it_is_done(self) -> None:
        async def work(context: StepContext) -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"done": context.handler_name}

        registry = HandlerRegistry()
        registry.register("a_handler", handler(work))
        outcome = execute_step(make_event(), registry)
        assert asyncio.iscoroutine(outcome)
        document = asyncio.run(outcome)
        check_contract(document)
        assert document["result"] == {"done": "a_handler"}

    def test_both_kinds_can_be_awaited(self) -> None:
        async def slow(_: StepContext) -> int:
            return 1

        async def both() -> list[Any]:
            registry = HandlerRegistry()
            registry.register("slow", handler(slow))
            registry.register("fast", handler(lambda _: 2))
            return [await execute_step_async(make_event(name), registry) for name in ("slow", "fast")]

        assert [document["result"] for document in asyncio.run(both())] == [1, 2]


class TestFailure:
    def test_a_permanent_error_is_not_retried(self) -> None:
        document = run_handler(raising(errors.PermanentError("payment is required", code="PAYMENT_MISSING")))
        assert document["success"] is False
        assert document["result"] == {}
        assert document["status"] == "error"
        assert document["metadata"]["retryable"] is document["error"]["retryable"] is False
        assert document["metadata"]["error_code"] == "PAYMENT_MISSING"
        assert document["metadata"]["error_type"] == document["error"]["error_type"] == "permanent_error"
        assert document["error"]["message"] == "payment is required"

    @pytest.mark.parametrize(
        ("error", "error_type", "retryable"),
        [
            (errors.RetryableError("x"), "retryable_error", True),
            (errors.ValidationError("x"), "permanent_error", False),
            (ValueError("x"), "handler_error", False),
            (ConnectionError("x"), "handler_error", True),
            (RuntimeError("x"), "handler_error", True),
            (SystemExit("x"), "handler_panic", False),
            (GeneratorExit("x"), "handler_panic", False),
            (asyncio.CancelledError("x"), "handler_error", True),
        ],
        ids=lambda v: type(v).__name__,
    )
    def test_any_exception_is_a_failure_that_the_classifier_judged(
        self, error: BaseException, error_type: str, retryable: bool
    ) -> None:
        document = run_handler(raising(error))
        assert document["error"]["error_type"] == error_type
        assert document["error"]["retryable"] is document["metadata"]["retryable"] is retryable
        assert any("raise error" in line for line in document["error"]["backtrace"])

    def test_an_async_handler_fails_likewise(self) -> None:
        async def fail(_: StepContext) -> None:
            raise errors.PermanentError("no")

        async def leave(_: StepContext) -> None:
            sys.exit(3)

        assert run_handler(fail)["error"]["error_type"] == "permanent_error"
        assert run_handler(leave)["error"]["error_type"] == "handler_panic"

    def test_all_that_an_error_was_told_reaches_the_core(self) -> None:
        error = errors.NetworkError(
            "down", error_code="E1", metadata={"status_code": 503, "host": "a"}, context={"region": "eu"}
        )
        document = run_handler(raising(error))
        assert document["error"]["context"] == {"region": "eu"}
        assert document["error"]["status_code"] == 503
        assert document["metadata"]["custom"] == {"status_code": 503, "host": "a", "exception_class": "NetworkError"}

    def test_a_failure_that_is_returned_is_kept_as_it_is(self) -> None:
        result = StepHandlerResult.failure("sold out", "sold_out", False, {"sku": "a"}, "S1")
        assert outcome_of(run_handler(lambda _: result)) == {
            "success": False,
            "result": {},
            "retryable": False,
            "error_code": "S1",
            "message": "sold out",
            "error_type": "sold_out",
            "context": {},
        }

    def test_a_failure_without_a_reason_gets_one(self) -> None:
        document = run_handler(lambda _: StepHandlerResult.failure(""))
        assert document["error"]["message"] == "the handler failed and gave no reason"

    def test_the_older_form_of_a_failure_is_understood(self) -> None:
        document = run_handler(lambda _: StepHandlerCallResult(success=False, error_message="no"))
        assert (document["error"]["message"], document["error"]["retryable"]) == ("no", True)

    def test_what_goes_with_a_failure_never_makes_it_another_one(self) -> None:
        class Unspeakable:
            def __str__(self) -> str:
                raise RuntimeError

        loop: dict[str, Any] = {}
        loop["self"] = loop
        custom = {1: math.nan, "o": object, "u": Unspeakable(), "loop": loop, "s": "\ud800\0", "b": {True: {1.5}}}
        document = run_handler(raising(errors.RetryableError("x", metadata=custom, context={"u": Unspeakable()})))
        told = document["metadata"]["custom"]
        assert document["metadata"]["retryable"] is True
        assert (told["1"], told["u"], told["s"], told["b"]) == ("nan", "(Unspeakable)", "?\ufffd", {"True": [1.5]})
        assert document["error"]["context"] == {"u": "(Unspeakable)"}

    def test_ctrl_c_in_the_main_thread_stops_the_program(self) -> None:
        with pytest.raises(KeyboardInterrupt):
            run_handler(raising(KeyboardInterrupt()))

    def test_ctrl_c_raised_in_another_thread_is_a_failure(self) -> None:
        documents: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: documents.append(run_handler(raising(KeyboardInterrupt()))))
        thread.start()
        thread.join()
        assert documents[0]["error"]["error_type"] == "handler_panic"

    def test_cancelling_the_coroutine_cancels_the_handler(self) -> None:
        ended: list[str] = []

        async def endless(_: StepContext) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("yes")

        async def cancel() -> None:
            registry = HandlerRegistry()
            registry.register("a_handler", handler(endless))
            outcome = execute_step(make_event(), registry)
            assert not isinstance(outcome, dict)
            task = asyncio.ensure_future(outcome)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel())
        assert ended == ["yes"]


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("error", "kind", "seconds"),
        [
            (errors.RetryableError("x", retry_after=30), "ServerRequested", 30),
            (errors.RetryableError("x", retry_after=0.2), "ServerRequested", 1),
            (errors.RateLimitError("x", retry_after=60), "RateLimit", 60),
            (errors.ServiceUnavailableError("x", retry_after=0), "ServiceUnavailable", 0),
            (errors.RetryableError("x", retry_after=10**12), "ServerRequested", 2**32 - 1),
        ],
    )
    def test_it_reaches_orchestration_as_a_hint(self, error: errors.TaskerError, kind: str, seconds: int) -> None:
        hint = run_handler(raising(error))["orchestration_metadata"]["backoff_hint"]
        assert (hint["backoff_type"], hint["delay_seconds"]) == (kind, seconds)

    def test_a_failure_that_is_returned_has_it_in_its_metadata(self) -> None:
        document = run_handler(lambda _: StepHandlerResult.failure("x", "rate_limited", metadata={"retry_after": 7}))
        hint = document["orchestration_metadata"]["backoff_hint"]
        assert (hint["backoff_type"], hint["delay_seconds"]) == ("RateLimit", 7)

    @pytest.mark.parametrize("retry_after", [None, -1, math.inf, math.nan, True, "soon"])
    def test_what_is_no_delay_is_no_hint(self, retry_after: Any) -> None:
        document = run_handler(raising(errors.RetryableError("x", retry_after=retry_after)))
        assert "orchestration_metadata" not in document

    def test_a_permanent_failure_waits_for_nothing(self) -> None:
        assert "orchestration_metadata" not in run_handler(raising(errors.PermanentError("x", retry_after=5)))


class TestCheckpoint:
    @pytest.mark.parametrize("cursor", [50, "token", {"page": 3}, None, [1], True])
    def test_a_yield_is_a_checkpoint(self, cursor: Any) -> None:
        document = run_handler(lambda _: Batchable().checkpoint_yield(cursor, 50, {"total": 5}))
        assert is_checkpoint(document)
        assert document == {"cursor": cursor, "items_processed": 50, "accumulated_results": {"total": 5}}

    def test_a_result_that_has_a_cursor_is_none(self) -> None:
        assert not is_checkpoint(run_handler(lambda _: {"cursor": 5, "items_processed": 1}))

    @pytest.mark.parametrize("count", [-1, 1.5, True, "3", None])
    def test_a_count_that_is_none_is_refused(self, count: Any) -> None:
        document = run_handler(lambda _: Batchable().checkpoint_yield(1, count))
        assert (document["error"]["error_type"], document["error"]["retryable"]) == ("permanent_error", False)
        assert "items_processed" in document["error"]["message"]

    @pytest.mark.parametrize("saved", [{}, {"cursor": 1, "items_processed": -1}, [1], None])
    def test_one_that_was_made_by_hand_is_checked(self, saved: Any) -> None:
        document = run_handler(lambda _: StepHandlerResult.success(saved, {"checkpoint_yield": True}))
        assert document["success"] is False
        assert document["metadata"]["retryable"] is False


class TestResolution:
    def test_an_unknown_handler_fails_the_step_for_good(self) -> None:
        registry = HandlerRegistry()
        registry.register("charge", handler(lambda _: 1))
        document = run(registry, "chrage")
        assert document["error"]["error_type"] == "handler_not_found"
        assert document["error"]["retryable"] is False
        assert document["error"]["message"] == "Handler not found: chrage. This worker has: charge"

    def test_the_template_s_method_is_the_one_that_runs(self) -> None:
        class Payments(StepHandler):
            def call(self, context: StepContext) -> Any:
                return {"ran": "call"}

            def refund(self, context: StepContext) -> Any:
                return {"ran": "refund", "order": context.get_input("order")}

            async def validate(self, context: StepContext) -> Any:
                return {"ran": "validate"}

        registry = HandlerRegistry()
        registry.register("payments", Payments)
        for method, ran in [(None, "call"), ("call", "call"), ("refund", "refund"), ("validate", "validate")]:
            document = run(registry, {"callable": "payments", "method": method}, context={"order": 7})
            assert document["result"]["ran"] == ran
            assert document["metadata"]["handler_version"] == "1.0.0"

    @pytest.mark.parametrize("method", ["nope", "success", "__init__", "_hidden", "name", "handler_name", "__class__"])
    def test_a_method_that_is_not_for_templates_fails_the_step_for_good(self, method: str) -> None:
        class Payments(StepHandler):
            def call(self, context: StepContext) -> Any:
                return {}

            def _hidden(self, context: StepContext) -> Any:
                return {}

        registry = HandlerRegistry()
        registry.register("payments", Payments)
        document = run(registry, {"callable": "payments", "method": method})
        assert (document["error"]["error_type"], document["error"]["retryable"]) == ("handler_not_found", False)
        assert document["error"]["message"].endswith("it has: call")

    def test_a_resolver_that_is_named_is_the_only_one_asked(self) -> None:
        registry = HandlerRegistry()
        registry.register("charge", handler(lambda _: 1))
        assert run(registry, {"callable": "charge", "resolver": "explicit_mapping"})["success"] is True
        for resolver, message in [("class_lookup", "does not know 'charge'"), ("nope", "no resolver is called 'nope'")]:
            document = run(registry, {"callable": "charge", "resolver": resolver})
            assert (document["error"]["error_type"], document["error"]["retryable"]) == ("handler_not_found", False)
            assert message in document["error"]["message"]

    def test_a_handler_that_cannot_be_made_fails_as_its_error_says(self) -> None:
        class Broken(StepHandler):
            def __init__(self) -> None:
                raise errors.ServiceUnavailableError("no database", retry_after=5)

            def call(self, context: StepContext) -> Any:
                return {}

        registry = HandlerRegistry()
        registry.register("broken", Broken)
        document = run(registry, "broken")
        assert (document["error"]["message"], document["error"]["retryable"]) == ("no database", True)
        assert document["orchestration_metadata"]["backoff_hint"]["delay_seconds"] == 5

    def test_attempts_share_no_handler(self) -> None:
        seen: list[object] = []
        registry = HandlerRegistry()
        registry.register("a_handler", handler(lambda _: None))

        class Remembers(StepHandler):
            def __init__(self) -> None:
                self.calls = 0

            def call(self, context: StepContext) -> Any:
                self.calls += 1
                seen.append(self)
                return self.calls

        registry.register("remembers", Remembers)
        assert [run(registry, "remembers")["result"] for _ in range(3)] == [1, 1, 1]
        assert len(set(map(id, seen))) == 3

    def test_configuration_goes_to_a_constructor_that_takes_it(self) -> None:
        class Configured(StepHandler):
            def __init__(self, config: dict[str, Any]) -> None:
                self.config = config

            def call(self, context: StepContext) -> Any:
                return {"config": self.config, "of_context": context.step_config}

        registry = HandlerRegistry()
        registry.register("configured", Configured)
        document = run(registry, {"callable": "configured", "initialization": {"rate": 3}})
        assert document["result"] == {"config": {"rate": 3}, "of_context": {"rate": 3}}


class TestEvent:
    @pytest.mark.parametrize("index", [0, 1])
    def test_events_of_the_core_are_run(self, index: int) -> None:
        document = contract("step_event")["accept"][index]["document"]
        registry = HandlerRegistry()
        name = document["task_sequence_step"]["step_definition"]["handler"]["callable"]
        registry.register(name, lambda context: {"step": context.step_name})
        outcome = execute_step(document, registry)
        assert isinstance(outcome, dict)
        assert outcome["result"] == {"step": document["task_sequence_step"]["workflow_step"]["name"]}

    def test_an_event_that_is_none_is_a_failure_not_a_crash(self) -> None:
        document = execute_step({"step_uuid": STEP}, HandlerRegistry())
        assert isinstance(document, dict)
        assert document["success"] is False
        assert "FfiStepEvent needs" in document["error"]["message"]

    def test_the_handler_reaches_the_worker(self) -> None:
        beats: list[Any] = []
        controls = StepControls(cancelled=lambda: True, heartbeat=lambda details: beats.append(details) is None)
        registry = HandlerRegistry()
        registry.register("a_handler", lambda context: {"cancelled": context.cancelled, "beat": context.heartbeat({"n": 1})})
        assert run(registry, "a_handler", controls)["result"] == {"cancelled": True, "beat": False}
        assert beats == [{"n": 1}]
