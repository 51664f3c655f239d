"""Handlers by the names that they were registered under."""

from __future__ import annotations

import threading
from typing import Any

from tasker_core.registry._handlers import make_handler
from tasker_core.registry.base_resolver import BaseResolver
from tasker_core.registry.handler_definition import HandlerDefinition


class ExplicitMappingResolver(BaseResolver):
    """Knows the handlers that were registered by name: classes, objects and functions."""

    def __init__(self, name: str = "explicit_mapping") -> None:
        self._name = name
        self._handlers: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """`explicit_mapping`, unless another name was given."""
        return self._name

    @property
    def priority(self) -> int:
        """The first to be asked."""
        return 10

    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        """Tell whether a handler of this name was registered."""
        return definition.callable in self._handlers

    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        """Return a handler that is ready to be called; None if none was registered."""
        registered = self._handlers.get(definition.callable)
        return None if registered is None else make_handler(registered, definition)

    def register(self, key: str, handler: Any) -> None:
        """Register a handler, in place of one that has the name."""
        with self._lock:
            self._handlers[key] = handler

    def unregister(self, key: str) -> bool:
        """Forget a handler, and tell whether there was one."""
        with self._lock:
            return self._handlers.pop(key, None) is not None

    def registered(self, key: str) -> Any | None:
        """Return what was registered under a name, as it was given."""
        return self._handlers.get(key)

    def registered_callables(self) -> list[str]:
        """Return the names, sorted."""
        with self._lock:
            return sorted(self._handlers)
