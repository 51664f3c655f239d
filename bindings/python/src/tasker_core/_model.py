"""What the package's data types have in common: dataclasses that read and write plain dicts.

They follow Pydantic's names (`model_validate`, `model_dump`, ...) but need nothing installed, and Pydantic models take
them as fields. As with Pydantic, keys that are unknown are ignored, and texts are taken for UUIDs, enum values and
timestamps where a field wants those.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar, Union, get_args, get_origin
from uuid import UUID

M = TypeVar("M", bound="Model")
Converter = Callable[[Any], Any]


class Model:
    """A dataclass with `model_*` methods."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    _aliases: ClassVar[Mapping[str, str]] = {}
    """Fields by their other names, which `model_validate` takes as well."""

    def __post_init__(self) -> None:
        for name, convert in _shape(type(self)).converters:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, convert(value))

    @classmethod
    def model_validate(cls: type[M], data: Mapping[str, Any] | M) -> M:
        """Make an instance from a dict.

        Raises:
            ValueError: The data is no mapping, lacks a required field, or has a value that does not fit.
        """
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise ValueError(f"{cls.__name__} is made from a dict, not from {type(data).__name__}")
        fields = cls.__dataclass_fields__
        known = {}
        for key, value in data.items():
            name = cls._aliases.get(key, key)
            if name in fields:
                known[name] = value
        if missing := [name for name in _shape(cls).required if name not in known]:
            raise ValueError(f"{cls.__name__} needs {', '.join(missing)}")
        return cls(**known)

    def model_dump(self, *, mode: str = "python", exclude_none: bool = False) -> dict[str, Any]:
        """Return the fields as a dict, with nested models as dicts.

        With `mode="json"`, UUIDs and enum values are written as JSON has them.
        """
        dumped = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None or not exclude_none:
                dumped[name] = _dump(value, mode, exclude_none)
        return dumped

    def model_dump_json(self, *, exclude_none: bool = False) -> str:
        """Return the fields as JSON text."""
        return json.dumps(self.model_dump(mode="json", exclude_none=exclude_none), allow_nan=False)

    def model_copy(self: M, *, update: Mapping[str, Any] | None = None) -> M:
        """Return a shallow copy, with some fields replaced."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return type(self)(**{**fields, **(update or {})})


class _Shape(NamedTuple):
    converters: tuple[tuple[str, Converter], ...]
    """What has to happen to the values of fields; most fields take values as they are."""
    required: tuple[str, ...]


def _shape(cls: type[Model]) -> _Shape:
    shape = _shapes.get(cls)
    if shape is None:
        absent = dataclasses.MISSING
        fields = cls.__dataclass_fields__.values()
        required = tuple(f.name for f in fields if f.default is absent and f.default_factory is absent)
        converters = ((name, _converter(hint)) for name, hint in typing.get_type_hints(cls).items())
        shape = _shapes[cls] = _Shape(tuple((name, c) for name, c in converters if c is not None), required)
    return shape


_shapes: dict[type[Model], _Shape] = {}


def _dump(value: Any, mode: str, exclude_none: bool) -> Any:
    if isinstance(value, Model):
        return value.model_dump(mode=mode, exclude_none=exclude_none)
    if isinstance(value, dict):
        return {key: _dump(item, mode, exclude_none) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dump(item, mode, exclude_none) for item in value]
    if mode == "json":
        if isinstance(value, enum.Enum):
            return value.value
        if isinstance(value, UUID):
            return str(value)
    return value


def _converter(hint: Any) -> Converter | None:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        options = [a for a in args if a is not type(None)]
        return _converter(options[0]) if len(options) == 1 else None
    if origin in (list, dict):
        item = _converter(args[-1])
        return item and functools.partial(_convert_all, item)
    if not isinstance(hint, type):
        return None
    if issubclass(hint, Model):
        return hint.model_validate
    if issubclass(hint, enum.Enum):
        return hint
    if hint is UUID:
        return lambda value: value if isinstance(value, UUID) else UUID(value)
    return None


def _convert_all(convert: Converter, values: Any) -> Any:
    if isinstance(values, dict):
        return {key: convert(item) for key, item in values.items()}
    return [convert(item) for item in values]
