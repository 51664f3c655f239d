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

Loader = Callable[[Any, str], Any]
"""Makes a typed value from JSON; the text says where it stands, for errors."""

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
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {key: dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [dump(item) for item in value]
    if hasattr(type(value), "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _dump_field(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _dump_field(value: Any) -> Any:
    """Write what a declared field holds: its declaration tells how to read it back."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, dict):
        return {key: _dump_field(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_dump_field(item) for item in value]
    return dump(value)


def load(value: Any, hint: Any, where: str) -> Any:
    """Make a value of the type that a hint names.

    Raises:
        ValidationError: The value does not fit; the message says where.
    """
    try:
        loader = _cached_loader(hint)
    except TypeError:  # a hint that cannot be hashed
        loader = _loader(hint)
    return loader(value, where)


def model_type(hint: Any) -> bool:
    """Tell whether a type describes an object by its fields."""
    return isinstance(hint, type) and (
        dataclasses.is_dataclass(hint) or hasattr(hint, "model_validate") or typing.is_typeddict(hint)
    )


def _loader(hint: Any) -> Loader:
    origin, args = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _cached_loader(args[0])
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


_cached_loader = functools.lru_cache(maxsize=4096)(_loader)
_hints = functools.lru_cache(maxsize=4096)(typing.get_type_hints)
