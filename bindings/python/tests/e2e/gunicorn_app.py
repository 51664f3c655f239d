"""A web application under gunicorn, whose worker processes are forked from one that has loaded it all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from programs import config, registry

from tasker_core import TaskerClient, Worker

WHEN = os.environ["START_WORKER"]


def begin() -> Worker:
    return Worker.start(config=config(), registry=registry(errors__succeed=lambda _: {}))


if WHEN == "before the fork":
    begin()


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer: dict[str, Any] = {"pid": os.getpid(), "running": Worker.instance() is not None}
    try:
        client = TaskerClient()
        task = client.create_task("success_only", namespace="errors_py")
        answer["task"] = client.wait_for_task(task.task_uuid).status
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
