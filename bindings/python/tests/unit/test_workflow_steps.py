"""Steps of a workflow are plain functions; as handlers they get arguments of their types, or fail and say why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from order_workflow import ITEMS, Cart, Item, charge, orders, validate_cart
from unit_helpers import make_context, outcome_of, run

from tasker_core import Workflow
from tasker_core.handler import HandlerRegistry


@pytest.fixture
def shop(registry: HandlerRegistry) -> HandlerRegistry:
    orders.register(registry)
    return registry


class TestSteps:
    def test_a_step_stays_a_plain_function(self) -> None:
        assert validate_cart([Item("a", 2)]).total == 2
        payment = asyncio.run(charge(context=make_context(), cart=Cart([], 7)))
        assert payment.id.startswith("7 ")

    def test_input_is_brought_into_its_type(self, shop: HandlerRegistry) -> None:
        document = run(shop, "ecommerce.order_processing.validate_cart", context={"items": ITEMS, "more": 1})
        assert document["result"] == {"items": ITEMS, "total": 500}
        assert document["metadata"]["handler_version"] == "2.0.0"

    def test_results_of_earlier_steps_are_brought_into_theirs(self, shop: HandlerRegistry) -> None:
        document = run(shop, "ecommerce.order_processing.charge", results={"validate_cart": {"items": ITEMS, "total": 500}})
        assert document["result"] == {"id": "500 0198c0de", "at": "2026-01-31T00:00:00"}

    def test_what_is_optional_may_be_missing(self, shop: HandlerRegistry) -> None:
        document = run(
            shop,
            "ecommerce.order_processing.ship_order",
            context={"address": {"street": "s"}},
            results={"charge": {"id": "p", "at": "2026-01-31T00:00:00"}},
        )
        assert document["result"] == {"to": "s", "paid": "p", "note": None, "year": 2026}

    def test_what_a_step_raises_fails_it(self, shop: HandlerRegistry) -> None:
        document = run(shop, "ecommerce.order_processing.validate_cart", context={"items": []})
        assert outcome_of(document)["error_code"] == "EMPTY"

    @pytest.mark.parametrize(
        ("context", "message"),
        [
            ({}, "input 'items' is missing"),
            ({"items": 3}, "input 'items': expected a list, got int"),
            ({"items": [{"sku": "a", "cents": "3"}]}, r"input 'items'[0].cents: expected int, got str"),
        ],
    )
    def test_input_that_does_not_fit_fails_the_step_for_good(
        self, shop: HandlerRegistry, context: Mapping[str, Any], message: str
    ) -> None:
        document = run(shop, "ecommerce.order_processing.validate_cart", context=context)
        assert (document["error"]["message"], document["error"]["retryable"]) == (message, False)

    def test_a_result_that_is_missing_fails_the_step_for_good(self, shop: HandlerRegistry) -> None:
        document = run(shop, "ecommerce.order_processing.charge")
        assert document["error"]["message"] == "step 'validate_cart' has no result, which 'cart' needs"
        assert document["error"]["retryable"] is False

    def test_registering_twice_changes_nothing(self, shop: HandlerRegistry, caplog: pytest.LogCaptureFixture) -> None:
        before = shop.get_handler_class("ecommerce.order_processing.charge")
        orders.register(shop)
        assert shop.get_handler_class("ecommerce.order_processing.charge") is before
        assert caplog.text == ""

    def test_a_step_that_comes_later_is_there_as_well(self, registry: HandlerRegistry) -> None:
        flow = Workflow("later")
        flow.step(name="first")(lambda: 1)
        assert list(flow.handlers()) == ["default.later.first"]
        flow.step(name="second")(lambda: 2)
        flow.register(registry)
        assert run(registry, "default.later.second")["result"] == 2

    def test_handlers_are_registered_by_default_with_those_of_the_process(self) -> None:
        orders.register()
        assert "ecommerce.order_processing.charge" in HandlerRegistry.instance().list_handlers()
