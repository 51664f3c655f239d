"""Workflows that are declared in Python, for a core that reads templates from files."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tasker_core.types import BootstrapConfig
from tasker_core.workflow import Workflow

_KEY = "task_templates.search_paths"
_DEFAULT_FOLDER = "config/tasks"


@contextmanager
def templates_of(workflows: Sequence[Workflow], config: BootstrapConfig) -> Iterator[BootstrapConfig]:
    """Write the templates of workflows to files for as long as the context lasts, and have a worker register them.

    They come beside the templates that the settings or TASKER_TEMPLATE_PATH name, or those in `config/tasks`.
    """
    if not workflows:
        yield config
        return
    with tempfile.TemporaryDirectory(prefix="tasker-templates-") as folder:
        paths = [*_named(config)]
        for number, workflow in enumerate(workflows):
            below = Path(folder, str(number))  # their files are named by the workflow alone, without its namespace
            below.mkdir()
            workflow.write_template(below)
            paths.append(str(below))
        yield config.model_copy(update={"settings": {**config.settings, _KEY: paths}})


def _named(config: BootstrapConfig) -> list[str]:
    """The folders that are searched without us."""
    named = config.settings.get(_KEY)
    if named is not None:
        return [named] if isinstance(named, str) else list(named)
    from_environment = os.environ.get("TASKER_TEMPLATE_PATH")
    if from_environment:
        return from_environment.split(",")
    return [_DEFAULT_FOLDER] if os.path.isdir(_DEFAULT_FOLDER) else []


def workflows_in(package: str) -> list[Workflow]:
    """The workflows that stand in the modules of a package that was imported."""
    found: dict[int, Workflow] = {}
    for name, module in sorted(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            found.update((id(member), member) for member in vars(module).values() if isinstance(member, Workflow))
    return list(found.values())
