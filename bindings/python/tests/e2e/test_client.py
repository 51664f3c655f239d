"""Clients without a worker: of a server over HTTP, and of the database."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_core._status import CoreNotFoundError, UnavailableError
from tasker_core.client import TaskerClient

from .conftest import HERE, TEMPLATES, Start


@pytest.fixture(scope="module")
def server(tasker: Path, data_dir: str) -> Iterator[str]:
    """The address of a server, without handlers, on the database of the tests."""
    process = subprocess.Popen(
        [
            tasker,
            "server",
            "--bind",
            "127.0.0.1:0",
            "--data-dir",
            data_dir,
            "--log-level",
            "error",
            "--templates",
            TEMPLATES,
        ],
        env={**os.environ, "DATABASE_URL": "", "TASKER_DATA_DIR": data_dir},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    ready = re.search(r"ready url=(\S+)", process.stdout.readline())
    try:
        assert ready, process.stdout.read()
        yield ready[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_task_is_created_at_a_server_and_run_by_a_worker_elsewhere(server: str, start: Start) -> None:
    with TaskerClient(url=server) as client:
        task = client.create_task("waits", namespace="waits_py", context={"seconds": 0})
        assert client.get_task(task.task_uuid).status == task.status == "steps_in_process"
        start("-m", "tasker_core.server", "--handlers", HERE / "handlers.py", "--role", "worker")
        assert client.wait_for_task(task.task_uuid, timeout=60).status == "complete"
        assert [step.current_state for step in client.list_task_steps(task.task_uuid)] == ["complete"]
        assert client.health_check().healthy


def test_a_server_and_the_database_tell_the_same(server: str, data_dir: str) -> None:
    local = {"database.url": "", "database.data_dir": data_dir}
    with TaskerClient(url=server) as remote, TaskerClient(settings=local) as direct:
        task = remote.create_task("waits", namespace="waits_py", context={"seconds": 0})
        assert direct.get_task(task.task_uuid) == remote.get_task(task.task_uuid)
        assert direct.cancel_task(task.task_uuid)["status"] == "cancelled"
        assert remote.get_task(task.task_uuid).status == "cancelled"


def test_errors_of_a_server_are_those_of_the_core(server: str) -> None:
    with TaskerClient(url=server) as client, pytest.raises(CoreNotFoundError) as raised:
        client.get_task("00000000-0000-7000-8000-000000000000")
    assert raised.value.details["http_status"] == 404
    assert raised.value.retryable is False


def test_a_server_that_does_not_answer_is_an_error_that_can_be_retried() -> None:
    began = time.monotonic()
    with (
        TaskerClient(url="http://127.0.0.1:1") as client,
        pytest.raises(UnavailableError, match="does not answer") as raised,
    ):
        client.health_check()
    assert raised.value.retryable is True
    assert time.monotonic() - began < 20


def test_a_client_that_was_closed_connects_again(data_dir: str) -> None:
    client = TaskerClient(settings={"database.url": "", "database.data_dir": data_dir})
    for _ in range(2):
        assert client.health_check().healthy
        client.close()
        client.close()
