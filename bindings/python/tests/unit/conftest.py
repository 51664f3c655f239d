"""What the unit tests share: steps without a core, and no state that lives on from test to test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit_helpers import make_event

from tasker_core.domain_events import PublisherRegistry, SubscriberRegistry
from tasker_core.event_bridge import EventBridge
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent, StepContext


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Singletons, environment and working directory as in a new process."""
    for name in ("TASKER_ENV", "TASKER_TEMPLATE_PATH", "WORKSPACE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    HandlerRegistry.reset_instance()
    EventBridge.reset_instance()
    PublisherRegistry.reset()
    SubscriberRegistry.reset()


@pytest.fixture
def registry() -> HandlerRegistry:
    return HandlerRegistry()


@pytest.fixture
def context() -> StepContext:
    return StepContext.from_ffi_event(FfiStepEvent.model_validate(make_event()), "a_handler")
