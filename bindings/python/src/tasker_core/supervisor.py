"""`tasker-worker`: workers in several processes.

Python runs the code of one thread at a time, so handlers that compute want processes; those that wait do well with threads.
The supervisor never loads the core: its children are programs of their own, each with a core, and it starts them anew when
they die. The first SIGTERM or SIGINT lets their handlers finish, the second does not.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasker_core import server

_log = logging.getLogger("tasker_core.supervisor")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""How long a child that died waits to be started again; the pause doubles until one has lived for `STEADY_S`."""

STEADY_S = 60.0

POOL_PER_PROCESS = 8
"""Database connections of each child, unless configured: the core's default is meant for one process."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD)


@dataclass
class Child:
    """A place for a process, and the process in it."""

    number: int
    pid: int = 0
    started: float = 0.0
    start_at: float = 0.0
    pause: float = FIRST_PAUSE_S
    lifeline: int = -1
    """Our end of a pipe, which closes when we die: then the child ends too."""


class Supervisor:
    """Keeps children running until it is told to stop."""

    def __init__(self, command: Sequence[str], processes: int, environment: Mapping[str, str]) -> None:
        self.children = [Child(number) for number in range(1, processes + 1)]
        self._command = list(command)
        self._environment = {**_small_pool(environment), **environment}
        own_name = f"{os.uname().nodename}-{os.getpid()}"
        self._name = environment.get("TASKER_WORKER_ID") or environment.get("TASKER_INSTANCE_ID") or own_name
        self._stopping = False
        self._exit_code = 0

    def run(self) -> int:
        """Run the children until a signal ends them. Returns the exit code for the command."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # they are waited for
        try:
            while not (self._stopping and not any(child.pid for child in self.children)):
                self._start_due()
                received = signal.sigtimedwait(_SIGNALS, self._until_due())
                if received is not None and received.si_signo != signal.SIGCHLD:
                    self._on_signal(received.si_signo)
                self._reap()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self._exit_code

    def _start_due(self) -> None:
        for child in self.children:
            if not self._stopping and not child.pid and child.start_at <= time.monotonic():
                self._start(child)

    def _start(self, child: Child) -> None:
        read_end, child.lifeline = os.pipe()
        os.set_inheritable(read_end, True)
        own = {"TASKER_WORKER_ID": f"{self._name}-{child.number}", server.LIFELINE: str(read_end)}
        try:
            # In a process group of its own, so that a terminal's Ctrl-C reaches it once, through us.
            child.pid = os.posix_spawn(self._command[0], self._command, self._environment | own, setpgroup=0, setsigmask=())
        finally:
            os.close(read_end)
        child.started = time.monotonic()
        _log.info("worker %d runs as process %d", child.number, child.pid)

    def _until_due(self) -> float:
        """How long to wait for a signal."""
        due = [child.start_at for child in self.children if not child.pid and not self._stopping]
        return max(0.0, min(due) - time.monotonic()) if due else 60.0

    def _on_signal(self, number: int) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            _log.info("stopping %s", "at once" if self._stopping else "when the steps that run are done")
            # A process sees one signal where two of the same number wait for it. Children take both numbers alike.
            number = signal.SIGINT if self._stopping else signal.SIGTERM
            self._stopping = True
        for child in self.children:
            if child.pid:
                os.kill(child.pid, number)

    def _reap(self) -> None:
        for child in self.children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                os.close(child.lifeline)
                child.pid = 0
                self._on_exit(child, os.waitstatus_to_exitcode(status))

    def _on_exit(self, child: Child, code: int) -> None:
        if self._stopping:
            if code != 0 and self._exit_code == 0:
                self._exit_code = code if code > 0 else server.EXIT_UNEXPECTED
            return
        if code == server.EXIT_CONFIG:  # it would not start the next time either
            _log.error("worker %d cannot run with this configuration: see above", child.number)
            self._exit_code = code
            self._on_signal(signal.SIGTERM)
            return
        if time.monotonic() - child.started >= STEADY_S:
            child.pause = FIRST_PAUSE_S
        _log.warning("worker %d ended %s; it is started again in %.0f s", child.number, _how(code), child.pause)
        child.start_at = time.monotonic() + child.pause
        child.pause = min(2 * child.pause, LONGEST_PAUSE_S)


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _small_pool(environment: Mapping[str, str]) -> dict[str, str]:
    if any(key.startswith("TASKER__DATABASE__POOL__") for key in environment):
        return {}
    return {"TASKER__DATABASE__POOL__MAX_CONNECTIONS": str(POOL_PER_PROCESS), "TASKER__DATABASE__POOL__MIN_CONNECTIONS": "2"}


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tasker-worker`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parsed = server.parser(processes=True).parse_args(arguments)
    if parsed.processes == 1:
        return server.serve(parsed)
    server.set_up_logging(parsed.log_level)
    # The children read the same arguments; --processes means nothing to them.
    command = [sys.executable, "-m", "tasker_core.server", *arguments]
    return Supervisor(command, parsed.processes, os.environ).run()


if __name__ == "__main__":
    sys.exit(main())
