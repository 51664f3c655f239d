"""The handlers of this process, by name."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, TypeAlias, cast

from tasker_core.errors import ConfigurationError
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.models import HandlerWrapper
from tasker_core.registry import ClassLookupResolver, ExplicitMappingResolver, HandlerDefinition, ResolverChain
from tasker_core.registry._discovery import handlers_in, import_package, loaded_handlers
from tasker_core.registry._handlers import handler_class
from tasker_core.step_handler.base import StepHandler
from tasker_core.template_discovery import HandlerDiscovery, TemplatePath

logger = logging.getLogger(__name__)

HandlerSpec: TypeAlias = str | dict[str, Any] | HandlerDefinition | HandlerWrapper
"""A handler by name, or as a template has it."""


class HandlerRegistry:
    """Knows the handlers of this process.

    A template can only name what was registered here, or what stands in a package that was given to `discover_handlers`:
    nothing else is ever imported or called, whatever a template says.
    """

    _instance: HandlerRegistry | None = None
    _instance_lock = threading.RLock()

    def __init__(self) -> None:
        self.resolver_chain = ResolverChain.default()
        """How handlers are found; resolvers of your own are added here."""

    @classmethod
    def instance(cls, skip_bootstrap: bool = False) -> HandlerRegistry:
        """Return the registry of this process.

        Args:
            skip_bootstrap: Do not call `bootstrap_handlers` when the registry is made.
        """
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
                if not skip_bootstrap:
                    cls._instance.bootstrap_handlers()
            return cls._instance

    @classmethod
    def reset_instance(cls) -> None:
        """Forget the registry of this process, between tests."""
        with cls._instance_lock:
            cls._instance = None

    def register(self, name: str, handler_class: Any) -> None:
        """Register a handler: a class, a decorated function, an object with `call`, or a function of the context.

        Raises:
            ConfigurationError: There is no name, or the handler cannot be called.
        """
        if not name:
            raise ConfigurationError("a handler is registered under a name")
        if not callable(handler_class) and not callable(getattr(handler_class, "call", None)):
            raise ConfigurationError(f"the handler {name!r} is a {type(handler_class).__name__}, which cannot be called")
        before = self._explicit.registered(name)
        if before is not None and before is not handler_class:
            logger.warning("handler %r is registered again: %r takes the place of %r", name, handler_class, before)
        self._explicit.register(name, handler_class)
        EventBridge.instance().publish(EventNames.HANDLER_REGISTERED, name, handler_class)

    def unregister(self, name: str) -> bool:
        """Forget a handler, and tell whether there was one."""
        return self._explicit.unregister(name)

    def resolve(self, handler_spec: HandlerSpec) -> Any | None:
        """Return a handler that is ready to be called; None if it is not known.

        Raises:
            ResolverNotFoundError: The handler is to come from a resolver that is not there.
            ResolutionError: The handler is known but cannot be had.
        """
        definition = _definition(handler_spec)
        return self.resolver_chain.resolve(definition, definition.initialization)

    def get_handler_class(self, name: str) -> type[StepHandler] | None:
        """Return the class that is registered under a name."""
        return cast("type[StepHandler] | None", handler_class(self._explicit.registered(name)))

    def is_registered(self, name: str) -> bool:
        """Tell whether a handler is registered under a name."""
        return self._explicit.registered(name) is not None

    def list_handlers(self) -> list[str]:
        """Return the names that are registered, sorted."""
        return self._explicit.registered_callables()

    def handler_count(self) -> int:
        """Return how many names are registered."""
        return len(self.list_handlers())

    def clear(self) -> None:
        """Forget all handlers that are registered."""
        for name in self.list_handlers():
            self.unregister(name)

    def served_handlers(self) -> list[str]:
        """Return all names that steps can have here: those that resolvers know, and those of templates that one takes."""
        names = set(self.resolver_chain.registered_callables())
        names.update(name for name in self._template_handlers() if self.resolver_chain.can_resolve(HandlerDefinition(name)))
        return sorted(names)

    def discover_handlers(self, package_name: str, base_class: type[StepHandler] | None = None) -> int:
        """Register the handlers of a package: classes and functions with a name, and workflows.

        All of its modules are imported. One that cannot be imported is logged, and the others go on. Its handler classes
        can be named by their paths as well from then on.

        Returns:
            How many handlers were registered.

        Raises:
            ImportError: The package itself cannot be imported.
        """
        found: dict[str, Any] = {}
        for module in import_package(package_name):
            for name, handler in handlers_in(module, base_class or StepHandler, package_name):
                found.setdefault(name, handler)
                if found[name] is not handler:
                    logger.warning("package %s has two handlers called %r; the first is taken", package_name, name)
        for name, handler in found.items():
            self.register(name, handler)
        lookup = self.resolver_chain.get_resolver("class_lookup")
        if isinstance(lookup, ClassLookupResolver):
            lookup.allow_package(package_name)
        return len(found)

    def bootstrap_handlers(self) -> int:
        """Look at the templates of this application, and log which of their handlers are missing here.

        Where `TASKER_ENV` is `test`, the handler classes that are loaded are registered.

        Returns:
            How many handlers of templates, or in tests how many classes, are there.
        """
        if os.environ.get("TASKER_ENV") == "test":
            loaded = dict(loaded_handlers())
            for name, kind in loaded.items():
                self.register(name, kind)
            return len(loaded)
        wanted = self._template_handlers()
        missing = [name for name in wanted if not self.resolver_chain.can_resolve(HandlerDefinition(name))]
        if missing:
            logger.info("handlers that templates name and this process does not have yet: %s", ", ".join(missing))
        return len(wanted) - len(missing)

    def template_discovery_info(self) -> dict[str, Any]:
        """Return where templates are, and the handlers that they name."""
        directory = TemplatePath.find_template_config_directory()
        files = TemplatePath.discover_template_files(directory) if directory else []
        return {
            "template_path": str(directory) if directory else None,
            "template_files": len(files),
            "discovered_handlers": self._template_handlers(),
            "handlers_by_namespace": HandlerDiscovery.discover_handlers_by_namespace(directory) if directory else {},
            "environment": os.environ.get("TASKER_ENV"),
        }

    @property
    def _explicit(self) -> ExplicitMappingResolver:
        resolver = self.resolver_chain.explicit_resolver
        if not isinstance(resolver, ExplicitMappingResolver):
            raise ConfigurationError("the explicit_mapping resolver was removed, so handlers cannot be registered")
        return resolver

    @staticmethod
    def _template_handlers() -> list[str]:
        directory = TemplatePath.find_template_config_directory()
        return HandlerDiscovery.discover_all_handlers(directory) if directory else []


def _definition(spec: HandlerSpec) -> HandlerDefinition:
    if isinstance(spec, HandlerDefinition):
        return spec
    if isinstance(spec, str):
        return HandlerDefinition.from_callable(spec)
    if isinstance(spec, HandlerWrapper):
        return HandlerDefinition(spec.callable, spec.handler_method, spec.resolver, spec.initialization)
    return HandlerDefinition.from_dict(spec)
