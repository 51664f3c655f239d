"""Durable workflows on PostgreSQL: this package runs their steps in Python.

Handlers are classes (`StepHandler`), decorated functions (`tasker_core.step_handler.step_handler`) or the steps of a
`Workflow`. `Worker` runs them. Importing the package loads nothing of the core; starting a worker or a client does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tasker_core._version import __version__
from tasker_core.batch_processing import Batchable, BatchAggregationScenario, BatchWorkerConfig
from tasker_core.domain_events import (
    BasePublisher,
    BaseSubscriber,
    EventDeclaration,
    InProcessDomainEventPoller,
    PublishContext,
    StepEventContext,
    StepResult,
)
from tasker_core.errors import (
    AuthenticationError,
    AuthorizationError,
    BusinessLogicError,
    ConfigurationError,
    NetworkError,
    NotFoundError,
    PermanentError,
    RateLimitError,
    ResourceContentionError,
    RetryableError,
    ServiceUnavailableError,
)
from tasker_core.errors import TimeoutError as StepTimeoutError
from tasker_core.errors import ValidationError as StepValidationError
from tasker_core.errors.error_classifier import ErrorClassifier, get_classifier, is_permanent, is_retryable
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.exceptions import (
    ConversionError,
    FFIError,
    TaskerError,
    WorkerAlreadyRunningError,
    WorkerBootstrapError,
    WorkerNotInitializedError,
)
from tasker_core.handler import HandlerRegistry
from tasker_core.models import (
    DependencyResultsWrapper,
    HandlerWrapper,
    StepDefinitionWrapper,
    TaskSequenceStepWrapper,
    TaskWrapper,
    WorkflowStepWrapper,
)
from tasker_core.registry import (
    BaseResolver,
    ClassLookupResolver,
    ExplicitMappingResolver,
    HandlerDefinition,
    MethodDispatchWrapper,
    RegistryResolver,
    ResolutionError,
    ResolverChain,
    ResolverNotFoundError,
)
from tasker_core.step_handler import (
    ApiHandler,
    ApiResponse,
    DecisionHandler,
    StepHandler,
)
from tasker_core.template_discovery import HandlerDiscovery, TemplateParser, TemplatePath
from tasker_core.types import (
    BatchAnalyzerOutcome,
    BatchWorkerContext,
    BatchWorkerOutcome,
    BootstrapConfig,
    BootstrapResult,
    ClientHealthResponse,
    ClientPaginationInfo,
    ClientStepAuditResponse,
    ClientStepResponse,
    ClientTaskListResponse,
    ClientTaskResponse,
    ComponentHealth,
    CursorConfig,
    DecisionPointOutcome,
    DecisionType,
    DomainEventMetadata,
    ErrorType,
    ExecutionResult,
    FfiDispatchMetrics,
    FfiStepEvent,
    HealthCheck,
    InProcessDomainEvent,
    LogContext,
    ResultStatus,
    StarvationWarning,
    StepContext,
    StepError,
    StepExecutionResult,
    StepHandlerCallResult,
    StepHandlerResult,
    WorkerConfig,
    WorkerMetrics,
    WorkerState,
    WorkerStatus,
)
from tasker_core.workflow import Workflow, result

if TYPE_CHECKING:
    from tasker_core._tasker_core import (
        check_starvation_warnings,
        cleanup_timeouts,
        complete_step_event,
        get_rust_version,
        get_version,
        health_check,
        poll_in_process_events,
        poll_step_events,
    )
    from tasker_core.bootstrap import (
        bootstrap_worker,
        get_worker_status,
        is_worker_running,
        stop_worker,
        transition_to_graceful_shutdown,
    )
    from tasker_core.client import TaskerClient
    from tasker_core.event_poller import EventPoller
    from tasker_core.logging import log_debug, log_error, log_info, log_trace, log_warn
    from tasker_core.observability import get_ffi_dispatch_metrics, get_health_check, get_metrics, get_worker_config
    from tasker_core.step_execution_subscriber import StepExecutionError, StepExecutionSubscriber
    from tasker_core.worker import Worker

__all__ = [
    "ApiHandler",
    "ApiResponse",
    "AuthenticationError",
    "AuthorizationError",
    "BasePublisher",
    "BaseResolver",
    "BaseSubscriber",
    "BatchAggregationScenario",
    "BatchAnalyzerOutcome",
    "BatchWorkerConfig",
    "BatchWorkerContext",
    "BatchWorkerOutcome",
    "Batchable",
    "BootstrapConfig",
    "BootstrapResult",
    "BusinessLogicError",
    "ClassLookupResolver",
    "ClientHealthResponse",
    "ClientPaginationInfo",
    "ClientStepAuditResponse",
    "ClientStepResponse",
    "ClientTaskListResponse",
    "ClientTaskResponse",
    "ComponentHealth",
    "ConfigurationError",
    "ConversionError",
    "CursorConfig",
    "DecisionHandler",
    "DecisionPointOutcome",
    "DecisionType",
    "DependencyResultsWrapper",
    "DomainEventMetadata",
    "ErrorClassifier",
    "ErrorType",
    "EventBridge",
    "EventDeclaration",
    "EventNames",
    "EventPoller",
    "ExecutionResult",
    "ExplicitMappingResolver",
    "FFIError",
    "FfiDispatchMetrics",
    "FfiStepEvent",
    "HandlerDefinition",
    "HandlerDiscovery",
    "HandlerRegistry",
    "HandlerWrapper",
    "HealthCheck",
    "InProcessDomainEvent",
    "InProcessDomainEventPoller",
    "LogContext",
    "MethodDispatchWrapper",
    "NetworkError",
    "NotFoundError",
    "PermanentError",
    "PublishContext",
    "RateLimitError",
    "RegistryResolver",
    "ResolutionError",
    "ResolverChain",
    "ResolverNotFoundError",
    "ResourceContentionError",
    "ResultStatus",
    "RetryableError",
    "ServiceUnavailableError",
    "StarvationWarning",
    "StepContext",
    "StepDefinitionWrapper",
    "StepError",
    "StepEventContext",
    "StepExecutionError",
    "StepExecutionResult",
    "StepExecutionSubscriber",
    "StepHandler",
    "StepHandlerCallResult",
    "StepHandlerResult",
    "StepResult",
    "StepTimeoutError",
    "StepValidationError",
    "TaskSequenceStepWrapper",
    "TaskWrapper",
    "TaskerClient",
    "TaskerError",
    "TemplateParser",
    "TemplatePath",
    "Worker",
    "WorkerAlreadyRunningError",
    "WorkerBootstrapError",
    "WorkerConfig",
    "WorkerMetrics",
    "WorkerNotInitializedError",
    "WorkerState",
    "WorkerStatus",
    "Workflow",
    "WorkflowStepWrapper",
    "__version__",
    "bootstrap_worker",
    "check_starvation_warnings",
    "cleanup_timeouts",
    "complete_step_event",
    "get_classifier",
    "get_ffi_dispatch_metrics",
    "get_health_check",
    "get_metrics",
    "get_rust_version",
    "get_version",
    "get_worker_config",
    "get_worker_status",
    "health_check",
    "is_permanent",
    "is_retryable",
    "is_worker_running",
    "log_debug",
    "log_error",
    "log_info",
    "log_trace",
    "log_warn",
    "poll_in_process_events",
    "poll_step_events",
    "result",
    "stop_worker",
    "transition_to_graceful_shutdown",
    "version",
]

_LAZY = {
    "Worker": "worker",
    "TaskerClient": "client",
    "EventPoller": "event_poller",
    "StepExecutionError": "step_execution_subscriber",
    "StepExecutionSubscriber": "step_execution_subscriber",
    **dict.fromkeys(("get_version", "get_rust_version", "health_check"), "_tasker_core"),
    **dict.fromkeys(("poll_step_events", "complete_step_event", "poll_in_process_events"), "_tasker_core"),
    **dict.fromkeys(("get_ffi_dispatch_metrics", "check_starvation_warnings", "cleanup_timeouts"), "_tasker_core"),
    **dict.fromkeys(("bootstrap_worker", "stop_worker", "get_worker_status"), "bootstrap"),
    **dict.fromkeys(("transition_to_graceful_shutdown", "is_worker_running"), "bootstrap"),
    **dict.fromkeys(("log_error", "log_warn", "log_info", "log_debug", "log_trace"), "logging"),
    **dict.fromkeys(("get_health_check", "get_metrics", "get_worker_config"), "observability"),
}
"""Where the names come from that reach the core. Their modules are imported when they are first asked for."""


def version() -> str:
    """Return the version of this package."""
    return __version__


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
