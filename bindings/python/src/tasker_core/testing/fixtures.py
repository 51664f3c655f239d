"""Fixtures for pytest. Name them in your `conftest.py`, and say where things are:

pytest_plugins = ["tasker_core.testing.fixtures"]

@pytest.fixture(scope="session")
def tasker_handler_packages():
    return ["my_app.handlers"]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tasker_core.template_discovery import TemplatePath
from tasker_core.testing._sandbox import Sandbox


@pytest.fixture(scope="session")
def tasker_templates() -> Sequence[str | Path]:
    """Folders of templates; by default where a worker would look."""
    folder = TemplatePath.find_template_config_directory()
    if folder is None:
        raise LookupError(
            "no folder of templates was found: define the fixture tasker_templates, or set TASKER_TEMPLATE_PATH"
        )
    return [folder]


@pytest.fixture(scope="session")
def tasker_handler_packages() -> Sequence[str]:
    """Packages of handlers; by default only those that are registered already."""
    return []


@pytest.fixture(scope="session")
def tasker_sandbox(tasker_templates: Sequence[str | Path], tasker_handler_packages: Sequence[str]) -> Iterator[Sandbox]:
    """A worker on a private database, for all tests of a session."""
    with Sandbox(tasker_templates, handler_packages=tasker_handler_packages) as sandbox:
        yield sandbox
