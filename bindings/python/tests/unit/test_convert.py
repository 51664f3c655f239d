"""Typed values from JSON and back."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, TypedDict, Union

import pydantic
import pytest

from tasker_core._convert import dump, load
from tasker_core.errors import ValidationError


class Colour(enum.Enum):
    RED = "red"


class Level(int, enum.Enum):
    HIGH = 3


@dataclasses.dataclass
class Item:
    sku: str
    cents: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Order:
    id: uuid.UUID
    items: list[Item]
    paid_at: datetime.datetime | None = None
    due: datetime.date | None = None
    total: decimal.Decimal = decimal.Decimal(0)
    colour: Colour = Colour.RED
    level: Level = Level.HIGH
    labels: frozenset[str] = frozenset()
    by_sku: dict[str, Item] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Node:
    name: str
    next: Node | None = None


class Address(TypedDict):
    street: str
    number: int


class Customer(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)
    born: datetime.date | None = None


ORDER = Order(
    id=uuid.UUID(int=7),
    items=[Item("a", 5, ["x"])],
    paid_at=datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc),
    due=datetime.date(2026, 2, 1),
    total=decimal.Decimal("9.50"),
    labels=frozenset({"new"}),
    by_sku={"a": Item("a")},
)


class TestThereAndBack:
    @pytest.mark.parametrize(
        ("value", "hint"),
        [
            (ORDER, Order),
            ([ORDER], list[Order]),
            (Node("a", Node("b")), Node),
            (Customer(name="A", age=3, born=datetime.date(2000, 1, 1)), Customer),
            ({"street": "s", "number": 1}, Address),
            (None, Optional[Item]),
            (("a", 1), tuple[str, int]),
            ((1, 2, 3), tuple[int, ...]),
            ({"a": {"b": [1.5]}}, dict[str, dict[str, list[float]]]),
            (3, Union[str, int]),
            ("x", Union[int, str]),
            ("on", Literal["on", "off"]),
            ([1, {"a": None}], Any),
        ],
        ids=lambda v: str(v)[:40],
    )
    def test_a_typed_value_survives_json(self, value: Any, hint: Any) -> None:
        assert load(json.loads(json.dumps(dump(value))), hint, "value") == value


class TestDump:
    def test_what_is_json_already_is_written_as_a_dict_of_its_own(self) -> None:
        returned = {"a": 1, "b": "two", "c": None, "d": 1.5, "e": Level.HIGH}
        for result in ({"a": 1, "b": "two"}, returned, {}):
            written = dump(result)
            assert written == result
            assert type(written) is dict
            assert written is not result, "the handler may go on using what it returned"

    def test_models_are_written_wherever_they_stand(self) -> None:
        written = dump({"a": [Item("s")], "b": (Customer(name="A", age=1),)})
        assert written == {
            "a": [{"sku": "s", "cents": 0, "tags": []}],
            "b": [{"name": "A", "age": 1, "born": None}],
        }

    def test_what_a_plain_dict_holds_is_left_for_the_encoder_to_refuse(self) -> None:
        moment = datetime.datetime(2026, 1, 1)
        assert dump({"at": moment}) == {"at": moment}
        assert dump({"set": {1}})["set"] == {1}

    def test_what_contains_itself_is_left_for_the_encoder_to_refuse(self) -> None:
        loop: dict[str, Any] = {"children": [{}]}
        loop["children"][0]["parent"] = loop
        loop["self"] = loop
        with pytest.raises(ValueError, match="Circular"):
            json.dumps(dump(loop))

    def test_what_nests_too_deep_is_left_for_the_encoder_to_refuse(self) -> None:
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises(RecursionError):
            json.dumps(dump(deep))

    def test_what_stands_in_many_places_is_written_once(self) -> None:
        wide: list[Any] = [Item("s")]
        for _ in range(100):
            wide = [wide, wide]
        written = dump(wide)
        assert written[0] is written[1]


class TestLoad:
    @pytest.mark.parametrize(
        ("value", "hint", "message"),
        [
            ("3", int, "value: expected int, got str"),
            (True, int, "value: expected int, got bool"),
            (1.5, int, "value: expected int, got float"),
            (1, bool, "value: expected bool, got int"),
            (None, str, "value: expected str, got null"),
            (3, None, "value: expected null, got int"),
            ("x", list[str], "value: expected a list, got str"),
            ([1], dict[str, int], "value: expected an object, got list"),
            ([1], tuple[int, int], "value: expected 2 items, got 1"),
            ("blue", Colour, "value: expected Colour, got str"),
            ("blue", Literal["on"], "value: expected one of 'on', got str"),
            (1, Literal[True], "value: expected one of True, got int"),
            ("no", uuid.UUID, "value: expected UUID, got str"),
            (5, datetime.datetime, "value: expected datetime, got int"),
            ("x", decimal.Decimal, "value: expected Decimal, got str"),
            ({}, Item, "value: sku is missing"),
            ([], Item, "value: expected Item, got list"),
            ({"street": "s"}, Address, "value: number is missing"),
            (3, Address, "value: expected Address, got int"),
            ({"id": str(uuid.UUID(int=1)), "items": [{"sku": 1}]}, Order, r"value\.items\[0\]\.sku: expected str, got int"),
            ({"a": {"b": "x"}}, Mapping[str, Mapping[str, int]], r"value\.a\.b: expected int"),
            ("x", int | None, "value: expected int, got str"),
            ([], Union[int, str], "expected int, got list; or value: expected str, got list"),
            ({"name": "A", "age": -1}, Customer, "value: 1 validation error"),
        ],
        ids=lambda v: str(v)[:40],
    )
    def test_what_does_not_fit_is_refused_with_its_place(self, value: Any, hint: Any, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            load(value, hint, "value")

    def test_whole_numbers_are_taken_for_floats(self) -> None:
        loaded = load(3, float, "value")
        assert loaded == 3.0
        assert type(loaded) is float

    def test_unknown_fields_are_ignored(self) -> None:
        assert load({"sku": "s", "of_a_newer_version": 1}, Item, "value") == Item("s")

    def test_typed_values_are_taken_as_they_are(self) -> None:
        assert load(ORDER, Order, "value") is ORDER
        assert load(uuid.UUID(int=1), uuid.UUID, "value") == uuid.UUID(int=1)

    def test_types_that_are_not_known_take_everything(self) -> None:
        assert load({1}, object, "value") == {1}
        assert load("x", Annotated[str, ["not hashable"]], "value") == "x"
        assert load([1], Sequence, "value") == [1]
