"""Under a server that loads the application once and then forks."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from typing import Any

from .conftest import Program, Start


def serve(start: Start, when: str) -> tuple[Program, str]:
    arguments = ("--preload", "--workers", 2, "--timeout", 60, "--bind", "127.0.0.1:0", "--config", "gunicorn_conf.py")
    server = start("-m", "gunicorn", *arguments, "gunicorn_app:app", START_WORKER=when)
    found = re.search(r"http://\S+", server.logged("Listening at"))
    assert found
    for _ in range(2):
        server.logged("Booting worker")
    return server, found[0]


def ask(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def test_a_worker_that_starts_after_the_fork_runs_in_each_process(start: Start) -> None:
    server, address = serve(start, "after the fork")
    answers = [ask(address) for _ in range(6)]
    assert all((answer["running"], answer["task"]) == (True, "complete") for answer in answers), answers
    server.signal(signal.SIGTERM)
    assert server.end(60)[0] == 0


def test_a_worker_that_was_started_before_the_fork_is_a_clear_error_in_each_process(start: Start) -> None:
    server, address = serve(start, "before the fork")
    answer = ask(address)
    assert answer["running"] is False
    assert answer["error"].startswith("ForkedError: Tasker's core was started in process ")
    assert "gunicorn's post_fork" in answer["error"]
    server.signal(signal.SIGTERM)
    assert server.end(60)[0] == 0
