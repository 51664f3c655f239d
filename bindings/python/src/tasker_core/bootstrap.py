"""Starting and stopping the worker of this process. `tasker_core.worker.Worker` also runs its steps."""

from __future__ import annotations

from tasker_core import _tasker_core
from tasker_core.types import BootstrapConfig, BootstrapResult, WorkerStatus


def bootstrap_worker(config: BootstrapConfig | None = None) -> BootstrapResult:
    """Start the worker: it claims steps of the registered handlers, for `EventPoller` or `poll_step_events` to take.

    Raises:
        WorkerBootstrapError: It did not start; the message names what to change.
    """
    result = _tasker_core.bootstrap_worker(config.model_dump() if config is not None else None)
    return BootstrapResult(success=True, **result)


def stop_worker() -> str:
    """Stop the worker, and say so. Harmless without one."""
    return _tasker_core.stop_worker()


def get_worker_status() -> WorkerStatus:
    """Look at the worker."""
    return WorkerStatus.model_validate(_tasker_core.get_worker_status())


def transition_to_graceful_shutdown() -> str:
    """Take no further steps; those that run can be completed."""
    return _tasker_core.transition_to_graceful_shutdown()


def is_worker_running() -> bool:
    """Tell whether this process has a worker."""
    return _tasker_core.is_worker_running()
