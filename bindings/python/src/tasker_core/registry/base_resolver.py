"""How a handler is found for its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from tasker_core.registry.handler_definition import HandlerDefinition


class BaseResolver(ABC):
    """Finds handlers in one way. A ResolverChain asks several, lowest priority first."""

    @property
    def name(self) -> str:
        """What a template calls the resolver by; its class's name, unless overridden."""
        return type(self).__name__

    @property
    def priority(self) -> int:
        """When the resolver is asked: the built-in ones have 10 and 100."""
        return 50

    @abstractmethod
    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        """Tell whether the resolver knows the handler."""

    @abstractmethod
    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        """Return the handler, ready to be called; None if it is not known."""

    def registered_callables(self) -> list[str]:
        """Return the names that are known beforehand. A resolver by pattern has none."""
        return []
