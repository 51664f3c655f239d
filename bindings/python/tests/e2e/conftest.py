"""A worker in this process, and programs in others with a PostgreSQL of their own, so that none takes the steps of another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from killing import Mortal
from tasker_core import TaskerClient
from tasker_core.client import ENDED
from tasker_core.domain_events import PublisherRegistry
from tasker_core.testing import Sandbox, TaskRun

from . import forms, handlers
from .forms import arithmetic, events, refunds

HERE = Path(__file__).parent
BINDING = HERE.parents[1]
TEMPLATES = HERE / "templates"
ROOT = BINDING.parents[1]
EXAMPLES = ROOT / "examples"
KILL_AFTER_S = 90.0
SOON_S = 30.0


@pytest.fixture(scope="session")
def data_dir() -> Iterator[str]:
    """The folder of the private PostgreSQL of all programs."""
    folder = tempfile.mkdtemp(prefix="tasker-e2e-")
    os.chmod(folder, 0o755)  # PostgreSQL may have to run as another user, who has to get there
    yield os.path.join(folder, "pg")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def client(data_dir: str) -> Iterator[TaskerClient]:
    """A client of the private PostgreSQL, which runs for as long as this one is open."""
    with TaskerClient(settings={"database.url": "", "database.data_dir": data_dir}) as opened:
        opened.health_check()
        yield opened


@pytest.fixture(scope="session")
def form_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the templates of `forms`, one for each form."""
    folder = tmp_path_factory.mktemp("forms")
    forms.write_templates(folder)
    return folder


@pytest.fixture(scope="session")
def sandbox(form_templates: Path) -> Iterator[Sandbox]:
    """A worker in this process, with the handlers of `handlers.py`, and those of `forms` in both of their forms."""
    registry = handlers.registry()
    registry.discover_handlers(forms.__name__)
    for name, handler in {**arithmetic.EXAMPLE_HANDLERS, **refunds.EXAMPLE_HANDLERS}.items():
        registry.register(name, handler)
    PublisherRegistry.instance().register(events.BrokenPublisher())
    settings = {"worker.unknown_handler_grace_ms": 300, "telemetry.log_level": "error"}
    with Sandbox([TEMPLATES, form_templates], registry=registry, settings=settings) as opened:
        yield opened
    PublisherRegistry.reset()


def run_all(sandbox: Sandbox, name: str, namespace: str, contexts: Iterable[Mapping[str, Any]]) -> list[TaskRun]:
    """Run a task for each context, all at once."""
    made = [sandbox.client.create_task(name, namespace=namespace, context=dict(context)) for context in contexts]
    return [sandbox.wait(task.task_uuid) for task in made]


def until(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something to see, and return it."""
    deadline = time.monotonic() + SOON_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.01)
    return found


def until_step_is(state: str, step: str, run: TaskRun, sandbox: Sandbox) -> TaskRun:
    """Wait for a step of a task that others have blocked before."""
    deadline = time.monotonic() + KILL_AFTER_S
    while step not in run.steps or run.steps[step].current_state != state:
        assert time.monotonic() < deadline, f"{step} never was {state}: {run.steps}"
        time.sleep(0.01)
        run = sandbox.wait(run.task.task_uuid)
    return run


@pytest.fixture(scope="session")
def tasker() -> Path:
    """The program `tasker`."""
    if not shutil.which("go"):
        pytest.fail("these tests build tasker themselves: install Go")
    program = ROOT / "build" / "python-e2e" / "tasker"
    build = ["go", "build", "-o", program, "./cmd/tasker"]
    environment = {**os.environ, "CGO_ENABLED": "0"}
    built = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return program


class Program(Mortal):
    """A program of the tests, which logs on its standard error."""

    def __init__(self, data_dir: str, command: list[str], **environment: str) -> None:
        paths = [str(BINDING / "src"), str(HERE)]
        environment = {**os.environ, "DATABASE_URL": "", "TASKER_DATA_DIR": data_dir, "PYTHONUNBUFFERED": "1", **environment}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        super().__init__(command, environment, end_within=KILL_AFTER_S, folder=HERE)

    def logged(self, text: str) -> str:
        """Wait for a line of its log that has this in it."""
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if text in line:
                return line
        pytest.fail(f"it ended and never logged {text!r}: {''.join(lines)}")


Start = Callable[..., Program]
Play = Callable[..., dict[str, Any]]


@contextmanager
def starting(data_dir: str, client: TaskerClient) -> Iterator[Start]:
    """Start Python, or another program, and see to it that neither it nor a step it left waiting stays."""
    programs: list[Program] = []

    def begin(*arguments: object, program: object = sys.executable, **environment: str) -> Program:
        programs.append(Program(data_dir, [str(program), *map(str, arguments)], **environment))
        return programs[-1]

    yield begin
    for program in programs:
        program.kill()
    for task in client.list_tasks(namespace="waits_py", limit=100).tasks:
        if client.get_task(task.task_uuid).status not in ENDED:
            client.cancel_task(task.task_uuid)


@pytest.fixture
def start(data_dir: str, client: TaskerClient) -> Iterator[Start]:
    """Start programs that end with the test."""
    with starting(data_dir, client) as begin:
        yield begin


@pytest.fixture
def play(start: Start) -> Play:
    """Run one of `programs.py` to its end, and return what it told last."""

    def run(name: str, *arguments: object) -> dict[str, Any]:
        code, out, log = start(HERE / "programs.py", name, *arguments).end()
        assert code == 0, f"exit code {code}\n{out}\n{log}"
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told

    return run
