"""Workflows as typed functions."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

import pydantic
import pytest
import yaml
from unit_helpers import outcome_of, run

from tasker_core import StepContext, Workflow, result
from tasker_core.errors import ConfigurationError, PermanentError
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler import BatchConfig, Decision
from tasker_core.types import BatchWorkerContext, BatchWorkerOutcome
from tasker_core.workflow import Run, RunFailedError, results
from tasker_core.workflow._yaml import to_yaml


@dataclasses.dataclass
class Item:
    sku: str
    cents: int


@dataclasses.dataclass
class Cart:
    items: list[Item]
    total: int


class Payment(pydantic.BaseModel):
    id: str
    at: datetime.datetime


class Method(enum.Enum):
    CARD = "card"


class Address(TypedDict):
    street: str


orders = Workflow("order_processing", namespace="ecommerce", version="2.0.0", description="Sells things")


@orders.step(timeout="5s", config={"limit": 3})
def validate_cart(items: list[Item]) -> Cart:
    """Check the items
    and add them up.

    More that nobody needs to know.
    """
    if not items:
        raise PermanentError("the cart is empty", code="EMPTY")
    return Cart(items, sum(item.cents for item in items))


@orders.step(retries=3, timeout=30, backoff="linear", backoff_base="500ms", max_backoff="1m", publishes=["order.paid"])
async def charge(context: StepContext, cart: Cart = result(validate_cart), method: Method = Method.CARD) -> Payment:
    assert isinstance(cart, Cart)
    assert method is Method.CARD
    await asyncio.sleep(0)
    return Payment(id=f"{cart.total} {context.idempotency_key[:8]}", at=datetime.datetime(2026, 1, 31))


@orders.step
def reserve(cart: Cart = result(validate_cart)) -> None: ...


@orders.step(name="ship_order", after=[reserve], retries=0)
def ship(address: Address, note: str | None, payment: Payment = result(charge)) -> dict[str, Any]:
    return {"to": address["street"], "paid": payment.id, "note": note, "year": payment.at.year}


@pytest.fixture
def shop(registry: HandlerRegistry) -> HandlerRegistry:
    orders.register(registry)
    return registry


ITEMS = [{"sku": "a", "cents": 300}, {"sku": "b", "cents": 200}]


class TestSteps:
    def test_a_step_stays_a_plain_function(self) -> None:
        assert validate_cart([Item("a", 2)]).total == 2
        payment = asyncio.run(charge(context=_context(), cart=Cart([], 7)))
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


def _context() -> StepContext:
    from unit_helpers import make_context

    return make_context()


class TestTemplate:
    def test_edges_inputs_and_options_are_in_it(self) -> None:
        item = {
            "type": "object",
            "required": ["sku", "cents"],
            "properties": {"sku": {"type": "string"}, "cents": {"type": "integer"}},
        }
        assert orders.template() == {
            "name": "order_processing",
            "namespace_name": "ecommerce",
            "version": "2.0.0",
            "description": "Sells things",
            "input_schema": {
                "type": "object",
                "required": ["items", "address"],
                "properties": {
                    "items": {"type": "array", "items": item},
                    "method": {"enum": ["card"]},
                    "address": {"type": "object", "required": ["street"], "properties": {"street": {"type": "string"}}},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
            "steps": [
                {
                    "name": "validate_cart",
                    "description": "Check the items and add them up.",
                    "handler": {"callable": "ecommerce.order_processing.validate_cart", "initialization": {"limit": 3}},
                    "timeout_seconds": 5,
                },
                {
                    "name": "charge",
                    "handler": {"callable": "ecommerce.order_processing.charge"},
                    "dependencies": ["validate_cart"],
                    "retry": {
                        "retryable": True,
                        "max_attempts": 4,
                        "backoff": "linear",
                        "backoff_base_ms": 500,
                        "max_backoff_ms": 60_000,
                    },
                    "timeout_seconds": 30,
                    "publishes_events": [{"name": "order.paid"}],
                },
                {
                    "name": "reserve",
                    "handler": {"callable": "ecommerce.order_processing.reserve"},
                    "dependencies": ["validate_cart"],
                },
                {
                    "name": "ship_order",
                    "handler": {"callable": "ecommerce.order_processing.ship_order"},
                    "dependencies": ["charge", "reserve"],
                    "retry": {"retryable": False, "max_attempts": 1},
                },
            ],
        }

    def test_it_is_yaml_that_others_read(self, tmp_path: Path) -> None:
        assert yaml.safe_load(orders.to_yaml()) == orders.template()
        path = orders.write_template(tmp_path)
        assert path == tmp_path / "order_processing.yaml"
        assert yaml.safe_load(path.read_text()) == orders.template()

    def test_the_least_is_a_name_and_a_step(self) -> None:
        flow = Workflow("least", identity_strategy="always_unique")

        @flow.step
        def only() -> None: ...

        assert flow.template() == {
            "name": "least",
            "namespace_name": "default",
            "version": "1.0.0",
            "identity_strategy": "always_unique",
            "steps": [{"name": "only", "handler": {"callable": "default.least.only"}}],
        }

    def test_a_workflow_without_steps_has_no_template(self) -> None:
        with pytest.raises(ConfigurationError, match="workflow empty has no steps"):
            Workflow("empty").template()

    @pytest.mark.parametrize(
        "value",
        [
            "", "plain", "two words", "1.0.0", "1", "1e3", "true", "No", "null", "~", "a: b", "a #b", "- x", "é\n\t\"'", "{a}", "*x",
            "0x1f", "12:30:00", "2026-01-31", " lead", "trail ", "%", "@", "a,b", "x]", "!tag", "&a", "|", ">", "?", ":", "-",
            0, -1.5, True, None, [], {}, [[], [1, [2]], {"a": []}], {"a": {"b": [{"c": {"d": [1]}}]}, "1": 2, "on": 3},
        ],
        ids=repr,
    )  # fmt: skip
    def test_every_value_survives_yaml(self, value: Any) -> None:
        document = {"value": value, "list": [value, {"deep": value}]}
        assert yaml.safe_load(to_yaml(document)) == document

    @pytest.mark.parametrize(
        ("hint", "schema"),
        [
            (Any, {}),
            (object, {}),
            (bool, {"type": "boolean"}),
            (float, {"type": "number"}),
            (None, {"type": "null"}),
            (list, {"type": "array"}),
            (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
            (tuple[int, str], {"type": "array"}),
            (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
            (dict, {"type": "object"}),
            (Literal["a", 1], {"enum": ["a", 1]}),
            (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            (datetime.date, {"type": "string"}),
            (Payment, {"type": "object"}),
        ],
        ids=str,
    )
    def test_types_are_described_as_far_as_json_schema_goes(self, hint: Any, schema: Any) -> None:
        from tasker_core.workflow._schema import schema_of

        assert schema_of(hint) == schema

    def test_a_type_that_contains_itself_is_described_once(self) -> None:
        from tasker_core.workflow._schema import schema_of

        assert schema_of(Tree)["properties"]["children"] == {"type": "array", "items": {"type": "object"}}


@dataclasses.dataclass
class Tree:
    children: list[Tree]


class TestDeclaration:
    @pytest.mark.parametrize(
        ("duration", "seconds"), [("500ms", 1), ("5s", 5), ("1.5s", 2), ("2m", 120), ("1h", 3600), (7, 7), (0.2, 1)]
    )
    def test_durations_are_texts_or_seconds(self, duration: Any, seconds: int) -> None:
        flow = Workflow("w")

        @flow.step(timeout=duration)
        def only() -> None: ...

        assert flow.template()["steps"][0]["timeout_seconds"] == seconds

    @pytest.mark.parametrize("duration", ["", "5", "5 days", "-1s", 0, -1, float("inf"), float("nan")])
    def test_what_is_no_duration_is_refused(self, duration: Any) -> None:
        with pytest.raises(ConfigurationError, match="is no duration"):
            Workflow("w").step(timeout=duration)

    def test_retries_are_not_negative(self) -> None:
        with pytest.raises(ConfigurationError, match="retries must be 0 or more"):
            Workflow("w").step(retries=-1)

    def test_two_steps_of_one_name_are_refused(self) -> None:
        flow = Workflow("w")

        def one() -> None: ...

        flow.step(one)
        with pytest.raises(ConfigurationError, match="two steps called 'one'"):
            flow.step(name="one")(lambda: None)

    def test_a_step_of_another_workflow_cannot_be_needed(self) -> None:
        flow = Workflow("w")

        def needs(cart: Cart = result(validate_cart)) -> None: ...

        with pytest.raises(ConfigurationError, match="'needs' needs 'validate_cart', which is no step of workflow w"):
            flow.step(needs)
        with pytest.raises(ConfigurationError, match="which is no step of workflow w"):
            flow.step(after=[validate_cart])(lambda: None)

    @pytest.mark.parametrize("function", [lambda *args: None, lambda **kwargs: None, lambda a, /: None])
    def test_parameters_that_cannot_be_given_by_name_are_refused(self, function: Any) -> None:
        with pytest.raises(ConfigurationError, match="cannot be given by its name"):
            Workflow("w").step(function)

    def test_a_type_that_is_not_there_is_an_error_that_says_so(self) -> None:
        flow = Workflow("w")

        @flow.step
        def only(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821

        with pytest.raises(ConfigurationError, match="types of step only cannot be read: name 'NoSuchType'"):
            flow.template()

    def test_steps_agree_on_the_type_of_an_input(self) -> None:
        flow = Workflow("w")

        @flow.step
        def first(n: int) -> None: ...

        @flow.step
        def second(n: str) -> None: ...

        with pytest.raises(ConfigurationError, match="step 'second' reads input 'n' in another type"):
            flow.template()


branches = Workflow("branches")


@branches.step
def count(numbers: list[int]) -> dict[str, int]:
    return {"even": sum(n % 2 == 0 for n in numbers), "odd": sum(n % 2 for n in numbers)}


@branches.step(type="decision")
def route(counts: dict[str, int] = result(count)) -> Decision:
    return Decision.route(["evens" if counts["even"] > counts["odd"] else "odds"])


@branches.step(after=[route])
def evens() -> str:
    return "evens"


@branches.step(after=[route])
def odds() -> str:
    return "odds"


@branches.step(type="deferred_convergence")
def join(left: str | None = result(evens), right: str | None = result(odds)) -> list[str | None]:
    return [left, right]


batches = Workflow("batches")


@batches.step(type="batchable")
def split(rows: int, size: int = 2) -> BatchConfig:
    return BatchConfig(rows, size)


@batches.step(type="batch_worker", after=[split])
async def work(context: StepContext, batch: BatchWorkerContext) -> BatchWorkerOutcome:
    return BatchWorkerOutcome(items_processed=batch.end_cursor - batch.start_cursor)


@batches.step(type="deferred_convergence")
def total(parts: list[BatchWorkerOutcome] = results(work)) -> int:
    return sum(part.items_processed for part in parts)


class TestShapes:
    def test_a_decision_chooses_and_the_rest_is_none(self, registry: HandlerRegistry) -> None:
        branches.register(registry)
        decided = run(registry, "default.branches.route", results={"count": {"even": 2, "odd": 1}})
        assert decided["result"] == {"decision_point_outcome": {"type": "create_steps", "step_names": ["evens"]}}
        joined = run(registry, "default.branches.join", results={"count": {}, "evens": "evens"})
        assert joined["result"] == ["evens", None]
        types = {step["name"]: step.get("type") for step in branches.template()["steps"]}
        assert (types["route"], types["evens"], types["join"]) == ("decision", None, "deferred_convergence")

    def test_batches_are_made_worked_off_and_brought_together(self, registry: HandlerRegistry) -> None:
        batches.register(registry)
        outcome = run(registry, "default.batches.split", context={"rows": 3})["result"]["batch_processing_outcome"]
        assert (outcome["worker_template_name"], outcome["worker_count"]) == ("work", 2)
        parts = {}
        for cursor in outcome["cursor_configs"]:
            done = run(registry, "default.batches.work", inputs={"cursor": cursor, "is_no_op": False})
            parts[f"work_{cursor['batch_id']}"] = done["result"]
        assert run(registry, "default.batches.total", results={**parts, "workshop": {}})["result"] == 3

    def test_a_worker_with_nothing_to_do_is_not_called(self, registry: HandlerRegistry) -> None:
        batches.register(registry)
        cursor = {"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0}
        done = run(registry, "default.batches.work", inputs={"cursor": cursor, "is_no_op": True})
        assert done["result"]["no_op"] is True

    def test_batches_need_one_step_that_works_them_off(self) -> None:
        flow = Workflow("w")

        @flow.step(type="batchable")
        def split() -> BatchConfig:
            return BatchConfig(1, 1)

        with pytest.raises(ConfigurationError, match="needs one step of type batch_worker after it"):
            flow.handlers()


@dataclasses.dataclass
class Record:
    """What a client answers."""

    status: str = ""
    task_uuid: str = "t-1"
    name: str = ""
    results: dict[str, Any] | None = None


class Client:
    """A client of a server that is not there."""

    def __init__(self, status: str, *steps: Record) -> None:
        self.status, self.steps, self.created = status, list(steps), []  # type: tuple[str, list[Record], list[Any]]

    def create_task(self, name: str, **request: Any) -> Record:
        self.created.append((name, request))
        return Record()

    def get_task(self, task_uuid: str) -> Record:
        return Record(status=self.status)

    def wait_for_task(self, task_uuid: str, *, timeout: float) -> Record:
        return Record(status=self.status)

    def list_task_steps(self, task_uuid: str) -> list[Record]:
        return self.steps


class TestRun:
    def test_a_task_is_started_with_inputs_and_key(self) -> None:
        client = Client(
            "complete", Record(name="charge", results={"success": True, "result": {"id": "p"}}), Record(name="x")
        )
        task = orders.start({"items": ITEMS}, address={"street": "s"}, key="order-42", client=client)
        assert client.created == [
            (
                "order_processing",
                {
                    "namespace": "ecommerce",
                    "context": {"items": ITEMS, "address": {"street": "s"}},
                    "version": "2.0.0",
                    "reason": "Started from Python",
                    "idempotency_key": "order-42",
                },
            )
        ]
        assert repr(task) == "Run('t-1')"
        assert task.wait(timeout=1).results["charge"] == {"id": "p"}
        assert task.status == "complete"

    def test_typed_inputs_are_written_as_json(self) -> None:
        client = Client("complete")
        orders.start(items=[Item("a", 1)], client=client)
        assert client.created[0][1]["context"] == {"items": [{"sku": "a", "cents": 1}]}

    def test_a_task_that_failed_tells_which_step_and_why(self) -> None:
        failed = Record(name="charge", results={"success": False, "error": {"message": "refused"}})
        task = Run("t-1", Client("error", failed, Record(name="x", results={"success": True})))
        with pytest.raises(RunFailedError, match="task t-1 is error; step charge: refused") as caught:
            task.wait()
        assert caught.value.errors == {"charge": "refused"}
        assert task.results == {"x": None}
