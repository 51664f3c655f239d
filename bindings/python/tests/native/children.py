"""Scenarios in processes of their own, each under a kill timer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from killing import Mortal

BINDING = Path(__file__).resolve().parents[2]
KILL_AFTER_S = 60.0

Play = Callable[..., dict[str, Any]]
"""Runs a scenario to its end, and returns what it printed last."""


def environment(**more: str) -> dict[str, str]:
    """The environment of a child, which imports the package from this checkout and the scenarios beside this file."""
    paths = [str(BINDING / "src"), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1", **more}


class Child(Mortal):
    """A scenario in a process of its own. It prints JSON objects; the last one is its outcome."""

    def __init__(self, library: Path | None, scenario: str, *arguments: object) -> None:
        more = {"TASKER_LIBRARY_PATH": str(library)} if library else {}
        command = [sys.executable, "-m", "scenarios", scenario, *map(str, arguments)]
        super().__init__(command, environment(**more), end_within=KILL_AFTER_S)
