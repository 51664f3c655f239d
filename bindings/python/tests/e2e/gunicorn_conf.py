"""What gunicorn does around the processes of `gunicorn_app`."""

from __future__ import annotations

from typing import Any


def post_fork(_server: Any, _worker: Any) -> None:
    import gunicorn_app

    if gunicorn_app.WHEN == "after the fork":
        gunicorn_app.begin()


def worker_exit(_server: Any, _worker: Any) -> None:
    from tasker_core import Worker

    worker = Worker.instance()
    if worker is not None:
        worker.stop(grace=5)
