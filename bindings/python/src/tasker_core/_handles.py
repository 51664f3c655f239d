"""Workers and clients of the library, as objects."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

from tasker_core import _frames
from tasker_core._codec import dumps, loads
from tasker_core._native import Library, library
from tasker_core._status import CoreError, ForkedError, Status
from tasker_core._waiting import interruptible

OPEN_TIMEOUT_S = 60.0
"""How long opening may take: the private PostgreSQL may have to recover first."""

CALL_TIMEOUT_S = 30.0


class _Endpoint:
    """What workers and clients have in common: a handle, and calls."""

    _kind: str

    def __init__(self, config: Mapping[str, Any], timeout: float) -> None:
        self._library: Library = library()
        raw = dumps(dict(config))
        self.handle, document = interruptible(lambda: self._open(raw, timeout), late=lambda opened: self._free(opened[0]))
        self.info: dict[str, Any] = loads(document)

    def _open(self, raw: bytes, timeout: float) -> tuple[int, bytes]:
        handle = ctypes.c_uint64()
        document = self._library.ask(f"tasker_{self._kind}_new", raw, len(raw), _ms(timeout), ctypes.byref(handle))
        return handle.value, document

    def _free(self, handle: int) -> None:
        self._library.plain(f"tasker_{self._kind}_free", handle)

    def free(self) -> None:
        """End it at once. Harmless when it has ended, and in a forked child."""
        self._free(self.handle)

    def call(self, method: str, params: Mapping[str, Any] | None = None, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Call one of the library's methods and wait for its answer."""
        name, raw = method.encode(), dumps(dict(params or {}))
        document = interruptible(
            lambda: self._library.ask("tasker_call", self.handle, name, len(name), raw, len(raw), _ms(timeout))
        )
        return loads(document)


class NativeClient(_Endpoint):
    """A client: of a server if its configuration has a `url`, else of the database."""

    _kind = "client"

    def __init__(self, config: Mapping[str, Any], timeout: float = OPEN_TIMEOUT_S) -> None:
        super().__init__(config, timeout)


class NativeWorker(_Endpoint):
    """A worker. It is opened, told its handlers, started, polled, drained, stopped and freed, in this order."""

    _kind = "worker"

    def __init__(self, config: Mapping[str, Any], timeout: float = OPEN_TIMEOUT_S) -> None:
        super().__init__(config, timeout)

    @property
    def slots(self) -> int:
        """How many steps it holds at once."""
        return int(self.info.get("slots", 10))

    def register(self, handlers: Sequence[str]) -> None:
        """Add names of handlers. Steps of other handlers are left to other workers."""
        raw = dumps(list(handlers))
        self._library.ask("tasker_worker_register", self.handle, raw, len(raw))

    def start(self) -> None:
        """Begin to claim steps."""
        interruptible(lambda: self._library.ask("tasker_worker_start", self.handle))

    def status(self) -> dict[str, Any]:
        """What the worker knows of itself, without asking anybody."""
        status: dict[str, Any] = loads(self._library.ask("tasker_worker_status", self.handle))
        return status

    def name(self) -> str:
        """The worker's id in logs and results; the core gives it one when it starts."""
        core = self.status()["core"]
        return str((core.get("worker") or self.info).get("worker_id") or "")

    def drain(self) -> None:
        """Claim no more; what was polled can still be completed."""
        self._library.check(self._library.plain("tasker_worker_drain", self.handle))

    def stop(self, timeout: float) -> tuple[bool, dict[str, Any]]:
        """Drain, and wait until all results are stored. False: steps are still out. The summary counts them."""
        code, document = interruptible(lambda: self._library.answer("tasker_worker_stop", self.handle, _ms(timeout)))
        if code < 0:
            self._library.fail(code, document)
        return code == Status.OK, loads(document)

    def poll(self, timeout: float, max_frames: int = 0) -> tuple[int, list[_frames.Frame]]:
        """Wait for frames, in C, where signals interrupt. Returns a `Status` and the frames."""
        code, buffer = self._library.answer("tasker_poll", self.handle, max_frames, 0, _ms(timeout), undo=self._give_back)
        if code < 0:
            self._library.fail(code, buffer)
        return code, _frames.decode(buffer) if code == Status.OK else []

    def _give_back(self, buffer: bytes) -> None:
        for frame in _frames.decode(buffer):
            if frame.type == _frames.FrameType.STEP:
                self.release(frame.number, "the host was interrupted")

    def wake(self) -> None:
        """Make one waiting poll return. Harmless when the worker has ended."""
        self._library.plain("tasker_wake", self.handle)

    def event_fd(self) -> int:
        """A descriptor that is readable while there are frames. It is the library's: do not read or close it."""
        return self._library.check(self._library.plain("tasker_event_fd", self.handle))

    def complete(self, token: int, result: bytes, timeout: float) -> None:
        """Hand over a result. An error says whether the token is still good."""
        code, document = self._library.answer("tasker_complete at once", self.handle, token, result, len(result), 0)
        if code == Status.E_BUSY and timeout > 0:
            code, document = self._library.answer("tasker_complete", self.handle, token, result, len(result), _ms(timeout))
        if code < 0:
            self._library.fail(code, document)

    def checkpoint(self, token: int, data: bytes, timeout: float) -> None:
        """Store how far a step got; it is delivered again with another token."""
        self._library.ask("tasker_checkpoint", self.handle, token, data, len(data), _ms(timeout))

    def heartbeat(self, token: int, details: Any = None) -> None:
        """Say that a handler is alive. Raises `StepCancelledError` if it should stop."""
        raw = b"" if details is None else dumps(details)
        self._library.ask("tasker_heartbeat", self.handle, token, raw, len(raw))

    def release(self, token: int, reason: str) -> bool:
        """Give a step back without using up an attempt. False: it is not this worker's any more, or there is no room."""
        raw = dumps(reason)
        try:
            self._library.ask("tasker_release", self.handle, token, raw, len(raw))
        except ForkedError:
            raise
        except CoreError:
            return False
        return True


def _ms(seconds: float) -> int:
    """Seconds as the library takes them, which has whole milliseconds and no more than 31 bits of them."""
    return max(0, min(int(seconds * 1000 + 0.999), 2**31 - 1))
