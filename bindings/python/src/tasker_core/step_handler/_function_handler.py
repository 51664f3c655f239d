"""Functions as handlers: what a function asks for by its parameters is what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tasker_core._convert import load
from tasker_core.batch_processing import Batchable
from tasker_core.errors import ConfigurationError
from tasker_core.errors._failure import failure_from_exception
from tasker_core.step_handler._output import step_result
from tasker_core.step_handler.base import StepHandler
from tasker_core.types import BatchWorkerContext, StepContext, StepHandlerResult


@dataclass(frozen=True)
class Dependency:
    """The result of an earlier step, and the type that it is wanted in, if one is."""

    step: str
    model: Any = None

    def value(self, context: StepContext) -> Any:
        """Return the result; None if there is none."""
        result = context.get_dependency_result(self.step)
        if result is None or self.model is None:
            return result
        return load(result, self.model, f"the result of step {self.step!r}")


@dataclass(frozen=True)
class Inputs:
    """Fields of the task's context, or all of it as one model."""

    keys: tuple[str, ...] = ()
    model: Any = None

    def values(self, context: StepContext) -> dict[str, Any]:
        """Return the arguments that they make."""
        if self.model is not None:
            return {"inputs": load(context.input_data, self.model, "the task's context")}
        return {key: context.get_input(key) for key in self.keys}


_NO_INPUTS = Inputs()


class FunctionStepHandler(StepHandler):
    """A handler whose `call` runs a function. Exceptions become failures, here as for any other handler."""

    function: ClassVar[Callable[..., Any]]
    accepts: ClassVar[frozenset[str]]
    """The names of the function's parameters."""
    worker_template: ClassVar[str | None] = None

    def call(self, context: StepContext) -> StepHandlerResult | Awaitable[StepHandlerResult]:
        """Run the function with the arguments that it asks for."""
        try:
            output = type(self).function(**self.arguments(context))
            if type(output) is not dict and inspect.isawaitable(output):
                return self._finish(output)
            return step_result(output, self.worker_template)
        except Exception as error:
            return failure_from_exception(error)

    async def _finish(self, output: Awaitable[Any]) -> StepHandlerResult:
        try:
            return step_result(await output, self.worker_template)
        except Exception as error:
            return failure_from_exception(error)

    def arguments(self, context: StepContext) -> dict[str, Any]:
        """Return the arguments for this attempt."""
        # The decorators depends_on and inputs may stand above or below the one that made this class.
        function = type(self).function
        wanted: Inputs = getattr(function, "_inputs", _NO_INPUTS)
        dependencies: dict[str, Dependency] = getattr(function, "_depends_on", {})
        given = wanted.values(context)
        for name, dependency in dependencies.items():
            given[name] = dependency.value(context)
        for name, value in self.extras(context).items():
            if name in self.accepts:
                given[name] = value
        return given

    def extras(self, context: StepContext) -> dict[str, Any]:
        """Return the arguments that are given only if the function has such a parameter."""
        return {"context": context}


class BatchWorkerFunctionHandler(FunctionStepHandler, Batchable):
    """A function that works off a batch, which it is given as `batch_context`."""

    def call(self, context: StepContext) -> StepHandlerResult | Awaitable[StepHandlerResult]:
        """Run the function, unless the batchable step found nothing to do."""
        return self.handle_no_op_worker(context) or super().call(context)

    def extras(self, context: StepContext) -> dict[str, Any]:
        """Return the arguments that are given only if the function has such a parameter."""
        return {"context": context, "batch_context": BatchWorkerContext.from_step_context(context)}


def handler_type(
    function: Callable[..., Any], base: type[StepHandler], name: str, version: str, **attributes: Any
) -> type[StepHandler]:
    """Make the handler class of a function."""
    if not name:
        raise ConfigurationError(f"the handler {function.__name__} needs a name")
    words = function.__name__.split("_")
    members = {
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "handler_name": name,
        "handler_version": version,
        "handler_methods": ("call",),
        "function": staticmethod(function),
        "accepts": frozenset(inspect.signature(function).parameters),
        **attributes,
    }
    return type("".join(word.capitalize() for word in words) + "Handler", (base,), members)
