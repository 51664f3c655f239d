"""Several servers and several workers on one database."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tasker_core import TaskerClient

from .conftest import HERE, TEMPLATES, Start


def test_w14_two_servers_and_two_workers_run_each_step_of_a_burst_once(
    start: Start, client: TaskerClient, tasker: Path
) -> None:
    serve = ("server", "--bind", "127.0.0.1:0", "--templates", TEMPLATES)
    servers = [start(*serve, program=tasker) for _ in range(2)]
    urls = [re.search(r"ready url=(\S+)", server.line()) for server in servers]
    workers = [
        start("-m", "tasker_core.server", "--handlers", HERE / "handlers.py", "--role", "worker", "--threads", 4)
        for _ in range(2)
    ]
    for worker in workers:
        worker.logged("serves")
    tasks: list[str] = []
    for url in urls * 13:
        assert url is not None
        with TaskerClient(url=url[1]) as remote:
            tasks.append(remote.create_task("waits", namespace="waits_py", context={"seconds": 0.1}).task_uuid)
    assert [client.wait_for_task(task).status for task in tasks] == ["complete"] * 26
    ran = []
    for worker in workers:
        worker.signal(signal.SIGTERM)
        code, out, log = worker.end()
        assert code == 0, log
        ran.append(out.count("began 0"))
    assert sum(ran) == 26, "each once"
    assert all(ran), "both took part"
    assert {step.attempts for task in tasks for step in client.list_task_steps(task)} == {1}
