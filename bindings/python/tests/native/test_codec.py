"""JSON, strictly, and the same with and without orjson."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
from collections import OrderedDict
from typing import Any, NamedTuple

import pytest

from tasker_core import _codec


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


class Point(NamedTuple):
    x: int
    y: int


class Celsius(float):
    pass


class Names(list[str]):
    pass


class HttpCode(enum.IntEnum):
    OK = 200


def circle() -> list[Any]:
    ring: list[Any] = [1]
    ring.append({"again": ring})
    return ring


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.fixture(params=["orjson", "the standard library"], autouse=True)
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "orjson":
        monkeypatch.setattr(_codec, "_orjson", None)
    elif _codec._orjson is None:
        pytest.fail("orjson is not installed: it is one of the packages that tests need")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, -2.5, True, None, "naïve <&> \u2028"]}, '{"a":[1,-2.5,true,null,"naïve <&> \u2028"]}'),
        ((1, 2), "[1,2]"),
        (Point(1, 2), "[1,2]"),
        (Colour.RED, '"red"'),
        ({Colour.RED: 1}, '{"red":1}'),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        ({"a": [{"b": (Celsius(1.5),)}]}, '{"a":[{"b":[1.5]}]}'),
        ({"a": Colour.RED, "b": {Colour.RED: Point(1, 2)}}, '{"a":"red","b":{"red":[1,2]}}'),
        ([OrderedDict(a=Names("xy"))], '[{"a":["x","y"]}]'),
        ({"high": HttpCode.OK, "on": True}, '{"high":200,"on":true}'),
        ([2**63, -(2**63), -(2**63) - 1], "[9223372036854775808,-9223372036854775808,-9223372036854775809]"),
        (Celsius(1.5), "1.5"),
        (2**64, "18446744073709551616"),
        (9007199254740993, "9007199254740993"),
        (deep(511), "[" * 511 + "1" + "]" * 511),
        ("", '""'),
        ({}, "{}"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_values_are_written_as_json(value: Any, written: str) -> None:
    assert _codec.dumps(value).decode() == written


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "the value: nan is no JSON number"),
        ({"a": {"b": [1, math.inf]}}, r"a\.b\[1\]: inf is no JSON number"),
        ({"when": datetime.datetime(2026, 1, 31)}, r"when: .* is a datetime, .*isoformat"),
        ({"price": decimal.Decimal("1.1")}, "price: .* is a Decimal"),
        ({"id": uuid.UUID(int=1)}, "id: .* is a UUID"),
        ({"raw": b"\xff"}, "raw: .* is a bytes, .*base64"),
        ({"tags": {"a"}}, "tags: .* is a set"),
        ({"one": Plain.ONE}, "one: .* is a Plain"),
        ({"a": {1: 2}}, "a: the key 1 is a int, and JSON keys are strings"),
        ({None: 2}, "the key None is a NoneType"),
        ({"x": object()}, "x: .* is a object"),
        (circle(), "nested deeper than 512 levels; does it contain itself"),
        (deep(512), "nested deeper than 512 levels"),
        ([deep(511)], "nested deeper than 512 levels"),
        ({"a": [1, {"b": {2.5: "c"}}]}, r"a\[1\]\.b: the key 2\.5 is a float"),
        (OrderedDict(a=Names([math.nan])), r"a\[0\]: nan is no JSON number"),
        ([Celsius(math.inf)], r"\[0\]: inf is no JSON number"),
        ({"a": [{"b": Plain.ONE}]}, r"a\[0\]\.b: .* is a Plain"),
        ("\ud800", "surrogates"),
        (10**5000, "4300 digits"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) and value.isascii() else "",
)
def test_what_is_no_json_is_refused_and_its_place_named(value: Any, problem: str) -> None:
    with pytest.raises(_codec.EncodeError, match=problem):
        _codec.dumps(value)


def test_a_value_that_grows_without_end_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_codec, "MAX_VALUES", 100_000)
    value: Any = [1]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(_codec.EncodeError, match="more than 100000 values"):
        _codec.dumps(value)


def test_a_document_has_as_many_values_as_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_codec, "MAX_VALUES", 10)
    assert _codec.dumps({"a": [1, 2, 3], "b": {"c": None}, "d": [[]]}).startswith(b"{")
    with pytest.raises(_codec.EncodeError, match="more than 10 values"):
        _codec.dumps({"a": [1, 2, 3], "b": {"c": None, "e": 1}, "d": [[], 1]})


@pytest.mark.parametrize(
    "text",
    [
        '{"big": 9007199254740993, "bigger": 123456789012345678901234567890, "negative": -18446744073709551617}',
        '{"digits in text": "11111111111111111111"}',
        '[1.5, 1e300, -0.0, "\\u00e4", "ä", null, true]',
        '{"same": 1, "same": 2}',
    ],
)
def test_documents_are_read_as_the_standard_library_reads_them(text: str) -> None:
    assert _codec.loads(text.encode()) == json.loads(text)
    assert repr(_codec.loads(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b'{"a":1} x', b"[" * 100_000], ids=lambda raw: repr(raw[:9])
)
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(_codec.DecodeError, match="not JSON"):
        _codec.loads(raw)
