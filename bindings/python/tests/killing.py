"""Programs that tests start, each under a kill timer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest


class Mortal:
    """A program in a process group of its own, which ends when it has to."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, end_within: float, folder: Path | None = None
    ) -> None:
        """Start it. It is killed if its end takes longer than `end_within` seconds, or its whole life twice as long."""
        self._end_within = end_within
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        # Also where a test waits for its next line rather than for its end.
        self._killer = threading.Timer(2 * end_within, self._kill_group)
        self._killer.daemon = True
        self._killer.start()

    def line(self) -> str:
        """Wait for the next line that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            pytest.fail(f"it ended without another line: {self.end()}")
        return text.strip()

    def told(self) -> dict[str, Any]:
        """Wait for the next line, which is a JSON object."""
        told: dict[str, Any] = json.loads(self.line())
        return told

    def signal(self, number: int) -> float:
        """Send a signal, and return when."""
        sent = time.time()
        self.process.send_signal(number)
        return sent

    def end(self, timeout: float | None = None) -> tuple[int, str, str]:
        """Wait for its end: exit code, output, errors. One that hangs is killed, and the test fails."""
        timeout = timeout or self._end_within
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._kill_group()
            out, errors = self.process.communicate()
            pytest.fail(f"it did not end within {timeout} s\n{out}\n{errors}")
        return self.process.returncode, out, errors

    def kill(self) -> None:
        """End it, however it is."""
        self._killer.cancel()
        self._kill_group()
        self.process.communicate()

    def _kill_group(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
