"""One step of a workflow: its function, and the handler that runs it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tasker_core._convert import load
from tasker_core.batch_processing import Batchable
from tasker_core.errors import PermanentError, ValidationError
from tasker_core.step_handler._function_handler import FunctionStepHandler, handler_type
from tasker_core.step_handler.base import StepHandler
from tasker_core.types import BatchWorkerContext, StepContext
from tasker_core.workflow._parameters import Kind, Parameter, ResultOf, read_parameters


@dataclass
class Step:
    """A step as it was declared."""

    name: str
    callable: str
    function: Callable[..., Any]
    type: str
    dependencies: list[str]
    options: dict[str, Any] = field(default_factory=dict)
    """Further fields of the step in the template."""

    @functools.cached_property
    def parameters(self) -> list[Parameter]:
        """The parameters of the function. They are read late, when all types that they name are there."""
        return read_parameters(self.function)


def step_handler_class(
    step: Step, steps: dict[Callable[..., Any], Step], version: str, worker_template: str | None
) -> type[StepHandler]:
    """Make the handler class of a step."""
    return handler_type(
        step.function,
        WorkflowStepHandler,
        step.callable,
        version,
        worker_template=worker_template,
        step=step,
        steps=steps,
    )


class WorkflowStepHandler(FunctionStepHandler, Batchable):
    """A handler that gives a step's function what its parameters ask for, in their types."""

    step: ClassVar[Step]
    steps: ClassVar[dict[Callable[..., Any], Step]]

    def call(self, context: StepContext) -> Any:
        """Run the function, unless it is to work off a batch and there is none."""
        if self.step.type == "batch_worker" and (idle := self.handle_no_op_worker(context)) is not None:
            return idle
        return super().call(context)

    def arguments(self, context: StepContext) -> dict[str, Any]:
        """Return the arguments for this attempt."""
        given: dict[str, Any] = {}
        for parameter in self.step.parameters:
            if parameter.kind is Kind.CONTEXT:
                given[parameter.name] = context
            elif parameter.kind is Kind.BATCH:
                given[parameter.name] = BatchWorkerContext.from_step_context(context)
            elif parameter.kind is Kind.RESULT:
                given[parameter.name] = self._result(parameter, context)
            elif parameter.name in context.input_data:
                value = context.input_data[parameter.name]
                given[parameter.name] = load(value, parameter.hint, f"input {parameter.name!r}")
            elif parameter.is_required:
                if not parameter.takes_none:
                    raise ValidationError(f"input {parameter.name!r} is missing")
                given[parameter.name] = None
        return given

    def _result(self, parameter: Parameter, context: StepContext) -> Any:
        wanted: ResultOf = parameter.default
        needed = self.steps[wanted.step]
        if wanted.all_workers:
            workers = context.get_all_dependency_results(f"{needed.name}_")
            return load(workers, parameter.hint, f"the results of step {needed.name!r}")
        if needed.name not in context.dependency_results:
            if parameter.takes_none:
                return None
            raise PermanentError(f"step {needed.name!r} has no result, which {parameter.name!r} needs")
        return load(context.get_dependency_result(needed.name), parameter.hint, f"the result of step {needed.name!r}")
