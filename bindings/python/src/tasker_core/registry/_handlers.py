"""What a handler may be, and how one is made for an attempt."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tasker_core.errors import ConfigurationError
from tasker_core.registry.handler_definition import HandlerDefinition


class FunctionHandler:
    """A plain function as a handler: it is given the context."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def call(self, context: Any) -> Any:
        """Call the function."""
        return self._function(context)


def make_handler(registered: Any, definition: HandlerDefinition) -> Any:
    """Return something with a `call` method.

    A class is instantiated, with `config` if its constructor takes that, so that attempts that run side by side share
    nothing. A function made by a decorator stands for its class. An object is used as it is, and a function is called
    with the context.
    """
    kind: Callable[..., Any] | None = handler_class(registered)
    if kind is not None:
        made = kind(config=definition.initialization) if _takes_config(kind) else kind()
        try:  # noqa: SIM105 - a context manager takes longer, for each attempt
            made._made_for_attempt = True
        except AttributeError:  # it has slots
            pass
        return made
    if callable(getattr(registered, "call", None)):
        return registered
    if callable(registered):
        return FunctionHandler(registered)
    raise ConfigurationError(f"the handler {definition.callable!r} is a {type(registered).__name__}, which cannot be called")


def is_of_one_attempt(handler: Any) -> bool:
    """Tell whether a handler was made for one attempt, rather than shared by all."""
    return getattr(handler, "_made_for_attempt", False) is True


def handler_class(registered: Any) -> type[Any] | None:
    """Return the class behind what was registered, if there is one."""
    registered = getattr(registered, "_handler_class", registered)
    return registered if isinstance(registered, type) else None


@functools.lru_cache(maxsize=4096)
def _takes_config(kind: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.name == "config" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters)
