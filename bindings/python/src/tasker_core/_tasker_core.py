"""The flat functions that everything else is built of, as existing programs import them.

They speak plain dicts. What they need is the one worker of this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tasker_core import _native, _version
from tasker_core import logging as core_logging
from tasker_core._codec import EncodeError
from tasker_core._legacy_result import result_document
from tasker_core._runtime import runtime
from tasker_core._status import CoreError
from tasker_core.client import TaskerClient
from tasker_core.exceptions import ConversionError, FFIError
from tasker_core.types import BootstrapConfig

_client = TaskerClient()

# The library.


def get_version() -> str:
    """The version of this package."""
    return _version.__version__


def get_rust_version() -> str:
    """Version, commit and compiler of the core, under the name that this function has always had. Loads the library."""
    return _native.library().version


def health_check() -> bool:
    """Whether the library can be used in this process. Loads it."""
    try:
        state = _native.library().plain("tasker_process_state")
    except FFIError:
        return False
    return not state & (_native.FORKED | _native.MUSL)


# The worker.


def bootstrap_worker(config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Start the worker of this process, for the handlers that are registered now."""
    from tasker_core.handler import HandlerRegistry

    settings = dict(config or {})
    handlers = settings.pop("handlers", None)
    if handlers is None:
        handlers = HandlerRegistry.instance().served_handlers()
    started = runtime.bootstrap(BootstrapConfig.model_validate(settings), handlers)
    return {
        "handle_id": f"{runtime.require().handle:x}",
        "worker_id": runtime.worker_id,
        "status": "started" if started else "already_running",
        "message": f"worker {runtime.worker_id} {'runs' if started else 'ran already'}",
    }


def stop_worker() -> str:
    """Stop the worker. What it still holds is given back; harmless without a worker."""
    from tasker_core.worker import Worker

    if runtime.current() is None:
        return "Worker system not running"
    running = Worker.instance()
    if running is not None:  # it has to let its handlers finish
        running.stop()
        return "Worker stopped"
    summary = runtime.end()
    return f"Worker stopped: {summary.get('completed', 0)} steps completed"


def transition_to_graceful_shutdown() -> str:
    """Take no further step; those that run can be completed."""
    runtime.require().drain()
    return "Worker takes no further steps"


def is_worker_running() -> bool:
    """Whether this process has a worker."""
    return runtime.current() is not None


def get_worker_status() -> dict[str, Any]:
    """What the worker knows of itself, without asking anybody."""
    worker = runtime.current()
    if worker is None:
        return {"running": False, "error": "no worker runs in this process"}
    status = worker.status()
    return {
        "running": status["state"] in ("running", "draining"),
        "environment": status["core"].get("environment"),
        "worker_core_status": status["state"],
        "web_api_enabled": False,
        "supported_namespaces": None,
        "database_pool_size": None,
        "database_pool_idle": None,
        "core": status,
    }


# Steps.


def poll_step_events(timeout: float = 0.0) -> dict[str, Any] | None:
    """Take one step, waiting up to `timeout` seconds for it. It is answered by `complete_step_event`."""
    return runtime.poll(timeout)


def complete_step_event(event_id: str, completion_data: dict[str, Any]) -> bool:
    """Answer a step with its result document. False: the step is not this process's any more.

    Raises:
        ConversionError: The core does not take the document; the step can still be answered.
        ValueError: The id is none.
    """
    attempt = runtime.polled(str(UUID(event_id)))
    if attempt is None:
        return False
    try:
        accepted = attempt.offer(result_document(completion_data))
    except (EncodeError, CoreError) as error:
        raise ConversionError(f"the result of step {completion_data.get('step_uuid')} was refused: {error}") from error
    runtime.forget(event_id)
    return accepted


def checkpoint_yield_step_event(event_id: str, checkpoint_data: dict[str, Any]) -> bool:
    """Save how far a step got; it comes back as another event. False: the step is not this process's any more."""
    attempt = runtime.polled(str(UUID(event_id)))
    if attempt is None:
        return False
    try:
        saved = attempt.checkpoint(checkpoint_data)
    except (EncodeError, CoreError) as error:
        raise ConversionError(f"the checkpoint was refused: {error}") from error
    runtime.forget(event_id)
    return saved


def get_ffi_dispatch_metrics() -> dict[str, Any]:
    """The steps that wait for this process, and those that it holds."""
    steps = runtime.require().status()["steps"]
    keys = ("pending_count", "oldest_pending_age_ms", "newest_pending_age_ms", "oldest_event_id")
    return {
        **{key: steps[key] for key in keys},
        "starvation_detected": steps["starvation_detected"],
        "starving_event_count": steps["starving_event_count"],
    }


def check_starvation_warnings() -> bool:
    """Whether steps wait too long to be polled. The core logs them by itself."""
    return bool(get_ffi_dispatch_metrics()["starvation_detected"])


def cleanup_timeouts() -> int:
    """How many steps ran out of time up to now. The core ends them by itself; there is nothing to clean up."""
    return int(runtime.require().status()["steps"]["timed_out_total"])


# Domain events.


def poll_in_process_events() -> dict[str, Any] | None:
    """Take one domain event of this process. The first call begins to collect them."""
    events = poll_in_process_event_batch(1)
    return events[0] if events else None


def poll_in_process_event_batch(most: int) -> list[dict[str, Any]]:
    """Take up to `most` domain events, 100 at the most."""
    worker = runtime.current()
    if worker is None:
        return []
    events: list[dict[str, Any]] = worker.call("events.poll", {"max": most}, timeout=5.0)["events"]
    return events


def publish_domain_event(event: Mapping[str, Any]) -> str:
    """Publish an event of the application's own, and return its id.

    `event_name` and `namespace` are required; `payload`, `delivery_mode` (`durable`, `fast` or `broadcast`), `task_uuid`,
    `step_uuid`, `step_name`, `correlation_id` and `metadata` are not.
    """
    return str(runtime.require().call("events.publish", event)["event_id"])


# What it is doing.


def get_health_check() -> dict[str, Any]:
    """The worker's health, as it and the database see it."""
    health: dict[str, Any] = runtime.require().call("health.detailed")
    return health


def get_metrics() -> dict[str, Any]:
    """What the worker counts."""
    metrics: dict[str, Any] = runtime.require().call("metrics.worker")
    return metrics


def get_worker_config() -> dict[str, Any]:
    """The configuration that the worker runs with, as TOML and where each value comes from."""
    config: dict[str, Any] = runtime.require().call("config.runtime")
    return config


# Tasks.


def client_health_check() -> dict[str, Any]:
    """Ask for a sign of life."""
    health: dict[str, Any] = _client.call("client.health")
    return health


def client_create_task(request: dict[str, Any]) -> dict[str, Any]:
    """Create a task."""
    task: dict[str, Any] = _client.call("client.create_task", request)
    return task


def client_get_task(task_uuid: str) -> dict[str, Any]:
    """Look at a task."""
    task: dict[str, Any] = _client.call("client.get_task", {"task_uuid": task_uuid})
    return task


def client_list_tasks(limit: int, offset: int, namespace: str | None, status: str | None) -> dict[str, Any]:
    """List tasks, newest first."""
    params = {"limit": limit, "offset": offset, "namespace": namespace, "status": status}
    tasks: dict[str, Any] = _client.call("client.list_tasks", params)
    return tasks


def client_cancel_task(task_uuid: str) -> dict[str, Any]:
    """Cancel a task."""
    return _client.cancel_task(task_uuid)


def client_list_task_steps(task_uuid: str) -> list[dict[str, Any]]:
    """List the steps of a task."""
    steps: list[dict[str, Any]] = _client.call("client.list_steps", {"task_uuid": task_uuid})
    return steps


def client_get_step(task_uuid: str, step_uuid: str) -> dict[str, Any]:
    """Look at a step."""
    step: dict[str, Any] = _client.call("client.get_step", {"task_uuid": task_uuid, "step_uuid": step_uuid})
    return step


def client_get_step_audit_history(task_uuid: str, step_uuid: str) -> list[dict[str, Any]]:
    """List what became of a step."""
    audit: list[dict[str, Any]] = _client.call("client.step_audit", {"task_uuid": task_uuid, "step_uuid": step_uuid})
    return audit


# Logging.

log_error = core_logging.log_error
log_warn = core_logging.log_warn
log_info = core_logging.log_info
log_debug = core_logging.log_debug
log_trace = core_logging.log_trace
