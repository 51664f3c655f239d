"""One delivery of a step to this process: what its handler may ask of the core, and how its result goes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from tasker_core._codec import EncodeError, dumps
from tasker_core._handles import NativeWorker
from tasker_core._status import CoreError, StaleTokenError, Status, StepCancelledError
from tasker_core._wire import plain

_log = logging.getLogger("tasker_core")

PATIENCE_S = 30.0
"""How long a result is offered to a core that has no room for it. The core ends the attempt by then anyway."""

_REFUSED = (Status.E_INVALID, Status.E_ENCODING, Status.E_TOO_LARGE)
_MOST_TEXT = 500


_cancelling = threading.Lock()
"""One lock for all attempts: few are cancelled."""


class Attempt:
    """A step that this process holds."""

    __slots__ = ("_event_id", "_on_cancel", "_worker", "reason", "token")

    def __init__(self, worker: NativeWorker, token: int, event_id: bytes) -> None:
        self.token = token
        self.reason = ""
        """Why it was cancelled: `timeout`, `cancelled`, `lease_lost` or `shutdown`."""
        self._worker = worker
        self._event_id = event_id
        self._on_cancel: Callable[[], None] | None = None

    @property
    def event_id(self) -> str:
        """The id of the event that announced it."""
        return str(UUID(bytes=self._event_id))

    # What a handler asks.

    def cancelled(self) -> bool:
        """Whether the result is no longer wanted."""
        return bool(self.reason)

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> bool:
        """Tell the core that the handler is at work. False: it should stop."""
        try:
            self._worker.heartbeat(self.token, None if details is None else plain(details))
        except (StepCancelledError, StaleTokenError) as error:
            self.cancel(str(error.details.get("reason") or "cancelled"))
        except CoreError as error:
            if error.code == Status.E_HANDLE:  # the worker has ended
                self.cancel("shutdown")
            else:
                _log.warning("the heartbeat of attempt %s was refused: %s", self.event_id, error)
        return not self.cancelled()

    # What the core says.

    def cancel(self, reason: str) -> None:
        """Take the step back: its handler is told when it asks, and if it is a coroutine, at its next await."""
        with _cancelling:
            if self.reason:
                return
            self.reason = reason
            on_cancel = self._on_cancel
        if on_cancel is not None:
            on_cancel()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have a function called when the step is cancelled, at once if it was."""
        with _cancelling:
            self._on_cancel = callback
            cancelled = bool(self.reason)
        if cancelled:
            callback()

    # How it ends.

    def complete(self, document: Mapping[str, Any], patience: float = PATIENCE_S) -> bool:
        """Hand over the result. False: the attempt was over already, and the result is dropped.

        A result that is no JSON, or that the core refuses, is replaced once by a failure that says so. If that is refused
        as well the error is raised; the core then ends the attempt when its time is up.
        """
        try:
            return self.offer(document, patience)
        except EncodeError as error:
            problem = str(error)
        except CoreError as error:
            if error.code not in _REFUSED:
                raise
            problem = str(error)
        step = document.get("step_uuid") or f"of attempt {self.event_id}"
        _log.error("the result of step %s cannot be handed over: %s", step, problem)
        return self.offer(serialization_failure(document, problem), patience)

    def offer(self, document: Mapping[str, Any], patience: float = PATIENCE_S) -> bool:
        """Hand over the result as it is. False: the attempt was over already.

        Raises:
            EncodeError: It is no JSON. The step can still be answered, as after the next one.
            CoreError: The core refuses it, or had no room for it in time.
        """
        raw = dumps(document)
        deadline = time.monotonic() + patience
        while True:
            try:
                self._worker.complete(self.token, raw, timeout=1.0)
                return True
            except StaleTokenError as error:
                _log.warning("the result of attempt %s came too late and is dropped: %s", self.event_id, error)
                return False
            except CoreError as error:
                if error.code != Status.E_BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(0.01)  # the call waits itself; this only bounds how often it is made

    def checkpoint(self, data: Mapping[str, Any], timeout: float = 10.0) -> bool:
        """Store how far the step got; it comes back as another attempt. False: the attempt was over already."""
        try:
            self._worker.checkpoint(self.token, dumps(dict(data)), timeout)
        except StaleTokenError as error:
            _log.warning("the checkpoint of attempt %s came too late and is dropped: %s", self.event_id, error)
            return False
        return True

    def release(self, reason: str) -> bool:
        """Give the step back without using up an attempt."""
        return self._worker.release(self.token, reason)


def serialization_failure(document: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """The failure that stands for a result that could not be handed over. It is always JSON that the core takes."""
    text = problem.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")
    metadata = document.get("metadata")
    worker_id = metadata.get("worker_id") if isinstance(metadata, Mapping) else None
    return {
        "success": False,
        "status": "error",
        "result": {},
        "metadata": {
            "execution_time_ms": 0,
            "retryable": False,
            "completed_at": datetime.now(timezone.utc).isoformat(),
            "worker_id": worker_id if isinstance(worker_id, str) else "",
            "custom": {"ffi_serialization_error": text[:_MOST_TEXT], "original_success": bool(document.get("success"))},
        },
        "error": {
            "error_type": "FFI_SERIALIZATION_ERROR",
            "message": f"FFI serialization failed: {text}"[:_MOST_TEXT],
            "retryable": False,
        },
    }
