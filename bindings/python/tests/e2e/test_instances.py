"""Several servers and several workers on one database."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_core import TaskerClient
from tasker_core.client import StepResponse

from .conftest import HERE, starting
from .forms import FORMS
from .forms.burst import WORKERS

BURST = 25


class Bursts:
    """What became of a burst of tasks for each form."""

    def __init__(self) -> None:
        self.tasks: dict[str, list[str]] = {form: [] for form in FORMS}
        self.statuses: dict[str, str] = {}
        self.steps: dict[str, list[StepResponse]] = {}
        self.ran: list[list[str]] = []
        """The tasks that each worker ran a step of, as often as it did."""


@pytest.fixture(scope="module")
def bursts(
    data_dir: str, client: TaskerClient, tasker: Path, form_templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bursts]:
    """Tasks of one form and then of the other, created in turn at two servers, and run by two workers that serve both."""
    seen = Bursts()
    with starting(data_dir, client) as start:
        serve = ("server", "--bind", "127.0.0.1:0", "--templates", form_templates)
        servers = [start(*serve, program=tasker) for _ in range(2)]
        work = ("-m", "tasker_core.server", "--handlers", HERE / "forms" / "burst.py", "--role", "worker", "--threads", 4)
        workers = [start(*work) for _ in range(WORKERS)]
        urls = [re.search(r"ready url=(\S+)", server.line()) for server in servers]
        for worker in workers:
            worker.logged("serves")
        remotes = [TaskerClient(url=url[1]) for url in urls if url is not None]
        assert len(remotes) == 2
        for form, tasks in seen.tasks.items():
            context = {"at_work": str(tmp_path_factory.mktemp(form))}
            for number in range(BURST):
                created = remotes[number % 2].create_task(f"burst_{form}", namespace="waits_py", context=context)
                tasks.append(created.task_uuid)
            for task in tasks:
                seen.statuses[task] = client.wait_for_task(task).status
                seen.steps[task] = client.list_task_steps(task)
        for worker in workers:
            worker.signal(signal.SIGTERM)
            code, out, log = worker.end()
            assert code == 0, log
            seen.ran.append(re.findall(r"^ran (\S+)$", out, re.M))
        for remote in remotes:
            remote.close()
        yield seen


@pytest.mark.parametrize("form", ["class", "dsl"])
def test_w14_two_servers_and_two_workers_run_each_step_of_a_burst_once(bursts: Bursts, form: str) -> None:
    tasks = bursts.tasks[form]
    assert [bursts.statuses[task] for task in tasks] == ["complete"] * BURST
    shares = [[task for task in ran if task in tasks] for ran in bursts.ran]
    assert sorted(itertools.chain(*shares)) == sorted(tasks), "each once"
    assert all(shares), "both took part"
    records = [step for task in tasks for step in bursts.steps[task]]
    assert [(step.attempts, (step.results or {})["result"]) for step in records] == [(1, {"by": form})] * BURST
