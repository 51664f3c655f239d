"""libtasker by ctypes: finding it, loading it at first use, and calling its functions.

Nothing here runs at import: the Go runtime does not survive a fork, so a process that only imports the package can still
fork workers that use it.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasker_core._find import LibraryLoadError, find_library, musl_hint
from tasker_core._status import ForkedError, Status, error_class
from tasker_core.exceptions import FFIError

ABI_MAJOR, ABI_MINOR = 1, 1
"""The version of include/tasker.h that this module is written for."""

_TOGETHER = "build or install them together"
_log = logging.getLogger("tasker_core")


class Buffer(ctypes.Structure):
    """`tasker_buf`: memory of the library. One struct for each call under way."""

    _fields_ = (("data", ctypes.POINTER(ctypes.c_char)), ("len", ctypes.c_size_t), ("cookie", ctypes.c_uint64))


_I32, _U32, _I64, _U64 = ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64, ctypes.c_uint64
_IN = (ctypes.c_char_p, ctypes.c_size_t)
_OUT = ctypes.POINTER(Buffer)
_TOKENS, _TEXTS = ctypes.POINTER(_U64), ctypes.POINTER(ctypes.c_char_p)
_SIZES, _CODES = ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(_I32)
_HANDLE_OUT = ctypes.POINTER(_U64)

FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tasker_abi_version": (_U32, ()),
    "tasker_abi_check": (_I32, (_U32, _U32, _U32)),
    "tasker_version": (ctypes.c_char_p, ()),
    "tasker_status_name": (ctypes.c_char_p, (_I32,)),
    "tasker_buf_free": (None, (_OUT,)),
    "tasker_live_buffers": (_I64, ()),
    "tasker_process_state": (_U32, ()),
    "tasker_signals_harden": (_I32, (_U32,)),
    "tasker_log_poll": (_I32, (_I32, _I32, _OUT)),
    "tasker_log_fd": (_I32, ()),
    "tasker_log_write": (_I32, (_I32, *_IN)),
    "tasker_set_log_callback": (_I32, (ctypes.c_void_p, ctypes.c_void_p)),
    "tasker_worker_new": (_I32, (*_IN, _I32, _HANDLE_OUT, _OUT)),
    "tasker_worker_register": (_I32, (_U64, *_IN, _OUT)),
    "tasker_worker_start": (_I32, (_U64, _OUT)),
    "tasker_worker_status": (_I32, (_U64, _OUT)),
    "tasker_worker_drain": (_I32, (_U64,)),
    "tasker_worker_stop": (_I32, (_U64, _I32, _OUT)),
    "tasker_worker_free": (_I32, (_U64,)),
    "tasker_poll": (_I32, (_U64, _I32, _U32, _I32, _OUT)),
    "tasker_wake": (_I32, (_U64,)),
    "tasker_event_fd": (_I32, (_U64,)),
    "tasker_complete": (_I32, (_U64, _U64, *_IN, _I32, _OUT)),
    "tasker_complete_batch": (_I32, (_U64, _TOKENS, _TEXTS, _SIZES, _CODES, ctypes.c_size_t, _OUT)),
    "tasker_checkpoint": (_I32, (_U64, _U64, *_IN, _I32, _OUT)),
    "tasker_heartbeat": (_I32, (_U64, _U64, *_IN, _OUT)),
    "tasker_release": (_I32, (_U64, _U64, *_IN, _OUT)),
    "tasker_client_new": (_I32, (*_IN, _I32, _HANDLE_OUT, _OUT)),
    "tasker_client_free": (_I32, (_U64,)),
    "tasker_call": (_I32, (_U64, *_IN, *_IN, _I32, _OUT)),
    "tasker_call_async": (_I32, (_U64, _U64, *_IN, *_IN, _I32, _OUT)),
    "tasker_call_cancel": (_I32, (_U64, _U64)),
}
"""Every function of the header: what it returns and takes."""

HOLDING = ("tasker_buf_free", "tasker_complete")
"""Those that are also called without letting other threads run, where they do not wait: that takes less time than a
switch of threads, and every step needs them."""

FORKED, GO_STARTED, SEGV_NOT_GO, HANDLERS_NO_ONSTACK, OTHER_GO_RUNTIME, MUSL = 1, 2, 4, 8, 16, 32
"""The bits of `tasker_process_state`."""


class Library:
    """The loaded library. Its methods raise `CoreError` for negative results."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            dll = ctypes.CDLL(str(path))
        except OSError as error:
            raise LibraryLoadError(f"{path} cannot be loaded: {error}{musl_hint()}") from error
        self._functions: dict[str, Any] = {}
        for name, (restype, argtypes) in FUNCTIONS.items():
            function = getattr(dll, name, None)
            if function is None:
                raise LibraryLoadError(f"{path} has no {name}: it is older than this package; {_TOGETHER}")
            function.restype, function.argtypes = restype, argtypes
            self._functions[name] = function
        holding = ctypes.PyDLL(str(path))
        for name in HOLDING:
            function = getattr(holding, name)
            function.restype, function.argtypes = FUNCTIONS[name]
            self._functions[f"{name} at once"] = function
        self._free = self._functions["tasker_buf_free at once"]
        self._check_abi()

    def _check_abi(self) -> None:
        want = ABI_MAJOR << 16 | ABI_MINOR
        sizes = (ctypes.sizeof(Buffer), ctypes.sizeof(ctypes.c_void_p))
        if self.plain("tasker_abi_check", want, *sizes) != Status.OK:
            has = self.plain("tasker_abi_version")
            raise LibraryLoadError(
                f"{self.path} has ABI {has >> 16}.{has & 0xFFFF}, this package needs {ABI_MAJOR}.{ABI_MINOR} or a later"
                f" {ABI_MAJOR}.x; {_TOGETHER}"
            )

    def plain(self, name: str, *args: Any) -> Any:
        """Call a function that fills no buffer, and return what it returns."""
        return self._functions[name](*args)

    def answer(self, name: str, *args: Any, undo: Callable[[bytes], None] | None = None) -> tuple[int, bytes]:
        """Call a function that fills a buffer, its last parameter. Returns the code and a copy of what was there.

        `undo` gets the copy if an interrupt strikes between the call and its return, where it would be lost.
        """
        out = Buffer()
        try:
            code: int = self._functions[name](*args, out)
            data = out.data
            return code, data[: out.len] if data else b""
        except BaseException:
            if undo is not None and out.data:
                undo(out.data[: out.len])
            raise
        finally:
            if out.data:
                self._free(out)

    def ask(self, name: str, *args: Any) -> bytes:
        """Like `answer`, but errors are raised. The outcome is dropped: use `answer` where it matters."""
        code, document = self.answer(name, *args)
        if code < 0:
            self.fail(code, document)
        return document

    def check(self, code: int) -> int:
        """Raise for an error code of a function without a buffer."""
        if code < 0:
            self.fail(code, b"")
        return code

    def fail(self, code: int, document: bytes) -> None:
        """Raise the exception for an error document."""
        if code == Status.E_FORKED:
            raise forked_error()
        try:
            error = json.loads(document) if document else {}
        except ValueError:
            error = {}
        name = error.get("name") or self.status_name(code)
        raise error_class(code)(
            f"{error['message']} ({name})" if error.get("message") else name,
            code=code,
            retryable=bool(error.get("retryable", False)),
            details=error.get("details"),
        )

    def status_name(self, code: int) -> str:
        """The name of a code, such as `E_BUSY`."""
        return str(self.plain("tasker_status_name", code).decode())

    @property
    def version(self) -> str:
        """Version, commit and Go version of the library."""
        return str(self.plain("tasker_version").decode())

    def live_buffers(self) -> int:
        """Buffers that were handed out and not freed."""
        return int(self.plain("tasker_live_buffers"))


_lock = threading.Lock()
_library: Library | None = None
_loaded_in = 0
_prevented = ""


def library() -> Library:
    """The library, loaded by the first call.

    Raises `LibraryLoadError`, and `ForkedError` in a process that was forked from one
    that had loaded it.
    """
    global _library, _loaded_in
    if _library is None:
        with _lock:
            if _library is None:
                if _prevented:
                    raise FFIError(f"Tasker was started too early: {_prevented}")
                found = Library(find_library())
                _loaded_in = os.getpid()  # first: other threads look at it when there is a library
                _library = found
                _warn_of(found)
    if _loaded_in != os.getpid():
        raise forked_error()
    return _library


def loaded() -> bool:
    """Whether this process has loaded the library."""
    return _library is not None and _loaded_in == os.getpid()


def prevent_start(reason: str = "prevent_start() was called in this process") -> None:
    """Make every use of the core fail in this process, until `allow_start`: for programs that load their code first
    and fork then, to find what starts too early.
    """
    global _prevented
    _prevented = reason


def allow_start() -> None:
    """Undo `prevent_start`, in a forked child for instance."""
    global _prevented
    _prevented = ""


def forked_error() -> ForkedError:
    """The exception for a use of the core in a forked child."""
    return ForkedError(
        f"Tasker's core was started in process {_loaded_in or os.getppid()} and does not survive a fork; this is process"
        f" {os.getpid()}. Start the worker or client after the fork, in the child: in gunicorn's post_fork, uWSGI's"
        " @postfork, Celery's worker_process_init."
        ' With multiprocessing, use set_start_method("spawn") or "forkserver".',
        code=Status.E_FORKED,
        details={"started_in": _loaded_in, "process": os.getpid()},
    )


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # it may have been held


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _warn_of(lib: Library) -> None:
    state = lib.plain("tasker_process_state")
    if state & OTHER_GO_RUNTIME:
        _log.warning("another library in this process runs Go as well; that works on Linux, but nobody promises it")
    if state & SEGV_NOT_GO:
        _log.warning("the handler of SIGSEGV is not Go's: a bug in the core would end this process")
