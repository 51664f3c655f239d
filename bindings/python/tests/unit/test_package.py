"""The package from outside: its names, and what importing it does not do."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tasker_core

SOURCE = Path(__file__).parents[2] / "src"

NAMES = [
    "__version__", "get_version", "get_rust_version", "health_check", "version", "bootstrap_worker", "stop_worker",
    "get_worker_status", "transition_to_graceful_shutdown", "is_worker_running", "log_error", "log_warn", "log_info",
    "log_debug", "log_trace", "BootstrapConfig", "BootstrapResult", "WorkerStatus", "WorkerState",
    "StepHandlerCallResult", "LogContext", "TaskerError", "WorkerNotInitializedError", "WorkerBootstrapError",
    "WorkerAlreadyRunningError", "FFIError", "ConversionError", "poll_step_events", "complete_step_event",
    "get_ffi_dispatch_metrics", "check_starvation_warnings", "cleanup_timeouts", "FfiStepEvent", "StepExecutionResult",
    "StepError", "ResultStatus", "ErrorType", "FfiDispatchMetrics", "StarvationWarning", "EventPoller", "EventBridge",
    "EventNames", "HandlerRegistry", "StepHandler", "BaseResolver", "ResolverChain", "ResolverNotFoundError",
    "ResolutionError", "HandlerDefinition", "MethodDispatchWrapper", "RegistryResolver", "ExplicitMappingResolver",
    "ClassLookupResolver", "TemplatePath", "TemplateParser", "HandlerDiscovery", "StepContext", "StepHandlerResult",
    "StepExecutionSubscriber", "StepExecutionError", "poll_in_process_events", "InProcessDomainEventPoller",
    "DomainEventMetadata", "ExecutionResult", "InProcessDomainEvent", "StepEventContext", "BasePublisher",
    "BaseSubscriber", "EventDeclaration", "StepResult", "PublishContext", "get_health_check", "get_metrics",
    "get_worker_config", "ComponentHealth", "HealthCheck", "WorkerMetrics", "WorkerConfig", "TaskSequenceStepWrapper",
    "TaskWrapper", "WorkflowStepWrapper", "DependencyResultsWrapper", "StepDefinitionWrapper", "HandlerWrapper",
    "RetryableError", "PermanentError", "StepTimeoutError", "NetworkError", "RateLimitError", "ServiceUnavailableError",
    "ResourceContentionError", "StepValidationError", "NotFoundError", "AuthenticationError", "AuthorizationError",
    "ConfigurationError", "BusinessLogicError", "ErrorClassifier", "get_classifier", "is_retryable", "is_permanent",
    "ApiHandler", "ApiResponse", "DecisionHandler", "Batchable", "BatchAggregationScenario", "BatchWorkerConfig",
    "DecisionType", "DecisionPointOutcome", "CursorConfig", "BatchAnalyzerOutcome", "BatchWorkerContext",
    "BatchWorkerOutcome", "TaskerClient", "ClientTaskResponse", "ClientTaskListResponse", "ClientStepResponse",
    "ClientStepAuditResponse", "ClientHealthResponse", "ClientPaginationInfo", "Worker", "Workflow", "result",
]  # fmt: skip

MODULES = {
    "batch_processing": ["BatchAggregationScenario", "Batchable", "BatchWorkerConfig"],
    "batch_processing.batchable": ["BatchAggregationScenario", "Batchable", "BatchWorkerConfig"],
    "errors": [
        "TaskerError", "RetryableError", "PermanentError", "TimeoutError", "NetworkError", "RateLimitError",
        "ServiceUnavailableError", "ResourceContentionError", "ValidationError", "NotFoundError", "AuthenticationError",
        "AuthorizationError", "ConfigurationError", "BusinessLogicError", "FFIError",
    ],
    "errors.error_classifier": ["ErrorClassifier", "get_classifier", "is_retryable", "is_permanent"],
    "registry": [
        "HandlerDefinition", "BaseResolver", "RegistryResolver", "ResolverChain", "ResolverNotFoundError", "ResolutionError",
        "ExplicitMappingResolver", "ClassLookupResolver", "MethodDispatchWrapper",
    ],
    "registry.base_resolver": ["BaseResolver"],
    "registry.handler_definition": ["HandlerDefinition"],
    "registry.method_dispatch_wrapper": ["MethodDispatchWrapper"],
    "registry.registry_resolver": ["RegistryResolver"],
    "registry.resolver_chain": ["ResolverChain", "ResolverNotFoundError", "ResolutionError"],
    "registry.resolvers": ["ExplicitMappingResolver", "ClassLookupResolver"],
    "registry.resolvers.class_lookup": ["ClassLookupResolver"],
    "registry.resolvers.explicit_mapping": ["ExplicitMappingResolver"],
    "step_handler": [
        "StepHandler", "ApiHandler", "ApiResponse", "DecisionHandler", "mixins", "api_handler", "step_handler", "depends_on",
        "inputs", "decision_handler", "batch_analyzer", "batch_worker", "Decision", "BatchConfig", "FunctionalHandler",
        "HandlerDecorator",
    ],
    "step_handler.api": ["ApiHandler"],
    "step_handler.base": ["StepHandler"],
    "step_handler.decision": ["DecisionHandler"],
    "step_handler.functional": ["FunctionalHandler", "Decision", "BatchConfig", "step_handler", "depends_on", "inputs"],
    "step_handler.mixins": ["APIMixin", "ApiResponse", "DecisionMixin"],
    "step_handler.mixins.api": ["ApiResponse", "APIMixin"],
    "step_handler.mixins.decision": ["DecisionMixin"],
    "domain_events": [
        "EventDeclaration", "StepResult", "PublishContext", "StepEventContext", "BasePublisher", "DefaultPublisher",
        "BaseSubscriber", "InProcessDomainEventPoller", "PublisherRegistry", "SubscriberRegistry",
    ],
    "event_bridge": ["EventNames", "EventBridge"],
    "exceptions": ["TaskerError", "WorkerNotInitializedError", "WorkerBootstrapError", "ConversionError"],
    "handler": ["HandlerRegistry"],
    "models": ["HandlerWrapper", "StepDefinitionWrapper", "DependencyResultsWrapper", "TaskSequenceStepWrapper"],
    "template_discovery": ["TemplatePath", "TemplateParser", "HandlerDiscovery"],
    "types": [
        "WorkerState", "BootstrapConfig", "BootstrapResult", "WorkerStatus", "StepHandlerCallResult", "LogContext",
        "ResultStatus", "ErrorType", "StepError", "StepExecutionResult", "FfiStepEvent", "FfiDispatchMetrics",
        "StarvationWarning", "StepContext", "StepHandlerResult", "DomainEventMetadata", "ExecutionResult",
        "InProcessDomainEvent", "ComponentHealth", "HealthCheck", "WorkerMetrics", "WorkerConfig", "DecisionType",
        "DecisionPointOutcome", "CursorConfig", "BatchAnalyzerOutcome", "BatchWorkerContext", "BatchWorkerOutcome",
        "FailureStrategy", "RustCursorConfig", "BatchMetadata", "RustBatchWorkerInputs", "NoBatchesOutcome",
        "CreateBatchesOutcome", "no_batches", "create_batches", "BatchAggregationResult", "aggregate_batch_results",
        "ClientStepReadiness", "ClientTaskResponse", "ClientPaginationInfo", "ClientTaskListResponse", "ClientStepResponse",
        "ClientStepAuditResponse", "ClientHealthResponse",
    ],
}  # fmt: skip


def run_python(program: str, *flags: str) -> str:
    """Run a program in an interpreter of its own."""
    start = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
    done = subprocess.run([sys.executable, *flags, "-c", start + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported(name: str) -> None:
    assert getattr(tasker_core, name) is not None
    assert name in dir(tasker_core)
    assert name in tasker_core.__all__


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_names(module: str) -> None:
    loaded = importlib.import_module(f"tasker_core.{module}")
    assert [name for name in MODULES[module] if not hasattr(loaded, name)] == []


def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'tasker_core' has no attribute 'Wroker'"):
        tasker_core.Wroker  # noqa: B018


def test_the_version_is_told() -> None:
    assert tasker_core.version() == tasker_core.__version__


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (
            "StepHandler.failure",
            "(self, message, error_type='handler_error', retryable=True, metadata=None, error_code=None)",
        ),
        (
            "StepHandlerResult.failure",
            "(message, error_type=ErrorType.HANDLER_ERROR, retryable=True, metadata=None, error_code=None)",
        ),
        ("Batchable.create_cursor_ranges", "(self, total_items, batch_size, step_size=1, max_batches=None)"),
        ("Batchable.checkpoint_yield", "(self, cursor, items_processed, accumulated_results=None)"),
        ("DecisionHandler.decision_failure", "(self, message, error_type='decision_error', retryable=False, metadata=None)"),
        ("ApiHandler.api_success", "(self, response, result=None, include_response=True)"),
        ("HandlerRegistry.instance", "(skip_bootstrap=False)"),
        ("BasePublisher.publish", "(self, ctx, event_name=None)"),
        ("StepContext.get_input_or", "(self, key, default=None)"),
    ],
)
def test_parameters_and_defaults_are_those_of_the_contract(function: str, signature: str) -> None:
    kind, _, name = function.partition(".")
    parameters = inspect.signature(getattr(getattr(tasker_core, kind), name)).parameters.values()

    def told(p: inspect.Parameter) -> Any:
        return (
            p.name
            if p.default is p.empty
            else f"{p.name}={p.default if isinstance(p.default, tasker_core.ErrorType) else repr(p.default)}"
        )

    def plain(text: str) -> str:
        return text.replace("ErrorType.HANDLER_ERROR", "handler_error")

    assert plain("(" + ", ".join(map(told, parameters)) + ")") == plain(signature)


def test_importing_needs_nothing_installed_and_loads_no_core() -> None:
    program = """
import tasker_core, tasker_core.workflow, tasker_core._execute
maps = open("/proc/self/maps").read()
loaded = sorted(m for m in ("pydantic", "httpx", "yaml", "orjson", "tasker_core._native", "asyncio.events") if m in sys.modules)
print("libtasker" in maps, [m for m in loaded if m != "asyncio.events"])
"""
    assert run_python(program, "-S", "-I") == "False []"


def test_handlers_run_with_nothing_installed() -> None:
    program = """
from dataclasses import dataclass
from tasker_core import Workflow, result, HandlerRegistry
from tasker_core._execute import execute_step

@dataclass
class Cart:
    total: int

flow = Workflow("flow")

@flow.step
def cart(n: int) -> Cart:
    return Cart(n)

registry = HandlerRegistry()
flow.register(registry)
event = {"event_id": "e", "task_uuid": "0198c0de-0000-7000-8000-000000000001",
    "step_uuid": "0198c0de-0000-7000-8000-000000000002", "correlation_id": "0198c0de-0000-7000-8000-000000000003",
    "task_sequence_step": {"task": {"task": {"context": {"n": 3}}}, "step_definition": {"handler": {"callable": "default.flow.cart"}}}}
print(execute_step(event, registry)["result"])
"""
    assert run_python(program, "-S", "-I") == "{'total': 3}"
