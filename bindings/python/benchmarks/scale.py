"""How much more two worker processes do than one where handlers keep Python busy: scale.py [ROUNDS [TASKS]].

It prints steps per second of each round, with one process and with two in turns, and the median of their ratios. Beside it
stands what this machine gives two programs that have nothing to do with Tasker: cores may share what they are made of.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tasker_core import TaskerClient, Workflow

LENGTH = 1_000_000
"""Some fifty milliseconds of work, beside which what the engine and PostgreSQL need of the same cores is little."""

_numbers = itertools.count()
"""What makes each task another one: equal requests are one task."""

scale = Workflow("scale", namespace="benchmarks")


@scale.step
def spin(length: int) -> dict[str, int]:
    """Keep Python's interpreter busy."""
    return {"total": work(length)}


def work(length: int) -> int:
    """Calculate, which one thread of a process can do at a time."""
    total = 0
    for number in range(length):
        total = (total * 31 + number) % 1_000_003
    return total


class Rate(NamedTuple):
    """How many steps were done in a second, from when the first began until the last had ended, and by whom."""

    per_second: float
    done: Counter[str]


def run_tasks(client: TaskerClient, tasks: int) -> Rate:
    """Run tasks of one step each."""
    made = [
        client.create_task("scale", namespace="benchmarks", context={"length": LENGTH + next(_numbers)}).task_uuid
        for _ in range(tasks)
    ]
    told = []
    for task in made:
        status = client.wait_for_task(task, timeout=300).status
        if status != "complete":
            raise SystemExit(f"task {task} is {status}")
        told.append((client.list_task_steps(task)[0].results or {})["metadata"])
    began, ended = min(_moment(step["started_at"]) for step in told), max(_moment(step["completed_at"]) for step in told)
    return Rate(tasks / (ended - began), Counter(step["worker_id"] for step in told))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def with_tasker(client: TaskerClient, processes: int, tasks: int) -> float:
    """Run tasks with so many worker processes, and return how many steps were done in a second."""
    serve = ["-m", "tasker_core.supervisor", "--handlers", __file__, "--processes", str(processes), "--threads", "2"]
    workers = subprocess.Popen([sys.executable, *serve, "--log-level", "warn"])
    try:
        while not client.call("templates.list", {"namespace": "benchmarks"})["templates"]:
            if workers.poll() is not None:
                raise SystemExit("the workers did not start")
            time.sleep(0.05)
        while len(run_tasks(client, 8 * processes).done) < processes:
            pass  # not all of them have started
        rate = run_tasks(client, tasks)
        if len(rate.done) != processes:
            raise SystemExit(f"{processes} processes should have shared the steps: {dict(rate.done)}")
        return rate.per_second
    finally:
        workers.send_signal(signal.SIGTERM)
        workers.wait(60)


def without_tasker(processes: int, tasks: int) -> float:
    """Do the same work in plain processes, and return how often it was done in a second."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        while len(set(pool.map(_work_and_tell, [LENGTH] * 8 * processes))) < processes:
            pass  # not all of them have started
        began = time.monotonic()
        list(pool.map(work, [LENGTH] * tasks))
        return tasks / (time.monotonic() - began)


def _work_and_tell(length: int) -> int:
    work(length)
    return os.getpid()


def main() -> None:
    """Measure, with a private PostgreSQL unless DATABASE_URL names another."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    tasks = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two processes do no more than one where there is one processor: run this where there are two")
    folder = tempfile.mkdtemp(prefix="tasker-scale-")
    os.chmod(folder, 0o755)  # PostgreSQL may have to run as another user, who has to get there
    os.environ.setdefault("TASKER_DATA_DIR", str(Path(folder) / "pg"))
    ratios, bounds = [], []
    try:
        with TaskerClient() as client:
            client.health_check()
            for number in range(rounds):
                one, two = (with_tasker(client, processes, tasks) for processes in (1, 2))
                ratios.append(two / one)
                one_alone, two_alone = (without_tasker(processes, tasks) for processes in (1, 2))
                bounds.append(two_alone / one_alone)
                print(
                    f"round {number + 1}: {one:.1f} and {two:.1f} steps/s, {ratios[-1]:.2f} times;"
                    f" without Tasker {one_alone:.1f} and {two_alone:.1f}, {bounds[-1]:.2f} times",
                    flush=True,
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"two processes do {statistics.median(ratios):.2f} times the work of one")
    print(f"without Tasker they do {statistics.median(bounds):.2f} times as much on this machine")


if __name__ == "__main__":
    main()
