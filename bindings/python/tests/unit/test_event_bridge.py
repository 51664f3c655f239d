"""What happens in a worker, for those who listen."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tasker_core.event_bridge import EventBridge, EventNames


@pytest.fixture
def bridge() -> EventBridge:
    bridge = EventBridge()
    bridge.start()
    return bridge


def test_there_is_one_for_the_process() -> None:
    bridge = EventBridge.instance()
    assert EventBridge.instance() is bridge
    bridge.start()
    EventBridge.reset_instance()
    assert not bridge.is_active
    assert EventBridge.instance() is not bridge
    EventBridge.reset_instance()
    EventBridge.reset_instance()


def test_starting_and_stopping_twice_is_harmless(bridge: EventBridge) -> None:
    bridge.start()
    assert bridge.is_active
    bridge.stop()
    bridge.stop()
    assert not bridge.is_active


def test_every_listener_gets_every_event_in_order(bridge: EventBridge) -> None:
    heard: list[Any] = []
    bridge.subscribe("a", lambda *args, **kwargs: heard.append((1, args, kwargs)))
    bridge.subscribe("a", lambda *args, **kwargs: heard.append((2, args, kwargs)))
    bridge.publish("a", 5, x=6)
    bridge.publish("b", 7)
    assert heard == [(1, (5,), {"x": 6}), (2, (5,), {"x": 6})]


def test_what_is_published_to_an_idle_bridge_is_dropped() -> None:
    bridge, heard = EventBridge(), []
    bridge.subscribe("a", heard.append)
    bridge.publish("a", 1)
    bridge.start()
    bridge.publish("a", 2)
    bridge.stop()
    bridge.publish("a", 3)
    assert heard == [2]


def test_it_tells_whether_anybody_listens(bridge: EventBridge) -> None:
    heard: list[int] = []
    assert not bridge.has_listeners
    bridge.subscribe("a", heard.append)
    assert bridge.has_listeners
    bridge.unsubscribe("a", heard.append)
    bridge.subscribe_once("b", heard.append)
    assert bridge.has_listeners
    bridge.publish("b", 1)
    assert not bridge.has_listeners
    bridge.subscribe("a", heard.append)
    bridge.stop()
    assert not bridge.has_listeners


def test_stopping_forgets_the_listeners(bridge: EventBridge) -> None:
    heard: list[int] = []
    bridge.subscribe("a", heard.append)
    bridge.stop()
    assert bridge.listener_count("a") == 0
    bridge.start()
    bridge.publish("a", 1)
    assert heard == []


def test_a_listener_that_wanted_one_event_gets_one(bridge: EventBridge) -> None:
    once: list[int] = []
    always: list[int] = []
    bridge.subscribe_once("a", once.append)
    bridge.subscribe("a", always.append)
    bridge.publish("a", 1)
    bridge.publish("a", 2)
    assert (once, always) == ([1], [1, 2])
    assert bridge.listener_count("a") == 1


def test_it_gets_one_also_when_it_publishes_itself(bridge: EventBridge) -> None:
    heard: list[int] = []

    def again(n: int) -> None:
        heard.append(n)
        bridge.publish("a", n + 1)

    bridge.subscribe_once("a", again)
    bridge.publish("a", 1)
    assert heard == [1]


def test_it_gets_one_also_when_many_threads_publish(bridge: EventBridge) -> None:
    heard: list[int] = []
    for _ in range(50):
        bridge.subscribe_once("a", heard.append)
    ready = threading.Barrier(8)

    def publish(n: int) -> None:
        ready.wait()
        bridge.publish("a", n)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 50


def test_a_listener_that_left_hears_nothing(bridge: EventBridge) -> None:
    heard: list[int] = []
    bridge.subscribe("a", heard.append)
    bridge.unsubscribe("a", heard.append)
    bridge.unsubscribe("a", print)
    bridge.unsubscribe("b", print)
    bridge.publish("a", 1)
    assert heard == []


def test_a_listener_that_fails_does_not_hold_up_the_others(bridge: EventBridge, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def fail(_: int) -> None:
        raise RuntimeError("boom")

    bridge.subscribe("a", fail)
    bridge.subscribe("a", heard.append)
    bridge.publish("a", 1)
    assert heard == [1]
    assert "a listener of a failed" in caplog.text


def test_listeners_are_listed_and_counted(bridge: EventBridge) -> None:
    bridge.subscribe("a", print)
    bridge.subscribe_once("a", repr)
    assert bridge.listeners("a") == [print, repr]
    assert (bridge.listener_count("a"), bridge.listener_count("b")) == (2, 0)


def test_the_events_of_a_worker_are_described() -> None:
    names = {value for name, value in vars(EventNames).items() if name.isupper()}
    assert set(EventBridge().event_schema) == names
    assert names == {
        "step.execution.received",
        "step.completion.sent",
        "step.checkpoint_yield.sent",
        "handler.registered",
        "handler.error",
        "poller.metrics",
        "poller.error",
    }
