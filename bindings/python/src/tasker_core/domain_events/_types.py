"""What publishers work from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from tasker_core._model import Model

Condition: TypeAlias = Literal["success", "failure", "retryable_failure", "permanent_failure", "always"]
DeliveryMode: TypeAlias = Literal["durable", "fast", "broadcast"]


@dataclass(kw_only=True, init=False)
class EventDeclaration(Model):
    """An event that a template's step declares to publish."""

    name: str
    """At least two parts, such as `payment.processed`."""
    condition: Condition | None = None
    """The outcomes after which it is published; `success` if nothing is said."""
    delivery_mode: DeliveryMode | None = None
    """`durable` if nothing is said."""
    publisher: str | None = None
    schema_: dict[str, Any] | None = None

    _aliases: ClassVar[Mapping[str, str]] = {"schema": "schema_"}

    def __init__(
        self,
        *,
        name: str,
        condition: Condition | None = None,
        delivery_mode: DeliveryMode | None = None,
        publisher: str | None = None,
        schema_: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
    ) -> None:
        """Declare an event; `schema` is another name for `schema_`."""
        self.name = name
        self.condition = condition
        self.delivery_mode = delivery_mode
        self.publisher = publisher
        self.schema_ = schema_ if schema_ is not None else schema

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON Schema that the payload must meet."""
        return self.schema_


@dataclass(kw_only=True)
class StepResult(Model):
    """How a step ended."""

    success: bool
    result: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


@dataclass(kw_only=True)
class StepEventContext(Model):
    """The step that an event tells of."""

    task_uuid: str
    step_uuid: str
    step_name: str
    namespace: str
    correlation_id: str
    result: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_step_context(
        cls, step_context: Any, result: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None
    ) -> StepEventContext:
        """Tell of the step that a handler runs."""
        return cls(
            task_uuid=str(step_context.task_uuid),
            step_uuid=str(step_context.step_uuid),
            step_name=step_context.step_name or step_context.handler_name,
            namespace=step_context.namespace or "default",
            correlation_id=str(step_context.correlation_id),
            result=result,
            metadata=metadata or {},
        )


@dataclass(kw_only=True)
class PublishContext(Model):
    """An event before it is published."""

    event_name: str
    step_result: StepResult
    event_declaration: EventDeclaration | None = None
    step_context: StepEventContext | None = None
