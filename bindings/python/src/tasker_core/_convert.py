"""Typed values from JSON and back: dataclasses, TypedDicts, Pydantic models, and what they are made of."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import functools
import re
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from tasker_core.errors import ValidationError

_DEEPEST = 150
"""Deeper nesting is left to the encoder, which refuses it; Python's own stack would end soon after."""

_MOST_LOADERS = 4096

_PLAIN = frozenset((str, int, float, bool, type(None)))
"""The types of what is JSON as it stands; subclasses are not, enums for instance."""

Loader = Callable[[Any, str], Any]
"""Makes a typed value from JSON; the text says where it stands, for errors."""

_loaders: dict[int, tuple[Any, Loader]] = {}
"""Loaders by the identity of their hints, which they keep alive."""

_TEXT_TYPES: dict[type, Callable[[str], Any]] = {
    uuid.UUID: uuid.UUID,
    decimal.Decimal: decimal.Decimal,
    datetime.datetime: lambda text: parse_time(text),
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
}
_LIST_TYPES = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_DICT_TYPES = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def dump(value: Any) -> Any:
    """Write the typed values in a result as JSON. Plain values stay as they are, whether they are JSON or not."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict and _PLAIN.issuperset(map(type, value.values())):  # as most results are
        return value.copy()
    return _dump(value, {}, 0, declared=False)


def _dump(value: Any, done: dict[int, Any], depth: int, *, declared: bool) -> Any:
    """Write a value once, wherever it stands; one that contains itself stays, for the encoder to refuse.

    What the declared field of a dataclass holds is turned into text or list where JSON lacks its type: the declaration
    tells how to read it back. A plain dict does not, so nothing is guessed there.
    """
    if value is None or isinstance(value, (str, int, float)):
        return _dump_enum(value) if declared else value
    if depth > _DEEPEST:
        return value
    if id(value) in done:
        return done[id(value)]
    done[id(value)] = value
    below = depth + 1
    written = value
    if isinstance(value, dict):
        written = {
            key: item if type(item) in _PLAIN else _dump(item, done, below, declared=declared) for key, item in value.items()
        }
    elif isinstance(value, (list, tuple)) or (declared and isinstance(value, (set, frozenset))):
        written = [item if type(item) in _PLAIN else _dump(item, done, below, declared=declared) for item in value]
    elif hasattr(type(value), "model_dump"):
        written = value.model_dump(mode="json")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        written = {field.name: _dump(getattr(value, field.name), done, below, declared=True) for field in fields}
    elif declared and isinstance(value, enum.Enum):
        written = value.value
    elif declared and isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        written = value.isoformat()
    elif declared and isinstance(value, (uuid.UUID, decimal.Decimal)):
        written = str(value)
    done[id(value)] = written
    return written


def _dump_enum(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def load(value: Any, hint: Any, where: str) -> Any:
    """Make a value of the type that a hint names.

    Raises:
        ValidationError: The value does not fit; the message says where.
    """
    # Unions are equal whatever the order of their options, which counts here: so hints are known by identity.
    known = _loaders.get(id(hint))
    if known is None:
        if len(_loaders) >= _MOST_LOADERS:
            _loaders.clear()
        known = _loaders[id(hint)] = (hint, _loader(hint))
    return known[1](value, where)


def model_type(hint: Any) -> bool:
    """Tell whether a type describes an object by its fields."""
    return isinstance(hint, type) and (
        dataclasses.is_dataclass(hint) or hasattr(hint, "model_validate") or typing.is_typeddict(hint)
    )


def _loader(hint: Any) -> Loader:
    origin, args = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _loader(args[0])
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is Literal:
        return functools.partial(_check_literal, args)
    if (origin or hint) in _LIST_TYPES:
        return _list(origin or hint, args)
    if (origin or hint) in _DICT_TYPES:
        return _dict(args[1] if len(args) == 2 else Any)
    if hint is None or hint is type(None):
        return _check_none
    if isinstance(hint, type):
        return _class(hint)
    return _as_is


def _class(hint: type) -> Loader:
    if hint is bool or hint is int or hint is float or hint is str:
        return functools.partial(_check_scalar, hint)
    if hasattr(hint, "model_validate"):
        return functools.partial(_load_model, hint)
    if typing.is_typeddict(hint):
        return functools.partial(_load_typed_dict, hint)
    if dataclasses.is_dataclass(hint):
        return functools.partial(_load_dataclass, hint)
    if issubclass(hint, enum.Enum):
        return functools.partial(_parse, hint, hint)
    if hint in _TEXT_TYPES:
        return functools.partial(_parse, hint, _TEXT_TYPES[hint])
    return _as_is


def _as_is(value: Any, _where: str) -> Any:
    return value


def _check_none(value: Any, where: str) -> Any:
    if value is not None:
        raise _mismatch("null", value, where)
    return None


def _check_scalar(kind: type, value: Any, where: str) -> Any:
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    raise _mismatch(kind.__name__, value, where)


def _check_literal(options: tuple[Any, ...], value: Any, where: str) -> Any:
    for option in options:
        if option == value and type(option) is type(value):
            return value
    raise _mismatch("one of " + ", ".join(map(repr, options)), value, where)


def _parse(hint: type, parse: Callable[[Any], Any], value: Any, where: str) -> Any:
    if isinstance(value, hint):
        return value
    try:
        return parse(value)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise _mismatch(hint.__name__, value, where) from error


def _load_model(hint: Any, value: Any, where: str) -> Any:
    try:
        return hint.model_validate(value)
    except ValueError as error:
        raise ValidationError(f"{where}: {error}") from error


def _load_typed_dict(hint: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _mismatch(hint.__name__, value, where)
    if missing := sorted(hint.__required_keys__ - value.keys()):
        raise ValidationError(f"{where}: {', '.join(missing)} is missing")
    hints = _hints(hint)
    return {key: load(item, hints[key], f"{where}.{key}") if key in hints else item for key, item in value.items()}


def _load_dataclass(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, hint):
        return value
    if not isinstance(value, Mapping):
        raise _mismatch(hint.__name__, value, where)
    hints, known = _hints(hint), {}
    for field in dataclasses.fields(hint):
        if field.name in value and field.init:
            known[field.name] = load(value[field.name], hints[field.name], f"{where}.{field.name}")
        elif field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValidationError(f"{where}: {field.name} is missing")
    return hint(**known)


def _list(kind: Any, args: tuple[Any, ...]) -> Loader:
    make = kind if kind in (tuple, set, frozenset) else list
    fixed = args if kind is tuple and args and args[-1] is not Ellipsis else None

    def load_list(value: Any, where: str) -> Any:
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise _mismatch("a list", value, where)
        if fixed is not None and len(fixed) != len(value):
            raise ValidationError(f"{where}: expected {len(fixed)} items, got {len(value)}")
        hints = fixed or (args[:1] or (Any,)) * len(value)
        return make(load(item, h, f"{where}[{i}]") for i, (item, h) in enumerate(zip(value, hints, strict=True)))

    return load_list


def _dict(hint: Any) -> Loader:
    def load_dict(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _mismatch("an object", value, where)
        return {key: load(item, hint, f"{where}.{key}") for key, item in value.items()}

    return load_dict


def _union(options: tuple[Any, ...]) -> Loader:
    def load_union(value: Any, where: str) -> Any:
        if value is None and type(None) in options:
            return None
        failures = []
        for option in options:
            if option is not type(None):
                try:
                    return load(value, option, where)
                except ValidationError as error:
                    failures.append(str(error))
        raise ValidationError("; or ".join(failures))

    return load_union


def _mismatch(expected: str, value: Any, where: str) -> ValidationError:
    got = "null" if value is None else type(value).__name__
    return ValidationError(f"{where}: expected {expected}, got {got}")


def parse_time(text: str) -> datetime.datetime:
    """Read a moment as RFC 3339 has it, with any number of digits after the second; Python 3.10 alone does not."""
    text = re.sub(r"\.(\d+)", lambda fraction: f".{fraction[1]:0<6.6}", text)
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)


_hints = functools.lru_cache(maxsize=4096)(typing.get_type_hints)
