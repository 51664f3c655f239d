"""Handlers by the path of their class."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

from tasker_core.registry._handlers import make_handler
from tasker_core.registry.base_resolver import BaseResolver
from tasker_core.registry.handler_definition import HandlerDefinition
from tasker_core.step_handler.base import StepHandler


class ClassLookupResolver(BaseResolver):
    """Finds `package.module.Class` in the packages that the application named.

    Names come from templates, that is from outside. So nothing is ever imported here: the class must stand in a module
    that is loaded, and that belongs to a package given to `allow_package`, as `HandlerRegistry.discover_handlers` does.
    """

    CLASS_PATTERN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\.[A-Z]\w*", re.ASCII)
    """What such a name looks like."""

    def __init__(self) -> None:
        self._packages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Always `class_lookup`."""
        return "class_lookup"

    @property
    def priority(self) -> int:
        """The last to be asked."""
        return 100

    def allow_package(self, package: str) -> None:
        """Let the handler classes of a package, and of those below it, be found by their paths."""
        if package not in self._packages:
            self._packages += (package,)

    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        """Tell whether the name is that of a handler class in an allowed package."""
        return self._find(definition.callable) is not None

    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        """Return an instance of the class; None if there is no such class."""
        found = self._find(definition.callable)
        return None if found is None else make_handler(found, definition)

    def registered_callables(self) -> list[str]:
        """Return the paths of the handler classes in the allowed packages, sorted."""
        modules = [name for name in list(sys.modules) if self._allows(name)]
        names = {f"{name}.{member}" for name in modules for member in list(getattr(sys.modules[name], "__dict__", ()))}
        return sorted(name for name in names if self._find(name) is not None)

    def _allows(self, module_name: str) -> bool:
        return any(module_name == p or module_name.startswith(p + ".") for p in self._packages)

    def _find(self, path: str) -> type[Any] | None:
        if self.CLASS_PATTERN.fullmatch(path) is None:
            return None
        module_name, _, class_name = path.rpartition(".")
        module = sys.modules.get(module_name) if self._allows(module_name) else None
        found = getattr(module, "__dict__", {}).get(class_name)
        if not isinstance(found, type) or not issubclass(found, StepHandler) or inspect.isabstract(found):
            return None
        return found if self._allows(found.__module__) else None
