"""Scenarios in processes of their own, each under a kill timer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from killing import kill_group, kill_timer

BINDING = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).with_name("scenarios.py")
KILL_AFTER_S = 60.0

Play = Callable[..., dict[str, Any]]
"""Runs a scenario to its end, and returns what it printed last."""


def environment(**more: str) -> dict[str, str]:
    """The environment of a child that imports the package from this checkout."""
    paths = [str(BINDING / "src"), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1", **more}


class Child:
    """A scenario in a process of its own. It prints JSON objects; the last one is its outcome."""

    def __init__(self, library: Path | None, scenario: str, *arguments: object) -> None:
        more = {"TASKER_LIBRARY_PATH": str(library)} if library else {}
        self.process = subprocess.Popen(
            [sys.executable, str(SCENARIOS), scenario, *map(str, arguments)],
            env=environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._killer = kill_timer(self.process, 2 * KILL_AFTER_S)

    def line(self) -> dict[str, Any]:
        """Wait for the next object that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, f"it ended without another line: {self.end()}"
        told: dict[str, Any] = json.loads(text)
        return told

    def signal(self, number: int) -> float:
        """Send a signal, and return when."""
        sent = time.time()
        self.process.send_signal(number)
        return sent

    def end(self, timeout: float = KILL_AFTER_S) -> tuple[int, str, str]:
        """Wait for its end: exit code, output, errors. A child that hangs is killed, and the test fails."""
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_group(self.process)
            out, errors = self.process.communicate()
            pytest.fail(f"it did not end within {timeout} s\n{out}\n{errors}")
        return self.process.returncode, out, errors

    def kill(self) -> None:
        """End it, however it is."""
        self._killer.cancel()
        kill_group(self.process)
        self.process.communicate()
