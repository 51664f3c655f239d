"""A worker as a program: `python -m tasker_core.server --handlers my_app.handlers --templates config/tasks`.

SIGTERM and SIGINT let the handlers that run finish, a second one does not; SIGUSR1 logs the worker's status. `tasker-worker`
is the same for several processes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tasker_core import _tasker_core, _version
from tasker_core import logging as core_logging
from tasker_core._load import load_handlers
from tasker_core._status import CoreConfigError
from tasker_core.exceptions import FFIError, TaskerError, WorkerBootstrapError
from tasker_core.types import BootstrapConfig
from tasker_core.worker import Worker

EXIT_OK, EXIT_CONFIG, EXIT_LIBRARY, EXIT_UNEXPECTED = 0, 2, 3, 4

LIFELINE = "TASKER_LIFELINE_FD"
"""Names a pipe's descriptor. When its other end closes, whoever started this program has died, and it stops."""

READY = "TASKER_READY_FD"
"""Names a pipe's descriptor, into which a line is written when steps are taken."""

_log = logging.getLogger("tasker_core.server")


def parser(*, processes: bool = False) -> argparse.ArgumentParser:
    """The command line, which the environment fills in where nothing is said."""
    p = argparse.ArgumentParser(
        prog="tasker-worker" if processes else "python -m tasker_core.server",
        description="Run the steps of workflows whose handlers are written in Python.",
        epilog="Everything else is configured as for any Tasker program: by config/tasker, environment variables and --set.",
    )
    option = p.add_argument
    repeat: dict[str, Any] = {"action": "append"}
    levels = ("trace", "debug", "info", "warn", "error")
    where = "a module or package, a .py file, or a folder of them; PYTHON_HANDLER_PATH names folders too"
    option("--handlers", metavar="MODULE|FILE|DIR", help=where, **repeat)
    option("--only", metavar="HANDLER", help="serve this handler alone, and leave the others to other workers", **repeat)
    option("--templates", metavar="DIR", help="register the templates in this folder first", **repeat)
    option("--threads", type=_positive, metavar="M", help="steps that run at once (default: 10, or as configured)")
    about_processes = "processes, each with its own threads (default: 1)" if processes else argparse.SUPPRESS
    option("--processes", type=_positive, default=1, metavar="N", help=about_processes)
    option("--worker-id", metavar="NAME", help="the worker's name in logs and results")
    option("--namespace", metavar="NAME", help="run only steps of this namespace", **repeat)
    option("--config", metavar="FILE", help="a configuration file, read after the usual ones")
    option("--set", metavar="KEY=VALUE", help="set a key of the configuration, such as database.url", **repeat)
    option(
        "--role", choices=("full", "worker"), default="full", help="full also orchestrates, which a server does for a worker"
    )
    option("--grace", type=float, default=30.0, metavar="S", help="seconds that handlers may take to end (default: 30)")
    option("--log-level", choices=levels, default="info")
    p.set_defaults(handlers=[], only=[], templates=[], namespace=[], set=[])
    p.add_argument("--version", action="version", version=f"tasker-core {_version.__version__}")
    return p


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def set_up_logging(level: str) -> None:
    """Log to standard error, unless the program has its own way already."""
    number = {"trace": core_logging.TRACE, "warn": logging.WARNING}.get(level) or logging.getLevelName(level.upper())
    logging.basicConfig(level=number, format="%(asctime)s %(levelname)-7s %(process)d %(name)s %(message)s")


def config(arguments: argparse.Namespace) -> BootstrapConfig:
    """What the command line says about the core."""
    settings: dict[str, Any] = {}
    if arguments.threads:
        settings["worker.mpsc_channels.handler_dispatch.max_concurrent_handlers"] = arguments.threads
    if arguments.templates:
        settings["task_templates.search_paths"] = [os.path.abspath(folder) for folder in arguments.templates]
    if arguments.namespace:
        settings["worker.namespaces"] = arguments.namespace
    for pair in arguments.set:
        key, equals, value = pair.partition("=")
        if not equals:
            raise SystemExit(f"--set {pair}: write KEY=VALUE")
        settings[key] = value
    return BootstrapConfig(
        worker_id=arguments.worker_id,
        config_path=arguments.config,
        log_level=arguments.log_level,
        settings=settings,
        role=arguments.role,
    )


def serve(arguments: argparse.Namespace) -> int:
    """Run a worker until a signal ends it. Returns an exit code."""
    set_up_logging(arguments.log_level)
    signals = watch_signals()
    try:
        workflows = load_handlers(arguments.handlers)
        worker = Worker.start(config=config(arguments), workflows=workflows, only=arguments.only)
    except WorkerBootstrapError as error:
        _log.error("%s", error)
        return EXIT_CONFIG if isinstance(error.__cause__, CoreConfigError) else EXIT_UNEXPECTED
    except FFIError as error:
        _log.error("%s", error)
        return EXIT_LIBRARY
    except (TaskerError, ImportError) as error:
        _log.error("%s", error)
        return EXIT_CONFIG
    _log.info("worker %s serves %d handlers, %d steps at once", worker.worker_id, len(worker.handlers), worker.slots)
    tell_ready()
    wait_for_stop(signals)
    stop(worker, signals, arguments.grace)
    return EXIT_OK


def tell_ready() -> None:
    """Tell whoever started this program, if they want to know."""
    descriptor = os.environ.pop(READY, "")
    if descriptor:
        with os.fdopen(int(descriptor), "w") as pipe:
            pipe.write("ready\n")


def watch_signals() -> queue.SimpleQueue[int]:
    """Have signals put into a queue instead of ending the program. Programs may do that; a library leaves signals alone."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda received, _frame: signals.put(received))
    lifeline = os.environ.pop(LIFELINE, "")
    if lifeline:
        threading.Thread(target=_watch_lifeline, args=(int(lifeline), signals), name="tasker-lifeline", daemon=True).start()
    return signals


def _watch_lifeline(descriptor: int, signals: queue.SimpleQueue[int]) -> None:
    os.read(descriptor, 1)
    _log.warning("the supervisor has died; stopping")
    signals.put(signal.SIGTERM)


def wait_for_stop(signals: queue.SimpleQueue[int]) -> None:
    """Wait for a signal to stop, and answer those that ask for the status."""
    while True:
        try:
            # Python sleeps through a signal that comes just before a wait begins, until the wait ends: so it ends soon.
            received = signals.get(timeout=0.25)
        except queue.Empty:
            continue
        if received != signal.SIGUSR1:
            return
        _log.info("status: %s", json.dumps(_tasker_core.get_worker_status()))


def stop(worker: Worker, signals: queue.SimpleQueue[int], grace: float) -> None:
    """Stop a worker. Another signal meanwhile ends the grace of its handlers."""
    _log.info("stopping; %d steps run", worker.in_flight)
    hurry = threading.Event()

    def watch() -> None:
        wait_for_stop(signals)
        _log.warning("stopping at once")
        hurry.set()

    threading.Thread(target=watch, name="tasker-hurry", daemon=True).start()
    worker.stop(grace, hurry=hurry)
    _log.info("stopped")


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python -m tasker_core.server`."""
    return serve(parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
