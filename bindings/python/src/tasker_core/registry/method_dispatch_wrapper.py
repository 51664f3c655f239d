"""Calling another method of a handler than `call`."""

from __future__ import annotations

import inspect
from typing import Any


class MethodDispatchWrapper:
    """A handler whose `call` is another method of the one it wraps.

    Method names come from templates, that is from outside. So only methods that the handler's own classes declare can be
    named: no private ones, and none that it inherited from this package. A class that sets `handler_methods` allows
    just those.
    """

    def __init__(self, handler: Any, target_method: str) -> None:
        """Wrap a handler.

        Raises:
            AttributeError: The handler has no such method, or does not allow it.
        """
        allowed = allowed_methods(handler)
        if target_method not in allowed:
            kind, there_are = type(handler).__name__, ", ".join(allowed) or "none"
            raise AttributeError(f"{kind} has no method {target_method!r} for templates; it has: {there_are}")
        self._handler = handler
        self._target_method = target_method

    @property
    def handler(self) -> Any:
        """The handler that is wrapped."""
        return self._handler

    @property
    def target_method(self) -> str:
        """The method that is called."""
        return self._target_method

    def call(self, context: Any) -> Any:
        """Call the method."""
        return getattr(self._handler, self._target_method)(context)

    def unwrap(self) -> Any:
        """Return the handler that is wrapped."""
        return self._handler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)


def allowed_methods(handler: Any) -> list[str]:
    """Return the methods of a handler that templates may name."""
    declared = getattr(handler, "handler_methods", None)
    if declared is not None:
        return [name for name in declared if callable(getattr(handler, name, None))]
    methods = {"call"} if callable(getattr(handler, "call", None)) else set()
    inherited: set[str] = set()
    for kind in type(handler).__mro__:
        if kind is object or kind.__module__.split(".")[0] == "tasker_core":
            inherited.update(vars(kind))
    for kind in type(handler).__mro__:
        if kind is not object and kind.__module__.split(".")[0] != "tasker_core":
            methods.update(
                name
                for name, member in vars(kind).items()
                if not name.startswith("_") and name not in inherited and inspect.isroutine(member)
            )
    return sorted(methods)
