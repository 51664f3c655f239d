"""Publishers and a subscriber."""

from __future__ import annotations

from typing import Any

from tasker_core.domain_events import BasePublisher, BaseSubscriber, PublisherRegistry, StepEventContext

log: list[str] = []


class PaymentEventPublisher(BasePublisher):
    @property
    def publisher_name(self) -> str:
        return "Payments.EventPublisher"

    def should_publish(self, ctx: StepEventContext) -> bool:
        return (ctx.result or {}).get("card") != "tok_secret"

    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        result = ctx.result or {}
        return {"charge": result.get("charge_id"), "step": ctx.step_name, "namespace": ctx.namespace}

    def additional_metadata(self, ctx: StepEventContext) -> dict[str, Any]:
        return {"team": "payments"}

    def before_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> bool:
        log.append(f"before {event_name}")
        return True

    def after_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> None:
        log.append(f"after {event_name}")


class BrokenPublisher(BasePublisher):
    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        raise LookupError("no such customer")

    def on_publish_error(self, event_name: str, error: Exception, payload: dict[str, Any]) -> None:
        log.append(f"error {event_name}: {error}")


class LedgerSubscriber(BaseSubscriber):
    heard: list[dict[str, Any]] = []  # noqa: RUF012

    @classmethod
    def subscribes_to(cls) -> list[str]:
        return ["payment.*"]

    def handle(self, event: dict[str, Any]) -> None:
        LedgerSubscriber.heard.append(event)


def register() -> None:
    PublisherRegistry.instance().register(PaymentEventPublisher())
    PublisherRegistry.instance().register(BrokenPublisher())
