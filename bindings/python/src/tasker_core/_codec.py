"""JSON in and out, strictly: what JSON cannot say is an error, never a guess.

orjson is used where it is installed; results are the same without it.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 512
"""Deepest nesting that is tried; the core's own limit (`limits.max_json_depth`) is lower."""

MAX_VALUES = 8 << 20
"""Most values in a document: each takes two bytes at least, and the core takes no document of more than 16 MiB."""


class EncodeError(ValueError):
    """A value that is no JSON. The message says where it stands."""


class DecodeError(ValueError):
    """Bytes that are no JSON."""


try:
    _orjson: Any = importlib.import_module("orjson")
except ImportError:
    _orjson = None

_SIMPLE = frozenset((str, int, bool, type(None)))
_BUILT_IN = _SIMPLE | {float, dict, list, tuple}

_stdlib_encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

# orjson turns integers beyond 64 bits into floats. Where there may be one, the standard library reads the document.
_digits_to_zero = bytes.maketrans(b"123456789", b"000000000")
_long_number = b"0" * 19


def dumps(value: Any) -> bytes:
    """Encode a value, or raise `EncodeError` naming the place that is no JSON.

    Strings, whole and finite numbers, bools, None, lists, tuples and dicts with string keys are JSON, and so are instances
    of their subclasses. Nothing else is turned into a string behind your back.
    """
    try:
        if _is_plain(value) and _orjson is not None:
            raw: bytes = _orjson.dumps(value)
            return raw
        return _stdlib_encode(value).encode()
    except EncodeError:
        raise
    except (TypeError, ValueError, RecursionError, OverflowError, MemoryError):
        pass  # a lone surrogate, or an integer that orjson does not take: the other encoder decides
    try:
        return _stdlib_encode(value).encode()
    except (TypeError, ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise EncodeError(str(error)[:500]) from error


def loads(raw: bytes) -> Any:
    """Decode a document. Integers stay exact, whatever their size."""
    try:
        if _orjson is not None and _long_number not in raw.translate(_digits_to_zero):
            return _orjson.loads(raw)
        return _decoder.decode(str(raw, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_plain(value: Any) -> bool:
    """Check a value, and say whether it is made of exactly the built-in types, which both encoders treat alike."""
    plain = True
    left = MAX_VALUES - 1
    level = [value]
    for _ in range(MAX_DEPTH):
        before = left
        below: list[Any] = []  # all that has to be looked at again
        for item in level:
            plain = plain and type(item) in _BUILT_IN
            if isinstance(item, dict):
                left -= len(item)
                for key, inner in item.items():
                    if type(key) is not str:
                        plain = False
                        if not isinstance(key, str):
                            raise EncodeError(_explain(value))
                    if type(inner) not in _SIMPLE:
                        below.append(inner)
            elif isinstance(item, (list, tuple)):
                left -= len(item)
                below.extend([inner for inner in item if type(inner) not in _SIMPLE])
            elif isinstance(item, float):
                if item - item != 0.0:  # NaN and the infinities
                    raise EncodeError(_explain(value))
            elif item is not None and not isinstance(item, (str, int)):
                raise EncodeError(_explain(value))
            if left < 0:
                raise EncodeError(f"more than {MAX_VALUES} values")
        if left == before:
            return plain
        level = below
    raise EncodeError(_explain(value))


def _explain(value: Any) -> str:
    """What is wrong with a value, and where: the slow search that only failures pay for."""
    stack: list[tuple[Any, str, int]] = [(value, "", 1)]
    while stack:
        item, path, depth = stack.pop()
        where = path or "the value"
        if depth > MAX_DEPTH:
            return f"{where[:40]}...: nested deeper than {MAX_DEPTH} levels; does it contain itself?"
        if isinstance(item, float) and item - item != 0.0:
            return f"{where}: {item!r} is no JSON number"
        if isinstance(item, dict):
            for key, below in item.items():
                if not isinstance(key, str):
                    return f"{where}: the key {_short(key)} is a {type(key).__name__}, and JSON keys are strings"
                stack.append((below, f"{path}.{key}" if path else key, depth + 1))
        elif isinstance(item, (list, tuple)):
            stack.extend((below, f"{path}[{i}]", depth + 1) for i, below in enumerate(item))
        elif item is not None and not isinstance(item, (str, int, float)):
            return f"{where}: {_short(item)} is a {type(item).__name__}, which JSON does not have{_hint(item)}"
    return "the value is no JSON"


def _short(item: object) -> str:
    try:
        text = repr(item)
    except Exception:
        return "(no repr)"
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(item: object) -> str:
    if hasattr(item, "isoformat"):
        return "; pass .isoformat()"
    if hasattr(item, "model_dump"):
        return '; pass .model_dump(mode="json")'
    if isinstance(item, (bytes, bytearray, memoryview)):
        return "; decode it, or base64 it"
    return ""
