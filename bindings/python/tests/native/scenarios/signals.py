"""Signal handlers of the program beside the core."""

from __future__ import annotations

import os
import signal

from tasker_core import _native

from .shared import open_worker, tell


def signals_kept() -> None:
    """Look whether the host's signal handlers are still the host's."""
    seen: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, lambda received, _: seen.append(received))
    worker = open_worker()
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        os.kill(os.getpid(), number)
    worker.free()
    ignored = signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    tell(seen=seen, sigpipe_ignored=ignored, state=_native.library().plain("tasker_process_state"))
