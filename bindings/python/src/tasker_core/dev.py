"""Everything in one process, to try handlers out: a private PostgreSQL, the orchestration and a worker.

    python -m tasker_core.dev handlers.py --templates config/tasks
    python -m tasker_core.dev handlers.py --templates config/tasks --run orders/checkout --context '{"cart": [1]}'

The first runs until Ctrl-C, the second runs one task, shows how it goes, and exits with 0 if it completes. With `--fresh`
templates may have changed since the last time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tasker_core import server
from tasker_core._load import load_handlers
from tasker_core._runtime import runtime
from tasker_core.client import RESTING, StepResponse, TaskerClient, TaskResponse
from tasker_core.exceptions import TaskerError
from tasker_core.worker import Worker

_LOOK_EVERY_S = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python -m tasker_core.dev`."""
    arguments = _parser().parse_args(argv)
    server.set_up_logging(arguments.log_level)
    arguments.handlers = [*arguments.handlers, *arguments.files]
    signals = server.watch_signals()
    with contextlib.ExitStack() as cleanup:
        if arguments.fresh:
            arguments.set += ["database.url=", f"database.data_dir={cleanup.enter_context(_new_database())}"]
        return _serve(arguments, signals)


@contextlib.contextmanager
def _new_database() -> Iterator[str]:
    """A folder for a private PostgreSQL, which goes away in the end."""
    folder = tempfile.mkdtemp(prefix="tasker-dev-")
    os.chmod(folder, 0o755)  # PostgreSQL refuses to run as root: another user may have to get there
    try:
        yield os.path.join(folder, "pg")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(arguments: argparse.Namespace, signals: queue.SimpleQueue[int]) -> int:
    try:
        workflows = load_handlers(arguments.handlers)
        worker = Worker.start(config=server.config(arguments), workflows=workflows, only=arguments.only)
    except (TaskerError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        if not arguments.fresh and "registered with other content" in str(error):
            print("or add --fresh, to begin with an empty database each time", file=sys.stderr)
        return server.EXIT_CONFIG
    try:
        _introduce(worker)
        if arguments.run:
            return _run(
                TaskerClient("tasker_core.dev", "dev"), arguments.run, json.loads(arguments.context), arguments.timeout
            )
        print("ready; Ctrl-C stops it")
        server.wait_for_stop(signals)
        return server.EXIT_OK
    except TaskerError as error:
        print(f"error: {error}", file=sys.stderr)
        return server.EXIT_UNEXPECTED
    finally:
        server.stop(worker, signals, arguments.grace)


def _parser() -> argparse.ArgumentParser:
    p = server.parser()
    p.prog, p.description, p.epilog = "python -m tasker_core.dev", "Try handlers out, with nothing to set up.", None
    p.add_argument("files", nargs="*", metavar="HANDLERS", help="the same as --handlers")
    p.add_argument("--fresh", action="store_true", help="begin with an empty database, and remove it in the end")
    p.add_argument("--run", metavar="NAMESPACE/NAME[@VERSION]", help="run one task of this template, and exit")
    p.add_argument("--context", default="{}", metavar="JSON", help="what the task is given")
    p.add_argument("--timeout", type=float, default=300.0, metavar="S", help="how long the task may take (default: 300)")
    p.set_defaults(log_level="warn")
    return p


def _introduce(worker: Worker) -> None:
    """Say what is here, and what is missing."""
    core = worker.status()["core"]
    database = "a private PostgreSQL" if core["embedded_database"] else "the PostgreSQL of DATABASE_URL"
    print(f"worker {worker.worker_id} on {database}, {worker.slots} steps at once")
    print(f"handlers: {', '.join(worker.handlers) or 'none'}")
    native = runtime.require()
    for template in native.call("templates.list")["templates"]:
        name = {key: template[key] for key in ("namespace", "name", "version")}
        problems = native.call("templates.validate", name)["errors"]
        print(
            f"template {name['namespace']}/{name['name']} {name['version']}"
            + "".join(f"\n  {problem}" for problem in problems)
        )


def _run(client: TaskerClient, template: str, context: dict[str, Any], timeout: float) -> int:
    path, _, version = template.partition("@")
    namespace, slash, name = path.partition("/")
    if not slash:
        raise TaskerError(f"--run {template}: write NAMESPACE/NAME, as in the list above")
    began = time.monotonic()
    task = client.create_task(name, namespace=namespace, version=version or "1.0.0", context=context, reason="tried out")
    task = _follow(client, task, began, timeout)
    print(f"task {task.task_uuid} is {task.status} after {time.monotonic() - began:.2f} s")
    return 0 if task.status == "complete" else 1


def _follow(client: TaskerClient, task: TaskResponse, began: float, timeout: float) -> TaskResponse:
    """Show each change of a step until the task rests."""
    shown: dict[str, tuple[str, int]] = {}
    while True:
        task = client.get_task(task.task_uuid)
        for step in client.list_task_steps(task.task_uuid):
            state = (step.current_state, step.attempts)
            if shown.get(step.name) != state and step.current_state != "pending":
                shown[step.name] = state
                print(f"  +{time.monotonic() - began:5.2f}s  {step.name:24} {_describe(step)}", flush=True)
        if task.status in RESTING:
            return task
        if time.monotonic() - began > timeout:
            raise TaskerError(f"task {task.task_uuid} is {task.status} after {timeout:.0f} s: {task.recommended_action}")
        time.sleep(_LOOK_EVERY_S)


def _describe(step: StepResponse) -> str:
    record = step.results or {}
    if step.current_state == "complete":
        return f"complete  {json.dumps(record.get('result'), ensure_ascii=False)[:200]}"
    error = record.get("error") or {}
    if error and step.current_state != "in_progress":
        attempt = f"attempt {step.attempts} of {step.max_attempts}"
        return f"{step.current_state}  {attempt}: {error.get('error_type')}: {error.get('message')}"
    return step.current_state


if __name__ == "__main__":
    sys.exit(main())
