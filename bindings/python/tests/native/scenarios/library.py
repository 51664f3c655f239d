"""What the library does as it is loaded, and the errors that it tells."""

from __future__ import annotations

import os
import threading

from tasker_core import _native
from tasker_core._handles import NativeWorker

from .shared import error_of, maps, open_worker, tell


def imports() -> None:
    """Import every module of the package."""
    import importlib
    import pkgutil

    import tasker_core

    names = [found.name for found in pkgutil.walk_packages(tasker_core.__path__, "tasker_core.")]
    for name in names:
        importlib.import_module(name)
    tell(modules=len(names), mapped=maps(), threads=threading.active_count())


def environment() -> None:
    """Set a variable after the library is loaded."""
    _native.library()
    os.environ["TASKER_SET_LATE"] = "yes"
    worker = open_worker()
    tell(seen=worker.call("test.environ", {"text": "TASKER_SET_LATE=yes"}))
    worker.free()


def errors() -> None:
    """Provoke errors."""
    worker = open_worker()
    seen = {
        "method": error_of(lambda: worker.call("no.such")),
        "deadline": error_of(lambda: worker.call("test.sleep", {"ms": 5000}, timeout=0.05)),
        "failed": error_of(lambda: worker.call("test.fail", {"text": "so it is"})),
        "panic": error_of(lambda: worker.call("test.panic", {"text": "oh"})),
        "config": error_of(lambda: open_worker(colour="red")),
        "key": error_of(lambda: NativeWorker({"database_url": "x"})),
        "database": error_of(lambda: open_worker(fail="no database here")),
        "restart": error_of(worker.start),
    }
    worker.free()
    seen["freed"] = error_of(worker.status)
    worker.free()
    tell(**seen, live=_native.library().live_buffers())
