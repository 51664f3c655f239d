"""JSON Schemas of types, for templates: what can be said of a type in a few words, and nothing where it cannot."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from tasker_core._convert import _DICT_TYPES, _LIST_TYPES, model_type

_SIMPLE: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    type(None): {"type": "null"},
    None: {"type": "null"},
    uuid.UUID: {"type": "string"},
    datetime.datetime: {"type": "string"},
    datetime.date: {"type": "string"},
}


def schema_of(hint: Any, within: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return the schema of a type; an empty one, which takes everything, if the type is not known here."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(option, within) for option in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if (origin or hint) in _LIST_TYPES:
        item = schema_of(args[0], within) if args and (len(args) == 1 or args[1] is Ellipsis) else {}
        return {"type": "array", "items": item} if item else {"type": "array"}
    if (origin or hint) in _DICT_TYPES:
        value = schema_of(args[1], within) if len(args) == 2 else {}
        return {"type": "object", "additionalProperties": value} if value else {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if model_type(hint):
        return _model_schema(hint, within)
    return dict(_SIMPLE.get(hint, {})) if isinstance(hint, type) or hint is None else {}


def _model_schema(hint: Any, within: tuple[Any, ...]) -> dict[str, Any]:
    """Describe an object by its fields. Pydantic models check themselves, by rules that have no words here."""
    if hint in within or not (dataclasses.is_dataclass(hint) or typing.is_typeddict(hint)):
        return {"type": "object"}
    hints = typing.get_type_hints(hint)
    if typing.is_typeddict(hint):
        required = sorted(hint.__required_keys__)
    else:
        fields = [field for field in dataclasses.fields(hint) if field.init]
        hints = {field.name: hints[field.name] for field in fields}
        required = [field.name for field in fields if _has_no_default(field)]
    return object_schema({name: schema_of(h, (*within, hint)) for name, h in hints.items()}, required)


def object_schema(properties: Mapping[str, dict[str, Any]], required: list[str]) -> dict[str, Any]:
    """Return the schema of an object; more keys than these are allowed."""
    schema: dict[str, Any] = {"type": "object"}
    if required:
        schema["required"] = required
    if properties:
        schema["properties"] = dict(properties)
    return schema


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
