"""What a template says of the handler of a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEFAULT_METHOD = "call"
"""The method of a handler whose definition names none."""


@dataclass
class HandlerDefinition:
    """A handler by name, and how to reach it."""

    callable: str
    handler_method: str | None = None
    """The method to call, in a template `method`."""
    resolver: str | None = None
    """The one resolver to ask; by default all are asked."""
    initialization: dict[str, Any] = field(default_factory=dict)
    """Configuration for the handler."""

    def effective_method(self) -> str:
        """Return the method to call."""
        return self.handler_method or DEFAULT_METHOD

    def uses_method_dispatch(self) -> bool:
        """Tell whether another method than `call` is wanted."""
        return self.effective_method() != DEFAULT_METHOD

    def has_resolver_hint(self) -> bool:
        """Tell whether one resolver is named."""
        return bool(self.resolver)

    @classmethod
    def from_callable(cls, callable_str: str) -> HandlerDefinition:
        """Name a handler, and nothing else."""
        return cls(callable=callable_str)

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> HandlerDefinition:
        """Read the `handler` of a step definition."""
        data = data or {}
        method = data.get("method") or data.get("handler_method")
        return cls(data.get("callable") or "", method, data.get("resolver"), data.get("initialization") or {})
