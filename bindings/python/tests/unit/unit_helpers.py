"""Steps without a core."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasker_core._execute import execute_step
from tasker_core.handler import HandlerRegistry
from tasker_core.types import FfiStepEvent, StepContext, StepControls

CONTRACT = Path(__file__).parents[4] / "include" / "contract"

TASK = "0198c0de-0000-7000-8000-000000000001"
STEP = "0198c0de-0000-7000-8000-000000000002"
CORRELATION = "0198c0de-0000-7000-8000-0000000000c1"


def contract(name: str) -> dict[str, Any]:
    """Return the examples of one kind of document."""
    document: dict[str, Any] = json.loads((CONTRACT / f"{name}.json").read_text(encoding="utf-8"))
    return document


def make_event(
    handler: Mapping[str, Any] | str = "a_handler",
    *,
    context: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    attempts: int | None = 0,
    max_attempts: int | None = 3,
    name: str = "a_step",
) -> dict[str, Any]:
    """Return a step event as the core sends it; results are what earlier steps returned, by name."""
    event: dict[str, Any] = json.loads(json.dumps(contract("step_event")["accept"][0]["document"]))
    sequence = event["task_sequence_step"]
    sequence["task"]["task"]["context"] = dict(context or {})
    sequence["workflow_step"].update(
        name=name, inputs=inputs, checkpoint=checkpoint, attempts=attempts, max_attempts=max_attempts
    )
    sequence["dependency_results"] = {
        step: {"step_uuid": STEP, "success": True, "status": "completed", "result": value}
        for step, value in (results or {}).items()
    }
    definition = {"method": None, "resolver": None, "initialization": {}}
    definition.update({"callable": handler} if isinstance(handler, str) else handler)
    sequence["step_definition"]["handler"] = definition
    return event


def make_context(**parts: Any) -> StepContext:
    """Return the context of a step; the parts are those of `make_event`."""
    return StepContext.from_ffi_event(FfiStepEvent.model_validate(make_event(**parts)), "a_handler")


def run(registry: HandlerRegistry, handler: Any, controls: StepControls | None = None, **parts: Any) -> dict[str, Any]:
    """Run a step to its document, which must be JSON and fit the contract."""
    outcome = execute_step(make_event(handler, **parts), registry, controls, worker_id="worker-1")
    document = outcome if isinstance(outcome, dict) else asyncio.run(outcome)
    json.dumps(document, allow_nan=False)
    check_contract(document)
    return document


def outcome_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says of the step, without what differs from attempt to attempt."""
    metadata = document.get("metadata", {})
    error = document.get("error") or {}
    return {
        "success": document.get("success"),
        "result": document.get("result"),
        "retryable": metadata.get("retryable"),
        "error_code": metadata.get("error_code"),
        **{key: error.get(key) for key in ("message", "error_type", "context")},
    }


def check_contract(document: Mapping[str, Any]) -> None:
    """Check the keys of a document against those of the examples that the core accepts."""
    kind = "checkpoint" if "cursor" in document else "step_result"
    known: dict[str, set[str]] = {}
    for example in contract(kind)["accept"]:
        _collect(example["document"], "", known)
    found: dict[str, set[str]] = {}
    _collect(document, "", found)
    for path, keys in found.items():
        assert keys <= known[path], f"{path}: {keys - known[path]}"


_FREE = ("result", "custom", "context", "headers", "cursor", "accumulated_results")


def _collect(value: Any, path: str, into: dict[str, set[str]]) -> None:
    if isinstance(value, Mapping):
        into.setdefault(path, set()).update(value)
        for key, item in value.items():
            if key not in _FREE:
                _collect(item, f"{path}.{key}", into)
