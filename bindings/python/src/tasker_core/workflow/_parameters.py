"""What a step asks for by its parameters."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, overload

from tasker_core.errors import ConfigurationError
from tasker_core.types import BatchWorkerContext, StepContext

R = TypeVar("R")


@dataclass(frozen=True)
class ResultOf:
    """A parameter's default that stands for what another step returns."""

    step: Callable[..., Any]
    all_workers: bool = False

    def __repr__(self) -> str:
        return f"{'results' if self.all_workers else 'result'}({self.step.__name__})"


@overload
def result(step: Callable[..., Coroutine[Any, Any, R]]) -> R: ...
@overload
def result(step: Callable[..., R]) -> R: ...
def result(step: Callable[..., Any]) -> Any:
    """Let a parameter be what an earlier step returned, which makes its step wait for that one.

    In a step of type `deferred_convergence`, the earlier step may not have been created: there the parameter is None.
    """
    return ResultOf(step)


@overload
def results(step: Callable[..., Coroutine[Any, Any, R]]) -> list[R]: ...
@overload
def results(step: Callable[..., R]) -> list[R]: ...
def results(step: Callable[..., Any]) -> Any:
    """Let a parameter be what all workers of a batch returned, which makes its step wait for them."""
    return ResultOf(step, all_workers=True)


class Kind(enum.Enum):
    """Where an argument comes from."""

    INPUT = "input"
    RESULT = "result"
    CONTEXT = "context"
    BATCH = "batch"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a step."""

    name: str
    kind: Kind
    hint: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether a task has to have this input."""
        return self.default is inspect.Parameter.empty

    @property
    def takes_none(self) -> bool:
        """Whether None is a value for it."""
        return self.hint in (Any, None, object) or accepts_none(self.hint)


def read_parameters(function: Callable[..., Any]) -> list[Parameter]:
    """Read the parameters of a step, with their types.

    Raises:
        ConfigurationError: A type cannot be read.
    """
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"the types of step {function.__name__} cannot be read: {error}; they must be there when the program runs"
        ) from error
    found = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name, Any)
        found.append(Parameter(parameter.name, _kind(parameter, hint), hint, parameter.default))
    return found


def check_parameters(function: Callable[..., Any]) -> list[ResultOf]:
    """Check that a step can be called by the names of its parameters, and return what it needs of others.

    Raises:
        ConfigurationError: It cannot.
    """
    needed = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigurationError(
                f"step {function.__name__} has a parameter {parameter}, which cannot be given by its name"
            )
        if isinstance(parameter.default, ResultOf):
            needed.append(parameter.default)
    return needed


def accepts_none(hint: Any) -> bool:
    """Tell whether a type is a union with None."""
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _kind(parameter: inspect.Parameter, hint: Any) -> Kind:
    if isinstance(parameter.default, ResultOf):
        return Kind.RESULT
    wanted = get_args(hint) if accepts_none(hint) else (hint,)
    if StepContext in wanted:
        return Kind.CONTEXT
    if BatchWorkerContext in wanted:
        return Kind.BATCH
    return Kind.INPUT
