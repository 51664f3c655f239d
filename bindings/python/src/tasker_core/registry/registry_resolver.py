"""The base of resolvers that applications write."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tasker_core.registry.base_resolver import BaseResolver
from tasker_core.registry.handler_definition import HandlerDefinition


class RegistryResolver(BaseResolver):
    """Resolves the handlers whose names match a pattern or begin with a prefix.

    Set one of the two, and say in `resolve_handler` what the handler is:

        class PaymentResolver(RegistryResolver):
            prefix = "payments."

            def resolve_handler(self, definition, config):
                return PAYMENT_HANDLERS[definition.callable.removeprefix("payments.")]()
    """

    pattern: ClassVar[str | None] = None
    """A regular expression that the name matches from its beginning."""
    prefix: ClassVar[str | None] = None
    """What the name begins with."""

    def __init__(self) -> None:
        """Make a resolver; subclasses may take what they need."""

    @property
    def name(self) -> str:
        """What a template calls the resolver by; its class's name, unless overridden."""
        return type(self).__name__

    @property
    def priority(self) -> int:
        """Between the registered names and the classes, unless overridden."""
        return 50

    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        """Tell whether the name matches."""
        if self.pattern is not None:
            return re.match(self.pattern, definition.callable) is not None
        return self.prefix is not None and definition.callable.startswith(self.prefix)

    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        """Return the handler if the name matches."""
        if not self.can_resolve(definition, config):
            return None
        return self.resolve_handler(definition, config or {})

    def resolve_handler(self, definition: HandlerDefinition, config: dict[str, Any]) -> Any | None:
        """Return the handler for a name that matches, or None."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its handlers are: write resolve_handler")
