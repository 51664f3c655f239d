"""Ends of processes, for tests that start some."""

from __future__ import annotations

import os
import signal
import subprocess
import threading


def kill_timer(process: subprocess.Popen[str], seconds: float) -> threading.Timer:
    """See to it that a process ends, also where a test waits for its next line rather than for its end."""
    timer = threading.Timer(seconds, kill_group, (process,))
    timer.daemon = True
    timer.start()
    return timer


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process that leads a group, and the group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
