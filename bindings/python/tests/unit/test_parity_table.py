"""What Python does by default is what docs/testdata/parity.json says, which Ruby's tests hold against as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from unit_helpers import STEP, make_context, run

from tasker_core import TaskerClient, Workflow, errors, worker
from tasker_core._attempt import serialization_failure
from tasker_core._codec import MAX_DEPTH
from tasker_core.batch_processing import Batchable, BatchAggregationScenario
from tasker_core.batch_processing._ranges import ranges_for_workers, ranges_of_size
from tasker_core.domain_events import BasePublisher, PublisherRegistry
from tasker_core.handler import HandlerRegistry
from tasker_core.registry import ExplicitMappingResolver, HandlerDefinition, RegistryResolver, ResolverChain
from tasker_core.step_handler import ApiHandler, ApiResponse, Decision, DecisionHandler, StepHandler
from tasker_core.step_handler._output import step_result
from tasker_core.template_discovery import TemplateParser
from tasker_core.types import StepContext, aggregate_batch_results
from tasker_core.workflow import Run

TABLE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[4] / "docs" / "testdata" / "parity.json").read_text(encoding="utf-8")
)


class Client(TaskerClient):
    """A client that keeps what it asks for, and is answered that nothing moves."""

    asked: dict[str, Any]

    def call(self, method: str, params: Any = None) -> Any:
        """Keep what is asked."""
        self.asked = dict(params)
        return {"task_uuid": "t", "status": "complete"}


class Plain(StepHandler):
    def call(self, context: StepContext) -> Any:
        return {}


class Api(ApiHandler):
    def call(self, context: StepContext) -> Any:
        return {}


class Publisher(BasePublisher):
    pass


class Resolver(RegistryResolver):
    pass


plain = Workflow("orders", namespace="shop")


@plain.step(name="charge", retries=3, timeout="500ms")
def charge() -> None:
    """Nothing."""


def created() -> dict[str, Any]:
    client = Client()
    client.create_task("n")
    return client.asked


def listed() -> dict[str, Any]:
    client = Client()
    client.list_tasks()
    return client.asked


def waited() -> float:
    """How long a client waits for a task, and with it a run for its own."""
    seen: list[float] = []

    class Waiting(Client):
        def wait_for_task(self, task_uuid: str, *, timeout: float = 60.0) -> Any:
            seen.append(timeout)
            return self.get_task(task_uuid)

    Run("t", Waiting()).wait()
    return seen[0]


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return function.__kwdefaults__ or {}


def document_of(call: Callable[[StepContext], Any]) -> dict[str, Any]:
    registry = HandlerRegistry()
    registry.register("a_handler", call)
    return run(registry, "a_handler")


def failing(error: BaseException) -> dict[str, Any]:
    def call(_: StepContext) -> Any:
        raise error

    return document_of(call)


def failure_of(document: dict[str, Any]) -> dict[str, Any]:
    return {key: document["error"][key] for key in ("error_type", "retryable")}


def hint(error: BaseException) -> dict[str, Any]:
    told = failing(error)["orchestration_metadata"]["backoff_hint"]
    return {key: told[key] for key in ("backoff_type", "delay_seconds")}


def api_failure(status: int) -> dict[str, Any]:
    response = ApiResponse(httpx.Response(status))
    return failure_of(document_of(lambda _: Api().api_failure(response)))


def idle_worker() -> Any:
    inputs = {"cursor": {"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0}, "is_no_op": True}
    result = Batchable().handle_no_op_worker(make_context(inputs=inputs))
    assert result is not None
    return result.result


def template(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "a.yaml"
    file.write_text('{"name": "a"}', encoding="utf-8")
    return TemplateParser.extract_template_metadata(file)


def started() -> dict[str, Any]:
    client = Client()
    plain.start(client=client)
    return client.asked


def delivered() -> str:
    return Publisher.delivery_mode


NONE = BatchAggregationScenario(is_no_batches=True, batchable_result={}, batch_results={}, worker_count=0)
RAISED = [name.removeprefix("error.") for name in TABLE if name.startswith("error.") and ".of_" not in name]

CHECKS: dict[str, Callable[[], Any]] = {
    "client.create_task.namespace": lambda: created()["namespace"],
    "client.create_task.version": lambda: created()["version"],
    "client.create_task.context": lambda: created()["context"],
    "client.create_task.initiator": lambda: created()["initiator"],
    "client.create_task.source_system": lambda: created()["source_system"],
    "client.create_task.reason": lambda: created()["reason"],
    "client.list_tasks.limit": lambda: listed()["limit"],
    "client.list_tasks.offset": lambda: listed()["offset"],
    "client.wait_for_task.timeout": lambda: defaults(TaskerClient.wait_for_task)["timeout"],
    "worker.grace": lambda: worker.GRACE_S,
    "context.input_data": lambda: (
        make_context(context={"a": 1}, inputs={"b": 2}).input_data == {"a": 1} and "the task's context"
    ),
    "context.step_inputs": lambda: (
        make_context(context={"a": 1}, inputs={"b": 2}).step_inputs == {"b": 2} and "the step's own inputs"
    ),
    "context.retry_count": lambda: make_context(attempts=None).retry_count,
    "context.max_retries": lambda: make_context(max_attempts=None).max_retries,
    "context.checkpoint_items_processed": lambda: make_context().checkpoint_items_processed,
    "context.idempotency_key": lambda: make_context().idempotency_key == STEP and "the step's UUID",
    "handler.version": lambda: Plain().version,
    "handler.capabilities": lambda: Plain().capabilities,
    "handler.success.result": lambda: document_of(lambda _: Plain().success())["result"],
    "handler.failure.error_type": lambda: document_of(lambda _: Plain().failure("x"))["error"]["error_type"],
    "handler.failure.retryable": lambda: document_of(lambda _: Plain().failure("x"))["error"]["retryable"],
    "handler.failure.error_code": lambda: document_of(lambda _: Plain().failure("x"))["metadata"].get("error_code"),
    "handler.unknown": lambda: failure_of(run(HandlerRegistry(), "nobody")),
    "handler.panic": lambda: failure_of(failing(SystemExit("x"))),
    **{f"error.{name}": lambda name=name: failure_of(failing(getattr(errors, name)("x"))) for name in RAISED},  # type: ignore[misc]
    "error.of_an_argument": lambda: failure_of(failing(ValueError("x"))),
    "error.of_a_socket": lambda: failure_of(failing(ConnectionResetError("x"))),
    "error.of_anything_else": lambda: failure_of(failing(RuntimeError("x"))),
    "retry_after.RetryableError": lambda: hint(errors.RetryableError("x", retry_after=2)),
    "retry_after.RateLimitError": lambda: hint(errors.RateLimitError("x", retry_after=2)),
    "retry_after.ServiceUnavailableError": lambda: hint(errors.ServiceUnavailableError("x", retry_after=2)),
    "json.max_nesting": lambda: MAX_DEPTH,
    "json.unserialisable.error_type": lambda: serialization_failure({}, "x")["error"]["error_type"],
    "json.unserialisable.longest_message": lambda: len(serialization_failure({}, "x" * 1000)["error"]["message"]),
    "decision.create_steps": lambda: DecisionHandler.decision_success(Decider(), ["a", "b"]).result,
    "decision.no_branches": lambda: step_result(Decision.skip("nothing to do")).result,
    "decision.routing_context": lambda: (
        step_result(Decision.route(["a"], amount=5)).result["routing_context"] == {"amount": 5}
        and "in result.routing_context"
    ),
    "batch.ranges_of_size": lambda: ranges_of_size(7, 3),
    "batch.ranges_for_workers": lambda: ranges_for_workers(7, 3),
    "batch.ids": lambda: [config.batch_id for config in Batchable().create_cursor_configs(2, 2)],
    "batch.worker_result": lambda: (
        Batchable().batch_worker_success(items_processed=3, items_succeeded=2, items_failed=1).result
    ),
    "batch.idle_worker_result": idle_worker,
    "batch.aggregate_of_nothing": lambda: Batchable().aggregate_batch_worker_results(NONE).result,
    "batch.max_errors": lambda: len(aggregate_batch_results([{"errors": [{}] * 500}]).errors),
    "batch.checkpoint": lambda: document_of(lambda _: Batchable().checkpoint_yield(7, 5)),
    "api.timeout": lambda: Api().default_timeout,
    "api.retryable_statuses": lambda: [s for s in range(100, 600) if ApiResponse(httpx.Response(s)).is_retryable],
    "api.failure_of_404": lambda: api_failure(404),
    "api.failure_of_429": lambda: api_failure(429),
    "api.failure_of_503": lambda: api_failure(503),
    "resolver.explicit_mapping.priority": lambda: ExplicitMappingResolver().priority,
    "resolver.own.priority": lambda: Resolver().priority,
    "resolver.by_class.name": lambda: ResolverChain.default().list_resolvers()[-1][0],
    "resolver.by_class.priority": lambda: ResolverChain.default().list_resolvers()[-1][1],
    "resolver.method": lambda: HandlerDefinition("a").effective_method(),
    "publisher.default": lambda: PublisherRegistry().get_or_default("nobody").publisher_name,
    "publisher.delivery_mode": delivered,
    "workflow.namespace": lambda: Workflow("plain").namespace,
    "workflow.version": lambda: Workflow("plain").version,
    "workflow.step.type": lambda: defaults(Workflow.step)["type"],
    "workflow.step.retries_of_3": lambda: plain.template()["steps"][0]["retry"],
    "workflow.step.timeout_of_500ms": lambda: plain.template()["steps"][0]["timeout_seconds"],
    "workflow.step.callable": lambda: plain.template()["steps"][0]["handler"]["callable"],
    "workflow.start.reason": lambda: started()["reason"],
    "workflow.run.wait.timeout": waited,
}


class Decider(DecisionHandler):
    def call(self, context: StepContext) -> Any:
        return {}


OF_TEMPLATES = {"template.namespace": "namespace", "template.version": "version"}


def test_the_table_has_what_is_held_against_it_and_no_more() -> None:
    assert {*CHECKS, *OF_TEMPLATES} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_python_does_what_the_table_says(name: str, tmp_path: Path) -> None:
    row = TABLE[name]
    done = template(tmp_path)[OF_TEMPLATES[name]] if name in OF_TEMPLATES else CHECKS[name]()
    assert json.loads(json.dumps(done)) == (row["both"] if "both" in row else row["python"])
