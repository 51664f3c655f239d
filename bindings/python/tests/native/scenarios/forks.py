"""Forks before and after the core was used."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time

from tasker_core import _native
from tasker_core._status import ForkedError
from tasker_core.exceptions import FFIError

from .shared import RESULT, error_of, maps, next_step, open_worker, publish, serve, tell


def forks(how: str) -> None:
    """Fork with a worker running, and see what the child and the parent can do."""
    worker = open_worker()
    end = serve(worker, lambda frame: worker.complete(frame.number, RESULT, 1.0))
    publish(worker)
    reader, writer = os.pipe()
    pid = os.fork() if how == "os.fork" else _raw_fork()
    if pid == 0:
        told = {
            "status": error_of(worker.status),
            "library": error_of(_native.library),
            "open": error_of(open_worker),
            "poll": error_of(lambda: worker.poll(1.0)),
            "loaded": _native.loaded(),
        }
        worker.free()  # as a finalizer might
        os.write(writer, json.dumps(told).encode())
        sys.exit(0)  # with all that runs at exit
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = json.loads(pipe.read())
    _, status = os.waitpid(pid, 0)
    publish(worker, 5)
    deadline = time.monotonic() + 60
    while worker.status()["steps"]["completed_total"] < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    tell(child=told, exit=status, parent=worker.status()["steps"]["completed_total"], pids=[os.getpid(), pid])
    end()
    worker.free()


def _raw_fork() -> int:
    """Fork past Python and libc, so that only the library itself can know."""
    import ctypes
    import platform

    number = {"x86_64": 57}[platform.machine()]
    return int(ctypes.PyDLL(None).syscall(number))  # with the lock of the interpreter, which no one else would give back there


def forks_before_loading() -> None:
    """Fork with the package imported but nothing used."""
    assert not maps()
    pid = os.fork()
    if pid == 0:
        worker = open_worker()
        publish(worker)
        accepted = next_step(worker).complete({"success": True})
        worker.free()
        os._exit(0 if accepted else 1)
    _, status = os.waitpid(pid, 0)
    tell(exit=status, mapped=maps())


def _in_pool(_: int) -> str:
    try:
        worker = open_worker()
    except ForkedError as error:
        return str(error)
    worker.free()
    return "works"


def multiprocess(method: str) -> None:
    """Use the core in a child of multiprocessing, with a worker running here."""
    worker = open_worker()
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map(_in_pool, range(2))
    publish(worker)
    tell(answers=answers, parent=next_step(worker).complete({"success": True}))
    worker.free()


def prevented() -> None:
    """Load the core in a process that forbids it, and in its child, which allows it."""
    _native.prevent_start("handlers are loaded before the fork")
    try:
        open_worker()
        message = ""
    except FFIError as error:
        message = str(error)
    pid = os.fork()
    if pid == 0:
        _native.allow_start()
        open_worker().free()
        os._exit(0)
    tell(message=message, exit=os.waitpid(pid, 0)[1])
