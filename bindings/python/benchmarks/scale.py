"""How much more two worker processes do than one where handlers keep Python busy: scale.py [ROUNDS [TASKS]].

It prints tasks per second of each round, with one process and with two in turns, and the median of their ratios.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasker_core import TaskerClient, Workflow

scale = Workflow("scale", namespace="benchmarks")


@scale.step
def spin(rounds: int) -> dict[str, int]:
    """Keep Python's interpreter busy."""
    total = 0
    for number in range(rounds):
        total = (total * 31 + number) % 1_000_003
    return {"total": total}


ROUNDS = 200_000
"""Some ten milliseconds of work."""

_numbers = itertools.count()
"""What makes each task another one: equal requests are one task."""


def run_tasks(client: TaskerClient, tasks: int) -> tuple[float, set[str]]:
    """Run tasks, and return how many were done in a second, and the workers that did them."""
    began = time.monotonic()
    made = [
        client.create_task("scale", namespace="benchmarks", context={"rounds": ROUNDS + next(_numbers)}).task_uuid
        for _ in range(tasks)
    ]
    for task in made:
        status = client.wait_for_task(task, timeout=300).status
        if status != "complete":
            raise SystemExit(f"task {task} is {status}")
    rate = tasks / (time.monotonic() - began)
    return rate, {(client.list_task_steps(task)[0].results or {})["metadata"]["worker_id"] for task in made}


def measure(client: TaskerClient, processes: int, tasks: int) -> float:
    """Run tasks with so many worker processes, and return how many were done in a second."""
    serve = ["-m", "tasker_core.supervisor", "--handlers", __file__, "--processes", str(processes), "--threads", "2"]
    workers = subprocess.Popen([sys.executable, *serve, "--log-level", "warn"])
    try:
        while not client.call("templates.list", {"namespace": "benchmarks"})["templates"]:
            if workers.poll() is not None:
                raise SystemExit("the workers did not start")
            time.sleep(0.05)
        while len(run_tasks(client, 8 * processes)[1]) < processes:
            pass  # not all of them have started
        return run_tasks(client, tasks)[0]
    finally:
        workers.send_signal(signal.SIGTERM)
        workers.wait(60)


def main() -> None:
    """Measure, with a private PostgreSQL unless DATABASE_URL names another."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    tasks = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    folder = tempfile.mkdtemp(prefix="tasker-scale-")
    os.chmod(folder, 0o755)  # PostgreSQL may have to run as another user, who has to get there
    os.environ.setdefault("TASKER_DATA_DIR", str(Path(folder) / "pg"))
    ratios = []
    try:
        with TaskerClient() as client:
            client.health_check()
            for number in range(rounds):
                one, two = (measure(client, processes, tasks) for processes in (1, 2))
                ratios.append(two / one)
                print(f"round {number + 1}: {one:.0f} and {two:.0f} tasks/s, {ratios[-1]:.2f} times", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"two processes do {statistics.median(ratios):.2f} times the work of one")


if __name__ == "__main__":
    main()
