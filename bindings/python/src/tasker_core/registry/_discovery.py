"""The handlers in a package: its classes, its decorated functions and its workflows."""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tasker_core.step_handler.base import StepHandler

logger = logging.getLogger(__name__)


def import_package(name: str) -> list[ModuleType]:
    """Import a package and all modules below it. A module that cannot be imported is logged and left out.

    Raises:
        ImportError: The package itself cannot be imported.
    """
    package = importlib.import_module(name)
    modules = [package]
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), prefix=f"{name}.", onerror=_log_failure):
        try:
            modules.append(importlib.import_module(found.name))
        except Exception:
            _log_failure(found.name)
    return modules


def handlers_in(module: ModuleType, base_class: type[StepHandler], package: str) -> Iterator[tuple[str, Any]]:
    """Yield the handlers that stand in a module, by name. What it imported from elsewhere is left out."""
    for member in list(vars(module).values()):
        if not _belongs_to(member, package):
            continue
        made = getattr(member, "handlers", None) if getattr(member, "_is_workflow", False) is True else None
        if made is not None:
            yield from made().items()
            continue
        kind: Any = member if isinstance(member, type) else getattr(member, "_handler_class", None)
        if is_handler_class(kind, base_class) and kind.handler_name:
            yield kind.handler_name, kind


def is_handler_class(kind: Any, base_class: type[Any] = StepHandler) -> bool:
    """Tell whether a class is one that steps can be given to."""
    return isinstance(kind, type) and issubclass(kind, base_class) and not inspect.isabstract(kind)


def loaded_handlers() -> Iterator[tuple[str, type[StepHandler]]]:
    """Yield the handler classes of the application that are loaded, by name."""
    waiting: list[type[Any]] = [StepHandler]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.split(".")[0] != "tasker_core" and kind.handler_name and is_handler_class(kind):
            yield kind.handler_name, kind


def _belongs_to(member: Any, package: str) -> bool:
    module = getattr(member, "__module__", None)
    return isinstance(module, str) and (module == package or module.startswith(f"{package}."))


def _log_failure(name: str) -> None:
    logger.exception("module %s cannot be imported; its handlers are missing", name)
