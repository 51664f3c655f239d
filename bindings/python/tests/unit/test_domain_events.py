"""Events of the business: shaped, published, heard of, and never in the way."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from unit_helpers import STEP, TASK, contract, make_context

from tasker_core import _tasker_core
from tasker_core.domain_events import (
    BasePublisher,
    BaseSubscriber,
    DefaultPublisher,
    EventDeclaration,
    InProcessDomainEventPoller,
    PublishContext,
    PublisherRegistry,
    RegistryFrozenError,
    StepEventContext,
    StepResult,
    SubscriberRegistry,
)
from tasker_core.types import InProcessDomainEvent

EVENT = contract("domain_event")["accept"][0]["document"]


class Payments(BasePublisher):
    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.hooks: list[Any] = []

    def _answer(self, name: str, default: Any) -> Any:
        answer = self.answers.get(name, default)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def should_publish(self, ctx: StepEventContext) -> bool:
        return bool(self._answer("should", True))

    def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
        payload: dict[str, Any] = self._answer("payload", {"id": (ctx.result or {}).get("payment_id")})
        return payload

    def additional_metadata(self, ctx: StepEventContext) -> dict[str, Any]:
        return {"region": "eu"}

    def before_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> bool:
        self.hooks.append(("before", event_name, payload))
        return bool(self._answer("before", True))

    def after_publish(self, event_name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.hooks.append(("after", event_name))
        self._answer("after", None)

    def on_publish_error(self, event_name: str, error: Exception, payload: dict[str, Any]) -> None:
        self.hooks.append(("error", event_name, str(error), payload))
        self._answer("on_error", None)


class Listener(BaseSubscriber):
    patterns: tuple[str, ...] = ("payment.*",)

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers
        self.heard: list[Any] = []

    @classmethod
    def subscribes_to(cls) -> list[str]:
        return list(cls.patterns)

    def before_handle(self, event: dict[str, Any]) -> bool:
        return bool(self.answers.get("before", True))

    def handle(self, event: dict[str, Any]) -> None:
        self.heard.append(event)
        if "handle" in self.answers:
            raise self.answers["handle"]

    def after_handle(self, event: dict[str, Any]) -> None:
        self.heard.append("after")

    def on_handle_error(self, event: dict[str, Any], error: Exception) -> None:
        self.heard.append(f"error: {error}")
        if "on_error" in self.answers:
            raise self.answers["on_error"]


@pytest.fixture
def step() -> StepEventContext:
    context = make_context(name="charge")
    return StepEventContext.from_step_context(context, {"payment_id": "p-1"}, {"attempt": 1})


@pytest.fixture
def listener() -> Listener:
    """A subscriber of this process that listens."""
    listener = Listener()
    SubscriberRegistry.instance().register_instance(listener)
    SubscriberRegistry.instance().start_all(InProcessDomainEventPoller())
    return listener


class TestPublisher:
    def test_the_step_is_told_of(self, step: StepEventContext) -> None:
        assert step == StepEventContext(
            task_uuid=TASK,
            step_uuid=STEP,
            step_name="charge",
            namespace="linear_workflow",
            correlation_id="0198c0de-0000-7000-8000-0000000000c1",
            result={"payment_id": "p-1"},
            metadata={"attempt": 1},
        )

    def test_without_a_worker_an_event_reaches_the_subscribers_here(
        self, step: StepEventContext, listener: Listener
    ) -> None:
        publisher = Payments()
        assert publisher.publish(step, "payment.processed") is True
        event = listener.heard[0]
        assert event["event_name"] == "payment.processed"
        assert event["payload"]["payload"] == {"id": "p-1"}
        assert event["metadata"]["step_name"] == "charge"
        assert (event["metadata"]["region"], event["metadata"]["publisher"]) == ("eu", "Payments")
        assert event["event_id"] != EVENT["event_id"]
        assert publisher.hooks == [("before", "payment.processed", {"id": "p-1"}), ("after", "payment.processed")]
        assert InProcessDomainEvent.model_validate(event).business_payload == {"id": "p-1"}

    def test_with_a_worker_an_event_goes_to_the_core(
        self, step: StepEventContext, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(_tasker_core, "is_worker_running", lambda: True)
        monkeypatch.setattr(_tasker_core, "publish_domain_event", sent.append)
        assert Payments().publish(step, "payment.processed")
        assert sent == [
            {
                "event_name": "payment.processed",
                "namespace": "linear_workflow",
                "delivery_mode": "durable",
                "payload": {"id": "p-1"},
                "task_uuid": TASK,
                "step_uuid": STEP,
                "step_name": "charge",
                "correlation_id": "0198c0de-0000-7000-8000-0000000000c1",
                "metadata": {"attempt": 1, "region": "eu", "publisher": "Payments"},
            }
        ]
        assert listener.heard == []

    def test_an_event_without_a_name_has_the_step_s(self, step: StepEventContext) -> None:
        publisher = Payments()
        publisher.publish(step)
        assert publisher.hooks[0][1] == "charge.completed"

    @pytest.mark.parametrize("answers", [{"should": False}, {"before": False}])
    def test_an_event_can_be_called_off(self, step: StepEventContext, listener: Listener, answers: Any) -> None:
        publisher = Payments(**answers)
        assert publisher.publish(step, "payment.processed") is False
        assert listener.heard == []
        assert not any(hook[0] in ("after", "error") for hook in publisher.hooks)

    @pytest.mark.parametrize(("where", "payload"), [("should", {}), ("payload", {}), ("before", {"id": "p-1"})])
    def test_what_goes_wrong_is_told_and_not_raised(self, step: StepEventContext, where: str, payload: Any) -> None:
        publisher = Payments(**{where: RuntimeError("boom")})
        assert publisher.publish(step, "payment.processed") is False
        assert publisher.hooks[-1] == ("error", "payment.processed", "boom", payload)

    def test_hooks_that_fail_are_logged(self, step: StepEventContext, caplog: pytest.LogCaptureFixture) -> None:
        assert Payments(after=RuntimeError("late")).publish(step, "a.b") is True
        assert Payments(should=RuntimeError("x"), on_error=RuntimeError("again")).publish(step, "a.b") is False
        assert "late" in caplog.text
        assert "again" in caplog.text

    def test_the_default_publishes_what_the_step_returned(self, step: StepEventContext, listener: Listener) -> None:
        assert DefaultPublisher().publisher_name == "default"
        assert DefaultPublisher().publish(step, "payment.processed")
        assert listener.heard[0]["payload"]["payload"] == {"payment_id": "p-1"}

    def test_an_error_nobody_looks_at_is_logged(self, step: StepEventContext, caplog: pytest.LogCaptureFixture) -> None:
        class Plain(BasePublisher):
            def transform_payload(self, ctx: StepEventContext) -> dict[str, Any]:
                raise RuntimeError("boom")

        assert Plain().publish(step, "a.b") is False
        assert "event a.b could not be published by Plain: boom" in caplog.text


class TestDeclaration:
    def test_schema_and_schema_underscore_are_one_field(self) -> None:
        schema = {"type": "object"}
        declared = EventDeclaration(name="a.b", schema=schema, condition="always")
        assert declared == EventDeclaration(name="a.b", schema_=schema, condition="always")
        assert declared.schema == schema
        assert EventDeclaration.model_validate({"name": "a.b", "schema": schema}).schema_ == schema

    def test_a_publish_context_holds_it_all(self, step: StepEventContext) -> None:
        context = PublishContext(event_name="a.b", step_result=StepResult(success=True), step_context=step)
        assert context.model_dump()["step_result"] == {"success": True, "result": None, "metadata": None}


class TestPublisherRegistry:
    def test_publishers_are_found_by_name(self) -> None:
        registry, payments = PublisherRegistry(), Payments()
        registry.register(payments)
        registry.register(payments, "Shop::Payments")
        assert registry.get("Payments") is registry.get("Shop::Payments") is payments
        assert registry.get("Orders") is None
        assert registry.list_publishers() == ["Payments", "Shop::Payments"]

    def test_the_default_stands_in_for_what_is_missing(self) -> None:
        registry = PublisherRegistry()
        assert isinstance(registry.get_or_default("Orders"), DefaultPublisher)
        assert isinstance(registry.get("default"), DefaultPublisher)

    def test_missing_ones_are_listed(self) -> None:
        registry = PublisherRegistry()
        registry.register(Payments())
        assert registry.validate_required(["Payments", "Orders", "default", "Mail"]) == ["Orders", "Mail"]

    def test_once_frozen_it_takes_no_more(self) -> None:
        registry = PublisherRegistry()
        registry.freeze()
        assert registry.is_frozen
        with pytest.raises(RegistryFrozenError, match="before the worker starts"):
            registry.register(Payments())
        registry.unfreeze()
        registry.register(Payments())
        registry.freeze()
        registry.clear()
        assert (registry.is_frozen, registry.list_publishers()) == (False, [])

    def test_there_is_one_for_the_process(self) -> None:
        registry = PublisherRegistry.instance()
        assert PublisherRegistry.instance() is registry
        PublisherRegistry.reset()
        assert PublisherRegistry.instance() is not registry


class TestSubscriber:
    @pytest.mark.parametrize(
        ("patterns", "name", "matches"),
        [
            (("payment.processed",), "payment.processed", True),
            (("payment.processed",), "payment.failed", False),
            (("payment.*",), "payment.card.failed", True),
            (("payment.*",), "payments.x", False),
            (("*",), "anything.at.all", True),
            ((), "payment.processed", False),
            (("a.b", "payment.*"), "payment.x", True),
        ],
    )
    def test_patterns_say_what_it_hears(self, patterns: tuple[str, ...], name: str, matches: bool) -> None:
        class Some(Listener):
            pass

        Some.patterns = patterns
        assert Some().matches(name) is matches
        assert Some().subscriptions == list(patterns)

    def test_hooks_stand_around_the_handling(self) -> None:
        listener = Listener()
        listener.handle_event_safely(EVENT)
        assert listener.heard == [EVENT, "after"]

    def test_an_event_can_be_passed_over(self) -> None:
        listener = Listener(before=False)
        listener.handle_event_safely(EVENT)
        assert listener.heard == []

    def test_what_goes_wrong_is_told_and_not_raised(self, caplog: pytest.LogCaptureFixture) -> None:
        listener = Listener(handle=RuntimeError("boom"), on_error=RuntimeError("again"))
        listener.handle_event_safely(EVENT)
        assert listener.heard == [EVENT, "error: boom"]
        assert "on_handle_error of Listener failed" in caplog.text

    def test_by_default_nothing_is_heard_and_errors_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        class Plain(BaseSubscriber):
            def handle(self, event: dict[str, Any]) -> None:
                raise RuntimeError("boom")

        assert Plain().subscriptions == []
        Plain().handle_event_safely(EVENT)
        assert "Plain failed on event payment.processed: boom" in caplog.text


class TestSubscriberRegistry:
    def test_subscribers_are_made_started_and_stopped_together(self) -> None:
        class Second(Listener):
            patterns = ("order.*",)

        registry, poller = SubscriberRegistry(), InProcessDomainEventPoller()
        registry.register(Listener)
        registry.register_instance(Second(), "second")
        assert registry.active_count == 0
        assert registry.start_all(poller) == 2
        assert registry.start_all(poller) == 0
        assert registry.active_count == 2
        assert registry.list_registered() == {"Listener": ["payment.*"], "second": ["order.*"]}
        assert registry.stats() == {
            "total_registered": 2,
            "active_count": 2,
            "subscriptions": {"Listener": ["payment.*"], "second": ["order.*"]},
        }
        assert registry.stop_all() == 2
        assert registry.stop_all() == 0
        registry.clear()
        assert registry.list_registered() == {}

    def test_one_that_cannot_be_made_or_started_does_not_keep_the_others(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken(Listener):
            def __init__(self) -> None:
                raise RuntimeError("no database")

        class Stuck(Listener):
            def start(self, poller: InProcessDomainEventPoller) -> None:
                raise RuntimeError("no start")

        registry = SubscriberRegistry()
        for kind in (Broken, Stuck, Listener):
            registry.register(kind)
        assert registry.start_all(InProcessDomainEventPoller()) == 1
        assert "no database" in caplog.text
        assert "no start" in caplog.text

    def test_a_reset_stops_the_subscribers(self, listener: Listener) -> None:
        assert listener.active
        SubscriberRegistry.reset()
        assert not listener.active


class Source:
    """Gives out what it is told to, and says when it has run dry."""

    def __init__(self, *batches: Any) -> None:
        self.batches = list(batches)
        self.asked: list[int] = []
        self.dry = threading.Event()

    def __call__(self, most: int) -> list[dict[str, Any]]:
        self.asked.append(most)
        if not self.batches:
            self.dry.set()
            return []
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        events: list[dict[str, Any]] = batch
        return events


class TestPoller:
    def test_has_the_documented_defaults(self) -> None:
        assert InProcessDomainEventPoller.DEFAULT_POLL_INTERVAL_MS == 10
        assert InProcessDomainEventPoller.DEFAULT_MAX_EVENTS_PER_POLL == 100

    def test_events_reach_callbacks_and_subscribers(self) -> None:
        source = Source([EVENT, EVENT], [{**EVENT, "event_name": "order.paid"}])
        poller = InProcessDomainEventPoller(1, 2, poll=source)
        names: list[str] = []
        listener = Listener()
        poller.on_event(lambda event: names.append(event.event_name))
        listener.start(poller)
        listener.start(poller)
        poller.start()
        assert poller.is_running
        assert source.dry.wait(10)
        poller.stop()
        assert not poller.is_running
        assert names == ["payment.processed", "payment.processed", "order.paid"]
        assert [e["event_id"] for e in listener.heard if e != "after"] == [EVENT["event_id"]] * 2
        assert source.asked[:2] == [2, 2]
        assert (poller.stats["event_count"], poller.stats["error_count"]) == (3, 0)
        assert poller.stats["poll_count"] == len(source.asked)

    def test_a_subscriber_that_stopped_hears_nothing(self) -> None:
        source = Source([EVENT])
        poller, listener = InProcessDomainEventPoller(1, poll=source), Listener()
        listener.start(poller)
        listener.stop()
        poller.start()
        assert source.dry.wait(10)
        poller.stop()
        assert listener.heard == []

    def test_errors_are_told_and_polling_goes_on(self) -> None:
        source = Source(RuntimeError("core is busy"), [EVENT])
        poller = InProcessDomainEventPoller(1, poll=source)
        errors: list[str] = []

        def fail(_: Any) -> None:
            raise RuntimeError("boom")

        poller.on_error(lambda error: errors.append(str(error)))
        poller.on_error(fail)
        poller.on_event(fail)
        poller.start()
        assert source.dry.wait(10)
        poller.stop()
        assert errors == ["core is busy", "boom"]
        assert poller.stats["error_count"] == 2

    def test_starting_twice_is_an_error_and_stopping_idle_is_not(self) -> None:
        poller = InProcessDomainEventPoller(1, poll=Source())
        poller.stop()
        poller.start()
        with pytest.raises(RuntimeError, match="runs already"):
            poller.start()
        poller.stop()
        poller.start()
        poller.stop()

    def test_a_callback_may_stop_the_poller(self) -> None:
        stopped = threading.Event()
        poller = InProcessDomainEventPoller(1, poll=Source([EVENT]))

        def stop(_: Any) -> None:
            poller.stop()
            stopped.set()

        poller.on_event(stop)
        poller.start()
        assert stopped.wait(10)

    def test_a_callback_that_hangs_is_not_waited_for_forever(self, caplog: pytest.LogCaptureFixture) -> None:
        hangs, go_on = threading.Event(), threading.Event()
        poller = InProcessDomainEventPoller(1, poll=Source([EVENT]))

        def hang(_: Any) -> None:
            hangs.set()
            go_on.wait()

        poller.on_event(hang)
        poller.start()
        assert hangs.wait(10)
        poller.stop(timeout=0.01)
        assert "a callback for domain events still runs" in caplog.text
        go_on.set()
        poller.stop()

    def test_without_a_worker_there_are_no_events(self) -> None:
        poller = InProcessDomainEventPoller(1)
        polled = threading.Event()
        poller.on_error(lambda _: polled.set())
        poller.start()
        while poller.stats["poll_count"] < 2:
            assert not polled.wait(0.001)
        poller.stop()
        assert poller.stats["event_count"] == 0
