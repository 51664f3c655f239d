"""What workers and steps cost: memory, descriptors, threads and time."""

from __future__ import annotations

import gc
import os
import threading
import time

from tasker_core import _native
from tasker_core._codec import loads
from tasker_core._frames import Frame
from tasker_core._handles import NativeClient

from .shared import RESULT, next_step, open_worker, publish, serve, tell


def restarts(n: str) -> None:
    """Open and end workers one after the other, and clients beside them."""
    _native.library()
    figures = []
    for i in range(int(n)):
        worker = open_worker()
        publish(worker)
        next_step(worker).complete({"success": True})
        assert worker.stop(5.0)[0]
        worker.free()
        client = NativeClient({})
        client.call("test.echo", {"i": i})
        client.free()
        if i in (int(n) // 2, int(n) - 1):  # the first half warms up
            gc.collect()
            figures.append((rss_kb(), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))))
    tell(before=figures[0], after=figures[1], live=_native.library().live_buffers())


def round_trips(n: str) -> None:
    """Poll, parse and complete many steps."""
    worker = open_worker(steps=int(n), payload=600)
    done, figures, began = 0, [], time.monotonic()
    while done < int(n):
        _, frames = worker.poll(1.0)
        for frame in frames:
            loads(frame.payload)
            worker.complete(frame.number, RESULT, 5.0)
            done += 1
            if done in (int(n) // 4, int(n)):
                figures.append(rss_kb())
    rate = done / (time.monotonic() - began)
    tell(rate=round(rate), rss_kb=figures, threads=len(os.listdir("/proc/self/task")), live=_native.library().live_buffers())
    worker.free()


def latency(n: str) -> None:
    """Measure how long a step takes from its making to its poll."""
    worker = open_worker(payload=0)
    took = []
    poller_ready = threading.Event()

    def deliver(frame: Frame) -> None:
        took.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - loads(frame.payload)["published_ns"])
        worker.complete(frame.number, RESULT, 1.0)
        poller_ready.set()

    end = serve(worker, deliver)
    for _ in range(int(n)):
        poller_ready.clear()
        publish(worker)
        poller_ready.wait(5)
    took.sort()
    tell(p50_us=took[len(took) // 2] / 1000, p99_us=took[int(len(took) * 0.99)] / 1000)
    end()
    worker.free()


def idle(seconds: str) -> None:
    """Do nothing, with threads that poll and the log drain running."""
    from tasker_core import logging as core_logging

    worker = open_worker()
    core_logging.start_drain(_native.library())
    end = serve(worker, lambda _: None)
    time.sleep(0.5)
    before = time.process_time()
    time.sleep(float(seconds))
    used = time.process_time() - before
    tell(cpu_ms_per_s=1000 * used / float(seconds))
    end()
    worker.free()


def rss_kb() -> int:
    with open("/proc/self/statm") as text:
        return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
