"""What scenarios share: the core by hand, and how they tell what they saw."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tasker_core._attempt import Attempt
from tasker_core._frames import Frame, FrameType
from tasker_core._handles import NativeWorker
from tasker_core._poller import Poller
from tasker_core._pool import DaemonPool, Job
from tasker_core._status import CoreError

RESULT = b'{"success":true,"result":{"value":1}}'


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def open_worker(**settings: Any) -> NativeWorker:
    given = {f"loopback.{key}": value for key, value in settings.items()}
    worker = NativeWorker({"settings": given, "handlers": ["loopback"]})
    worker.start()
    return worker


def publish(worker: NativeWorker, n: int = 1) -> None:
    worker.call("test.publish", {"n": n})


def next_step(worker: NativeWorker) -> Attempt:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        _, frames = worker.poll(1.0, 1)
        for frame in frames:
            if frame.type == FrameType.STEP:
                return Attempt(worker, frame.number, frame.id)
    raise AssertionError("no step came")


def serve(worker: NativeWorker, deliver: Callable[[Frame], None], threads: int = 4) -> Callable[[], None]:
    """Have frames delivered in threads that poll by themselves, and return what ends that."""
    poller, pool, ended = Poller(worker), DaemonPool(threads, "scenario"), threading.Event()

    def fetch(limit: int) -> Sequence[Job] | None:
        frames = poller.fetch(limit)
        return None if frames is None else [functools.partial(deliver, frame) for frame in frames]

    def end() -> None:
        poller.stop()
        assert ended.wait(5)
        pool.close()

    pool.start(fetch, ended.set)
    return end


def error_of(call: Any) -> dict[str, Any]:
    try:
        call()
    except CoreError as error:
        return {"class": type(error).__name__, "code": error.code, "message": str(error), "details": error.details}
    return {"class": None}


def maps() -> bool:
    with open("/proc/self/maps") as text:
        return "libtasker" in text.read()
