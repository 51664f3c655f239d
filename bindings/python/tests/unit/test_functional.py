"""Handlers that are functions."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from typing import Any

import pydantic
import pytest
from unit_helpers import make_context

from tasker_core.batch_processing import Batchable
from tasker_core.errors import ConfigurationError, PermanentError, RetryableError
from tasker_core.step_handler import (
    ApiHandler,
    BatchConfig,
    Decision,
    DecisionHandler,
    StepHandler,
    api_handler,
    batch_analyzer,
    batch_worker,
    decision_handler,
    depends_on,
    inputs,
    step_handler,
)
from tasker_core.types import BatchWorkerContext, StepContext, StepHandlerResult


class Cart(pydantic.BaseModel):
    total: int
    currency: str = "EUR"


class Order(pydantic.BaseModel):
    sku: str
    count: int = 1

    @pydantic.field_validator("count")
    @classmethod
    def _positive(cls, count: int) -> int:
        if count < 1:
            raise ValueError("count must be positive")
        return count


class Strict(pydantic.BaseModel):
    amount: int

    @pydantic.model_validator(mode="after")
    def _limit(self) -> Strict:
        if self.amount > 10:
            raise PermanentError("too much", error_code="LIMIT")
        return self


@dataclasses.dataclass
class Address:
    street: str


def call(function: Any, **parts: Any) -> StepHandlerResult:
    output = function._handler_class().call(make_context(**parts))
    result = asyncio.run(_wait(output)) if inspect.isawaitable(output) else output
    assert isinstance(result, StepHandlerResult)
    return result


async def _wait(output: Any) -> Any:
    return await output


class TestStepHandler:
    def test_the_function_stays_what_it_was(self) -> None:
        @step_handler("double")
        def double(n: int) -> int:
            """Twice."""
            return 2 * n

        assert double(4) == 8
        assert double.__name__ == "double"
        assert double._handler_class.__doc__ == "Twice."

    def test_its_class_is_a_handler_like_others(self) -> None:
        @step_handler("send_mail", version="3.1.0")
        def send_mail() -> None: ...

        handler = send_mail._handler_class()
        assert isinstance(handler, StepHandler)
        assert (handler.name, handler.version, type(handler).__name__) == ("send_mail", "3.1.0", "SendMailHandler")
        assert handler.capabilities == ["process"]

    @pytest.mark.parametrize(
        ("output", "result"),
        [
            ({"a": 1}, {"a": 1}),
            (None, {}),
            (Cart(total=5), {"total": 5, "currency": "EUR"}),
            ([1], [1]),
            (Address("s"), {"street": "s"}),
        ],
        ids=lambda v: type(v).__name__,
    )
    def test_what_it_returns_is_the_result(self, output: Any, result: Any) -> None:
        @step_handler("f")
        def f() -> Any:
            return output

        assert call(f) == StepHandlerResult.success(result)

    def test_a_result_is_passed_through(self) -> None:
        result = StepHandlerResult.failure("no", "sold_out", False)

        @step_handler("f")
        def f() -> Any:
            return result

        assert call(f) is result

    def test_the_context_is_given_to_those_who_ask(self) -> None:
        @step_handler("f")
        def f(context: StepContext) -> Any:
            return {"sku": context.get_input("sku")}

        assert call(f, context={"sku": "a"}).result == {"sku": "a"}

    def test_an_async_function_is_awaited(self) -> None:
        @step_handler("f", depends_on={"cart": ("cart", Cart)})
        async def f(cart: Cart) -> Any:
            await asyncio.sleep(0)
            if cart.total == 0:
                raise PermanentError("empty")
            return cart

        assert call(f, results={"cart": {"total": 2}}).result == {"total": 2, "currency": "EUR"}
        failure = call(f, results={"cart": {"total": 0}})
        assert (failure.error_message, failure.retryable) == ("empty", False)

    @pytest.mark.parametrize(
        ("error", "error_type", "retryable"),
        [
            (PermanentError("x"), "permanent_error", False),
            (RetryableError("x"), "retryable_error", True),
            (ValueError("x"), "handler_error", False),
            (OSError("x"), "handler_error", True),
            (RuntimeError("x"), "handler_error", True),
        ],
        ids=lambda v: type(v).__name__,
    )
    def test_an_exception_is_a_failure_with_its_trace(self, error: Exception, error_type: str, retryable: bool) -> None:
        @step_handler("f")
        def f() -> Any:
            raise error

        failure = call(f)
        assert (failure.error_message, failure.error_type, failure.retryable) == ("x", error_type, retryable)
        assert "in f" in failure.metadata["traceback"]

    def test_a_handler_needs_a_name(self) -> None:
        with pytest.raises(ConfigurationError, match="the handler f needs a name"):

            @step_handler("")
            def f() -> None: ...


class TestDependsOn:
    def test_a_parameter_is_what_an_earlier_step_returned(self) -> None:
        @step_handler("f")
        @depends_on(cart="validate_cart", raw="other")
        def f(cart: dict[str, Any], raw: Any) -> Any:
            return {"total": cart["total"], "raw": raw}

        assert call(f, results={"validate_cart": {"total": 3}, "other": [1]}).result == {"total": 3, "raw": [1]}

    def test_a_missing_result_is_none(self) -> None:
        @step_handler("f")
        @depends_on(cart="validate_cart", typed=("validate_cart", Cart))
        def f(cart: Any, typed: Cart | None) -> Any:
            return {"cart": cart, "typed": typed}

        assert call(f).result == {"cart": None, "typed": None}

    def test_a_model_makes_it_typed(self) -> None:
        @step_handler("f")
        @depends_on(cart=("validate_cart", Cart), address=("address", Address))
        def f(cart: Cart, address: Address) -> Any:
            return {"total": cart.total, "street": address.street}

        parts = {"validate_cart": {"total": 3, "more": 1}, "address": {"street": "s"}}
        assert call(f, results=parts).result == {"total": 3, "street": "s"}

    def test_what_does_not_fit_the_model_fails_for_good(self) -> None:
        @step_handler("f")
        @depends_on(cart=("validate_cart", Cart))
        def f(cart: Cart) -> Any:
            return cart

        failure = call(f, results={"validate_cart": {"total": "many"}})
        assert failure.retryable is False
        assert "the result of step 'validate_cart'" in (failure.error_message or "")

    @pytest.mark.parametrize("wanted", [3, ("a",), ("a", Cart, 1), (Cart, "a")])
    def test_what_names_no_step_is_refused(self, wanted: Any) -> None:
        with pytest.raises(ConfigurationError, match="depends on a step's name"):

            @depends_on(cart=wanted)
            def f(cart: Any) -> None: ...


class TestInputs:
    def test_each_key_is_a_parameter_and_none_if_missing(self) -> None:
        @step_handler("f")
        @inputs("sku", "count")
        def f(sku: str, count: int | None) -> Any:
            return {"sku": sku, "count": count}

        assert call(f, context={"sku": "a"}).result == {"sku": "a", "count": None}

    def test_a_model_is_the_whole_context(self) -> None:
        @step_handler("f")
        @inputs(Order)
        def f(inputs: Order) -> Any:
            return inputs

        assert call(f, context={"sku": "a", "more": 1}).result == {"sku": "a", "count": 1}

    @pytest.mark.parametrize(("context", "message"), [({}, "sku"), ({"sku": "a", "count": 0}, "count must be positive")])
    def test_a_context_that_the_model_rejects_fails_for_good(self, context: dict[str, Any], message: str) -> None:
        @step_handler("f")
        @inputs(Order)
        def f(inputs: Order) -> Any:
            return inputs

        failure = call(f, context=context)
        assert (failure.is_success, failure.retryable) == (False, False)
        assert message in (failure.error_message or "")

    def test_an_error_that_a_validator_raises_is_told_as_it_is(self) -> None:
        @step_handler("f")
        @inputs(Strict)
        def f(inputs: Strict) -> Any:
            return inputs

        failure = call(f, context={"amount": 11})
        assert (failure.error_code, failure.error_type) == ("LIMIT", "permanent_error")

    def test_keys_and_a_model_do_not_mix(self) -> None:
        with pytest.raises(ConfigurationError, match="inputs takes keys, or one model"):
            inputs("a", Order)

    def test_all_three_words_go_together(self) -> None:
        @step_handler("f", depends_on={"cart": "cart"}, inputs=["sku"])
        @depends_on(address=("address", Address))
        @inputs("count")
        def f(cart: Any, address: Address, sku: str, count: int, context: StepContext) -> Any:
            return [cart, address.street, sku, count, context.handler_name]

        result = call(f, context={"sku": "a", "count": 2}, results={"cart": 1, "address": {"street": "s"}})
        assert result.result == [1, "s", "a", 2, "a_handler"]

    def test_the_order_of_decorators_does_not_matter(self) -> None:
        @inputs("sku")
        @depends_on(cart="cart")
        @step_handler("f")
        def f(cart: Any, sku: str) -> Any:
            return [cart, sku]

        assert call(f, context={"sku": "a"}, results={"cart": 1}).result == [1, "a"]

    def test_a_parameter_that_nothing_gives_fails_for_good(self) -> None:
        @step_handler("f")
        def f(nobody: int) -> Any:
            return nobody

        failure = call(f)
        assert failure.retryable is False
        assert "nobody" in (failure.error_message or "")


class TestDecisionHandler:
    def test_a_route_names_steps(self) -> None:
        @decision_handler("route", inputs=["amount"])
        def route(amount: int) -> Decision:
            return Decision.route(["manager", "finance"], amount=amount)

        assert isinstance(route._handler_class(), DecisionHandler)
        assert call(route, context={"amount": 7000}).result == {
            "decision_point_outcome": {"type": "create_steps", "step_names": ["manager", "finance"]},
            "routing_context": {"amount": 7000},
        }

    def test_a_skip_says_why(self) -> None:
        @decision_handler("route")
        def route() -> Decision:
            return Decision.skip("nothing to approve")

        assert call(route).result == {
            "decision_point_outcome": {"type": "no_branches"},
            "reason": "nothing to approve",
        }

    def test_it_may_depend_on_steps_and_be_async(self) -> None:
        @decision_handler("route")
        @depends_on(counts="count")
        async def route(counts: dict[str, int]) -> Decision:
            return Decision.route(["evens" if counts["even"] > counts["odd"] else "odds"])

        assert call(route, results={"count": {"even": 3, "odd": 2}}).result["decision_point_outcome"]["step_names"] == [
            "evens"
        ]

    def test_a_route_to_nothing_fails_for_good(self) -> None:
        @decision_handler("route")
        def route() -> Decision:
            return Decision.route([])

        assert call(route).retryable is False


class TestBatches:
    def test_ranges_are_made_from_the_numbers(self) -> None:
        @batch_analyzer("analyze", worker_template="process_csv")
        def analyze() -> BatchConfig:
            return BatchConfig(total_items=5, batch_size=2, metadata={"file": "a.csv"})

        assert isinstance(analyze._handler_class(), Batchable)
        assert call(analyze).result == {
            "batch_processing_outcome": {
                "type": "create_batches",
                "worker_template_name": "process_csv",
                "worker_count": 3,
                "cursor_configs": [
                    {"batch_id": "001", "start_cursor": 0, "end_cursor": 2, "batch_size": 2},
                    {"batch_id": "002", "start_cursor": 2, "end_cursor": 4, "batch_size": 2},
                    {"batch_id": "003", "start_cursor": 4, "end_cursor": 5, "batch_size": 1},
                ],
                "total_items": 5,
            },
            "batch_metadata": {"file": "a.csv"},
        }

    def test_no_items_make_no_batches(self) -> None:
        @batch_analyzer("analyze", "process_csv")
        def analyze() -> BatchConfig:
            return BatchConfig(0, 100)

        assert call(analyze).result == {"batch_processing_outcome": {"type": "no_batches"}}

    def test_batches_without_their_worker_fail_for_good(self) -> None:
        @step_handler("analyze")
        def analyze() -> BatchConfig:
            return BatchConfig(1, 1)

        assert "use @batch_analyzer" in (call(analyze).error_message or "")

    def test_a_worker_is_given_its_batch(self) -> None:
        @batch_worker("work", inputs=["file"])
        def work(batch_context: BatchWorkerContext, file: str) -> Any:
            return {
                "file": file,
                "rows": batch_context.end_cursor - batch_context.start_cursor,
                "id": batch_context.batch_id,
            }

        step = {"cursor": {"batch_id": "002", "start_cursor": 200, "end_cursor": 301, "batch_size": 101}, "is_no_op": False}
        assert call(work, inputs=step, context={"file": "a"}).result == {"file": "a", "rows": 101, "id": "002"}

    def test_a_worker_without_a_batch_is_given_none(self) -> None:
        @batch_worker("work")
        def work(batch_context: BatchWorkerContext | None) -> Any:
            return {"batch": batch_context}

        assert call(work).result == {"batch": None}

    def test_a_worker_with_nothing_to_do_is_not_called(self) -> None:
        @batch_worker("work")
        def work(batch_context: BatchWorkerContext) -> Any:
            raise AssertionError

        step = {"cursor": {"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0}, "is_no_op": True}
        result = call(work, inputs=step).result
        assert (result["no_op"], result["batch_id"], result["items_processed"]) == (True, "000", 0)


class TestApiHandler:
    def test_the_function_is_given_a_client(self) -> None:
        @api_handler("fetch", base_url="http://example.test/v1", timeout=5.0, default_headers={"x-key": "k"})
        def fetch(api: Any, context: StepContext) -> Any:
            return {"base": str(api.client.base_url), "timeout": api.client.timeout.read, "key": api.client.headers["x-key"]}

        handler = fetch._handler_class()
        assert isinstance(handler, ApiHandler)
        result = handler.call(make_context())
        handler.close()
        assert result.result == {"base": "http://example.test/v1/", "timeout": 5.0, "key": "k"}

    def test_headers_are_not_shared(self) -> None:
        headers = {"a": "1"}

        @api_handler("fetch", "http://example.test", default_headers=headers)
        def fetch(api: Any) -> Any: ...

        headers["b"] = "2"
        handler = fetch._handler_class()
        assert isinstance(handler, ApiHandler)
        assert handler.default_headers == {"a": "1"}
