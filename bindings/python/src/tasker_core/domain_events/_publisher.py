"""Shaping and publishing events of the application's own."""

from __future__ import annotations

import importlib
import logging
from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar

from tasker_core.domain_events._forwarded import forwarded
from tasker_core.domain_events._subscriber_registry import SubscriberRegistry
from tasker_core.domain_events._types import DeliveryMode, StepEventContext

logger = logging.getLogger(__name__)


class BasePublisher(ABC):  # noqa: B024 - all methods have defaults, and yet it is nothing by itself
    """Shapes the events of some kind. Whatever goes wrong is logged and told to `on_publish_error`; it fails no step.

    class PaymentPublisher(BasePublisher):
        def transform_payload(self, ctx):
            return {"payment_id": ctx.result["payment_id"]}

    PaymentPublisher().publish(StepEventContext.from_step_context(context, result), "payment.processed")
    """

    delivery_mode: ClassVar[DeliveryMode] = "durable"
    """Through a queue that survives restarts, within this process (`fast`), or both (`broadcast`)."""

    @property
    def publisher_name(self) -> str:
        """What templates call the publisher by; its class's name, unless overridden."""
        return type(self).__name__

    def should_publish(self, ctx: StepEventContext) -> bool:
        """Tell whether there is an event at all."""
        return True

    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        """Return what the event is about; by default what the step returned."""
        return ctx.result or {}

    def additional_metadata(self, ctx: StepEventContext) -> dict[str, Any]:
        """Return what is added to the event's metadata."""
        return {}

    def before_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> bool:
        """See the event before it is published; False calls it off."""
        return True

    def after_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> None:  # noqa: B027
        """Hear that the event was published."""

    def on_publish_error(self, event_name: str, error: Exception, payload: dict[str, Any]) -> None:
        """Hear that the event could not be published."""
        logger.error("event %s could not be published by %s: %s", event_name, self.publisher_name, error)

    def publish(self, ctx: StepEventContext, event_name: str | None = None) -> bool:
        """Publish an event of a step.

        Args:
            ctx: The step.
            event_name: At least two parts, such as `payment.processed`. Defaults to the step's name and `.completed`.

        Returns:
            Whether the event was published.
        """
        name = event_name or f"{ctx.step_name}.completed"
        payload: dict[str, Any] = {}
        try:
            if not self.should_publish(ctx):
                return False
            payload = self.transform_payload(ctx)
            metadata = {**ctx.metadata, **self.additional_metadata(ctx), "publisher": self.publisher_name}
            if not self.before_publish(name, payload, metadata):
                return False
            self._send(ctx, name, payload, metadata)
        except Exception as error:
            self._tell(self.on_publish_error, name, error, payload)
            return False
        self._tell(self.after_publish, name, payload, metadata)
        return True

    def _send(self, ctx: StepEventContext, name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Give the event to the worker; in a process without one, to the subscribers there."""
        event = forwarded.get()
        if event is not None and event.name == name:
            event.publish(payload, metadata)
            return
        core = importlib.import_module("tasker_core._tasker_core")
        document = self._document(ctx, name, payload, metadata)
        if core.is_worker_running():
            core.publish_domain_event(document)
        else:
            SubscriberRegistry.instance().deliver(document)

    def _document(
        self, ctx: StepEventContext, name: str, payload: dict[str, Any], metadata: dict[str, Any]
    ) -> dict[str, Any]:
        document = {
            "event_name": name,
            "namespace": ctx.namespace,
            "delivery_mode": self.delivery_mode,
            "payload": payload,
            "task_uuid": ctx.task_uuid,
            "step_uuid": ctx.step_uuid,
            "step_name": ctx.step_name,
            "correlation_id": ctx.correlation_id,
            "metadata": metadata,
        }
        return {key: value for key, value in document.items() if value != ""}

    def _tell(self, hook: Callable[..., None], *what: Any) -> None:
        try:
            hook(*what)
        except Exception:
            logger.exception("a hook of publisher %s failed", self.publisher_name)


class DefaultPublisher(BasePublisher):
    """Publishes what the step returned, as it is."""

    @property
    def publisher_name(self) -> str:
        """Always `default`."""
        return "default"

    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        """Return what the step returned."""
        return ctx.result or {}
