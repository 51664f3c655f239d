"""The commands: a worker as a program, several of them under a supervisor, and everything in one for trying out."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest

from tasker_core.client import TaskerClient, TaskResponse

from .conftest import HERE, Program, Start, until

SERVE = ("--handlers", HERE / "handlers.py", "--templates", HERE / "templates")


def wait_task(client: TaskerClient, seconds: float, deaf: bool = False) -> TaskResponse:
    return client.create_task("waits", namespace="waits_py", context={"seconds": seconds, "deaf": deaf})


def test_sigterm_lets_the_step_that_runs_finish(start: Start, client: TaskerClient) -> None:
    server = start("-m", "tasker_core.server", *SERVE)
    server.logged("serves")
    task = wait_task(client, 1.0)
    assert server.line() == "began 0"
    server.signal(signal.SIGTERM)
    code, _, log = server.end(20)
    assert (code, "stopped" in log) == (0, True)
    finished = client.get_task(task.task_uuid)
    assert (finished.status, finished.in_progress_steps) == ("complete", 0)
    (step,) = client.list_task_steps(task.task_uuid)
    assert (step.attempts, (step.results or {})["result"]) == (1, {"waited": 1.0})


def test_a_second_sigterm_does_not_wait_and_the_step_is_free_at_once(start: Start, client: TaskerClient) -> None:
    server = start("-m", "tasker_core.server", *SERVE)
    server.logged("serves")
    task = wait_task(client, 60.0, deaf=True)
    assert server.line() == "began 0"
    server.signal(signal.SIGTERM)
    server.logged("stopping;")
    sent = server.signal(signal.SIGTERM)
    assert server.end(20)[0] == 0
    assert time.time() - sent < 15
    other = start("-m", "tasker_core.server", *SERVE)
    assert other.line() == "began 0"
    client.cancel_task(task.task_uuid)


def test_d19_the_step_of_a_worker_that_was_killed_is_done_by_another(start: Start, client: TaskerClient) -> None:
    first = start("-m", "tasker_core.server", *SERVE, "--set", "worker.lease_ms=1000")
    first.logged("serves")
    task = wait_task(client, 0.5)
    assert first.line() == "began 0"
    first.signal(signal.SIGKILL)
    start("-m", "tasker_core.server", *SERVE)
    done = client.wait_for_task(task.task_uuid, timeout=30)
    assert done.status == "complete"


def test_sigusr1_logs_the_status(start: Start) -> None:
    server = start("-m", "tasker_core.server", *SERVE, "--worker-id", "named-one")
    server.logged("serves")
    server.signal(signal.SIGUSR1)
    status = json.loads(server.logged("status:").partition("status: ")[2])
    assert (status["running"], status["worker_core_status"]) == (True, "running")
    assert status["core"]["core"]["worker"]["worker_id"] == "named-one"
    server.signal(signal.SIGINT)
    assert server.end(20)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "worker.lease_ms=no"], 2, "worker.lease_ms"),
        (["--set", "worker.colour=red"], 2, "worker.colour"),
        (["--handlers", "handlers.py", "--only", "linear.cube"], 2, "no handler 'linear.cube' to serve alone; there are "),
        (["--handlers", "no_such_module"], 2, "no_such_module"),
        (["--handlers", "no/such/file.py"], 2, "no/such/file.py: no such file"),
        (["--set", "database.url=postgres://127.0.0.1:1/none"], 4, "did not start"),
    ],
)
def test_what_keeps_a_worker_from_starting_is_said_and_tells_by_its_exit_code(
    start: Start, arguments: list[str], code: int, message: str
) -> None:
    ended, _, log = start("-m", "tasker_core.server", *arguments).end(80)
    assert (ended, message in log) == (code, True), log


def test_a_library_that_cannot_be_loaded_has_an_exit_code_of_its_own(start: Start) -> None:
    code, _, log = start("-m", "tasker_core.server", TASKER_LIBRARY_PATH="/nowhere/libtasker.so").end(20)
    assert (code, "/nowhere/libtasker.so" in log) == (3, True)


def started(supervisor: Program, count: int) -> tuple[list[int], set[str]]:
    """Wait until as many workers serve, and return their processes, in their order, and their names.

    A supervisor that is busy may tell of a process after its worker has told that it serves.
    """
    pids: list[int] = []
    names: set[str] = set()
    while len(pids) < count or len(names) < count:
        told = supervisor.logged("worker ")
        if found := re.search(r"runs as process (\d+)", told):
            pids.append(int(found[1]))
        if found := re.search(r"worker (\S+) serves", told):
            names.add(found[1])
    return pids, names


def test_a_supervisor_runs_processes_and_starts_one_that_dies_again(start: Start, client: TaskerClient) -> None:
    supervisor = start("-m", "tasker_core.supervisor", "--processes", 2, "--threads", 2, *SERVE, TASKER_WORKER_ID="flock")
    pids, names = started(supervisor, 2)
    assert names == {"flock-1", "flock-2"}
    with open(f"/proc/{supervisor.process.pid}/maps") as maps:
        assert "libtasker" not in maps.read(), "the supervisor itself never loads the core"
    os.kill(pids[0], signal.SIGKILL)
    assert "ended by SIGKILL; it is started again in 1 s" in supervisor.logged("ended by")
    pids[:1], names = started(supervisor, 1)
    assert names == {"flock-1"}
    tasks = [wait_task(client, 0.3) for _ in range(4)]
    assert [client.wait_for_task(task.task_uuid).status for task in tasks] == ["complete"] * 4
    supervisor.signal(signal.SIGTERM)
    assert supervisor.end(20)[0] == 0
    for pid in pids:
        assert not os.path.exists(f"/proc/{pid}")


def test_a_second_sigterm_to_the_supervisor_is_as_fast_as_one_to_its_children(start: Start, client: TaskerClient) -> None:
    supervisor = start("-m", "tasker_core.supervisor", "--processes", 2, *SERVE)
    pids, _ = started(supervisor, 2)
    task = wait_task(client, 60.0, deaf=True)
    assert supervisor.line() == "began 0"
    for pid in pids:  # as on a machine that is too busy to let them take the first signal before the second comes
        os.kill(pid, signal.SIGSTOP)
    supervisor.signal(signal.SIGINT)
    supervisor.logged("stopping when the steps that run are done")
    sent = supervisor.signal(signal.SIGINT)
    supervisor.logged("stopping at once")
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert supervisor.end(20)[0] == 0
    assert time.time() - sent < 15
    client.cancel_task(task.task_uuid)


def test_children_do_not_outlive_a_supervisor_that_is_killed(start: Start) -> None:
    supervisor = start("-m", "tasker_core.supervisor", "--processes", 2, *SERVE)
    pids, _ = started(supervisor, 2)
    supervisor.signal(signal.SIGKILL)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "all children have ended")


def test_a_supervisor_gives_up_where_starting_again_would_not_help(start: Start) -> None:
    code, _, log = start("-m", "tasker_core.supervisor", "--processes", 2, "--set", "worker.colour=red").end(60)
    assert (code, "cannot run with this configuration" in log) == (2, True), log


def test_dev_runs_a_task_and_shows_how_it_goes(start: Start) -> None:
    program = start(
        "-m", "tasker_core.dev", HERE / "handlers.py", "--templates", HERE / "templates", "--run", "methods_py/methods"
    )  # fmt: skip
    code, out, log = program.end(60)
    assert code == 0, log
    assert re.search(r"plain +complete  \{\"ran\": \"call\"\}", out), out
    assert re.search(r"task \S+ is complete after", out), out
    assert "template errors_py/nobody 1.0.0\n  step step: this worker has no handler errors.nobody_has_this" in out


def test_dev_tells_of_a_task_that_fails(start: Start) -> None:
    program = start(
        "-m", "tasker_core.dev", HERE / "handlers.py", "--templates", HERE / "templates", "--run", "errors_py/permanent"
    )  # fmt: skip
    code, out, _ = program.end(60)
    assert code == 1
    assert "attempt 1 of 3: permanent_error: the order is closed" in out
