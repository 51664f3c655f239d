"""The base of handlers that are classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from tasker_core.types import StepContext, StepHandlerResult


class StepHandler(ABC):
    """Does the work of a step.

    A new instance is made for each attempt. If the constructor takes `config`, it is given the template's
    `handler.initialization`.

        class ChargeCard(StepHandler):
            handler_name = "charge_card"

            def call(self, context):
                payment = gateway.charge(context.get_input("card"), key=context.idempotency_key)
                return self.success({"payment_id": payment.id})
    """

    handler_name: str = ""
    """What templates call the handler by."""
    handler_version: str = "1.0.0"
    handler_methods: ClassVar[Sequence[str] | None] = None
    """The methods that a template's `handler.method` may name; by default all public ones that your classes declare."""

    @abstractmethod
    def call(self, context: StepContext) -> Any:
        """Do the work. It may be `async`.

        Returns:
            `self.success(...)` or `self.failure(...)`; or simply the step's result: a dict or other JSON, a dataclass, a
            Pydantic model, or None.
        """

    @property
    def name(self) -> str:
        """The handler's name; that of its class if it has none."""
        return self.handler_name or type(self).__name__

    @property
    def version(self) -> str:
        """The handler's version, which is kept with results."""
        return self.handler_version

    @property
    def capabilities(self) -> list[str]:
        """What the handler can do."""
        return ["process"]

    def config_schema(self) -> dict[str, Any] | None:
        """Return a JSON Schema of the configuration, or None."""
        return None

    def success(self, result: Any = None, metadata: dict[str, Any] | None = None) -> StepHandlerResult:
        """Say that the step is done."""
        return StepHandlerResult.success({} if result is None else result, metadata)

    def failure(
        self,
        message: str,
        error_type: str = "handler_error",
        retryable: bool = True,
        metadata: dict[str, Any] | None = None,
        error_code: str | None = None,
    ) -> StepHandlerResult:
        """Say that the attempt failed, and whether another one may help."""
        return StepHandlerResult.failure(message, error_type, retryable, metadata, error_code)
