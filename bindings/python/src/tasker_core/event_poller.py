"""Taking steps by hand: a thread that polls and calls back. `Worker` needs none of this."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tasker_core import _tasker_core
from tasker_core._runtime import runtime
from tasker_core.exceptions import FFIError, WorkerNotInitializedError
from tasker_core.types import FfiDispatchMetrics, FfiStepEvent

_log = logging.getLogger("tasker_core")

StepEventCallback = Callable[[FfiStepEvent], None]
MetricsCallback = Callable[[FfiDispatchMetrics], None]
ErrorCallback = Callable[[Exception], None]
_T = TypeVar("_T")

_LONGEST_WAIT_S = 1.0


class EventPoller:
    """Polls for steps in a daemon thread and passes them to callbacks, on that thread.

    A step is seen as soon as it is there: the thread waits inside the core and does not sleep between polls.
    """

    DEFAULT_POLL_INTERVAL_MS = 10
    DEFAULT_STARVATION_CHECK_INTERVAL = 100
    DEFAULT_CLEANUP_INTERVAL = 1000

    def __init__(
        self,
        polling_interval_ms: int = DEFAULT_POLL_INTERVAL_MS,
        starvation_check_interval: int = DEFAULT_STARVATION_CHECK_INTERVAL,
        cleanup_interval: int = DEFAULT_CLEANUP_INTERVAL,
    ) -> None:
        """Make a poller that does not run yet.

        Args:
            polling_interval_ms: How long to pause after an error is ten times this.
            starvation_check_interval: Metrics are reported every so many intervals.
            cleanup_interval: Has no effect: the core ends steps whose time is up by itself.
        """
        self._error_pause = polling_interval_ms * 10 / 1000
        self._metrics_every = max(0.01, polling_interval_ms * starvation_check_interval / 1000)
        self.cleanup_interval = cleanup_interval
        self._on_step: list[StepEventCallback] = []
        self._on_metrics: list[MetricsCallback] = []
        self._on_error: list[ErrorCallback] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def on_step_event(self, callback: StepEventCallback) -> None:
        """Have a function called with each step. It has to see to its completion: `complete_step_event`."""
        self._on_step.append(callback)

    def on_metrics(self, callback: MetricsCallback) -> None:
        """Have a function called with the metrics now and then."""
        self._on_metrics.append(callback)

    def on_error(self, callback: ErrorCallback) -> None:
        """Have a function called with what goes wrong, in polling and in callbacks."""
        self._on_error.append(callback)

    def start(self) -> None:
        """Begin to poll.

        Raises:
            RuntimeError: It polls already.
        """
        if self.is_running:
            raise RuntimeError("the poller runs already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="tasker-event-poller", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Poll no more, and wait for the thread to end. Harmless when it does not run."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        worker = runtime.current()
        if worker is not None:
            worker.wake()
        if thread is not threading.current_thread():
            thread.join(timeout)

    @property
    def is_running(self) -> bool:
        """Whether it polls."""
        return self._thread is not None and self._thread.is_alive()

    def get_metrics(self) -> FfiDispatchMetrics | None:
        """The steps that wait or are held; None without a worker."""
        try:
            return FfiDispatchMetrics.model_validate(_tasker_core.get_ffi_dispatch_metrics())
        except (FFIError, WorkerNotInitializedError):
            return None

    def _run(self) -> None:
        report_at = time.monotonic() + self._metrics_every
        while not self._stopping.is_set():
            try:
                event = _tasker_core.poll_step_events(min(_LONGEST_WAIT_S, max(0.0, report_at - time.monotonic())))
                if event is not None:
                    self._call(self._on_step, FfiStepEvent.model_validate(event))
                if time.monotonic() >= report_at:
                    report_at = time.monotonic() + self._metrics_every
                    self._report()
            except Exception as error:
                if not self._stopping.is_set():
                    self._trouble(error)

    def _report(self) -> None:
        metrics = self.get_metrics() if self._on_metrics else None
        if metrics is not None:
            self._call(self._on_metrics, metrics)

    def _trouble(self, error: Exception) -> None:
        _log.debug("polling failed: %s", error)
        for callback in self._on_error:
            try:
                callback(error)
            except Exception:
                _log.exception("an error callback failed")
        self._stopping.wait(self._error_pause)

    def _call(self, callbacks: list[Callable[[_T], None]], value: _T) -> None:
        for callback in callbacks:
            try:
                callback(value)
            except Exception as error:
                _log.exception("a callback of the poller failed")
                self._trouble(error)
