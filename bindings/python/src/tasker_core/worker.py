"""The worker: runs the steps of workflows with the handlers of this program."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tasker_core._channel import Channel
from tasker_core._native import prevent_start
from tasker_core._runner import Runner
from tasker_core._runtime import FINISH_S, runtime
from tasker_core._status import CoreError
from tasker_core._workflows import templates_of
from tasker_core.errors import ConfigurationError
from tasker_core.event_bridge import EventBridge
from tasker_core.exceptions import WorkerAlreadyRunningError, WorkerNotInitializedError
from tasker_core.handler import HandlerRegistry
from tasker_core.types import BootstrapConfig, BootstrapResult
from tasker_core.workflow import Workflow

__all__ = ["Worker", "prevent_start"]

_log = logging.getLogger("tasker_core")

GRACE_S = 30.0
"""How long handlers may finish when the worker is stopped."""

EXIT_GRACE_S = 2.0
"""How long they may when the interpreter exits without a stop."""

_LAST_GRACE_S = 1.0
_SLOTS = "worker.mpsc_channels.handler_dispatch.max_concurrent_handlers"


class Worker:
    """Runs steps until it is stopped. There is one per process.

        with Worker.start(handler_packages=["my_app.handlers"]):
            ...

    Handlers run in threads, `async` ones on one event loop. Nothing here touches signals, so that it can be used within any
    program; `tasker-worker` is a program of its own.
    """

    _instance: Worker | None = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        """Make a worker that does not run; `start` makes one that does."""
        self._lock = threading.Lock()
        self._process = 0
        self._channel: Channel | None = None
        self._result: BootstrapResult | None = None
        self._handlers: list[str] = []
        self._slots = 0

    @classmethod
    def start(
        cls,
        handler_packages: list[str] | None = None,
        config: BootstrapConfig | None = None,
        *,
        workflows: Sequence[Workflow] = (),
        registry: HandlerRegistry | None = None,
        only: Sequence[str] = (),
        concurrency: int | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Worker:
        """Find handlers, start the core, and begin to run steps.

        Args:
            handler_packages: Packages whose modules are imported for the handlers in them.
            config: How to start the core. All of it has defaults.
            workflows: Workflows whose templates are registered with the core, and whose steps are run.
            registry: The handlers; by default those that were registered in this process.
            only: Serve these handlers alone, and leave the others to other workers.
            concurrency: How many steps run at once. By default as configured, which is 10 unless you say otherwise.
            loop: The event loop for `async` handlers, which then also takes the steps. It has to run for as long as the
                worker does, so stop the worker with `stop_async` there. By default handlers have a loop of their own.

        Raises:
            WorkerAlreadyRunningError: This process has a worker.
            WorkerBootstrapError: The core did not start; the message says why.
            ForkedError: The core was started before this process was forked.
            ConfigurationError: `only` names a handler that is not there.
        """
        worker = cls()
        registry = registry or HandlerRegistry.instance()
        for package in handler_packages or []:
            registry.discover_handlers(package)
        for workflow in workflows:
            workflow.register(registry)
        config = config or BootstrapConfig()
        if concurrency is not None:
            config = config.model_copy(update={"settings": {**config.settings, _SLOTS: concurrency}})
        with templates_of(workflows, config) as with_templates:
            worker._begin(with_templates, registry, loop, only)
        return worker

    def _begin(
        self,
        config: BootstrapConfig,
        registry: HandlerRegistry,
        loop: asyncio.AbstractEventLoop | None = None,
        only: Sequence[str] = (),
    ) -> None:
        self._handlers = _chosen(registry.served_handlers(), only)
        if not self._handlers:
            _log.warning("no handlers are registered: this worker will run no steps")
        if not runtime.bootstrap(config, self._handlers):
            raise WorkerAlreadyRunningError(f"worker {runtime.worker_id} runs in this process; stop it first")
        native = runtime.require()
        self._process, self._slots = os.getpid(), native.slots
        self._result = BootstrapResult(success=True, worker_id=runtime.worker_id, handle_id=f"{native.handle:x}")
        self._bridge = EventBridge.instance()
        self._bridge.start()
        forwarded = runtime.take_forwarded
        self._channel = Channel(native, registry, runtime.worker_id, bridge=self._bridge, forwarded=forwarded, loop=loop)
        with Worker._instance_lock:
            Worker._instance = self
        atexit.register(self._at_exit)
        try:
            self._channel.start()
        except BaseException:
            self.stop(grace=0.0)
            raise

    def stop(self, grace: float = GRACE_S, *, hurry: threading.Event | None = None) -> None:
        """Stop: take no further steps, let handlers finish, and store their results. Harmless when it does not run.

        Steps whose handlers still run after `grace` seconds are told that they are cancelled, and a second later given
        back, to run again elsewhere without having used up an attempt. Setting `hurry` ends the grace.
        """
        if self._process != os.getpid():  # forked, or never started
            return
        with self._lock:
            channel, self._channel = self._channel, None
            if channel is None:
                return
            atexit.unregister(self._at_exit)
            try:
                runtime.require().drain()
                try:
                    self._let_finish(channel.runner, grace, hurry)
                finally:  # also where another Ctrl-C ends the wait
                    left = channel.runner.release_all("shutdown")
                    if left:
                        _log.warning("%d steps are given back: their handlers did not end in time", left)
                    runtime.flush_events()
                    runtime.end(FINISH_S, before_free=lambda: channel.close(timeout=2.0))
            except (CoreError, WorkerNotInitializedError) as error:
                _log.warning("the worker was stopped already: %s", error)
                channel.close(timeout=2.0)
            finally:
                self._bridge.stop()
                with Worker._instance_lock:
                    if Worker._instance is self:
                        Worker._instance = None

    def _let_finish(self, runner: Runner, grace: float, hurry: threading.Event | None) -> None:
        deadline = time.monotonic() + grace
        step = grace if hurry is None else 0.1
        while not runner.wait_idle(max(0.0, min(step, deadline - time.monotonic()))):
            if time.monotonic() >= deadline or (hurry is not None and hurry.is_set()):
                break
        if runner.in_flight():
            runner.cancel_all("shutdown")
            runner.wait_idle(_LAST_GRACE_S)

    async def stop_async(self, grace: float = GRACE_S) -> None:
        """Stop without holding up the event loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.stop, grace)

    def _at_exit(self) -> None:
        if self._process == os.getpid() and self._channel is not None:
            _log.info("the interpreter exits; stopping the worker")
            self.stop(EXIT_GRACE_S)

    @classmethod
    def instance(cls) -> Worker | None:
        """The worker of this process, if there is one."""
        worker = Worker._instance
        return worker if worker is not None and worker.is_running else None

    @classmethod
    def reset_instance(cls) -> None:
        """Stop the worker of this process and forget it, for tests."""
        worker = Worker._instance
        if worker is not None:
            worker.stop(_LAST_GRACE_S)
        with Worker._instance_lock:
            Worker._instance = None

    @property
    def worker_id(self) -> str:
        """The worker's name in logs and results; empty before the start."""
        return self._result.worker_id if self._result else ""

    @property
    def is_running(self) -> bool:
        """Whether it takes steps. False in a process that was forked from the worker's."""
        return self._channel is not None and self._process == os.getpid()

    @property
    def bootstrap_result(self) -> BootstrapResult:
        """What starting led to."""
        if self._result is None:
            raise WorkerNotInitializedError("the worker was not started; use Worker.start()")
        return self._result

    @property
    def handlers(self) -> list[str]:
        """The handlers that it serves."""
        return list(self._handlers)

    @property
    def slots(self) -> int:
        """How many steps it runs at once."""
        return self._slots

    @property
    def in_flight(self) -> int:
        """How many steps it runs now."""
        return self._channel.runner.in_flight() if self._channel is not None else 0

    def status(self) -> Mapping[str, Any]:
        """What the core knows of the worker: state, steps, waiting times, drops."""
        return runtime.require().status()

    def __enter__(self) -> Worker:
        if not self.is_running:
            self._begin(BootstrapConfig(), HandlerRegistry.instance())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _chosen(served: list[str], only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in served:
            raise ConfigurationError(f"there is no handler {name!r} to serve alone; there are {', '.join(served) or 'none'}")
    return sorted(only) or served


def _after_fork_in_child() -> None:
    Worker._instance, Worker._instance_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
