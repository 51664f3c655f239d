"""A workflow as its steps declare it."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast, overload

from tasker_core._convert import dump
from tasker_core.errors import ConfigurationError
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler.base import StepHandler
from tasker_core.workflow._options import Backoff, Duration, StepType, retry_document, seconds
from tasker_core.workflow._parameters import check_parameters
from tasker_core.workflow._run import Client, Run
from tasker_core.workflow._step import Step, step_handler_class
from tasker_core.workflow._template import template_document
from tasker_core.workflow._yaml import to_yaml

F = TypeVar("F", bound=Callable[..., Any])
IdentityStrategy: TypeAlias = Literal["strict", "caller_provided", "always_unique"]


class Workflow:
    """A workflow, made of the functions that are its steps."""

    _is_workflow = True

    def __init__(
        self,
        name: str,
        *,
        namespace: str = "default",
        version: str = "1.0.0",
        description: str | None = None,
        identity_strategy: IdentityStrategy | None = None,
    ) -> None:
        """Declare a workflow that has no steps yet.

        Args:
            name: What tasks are created by.
            namespace: Lower-case letters, digits and `_`. Workers serve namespaces.
            version: A semantic version.
            description: What it does, for people.
            identity_strategy: When two requests are one task: with equal inputs (`strict`, the default), with equal keys
                (`caller_provided`), or never (`always_unique`).
        """
        self.name = name
        self.namespace = namespace
        self.version = version
        self.description = description
        self.identity_strategy = identity_strategy
        self._steps: dict[Callable[..., Any], Step] = {}
        self._handlers: dict[str, type[StepHandler]] | None = None
        caller = inspect.currentframe()
        caller = caller.f_back if caller is not None else None
        self.__module__ = caller.f_globals.get("__name__", "") if caller is not None else ""

    @overload
    def step(self, function: F, /) -> F: ...
    @overload
    def step(
        self,
        *,
        name: str | None = None,
        type: StepType = "standard",
        after: Iterable[Callable[..., Any]] = (),
        retries: int | None = None,
        timeout: Duration | None = None,
        backoff: Backoff | None = None,
        backoff_base: Duration | None = None,
        max_backoff: Duration | None = None,
        config: Mapping[str, Any] | None = None,
        publishes: Iterable[str | Mapping[str, Any]] = (),
    ) -> Callable[[F], F]: ...
    def step(
        self,
        function: F | None = None,
        *,
        name: str | None = None,
        type: StepType = "standard",
        after: Iterable[Callable[..., Any]] = (),
        retries: int | None = None,
        timeout: Duration | None = None,
        backoff: Backoff | None = None,
        backoff_base: Duration | None = None,
        max_backoff: Duration | None = None,
        config: Mapping[str, Any] | None = None,
        publishes: Iterable[str | Mapping[str, Any]] = (),
    ) -> F | Callable[[F], F]:
        """Make a function a step. It stays a plain function.

        A parameter with the default `result(step)` is what that step returned; one of type StepContext is the context;
        every other one is a field of the task's input. All are brought into their types.

        Args:
            function: The function, where the decorator is used without arguments.
            name: The step's name; by default the function's.
            type: `decision` steps return a Decision, `batchable` ones a BatchConfig.
            after: Steps to wait for whose results are not needed.
            retries: How often the step is tried again after its first attempt.
            timeout: How long an attempt may take, in whole seconds at least.
            backoff: How the delay between attempts grows.
            backoff_base: The first delay.
            max_backoff: The longest delay.
            config: Kept in the template as `handler.initialization`, for `context.get_config`.
            publishes: Names of the domain events to publish after success, or declarations as templates have them.
        """
        options: dict[str, Any] = {}
        if retry := retry_document(retries, backoff, backoff_base, max_backoff):
            options["retry"] = retry
        if timeout is not None:
            options["timeout_seconds"] = math.ceil(seconds(timeout))
        if config:
            options["config"] = dict(config)
        if events := [{"name": e} if isinstance(e, str) else dict(e) for e in publishes]:
            options["publishes_events"] = events

        def decorate(function: F) -> F:
            self._add(function, name or function.__name__, type, after, options)
            return function

        return decorate if function is None else decorate(function)

    def _add(
        self,
        function: Callable[..., Any],
        name: str,
        kind: str,
        after: Iterable[Callable[..., Any]],
        options: dict[str, Any],
    ) -> None:
        if any(step.name == name for step in self._steps.values()):
            raise ConfigurationError(f"workflow {self.name} has two steps called {name!r}")
        needed = [*(wanted.step for wanted in check_parameters(function)), *after]
        for other in needed:
            if other not in self._steps:
                raise ConfigurationError(f"step {name!r} needs {other.__name__!r}, which is no step of workflow {self.name}")
        dependencies = list(dict.fromkeys(self._steps[other].name for other in needed))
        handler = f"{self.namespace}.{self.name}.{name}"
        self._steps[function] = Step(name, handler, function, kind, dependencies, options)
        self._handlers = None

    def handlers(self) -> dict[str, type[StepHandler]]:
        """Return the handler classes of the steps, by the names that the template has for them."""
        if self._handlers is None:
            self._handlers = {step.callable: self._handler_of(step) for step in self._steps.values()}
        return dict(self._handlers)

    def register(self, registry: HandlerRegistry | None = None) -> Workflow:
        """Register the handlers of the steps with the registry of this process, or another one."""
        registry = registry or HandlerRegistry.instance()
        for name, handler in self.handlers().items():
            registry.register(name, handler)
        return self

    def template(self) -> dict[str, Any]:
        """Return the template.

        Raises:
            ConfigurationError: There are no steps, or a type of theirs cannot be read.
        """
        return template_document(self, list(self._steps.values()))

    def to_yaml(self) -> str:
        """Return the template as YAML."""
        return to_yaml(self.template())

    def write_template(self, directory: str | Path) -> Path:
        """Write the template into a directory, as `<name>.yaml`, and return where."""
        path = Path(directory) / f"{self.name}.yaml"
        path.write_text(self.to_yaml(), encoding="utf-8")
        return path

    def start(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        key: str | None = None,
        client: Client | None = None,
        **more: Any,
    ) -> Run:
        """Start a task.

        Args:
            inputs: What the steps read; or give them by their names.
            key: Names this request: a second one with the same key finds the first one's task.
            client: Who to ask; by default a TaskerClient of its own.
            **more: Further inputs.
        """
        if client is None:
            client = cast("Client", importlib.import_module("tasker_core.client").TaskerClient())
        task = client.create_task(
            self.name,
            namespace=self.namespace,
            context=dump({**(inputs or {}), **more}),
            version=self.version,
            reason="Started from Python",
            idempotency_key=key,
        )
        return Run(task.task_uuid, client)

    def _handler_of(self, step: Step) -> type[StepHandler]:
        return step_handler_class(step, self._steps, self.version, self._worker_of(step))

    def _worker_of(self, step: Step) -> str | None:
        """Return the step that the batches of a batchable step are given to: the batch_worker that waits for it."""
        if step.type != "batchable":
            return None
        workers = [s.name for s in self._steps.values() if s.type == "batch_worker" and step.name in s.dependencies]
        if len(workers) != 1:
            raise ConfigurationError(f"batchable step {step.name!r} needs one step of type batch_worker after it")
        return workers[0]
