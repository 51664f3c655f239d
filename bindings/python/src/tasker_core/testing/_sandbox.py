"""Running whole templates: a worker on a database of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tasker_core.client import StepResponse, TaskerClient, TaskResponse
from tasker_core.handler import HandlerRegistry
from tasker_core.types import BootstrapConfig
from tasker_core.worker import Worker
from tasker_core.workflow import Workflow


@dataclass(frozen=True)
class TaskRun:
    """A task that has come to rest."""

    task: TaskResponse
    steps: dict[str, StepResponse]

    @property
    def status(self) -> str:
        """The task's state, such as `complete`, `error` or `blocked_by_failures`."""
        return self.task.status

    @property
    def results(self) -> dict[str, Any]:
        """What the steps that completed returned, by their names."""
        return {name: (s.results or {}).get("result") for name, s in self.steps.items() if s.current_state == "complete"}

    def error(self, step: str) -> dict[str, Any]:
        """Why a step failed: `message`, `error_type`, `retryable` and more. Empty if it did not."""
        return (self.steps[step].results or {}).get("error") or {}

    def completed(self) -> TaskRun:
        """Return the run if the task completed, and fail the test with the reasons if it did not."""
        if self.status != "complete":
            reasons = [f"{name} {s.current_state}: {self.error(name).get('message')}" for name, s in self.steps.items()]
            raise AssertionError(f"task {self.task.name} is {self.status}\n  " + "\n  ".join(reasons))
        return self


class Sandbox:
    """A worker in this process, with a private PostgreSQL in a folder that goes away with it.

    Starting takes a second or two, so tests share one. As there is one worker per process, there is one sandbox.
    """

    def __init__(
        self,
        templates: Sequence[str | Path] = (),
        *,
        workflows: Sequence[Workflow] = (),
        handler_packages: Sequence[str] = (),
        registry: HandlerRegistry | None = None,
        concurrency: int | None = None,
        settings: Mapping[str, Any] | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        """Describe a sandbox; `start` or `with` opens it.

        Args:
            templates: Folders and files of templates.
            workflows: Workflows that are declared in Python.
            handler_packages: Packages to look for handlers in.
            registry: The handlers; by default those that were registered in this process.
            concurrency: How many steps run at once.
            settings: Keys of the configuration, such as `database.url` for a database that is there already.
            data_dir: Keep the private PostgreSQL here, which makes the next start faster.
        """
        self._templates = [str(Path(t).resolve()) for t in templates]
        self._workflows = list(workflows)
        self._packages = list(handler_packages)
        self._registry = registry
        self._concurrency = concurrency
        self._settings = dict(settings or {})
        self._data_dir = str(data_dir) if data_dir else None
        self._temporary: str | None = None
        self._worker: Worker | None = None
        self.client = TaskerClient("tasker_core.testing", "test")

    def start(self) -> Sandbox:
        """Open it."""
        settings = {"task_templates.search_paths": self._templates, "telemetry.log_level": "warn", **self._settings}
        if not settings.get("database.url"):
            settings["database.url"] = ""
            settings["database.data_dir"] = self._data_dir or self._make_folder()
        try:
            self._worker = Worker.start(
                self._packages,
                BootstrapConfig(settings=settings),
                workflows=self._workflows,
                registry=self._registry,
                concurrency=self._concurrency,
            )
        except BaseException:
            self._remove_folder()
            raise
        return self

    def stop(self) -> None:
        """Close it, and remove its database."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop(grace=5.0)
            self._remove_folder()

    @property
    def worker(self) -> Worker:
        """The worker in it."""
        if self._worker is None:
            raise RuntimeError("the sandbox is not open")
        return self._worker

    def run(
        self,
        name: str,
        *,
        namespace: str = "default",
        context: dict[str, Any] | None = None,
        version: str = "1.0.0",
        timeout: float = 30.0,
        **kwargs: Any,
    ) -> TaskRun:
        """Create a task and wait until it has ended, or is blocked by failures. Takes what `create_task` takes."""
        task = self.client.create_task(name, namespace=namespace, context=context, version=version, **kwargs)
        return self.wait(task.task_uuid, timeout=timeout)

    def wait(self, task_uuid: str, *, timeout: float = 30.0) -> TaskRun:
        """Wait for a task that was created before."""
        task = self.client.wait_for_task(task_uuid, timeout=timeout)
        return TaskRun(task, {step.name: step for step in self.client.list_task_steps(task_uuid)})

    def _make_folder(self) -> str:
        # PostgreSQL refuses to run as root, so that another user may have to get there.
        self._temporary = tempfile.mkdtemp(prefix="tasker-test-")
        os.chmod(self._temporary, 0o755)
        return os.path.join(self._temporary, "pg")

    def _remove_folder(self) -> None:
        folder, self._temporary = self._temporary, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Sandbox:
        return self if self._worker is not None else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
