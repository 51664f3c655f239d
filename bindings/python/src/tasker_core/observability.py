"""Health, counters and configuration of the worker."""

from __future__ import annotations

import json
import platform
import sys
import threading
from collections.abc import Mapping
from typing import Any

from tasker_core import _tasker_core
from tasker_core._native import library
from tasker_core._runtime import runtime
from tasker_core._tasker_core import get_ffi_dispatch_metrics
from tasker_core.types import ComponentHealth, HealthCheck, WorkerConfig, WorkerMetrics

__all__ = ["get_ffi_dispatch_metrics", "get_health_check", "get_metrics", "get_prometheus_metrics", "get_worker_config"]


def get_health_check() -> HealthCheck:
    """Ask the worker, and the database through it, how they are. Without a worker the answer says so."""
    about_python = {
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "threads": threading.active_count(),
    }
    if runtime.current() is None:
        return HealthCheck(status="unhealthy", is_running=False, python=about_python)
    health = _tasker_core.get_health_check()
    checks = health["checks"]
    size, idle = _pool()
    components = {
        "database": ComponentHealth(name="database", status=_word(checks["database"]), pool_size=size, pool_idle=idle),
        "lease": ComponentHealth(name="lease", status=_word(checks["lease"])),
        "completion": ComponentHealth(name="completion", status=_circuit(checks["circuit_breakers"]["state"])),
    }
    return HealthCheck(
        status=health["status"],
        is_running=True,
        components=components,
        rust={"library_version": library().version, "worker_id": health["worker_id"], **checks},
        python=about_python,
    )


def get_metrics() -> WorkerMetrics:
    """Read the worker's counters and gauges."""
    metrics = _tasker_core.get_metrics()
    worker, steps = metrics["worker"], metrics["ffi_dispatch"]
    size, idle = _pool()
    return WorkerMetrics(
        dispatch_channel_pending=steps["pending_count"],
        oldest_pending_age_ms=steps["oldest_pending_age_ms"],
        newest_pending_age_ms=steps["newest_pending_age_ms"],
        starvation_detected=steps["starvation_detected"],
        starving_event_count=steps["starving_event_count"],
        database_pool_size=size,
        database_pool_idle=idle or 0,
        environment=runtime.require().info.get("environment"),
        steps_processed=worker["steps_executed"],
        steps_succeeded=worker["steps_succeeded"],
        steps_failed=worker["steps_failed"],
        steps_in_progress=worker["steps_in_flight"],
    )


def get_worker_config() -> WorkerConfig:
    """Read the configuration that the worker runs with."""
    runs_with = _tasker_core.get_worker_config()
    values = _read_toml(runs_with["toml"])
    dispatch = "worker.mpsc_channels.ffi_dispatch."
    return WorkerConfig(
        environment=runs_with["environment"],
        supported_namespaces=values["worker.namespaces"],
        web_api_enabled=False,  # servers serve the API, not workers
        database_pool_size=values["database.pool.max_connections"],
        polling_interval_ms=values["worker.poll_interval_ms"],
        starvation_threshold_ms=values[dispatch + "starvation_warning_threshold_ms"],
        max_concurrent_handlers=values["worker.mpsc_channels.handler_dispatch.max_concurrent_handlers"],
        handler_timeout_ms=values[dispatch + "completion_timeout_ms"],
    )


def get_prometheus_metrics() -> str:
    """Return the worker's counters in Prometheus' text format, for an endpoint of the application."""
    return str(runtime.require().call("metrics.prometheus")["text"])


def _pool() -> tuple[int, int | None]:
    """How many database connections there may be, and how many are idle where that is told."""
    info: Mapping[str, Any] = runtime.require().call("health.ready")["info"]
    detail = (info.get("pool_utilization") or {}).get("tasker_pool") or {}
    return info["web_database_pool_size"] + info["orchestration_database_pool_size"], detail.get("idle_connections")


def _word(answer: object) -> str:
    return "healthy" if answer in ("ok", "healthy") else "unhealthy"


def _circuit(state: str) -> str:
    return {"closed": "healthy", "half_open": "degraded"}.get(state, "unhealthy")


def _read_toml(text: str) -> dict[str, Any]:
    """Read TOML as the core writes it, which has sections and values that are JSON as well."""
    values: dict[str, Any] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[] ") + "."
        elif " = " in line:
            key, _, value = line.partition(" = ")
            values[section + key] = json.loads(value)
    return values
