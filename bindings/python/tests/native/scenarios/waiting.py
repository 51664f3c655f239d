"""What ends a wait in the core: interrupts, and the end of the program."""

from __future__ import annotations

import sys
import threading
import time

from tasker_core import _native
from tasker_core._frames import Frame

from .shared import next_step, open_worker, publish, serve, tell


def interrupted(where: str) -> None:
    """Wait in the main thread until Ctrl-C."""
    if where != "open":
        worker = open_worker()
    try:
        tell(ready=True)
        if where == "poll":
            while True:
                worker.poll(20.0)
        elif where == "call":
            worker.call("test.sleep", {"ms": 20_000})
        elif where == "stop":
            publish(worker)
            next_step(worker)
            worker.stop(20.0)
        elif where == "open":
            open_worker(open_ms=20_000)
        else:
            serve(worker, lambda _: None)
            threading.Event().wait(20)
        tell(interrupted=False)
    except KeyboardInterrupt:
        tell(interrupted=True, at=time.time())


def exits(how: str) -> None:
    """End the interpreter with threads still in the core."""
    from tasker_core import logging as core_logging

    worker = open_worker()
    core_logging.start_drain(_native.library())

    def hang(_: Frame) -> None:
        threading.Event().wait()

    serve(worker, hang)
    threading.Thread(target=lambda: worker.poll(100.0), daemon=True).start()
    publish(worker, 3)
    time.sleep(0.2)
    tell(at=time.time())
    if how == "exception":
        raise SystemError("as it happens")
    if how == "exit":
        sys.exit(7)
