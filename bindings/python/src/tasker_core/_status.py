"""The status codes of `include/tasker.h`, and the exceptions that errors among them become."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from tasker_core.exceptions import FFIError


class Status(IntEnum):
    """What a function of the library returns: outcomes are positive, errors negative."""

    OK = 0
    TIMEOUT = 1
    CLOSED = 2
    INTERRUPTED = 3
    PENDING = 4
    E_INVALID = -1
    E_HANDLE = -2
    E_FORKED = -3
    E_ABI = -4
    E_STATE = -5
    E_ENCODING = -6
    E_TOO_LARGE = -7
    E_STALE_TOKEN = -8
    E_UNSUPPORTED = -9
    E_BUSY = -20
    E_CANCELLED = -21
    E_DEADLINE = -22
    E_CONFIG = -23
    E_DATABASE = -24
    E_NOT_FOUND = -25
    E_CONFLICT = -26
    E_DENIED = -27
    E_NOMEM = -40
    E_PANIC = -41
    E_INTERNAL = -42


class CoreError(FFIError):
    """The core refused a call, or could not do what it asked.

    `code` is a `Status` where this binding knows it, `retryable` says whether the same call may succeed later,
    and `details` name the key, the limit or the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = Status.E_INTERNAL,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.details: dict[str, Any] = dict(details or {})


class UsageError(CoreError):
    """A mistake of the program: the same call would fail again."""


class ForkedError(UsageError):
    """The core was used in a process that was forked from the one it runs in."""


class StaleTokenError(UsageError):
    """The attempt is over: it was completed, its time was up, or it was taken away. `details["reason"]` tells which."""


class UnavailableError(CoreError):
    """Something around the core does not answer, or not in time: the database, the server, a full queue."""


class StepCancelledError(CoreError):
    """The step was cancelled or taken away: its handler should stop."""


class CoreConfigError(CoreError):
    """The configuration is wrong; `details["keys"]` lists the keys."""


class CoreNotFoundError(CoreError):
    """There is no such task, step or template."""


class CoreConflictError(CoreError):
    """What is there already differs from what was asked for."""


class CoreDeniedError(CoreError):
    """The server does not let this caller do that."""


class CoreBugError(CoreError):
    """The core caught a bug in itself, or had no memory. It goes on, but wants a report and a restart."""


_CLASSES: dict[int, type[CoreError]] = {
    Status.E_FORKED: ForkedError,
    Status.E_STALE_TOKEN: StaleTokenError,
    Status.E_BUSY: UnavailableError,
    Status.E_CANCELLED: StepCancelledError,
    Status.E_DEADLINE: UnavailableError,
    Status.E_CONFIG: CoreConfigError,
    Status.E_DATABASE: UnavailableError,
    Status.E_NOT_FOUND: CoreNotFoundError,
    Status.E_CONFLICT: CoreConflictError,
    Status.E_DENIED: CoreDeniedError,
    Status.E_NOMEM: CoreBugError,
    Status.E_PANIC: CoreBugError,
    Status.E_INTERNAL: CoreBugError,
}


def error_class(code: int) -> type[CoreError]:
    """The exception for an error code; codes of a newer library are told apart by their range only."""
    if code in _CLASSES:
        return _CLASSES[code]
    if code > -20:
        return UsageError
    return UnavailableError if code > -40 else CoreBugError
