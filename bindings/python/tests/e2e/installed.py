"""Tries an installed package: `installed.py FOLDER_FOR_POSTGRESQL`. It needs nothing but the package."""

import sys
from pathlib import Path

import tasker_core
from tasker_core import BootstrapConfig, HandlerRegistry, TaskerClient, Worker, Workflow, result
from tasker_core._native import library

orders = Workflow("orders", namespace="installed")


@orders.step
def price(items: list[int]) -> int:
    return sum(items)


@orders.step
async def charge(total: int = result(price)) -> dict[str, int]:
    return {"charged": total}


if __name__ == "__main__":
    config = BootstrapConfig(settings={"database.url": "", "database.data_dir": sys.argv[1]})
    with Worker.start(config=config, workflows=[orders], registry=HandlerRegistry()) as worker:
        run = orders.start(items=[1, 2, 3]).wait(timeout=30)
        assert run.results == {"price": 6, "charge": {"charged": 6}}, run.results
        tasks = TaskerClient().list_tasks(namespace="installed").tasks
        assert [task.status for task in tasks] == ["complete"], tasks
    packaged = Path(tasker_core.__file__).parent / "_lib" / "libtasker.so"
    assert library().path == packaged, library().path
    assert library().live_buffers() == 0
    print(f"tasker_core {tasker_core.__version__} with {library().version} ran a workflow on {sys.version.split()[0]}")
