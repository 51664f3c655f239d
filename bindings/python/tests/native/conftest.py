"""What tests of the interface need: the library over a core without a database, and children."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .children import BINDING, KILL_AFTER_S, Child, Play

ROOT = BINDING.parents[1]
LOOPBACK = ROOT / "build" / "lib" / "python-testhooks" / "libtasker.so"


@pytest.fixture(scope="session")
def loopback() -> Path:
    """The library over a core that needs no database."""
    build = ROOT / "scripts" / "lib-build.sh"
    if not shutil.which("go"):
        pytest.fail("these tests build the library for tests themselves: install Go")
    relative = str(LOOPBACK.relative_to(ROOT))
    done = subprocess.run([build, relative, "tasker_testhooks"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return LOOPBACK


@pytest.fixture
def start(loopback: Path) -> Iterator[Callable[..., Child]]:
    """Start a scenario, and see to it that it does not outlive the test."""
    children: list[Child] = []

    def begin(scenario: str, *arguments: object, library: Path | None = loopback) -> Child:
        children.append(Child(library, scenario, *arguments))
        return children[-1]

    yield begin
    for child in children:
        child.kill()


@pytest.fixture
def play(start: Callable[..., Child]) -> Play:
    """Run a scenario to its end, and return what it printed last."""

    def run(scenario: str, *arguments: object, timeout: float = KILL_AFTER_S, **options: Any) -> dict[str, Any]:
        code, out, errors = start(scenario, *arguments, **options).end(timeout)
        assert code == 0, f"exit code {code}\n{out}\n{errors}"
        outcome: dict[str, Any] = json.loads(out.splitlines()[-1])
        return outcome

    return run
