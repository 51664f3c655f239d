"""Loading handlers that a command line or the environment names."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tasker_core._workflows import workflows_in
from tasker_core.exceptions import TaskerError
from tasker_core.handler import HandlerRegistry
from tasker_core.workflow import Workflow

_log = logging.getLogger("tasker_core")

FOLDERS = "PYTHON_HANDLER_PATH"
"""Names folders of handlers, separated as in PATH."""


def load_handlers(specs: Iterable[str], registry: HandlerRegistry | None = None) -> list[Workflow]:
    """Import modules, files and folders, register the handlers in them, and return the workflows.

    Raises:
        ImportError: A module or file cannot be imported.
        TaskerError: There is no such file or folder.
    """
    registry = registry or HandlerRegistry.instance()
    folders = [folder for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder]
    workflows: list[Workflow] = []
    for spec in [*folders, *specs]:
        for package in _packages(spec):
            found = registry.discover_handlers(package)
            _log.debug("%s: %d handlers", package, found)
            workflows += workflows_in(package)
    return workflows


def _packages(spec: str) -> list[str]:
    """The packages that a word names, which can be imported from then on."""
    path = Path(spec)
    if path.is_dir():
        _make_importable(path)
        modules = sorted(p.stem for p in path.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file())
        return [module for module in modules if module != "__init__"]
    if path.suffix == ".py":
        return [_import_file(path)]
    if os.sep in spec:
        raise TaskerError(f"{spec}: no such file or folder")
    sys.path[:0] = [folder for folder in [os.getcwd()] if folder not in sys.path]  # as python -m does
    return [spec]


def _import_file(path: Path) -> str:
    """Import a file under a name that no other module has, and return the name."""
    if not path.is_file():
        raise TaskerError(f"{path}: no such file")
    _make_importable(path.parent)
    name = f"tasker_handlers_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise TaskerError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return name


def _make_importable(folder: Path) -> None:
    """Let what stands in a folder import its neighbours."""
    resolved = str(folder.resolve())
    if resolved not in sys.path:
        sys.path.insert(0, resolved)
