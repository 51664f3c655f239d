"""A workflow as a template."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from tasker_core._convert import dump
from tasker_core.errors import ConfigurationError
from tasker_core.workflow._parameters import Kind
from tasker_core.workflow._schema import object_schema, schema_of
from tasker_core.workflow._step import Step


class Header(Protocol):
    """What a template says before its steps."""

    name: str
    namespace: str
    version: str
    description: str | None
    identity_strategy: Any


def template_document(header: Header, steps: list[Step]) -> dict[str, Any]:
    """Return the template. What is left at its default is left out."""
    if not steps:
        raise ConfigurationError(f"workflow {header.name} has no steps")
    document: dict[str, Any] = {"name": header.name, "namespace_name": header.namespace, "version": header.version}
    if header.description:
        document["description"] = header.description
    if header.identity_strategy:
        document["identity_strategy"] = header.identity_strategy
    if schema := _input_schema(steps):
        document["input_schema"] = schema
    document["steps"] = [_step(step) for step in steps]
    return document


def _step(step: Step) -> dict[str, Any]:
    document: dict[str, Any] = {"name": step.name}
    if about := inspect.getdoc(step.function):
        document["description"] = about.split("\n\n")[0].replace("\n", " ")
    if step.type != "standard":
        document["type"] = step.type
    document["handler"] = {"callable": step.callable}
    if "config" in step.options:
        document["handler"]["initialization"] = dump(step.options["config"])
    if step.dependencies:
        document["dependencies"] = step.dependencies
    for key in ("retry", "timeout_seconds", "publishes_events"):
        if key in step.options:
            document[key] = step.options[key]
    return document


def _input_schema(steps: list[Step]) -> dict[str, Any]:
    """Describe the task's input: what a step cannot do without is required."""
    properties: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    for step in steps:
        for parameter in step.parameters:
            if parameter.kind is Kind.INPUT:
                schema = schema_of(parameter.hint)
                if properties.setdefault(parameter.name, schema) != schema:
                    raise ConfigurationError(
                        f"step {step.name!r} reads input {parameter.name!r} in another type than a step before it"
                    )
                if parameter.is_required and not parameter.takes_none and parameter.name not in required:
                    required.append(parameter.name)
    return object_schema(properties, required) if properties else {}
