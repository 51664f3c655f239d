"""What children of the tests do: `scenarios.py NAME ARGUMENTS...`. Each prints what it saw as JSON."""

from __future__ import annotations

import functools
import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tasker_core import _native
from tasker_core._attempt import Attempt
from tasker_core._codec import loads
from tasker_core._frames import Frame, FrameType
from tasker_core._handles import NativeClient, NativeWorker
from tasker_core._poller import Poller
from tasker_core._pool import DaemonPool, Job
from tasker_core._runner import Runner
from tasker_core._status import CoreError, ForkedError, StaleTokenError, Status, StepCancelledError, UsageError
from tasker_core.event_bridge import EventBridge
from tasker_core.exceptions import FFIError
from tasker_core.handler import HandlerRegistry

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


def rss_kb() -> int:
    with open("/proc/self/statm") as text:
        return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


# The library.


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


# Steps.


def attempts() -> None:
    """Answer steps in every way."""
    worker = open_worker()
    publish(worker, 5)
    first = next_step(worker)
    told: dict[str, Any] = {
        "accepted": first.complete({"success": True}),
        "twice": first.complete({"success": True}),
        "heartbeat_late": first.heartbeat(),
    }
    second = next_step(worker)
    told["heartbeat"] = second.heartbeat({"at": 5})
    told["released"] = second.release("not now")
    told["released_twice"] = second.release("not now")
    third = next_step(worker)
    told["refused"] = error_of(lambda: worker.complete(third.token, b'{"success":1}', 1.0))
    told["not_json"] = third.complete({"success": True, "result": {"x": float("nan")}, "metadata": {"worker_id": "w"}})
    fourth = next_step(worker)
    told["nul"] = fourth.complete({"success": True, "result": "\0"})
    fifth = next_step(worker)
    told["checkpoint"] = fifth.checkpoint({"cursor": {"page": 3}, "items_processed": 7})
    told["checkpoint_twice"] = fifth.checkpoint({"cursor": 1, "items_processed": 7})
    again: dict[str, Any] = {}
    while "checkpoint" not in again:
        _, frames = worker.poll(1.0, 1)
        for frame in frames:
            again = loads(frame.payload)
            worker.complete(frame.number, RESULT, 1.0)
    told["resumed"] = again["checkpoint"]
    worker.stop(5.0)  # all results are stored then
    tell(**told, counts=worker.call("test.counts"))
    worker.free()


def cancelled() -> None:
    """Have a step taken away."""
    worker = open_worker()
    publish(worker)
    attempt = next_step(worker)
    called = threading.Event()
    attempt.on_cancel(called.set)
    worker.call("test.cancel")
    cancels: list[Frame] = []
    while not cancels:
        _, frames = worker.poll(1.0)
        cancels = [frame for frame in frames if frame.type == FrameType.CANCEL]
    notice = loads(cancels[0].payload)
    beat = attempt.heartbeat()
    raised = "nothing"
    try:
        worker.heartbeat(attempt.token)
    except (StepCancelledError, StaleTokenError) as error:
        raised = type(error).__name__
    tell(
        same=cancels[0].number == attempt.token, reason=notice["reason"], heartbeat=beat, raised=raised,
        cancelled=attempt.cancelled(), called=called.is_set(), accepted=attempt.complete({"success": True}),
    )  # fmt: skip
    worker.free()


def cancelled_early() -> None:
    """Have one thread get the notice that a step is taken away before another one, which polled it, has it run."""
    worker = open_worker()
    publish(worker)
    attempt = next_step(worker)
    ran: list[str] = []

    def load() -> dict[str, Any]:
        ran.append(attempt.reason)
        return {}

    runner = Runner(HandlerRegistry(), "w", 10, EventBridge())
    runner.cancel(attempt.token, "timeout")
    runner.run(attempt, load)
    idle = runner.wait_idle(10)
    runner.close()
    tell(idle=idle, ran=ran)
    worker.free()


def timed_out() -> None:
    """Let a step's time run out."""
    worker = open_worker(timeout_ms=3000)  # long enough to be polled
    publish(worker)
    attempt = next_step(worker)
    reasons: list[str] = []
    while not reasons:
        _, frames = worker.poll(1.0)
        reasons = [loads(f.payload)["reason"] for f in frames if f.type == FrameType.CANCEL and f.number == attempt.token]
    tell(
        reason=reasons[0],
        accepted=attempt.complete({"success": True}),
        late=worker.status()["steps"]["late_completions_total"],
    )
    worker.free()


def busy() -> None:
    """Offer a result to a core that has no room, until it has."""
    worker = open_worker(room=1)
    worker.call("test.database", {"up": False})
    publish(worker, 30)
    *steps, last = [next_step(worker) for _ in range(30)]
    done: list[bool] = []
    threads = [threading.Thread(target=lambda s=step: done.append(s.complete({"success": True}))) for step in steps]
    for thread in threads:
        thread.start()
    settled = -1
    while settled != len(done) or worker.status()["steps"]["busy_total"] == 0:  # some are taken before it is full
        settled = len(done)
        time.sleep(0.3)
    impatient = error_of(lambda: last.complete({"success": True}, patience=0.0))
    held = len(steps) - len(done)
    worker.call("test.database", {"up": True})
    for thread in threads:
        thread.join(20)
    tell(held=held, done=done, impatient=impatient["code"], patient=last.complete({"success": True}))
    worker.free()


def stopping() -> None:
    """Stop in every state, with polls waiting."""
    worker = open_worker()
    publish(worker)
    attempt = next_step(worker)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.poll(20.0)[0]))
    thread.start()
    early, _ = worker.stop(0.05)
    thread.join(20)
    attempt.complete({"success": True})
    stopped, summary = worker.stop(5.0)
    closed, _ = worker.poll(5.0)
    waiting: list[Any] = []
    worker.free()
    other = open_worker()

    def wait() -> None:
        try:
            waiting.append(other.poll(20.0)[0])
        except UsageError:  # it was freed before the wait began
            waiting.append(int(Status.CLOSED))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for t in threads:
        t.start()
    time.sleep(0.1)
    other.wake()
    while not waiting:
        time.sleep(0.01)
    woken = list(waiting)
    began = time.monotonic()
    other.free()
    for t in threads:
        t.join(20)
    tell(
        early=early, first=codes, stopped=stopped, completed=summary["completed"], closed=closed == Status.CLOSED,
        woken=woken, freed=waiting, took=time.monotonic() - began, live=_native.library().live_buffers(),
    )  # fmt: skip


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


# Processes.


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


def signals_kept() -> None:
    """Look whether the host's signal handlers are still the host's."""
    seen: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, lambda received, _: seen.append(received))
    worker = open_worker()
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        os.kill(os.getpid(), number)
    worker.free()
    ignored = signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    tell(seen=seen, sigpipe_ignored=ignored, state=_native.library().plain("tasker_process_state"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
