"""How a worker is started, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from tasker_core._model import Model


class WorkerState(str, Enum):
    """Where a worker is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting_down"
    STOPPED = "stopped"
    ERROR = "error"


@dataclass(kw_only=True)
class BootstrapConfig(Model):
    """How to start a worker. Every field has a default; an unknown one is refused."""

    worker_id: str | None = None
    """Name of the worker in logs and results. By default it is made from host and process."""
    namespace: str = "default"
    """The namespace whose steps are run. `settings["worker.namespaces"]` names several."""
    config_path: str | None = None
    """A configuration file, read after the usual ones."""
    log_level: str = "info"
    settings: dict[str, Any] = field(default_factory=dict)
    """Single keys of the core's configuration by their dotted names, such as `database.url`. They win over files."""
    domain_events: list[str] = field(default_factory=list)
    """Patterns of the domain events to receive: a name, `payment.*`, or `*`."""
    role: str = "full"
    """`full` also orchestrates; `worker` leaves that to servers."""

    @classmethod
    def model_validate(cls, data: Any) -> BootstrapConfig:
        """Make a configuration from a dict, which may hold nothing unknown."""
        if isinstance(data, dict) and (unknown := data.keys() - cls.__dataclass_fields__.keys()):
            raise ValueError(f"BootstrapConfig has no {', '.join(sorted(unknown))}")
        return super().model_validate(data)


@dataclass(kw_only=True)
class BootstrapResult(Model):
    """What starting a worker led to."""

    success: bool
    worker_id: str
    handle_id: str = ""
    status: str = "started"
    """`started`, or `already_running`."""
    message: str | None = None
    error_message: str | None = None


@dataclass(kw_only=True)
class WorkerStatus(Model):
    """A worker at one moment."""

    running: bool = False
    environment: str | None = None
    worker_core_status: str | None = None
    web_api_enabled: bool | None = None
    supported_namespaces: list[str] | None = None
    database_pool_size: int | None = None
    database_pool_idle: int | None = None
    error: str | None = None


@dataclass(kw_only=True)
class LogContext(Model):
    """Fields that tie a log line to the work it is about."""

    correlation_id: str | None = None
    task_uuid: str | None = None
    step_uuid: str | None = None
    namespace: str | None = None
    operation: str | None = None


@dataclass(kw_only=True)
class FfiDispatchMetrics(Model):
    """The steps that were handed to this process and are not completed yet. Ages are in milliseconds."""

    pending_count: int
    oldest_pending_age_ms: int | None = None
    newest_pending_age_ms: int | None = None
    oldest_event_id: str | None = None
    starvation_detected: bool = False
    starving_event_count: int = 0


@dataclass(kw_only=True)
class StarvationWarning(Model):
    """A step that has waited for its completion longer than it should."""

    event_id: UUID
    step_uuid: UUID
    pending_duration_ms: int
    threshold_ms: int


@dataclass(kw_only=True)
class ComponentHealth(Model):
    """The health of one part of a worker."""

    name: str
    status: str
    pool_size: int | None = None
    pool_idle: int | None = None


@dataclass(kw_only=True)
class HealthCheck(Model):
    """The health of a worker. `rust` tells of the core, under the name that it has always had here."""

    status: str
    is_running: bool
    components: dict[str, ComponentHealth] = field(default_factory=dict)
    rust: dict[str, Any] = field(default_factory=dict)
    python: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class WorkerMetrics(Model):
    """Counters and gauges of a worker."""

    dispatch_channel_pending: int = 0
    oldest_pending_age_ms: int | None = None
    newest_pending_age_ms: int | None = None
    starvation_detected: bool = False
    starving_event_count: int = 0
    database_pool_size: int = 0
    database_pool_idle: int = 0
    environment: str | None = None
    steps_processed: int = 0
    steps_succeeded: int = 0
    steps_failed: int = 0
    steps_in_progress: int = 0


@dataclass(kw_only=True)
class WorkerConfig(Model):
    """The configuration that a worker runs with."""

    environment: str | None = None
    supported_namespaces: list[str] = field(default_factory=list)
    web_api_enabled: bool = False
    database_pool_size: int = 0
    polling_interval_ms: int = 0
    starvation_threshold_ms: int = 0
    max_concurrent_handlers: int = 0
    handler_timeout_ms: int = 0
