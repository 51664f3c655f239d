"""Several ways of finding handlers, one after the other."""

from __future__ import annotations

import logging
import threading
from typing import Any

from tasker_core.registry.base_resolver import BaseResolver
from tasker_core.registry.handler_definition import HandlerDefinition
from tasker_core.registry.method_dispatch_wrapper import MethodDispatchWrapper
from tasker_core.registry.resolvers import ClassLookupResolver, ExplicitMappingResolver

logger = logging.getLogger(__name__)


class ResolverNotFoundError(Exception):
    """A template names a resolver that the chain does not have."""


class ResolutionError(Exception):
    """A handler is known but cannot be had; the cause, if any, says why."""


class ResolverChain:
    """Asks resolvers for handlers, lowest priority first; among equals, the one added first."""

    def __init__(self) -> None:
        self._resolvers: tuple[BaseResolver, ...] = ()
        self._lock = threading.Lock()

    @classmethod
    def default(cls) -> ResolverChain:
        """Make a chain with the built-in resolvers."""
        return cls().add_resolver(ExplicitMappingResolver()).add_resolver(ClassLookupResolver())

    def add_resolver(self, resolver: BaseResolver) -> ResolverChain:
        """Add a resolver, in place of one of the same name."""
        with self._lock:
            others = [r for r in self._resolvers if r.name != resolver.name]
            self._resolvers = tuple(sorted([*others, resolver], key=lambda r: r.priority))
        return self

    def remove_resolver(self, name: str) -> BaseResolver | None:
        """Remove a resolver, and return it."""
        with self._lock:
            removed = self.get_resolver(name)
            self._resolvers = tuple(r for r in self._resolvers if r is not removed)
        return removed

    def get_resolver(self, name: str) -> BaseResolver | None:
        """Return the resolver of a name."""
        return next((r for r in self._resolvers if r.name == name), None)

    @property
    def explicit_resolver(self) -> BaseResolver | None:
        """The resolver of registered names."""
        return self.get_resolver("explicit_mapping")

    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        """Return the handler that a definition names, ready for its method to be called by `call`.

        A resolver that fails is logged, and the next one is asked.

        Returns:
            None if no resolver knows the handler.

        Raises:
            ResolverNotFoundError: The definition names a resolver that is not there.
            ResolutionError: The handler cannot be had: the resolver that is named does not know it, it has no such
                method, or making it failed.
        """
        handler = self._hinted(definition, config) if definition.resolver else self._first(definition, config)
        if handler is None or not definition.handler_method:
            return handler
        return self.wrap_for_method_dispatch(handler, definition)

    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        """Tell whether a resolver knows the handler."""
        if definition.has_resolver_hint():
            resolver = self.get_resolver(definition.resolver or "")
            return resolver is not None and resolver.can_resolve(definition, config)
        return any(r.can_resolve(definition, config) for r in self._resolvers)

    def registered_callables(self) -> list[str]:
        """Return the names that resolvers know beforehand, sorted."""
        return sorted({name for r in self._resolvers for name in r.registered_callables()})

    def register(self, key: str, handler: Any) -> ResolverChain:
        """Register a handler with the resolver of registered names."""
        resolver = self.explicit_resolver
        if not isinstance(resolver, ExplicitMappingResolver):
            raise ResolverNotFoundError("the chain has no explicit_mapping resolver to register with")
        resolver.register(key, handler)
        return self

    def chain_info(self) -> list[dict[str, Any]]:
        """Describe the resolvers, in the order in which they are asked."""
        return [
            {"name": r.name, "priority": r.priority, "resolver": type(r).__name__, "callables": r.registered_callables()}
            for r in self._resolvers
        ]

    @property
    def resolver_names(self) -> list[str]:
        """The names of the resolvers, in the order in which they are asked."""
        return [r.name for r in self._resolvers]

    def list_resolvers(self) -> list[tuple[str, int]]:
        """Return names and priorities, in the order in which they are asked."""
        return [(r.name, r.priority) for r in self._resolvers]

    def wrap_for_method_dispatch(self, handler: Any, definition: HandlerDefinition) -> Any:
        """Let `call` be the method that the definition names."""
        if not definition.uses_method_dispatch():
            return handler
        try:
            return MethodDispatchWrapper(handler, definition.effective_method())
        except AttributeError as error:
            raise ResolutionError(str(error)) from None

    def _hinted(self, definition: HandlerDefinition, config: dict[str, Any] | None) -> Any:
        resolver = self.get_resolver(definition.resolver or "")
        if resolver is None:
            raise ResolverNotFoundError(
                f"no resolver is called {definition.resolver!r}; there are: {', '.join(self.resolver_names)}"
            )
        try:
            handler = resolver.resolve(definition, config)
        except Exception as error:
            raise ResolutionError(f"resolver {resolver.name} failed on {definition.callable!r}: {error}") from error
        if handler is None:
            raise ResolutionError(f"resolver {resolver.name} does not know {definition.callable!r}")
        return handler

    def _first(self, definition: HandlerDefinition, config: dict[str, Any] | None) -> Any | None:
        failure: ResolutionError | None = None
        for resolver in self._resolvers:
            try:
                handler = resolver.resolve(definition, config) if resolver.can_resolve(definition, config) else None
                if handler is not None:
                    return handler
            except Exception as error:
                failed = ResolutionError(f"resolver {resolver.name} failed on {definition.callable!r}: {error}")
                failed.__cause__ = error
                logger.warning("%s; the next resolver is asked", failed)
                failure = failure or failed
        if failure is not None:
            raise failure
        return None
