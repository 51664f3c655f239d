"""What becomes of steps: how they are answered, taken away, held up and waited for."""

from __future__ import annotations

import threading
import time
from typing import Any

from tasker_core import _native
from tasker_core._codec import loads
from tasker_core._frames import Frame, FrameType
from tasker_core._runner import Runner
from tasker_core._status import StaleTokenError, Status, StepCancelledError, UsageError
from tasker_core.event_bridge import EventBridge
from tasker_core.handler import HandlerRegistry

from .shared import RESULT, error_of, next_step, open_worker, publish, tell


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
