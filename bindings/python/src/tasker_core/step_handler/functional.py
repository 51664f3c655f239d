"""Handlers as plain functions, by decorators.

    @step_handler("charge_card", depends_on={"cart": "validate_cart"}, inputs=["payment"])
    def charge_card(cart: dict, payment: dict | None, context: StepContext) -> dict:
        if payment is None:
            raise PermanentError("payment is required", code="PAYMENT_MISSING")
        return {"payment_id": gateway.charge(payment, cart["total"], key=context.idempotency_key)}

What the function returns is the step's result; an exception fails the attempt. The function itself stays what it was, so
that tests call it directly, and carries its handler class as `_handler_class`. It may be `async`. It is given the
`context` if it has such a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from tasker_core.batch_processing import Batchable
from tasker_core.errors import ConfigurationError
from tasker_core.step_handler._function_handler import (
    BatchWorkerFunctionHandler,
    Dependency,
    FunctionStepHandler,
    Inputs,
    handler_type,
)
from tasker_core.step_handler._output import BatchConfig, Decision
from tasker_core.step_handler.api import ApiHandler
from tasker_core.step_handler.base import StepHandler
from tasker_core.step_handler.decision import DecisionHandler
from tasker_core.types import StepContext

__all__ = [
    "BatchConfig",
    "Decision",
    "FunctionalHandler",
    "HandlerDecorator",
    "api_handler",
    "batch_analyzer",
    "batch_worker",
    "decision_handler",
    "depends_on",
    "inputs",
    "step_handler",
]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
F = TypeVar("F", bound=Callable[..., Any])


class FunctionalHandler(Protocol[P, R_co]):
    """A function that has a handler class."""

    _handler_class: type[StepHandler]
    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function itself."""


class HandlerDecorator(Protocol):
    """Gives a function a handler class."""

    def __call__(self, function: Callable[P, R], /) -> FunctionalHandler[P, R]:
        """Return the function."""


class _DecisionFunctionHandler(FunctionStepHandler, DecisionHandler):
    pass


class _BatchAnalyzerFunctionHandler(FunctionStepHandler, Batchable):
    pass


class _ApiFunctionHandler(FunctionStepHandler, ApiHandler):
    def extras(self, context: StepContext) -> dict[str, Any]:
        return {"context": context, "api": self}


def step_handler(
    name: str,
    version: str = "1.0.0",
    *,
    depends_on: Mapping[str, Any] | None = None,
    inputs: Iterable[str] | type | None = None,
) -> HandlerDecorator:
    """Make a function the handler that templates call by `name`.

    Args:
        name: What templates call the handler by.
        version: Kept with results.
        depends_on: Parameters that are results of earlier steps; see `depends_on`.
        inputs: Parameters that are fields of the task's context, or its model; see `inputs`.
    """
    return _decorator(FunctionStepHandler, name, version, depends_on, inputs)


def decision_handler(
    name: str,
    version: str = "1.0.0",
    *,
    depends_on: Mapping[str, Any] | None = None,
    inputs: Iterable[str] | type | None = None,
) -> HandlerDecorator:
    """Make a function the handler of a decision step. It returns `Decision.route(...)` or `Decision.skip(...)`."""
    return _decorator(_DecisionFunctionHandler, name, version, depends_on, inputs)


def batch_analyzer(
    name: str,
    worker_template: str,
    version: str = "1.0.0",
    *,
    depends_on: Mapping[str, Any] | None = None,
    inputs: Iterable[str] | type | None = None,
) -> HandlerDecorator:
    """Make a function the handler of a batchable step. It returns a `BatchConfig`, and the ranges are made from that.

    Args:
        name: What templates call the handler by.
        worker_template: The step of type `batch_worker` that a worker step is made from for each batch.
        version: Kept with results.
        depends_on: See `depends_on`.
        inputs: See `inputs`.
    """
    return _decorator(_BatchAnalyzerFunctionHandler, name, version, depends_on, inputs, worker_template=worker_template)


def batch_worker(
    name: str,
    version: str = "1.0.0",
    *,
    depends_on: Mapping[str, Any] | None = None,
    inputs: Iterable[str] | type | None = None,
) -> HandlerDecorator:
    """Make a function the handler of worker steps. It is given its batch as `batch_context`.

    It is not called for the one worker of a batchable step that found nothing to do.
    """
    return _decorator(BatchWorkerFunctionHandler, name, version, depends_on, inputs)


def api_handler(
    name: str,
    base_url: str,
    version: str = "1.0.0",
    timeout: float = 30.0,
    default_headers: dict[str, str] | None = None,
    *,
    depends_on: Mapping[str, Any] | None = None,
    inputs: Iterable[str] | type | None = None,
) -> HandlerDecorator:
    """Make a function a handler that calls an HTTP API. It is given the client as `api`, an `APIMixin`.

    Args:
        name: What templates call the handler by.
        base_url: Where paths start.
        version: Kept with results.
        timeout: Seconds that a call may take.
        default_headers: Sent with every call.
        depends_on: See `depends_on`.
        inputs: See `inputs`.
    """
    return _decorator(
        _ApiFunctionHandler,
        name,
        version,
        depends_on,
        inputs,
        base_url=base_url,
        default_timeout=timeout,
        default_headers=dict(default_headers or {}),
    )


def depends_on(**deps: Any) -> Callable[[F], F]:
    """Give a function results of earlier steps: `cart="validate_cart"`, or `cart=("validate_cart", Cart)` to have it typed.

    A parameter is None if there is no such result.
    """

    def decorate(function: F) -> F:
        declared = {name: _dependency(name, wanted) for name, wanted in deps.items()}
        vars(function)["_depends_on"] = {**vars(function).get("_depends_on", {}), **declared}
        return function

    return decorate


def inputs(*keys_or_model: Any) -> Callable[[F], F]:
    """Give a function fields of the task's context, one parameter for each key, or None if it is missing.

    With a model instead (a Pydantic model, a dataclass or a TypedDict), the whole context is one parameter, `inputs`; a
    context that does not fit fails the step for good.
    """
    models = [key for key in keys_or_model if isinstance(key, type)]
    if models and len(keys_or_model) > 1:
        raise ConfigurationError("inputs takes keys, or one model")

    def decorate(function: F) -> F:
        before: Inputs = vars(function).get("_inputs", Inputs())
        wanted = Inputs(model=models[0]) if models else Inputs(keys=(*before.keys, *keys_or_model))
        vars(function)["_inputs"] = wanted
        return function

    return decorate


_depends_on, _inputs = depends_on, inputs


def _dependency(name: str, wanted: Any) -> Dependency:
    if isinstance(wanted, str):
        return Dependency(wanted)
    if isinstance(wanted, (tuple, list)) and len(wanted) == 2 and isinstance(wanted[0], str):
        return Dependency(wanted[0], wanted[1])
    raise ConfigurationError(f"{name} depends on a step's name, or on a pair of name and model, not on {wanted!r}")


def _decorator(
    base: type[StepHandler],
    name: str,
    version: str,
    depends_on: Mapping[str, Any] | None,
    inputs: Iterable[str] | type | None,
    **attributes: Any,
) -> HandlerDecorator:
    def decorate(function: Callable[P, R], /) -> FunctionalHandler[P, R]:
        vars(function)["_handler_class"] = handler_type(function, base, name, version, **attributes)
        if depends_on:
            _depends_on(**depends_on)(function)
        if inputs is not None:
            _inputs(*([inputs] if isinstance(inputs, type) else inputs))(function)
        return cast("FunctionalHandler[P, R]", function)

    return decorate
