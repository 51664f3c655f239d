"""Logging: the core's records as records of Python's `logging`, and functions to log with fields.

The core writes to the logger `tasker_core.core`, with its own timestamps; handlers log to `tasker_core`. Each record has its
fields in the attribute `fields`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from tasker_core import _frames
from tasker_core._codec import DecodeError, loads
from tasker_core._native import Library, loaded
from tasker_core._status import CoreError, Status
from tasker_core.types import LogContext

TRACE = 5
"""The level below DEBUG that `log_trace` and the core use."""

Fields = Mapping[str, Any] | LogContext | None

_logger = logging.getLogger("tasker_core")
_core_logger = logging.getLogger("tasker_core.core")
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG, 5: TRACE}

logging.addLevelName(TRACE, "TRACE")


def log_error(message: str, fields: Fields = None) -> None:
    """Log an error."""
    _log(logging.ERROR, message, fields)


def log_warn(message: str, fields: Fields = None) -> None:
    """Log a warning."""
    _log(logging.WARNING, message, fields)


def log_info(message: str, fields: Fields = None) -> None:
    """Log what happens."""
    _log(logging.INFO, message, fields)


def log_debug(message: str, fields: Fields = None) -> None:
    """Log what helps to find out why something happens."""
    _log(logging.DEBUG, message, fields)


def log_trace(message: str, fields: Fields = None) -> None:
    """Log everything."""
    _log(TRACE, message, fields)


def _log(level: int, message: str, fields: Fields) -> None:
    if not _logger.isEnabledFor(level):
        return
    given = fields.model_dump(exclude_none=True) if isinstance(fields, LogContext) else dict(fields or {})
    _logger.log(level, "%s", _text(message, given), extra={"fields": given}, stacklevel=3)


def _text(message: str, fields: Mapping[str, Any]) -> str:
    return " ".join([message, *(f"{key}={value}" for key, value in fields.items())])


class LogDrain:
    """Takes the core's records out of its ring, in a thread, for as long as the process lives."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._turn = threading.Lock()
        threading.Thread(target=self._run, name="tasker-log", daemon=True).start()

    def _run(self) -> None:
        while self._take(timeout_ms=1000):
            pass

    def flush(self) -> None:
        """Log what there is now."""
        self._take(timeout_ms=0)

    def _take(self, timeout_ms: int) -> bool:
        """Log the next records. False: there will be none any more."""
        try:
            code, buffer = self._library.answer("tasker_log_poll", 1000, timeout_ms)
            if code < 0:
                self._library.fail(code, buffer)
        except CoreError as error:
            _logger.warning("the core's log cannot be read any more: %s", error)
            return False
        if code == Status.OK:
            with self._turn:
                for frame in _frames.decode(buffer):
                    _log_frame(frame)
        return True


def _log_frame(frame: _frames.Frame) -> None:
    try:
        record = loads(frame.payload)
        if frame.type == _frames.FrameType.DROPPED:
            _core_logger.warning("%s records were lost: they came faster than they were read", record.get("count"))
        elif frame.type == _frames.FrameType.LOG:
            _log_record(_LEVELS.get(frame.status, logging.INFO), record)
    except (DecodeError, AttributeError, TypeError, ValueError):
        _logger.warning("the core logged something unreadable: %r", frame.payload[:200])


def _log_record(level: int, fields: dict[str, Any]) -> None:
    if not _core_logger.isEnabledFor(level):
        return
    message, timestamp = str(fields.pop("message", "")), fields.pop("timestamp", None)
    fields.pop("level", None)
    record = _core_logger.makeRecord(
        _core_logger.name, level, "libtasker", 0, "%s", (_text(message, fields),), None, extra={"fields": fields}
    )
    if isinstance(timestamp, str):
        record.created = _seconds(timestamp)
        record.msecs = record.created % 1 * 1000
    _core_logger.handle(record)


def _seconds(timestamp: str) -> float:
    """Seconds since 1970 of a time like 2026-01-31T12:00:00.123456789Z."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp() + float(f"0.{fraction or 0}")


_drain: LogDrain | None = None


def start_drain(library: Library) -> None:
    """Begin to log the core's records, once per process."""
    global _drain
    if _drain is None:
        _drain = LogDrain(library)


def flush() -> None:
    """Log what the core has recorded up to now."""
    if _drain is not None and loaded():
        _drain.flush()
