"""Programs that use the package, as tests run them in processes of their own: `programs.py NAME ARGUMENTS...`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tasker_core import (
    BootstrapConfig,
    EventBridge,
    EventNames,
    EventPoller,
    HandlerRegistry,
    InProcessDomainEventPoller,
    PermanentError,
    StepExecutionSubscriber,
    TaskerClient,
    Worker,
    Workflow,
    bootstrap_worker,
    get_health_check,
    get_metrics,
    get_worker_config,
    get_worker_status,
    is_worker_running,
    result,
    stop_worker,
    transition_to_graceful_shutdown,
)
from tasker_core.exceptions import WorkerAlreadyRunningError, WorkerNotInitializedError

NOBODY = "00000000-0000-7000-8000-000000000000"
SOON_S = 30.0
TEMPLATES = str(Path(__file__).with_name("templates"))


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def until(look: Callable[[], object]) -> None:
    """Wait until there is something to see. What is told shows whether there ever was."""
    deadline = time.monotonic() + SOON_S
    while not look() and time.monotonic() < deadline:
        time.sleep(0.01)


def config(**settings: Any) -> BootstrapConfig:
    """The database comes from the environment."""
    return BootstrapConfig(settings={"task_templates.search_paths": [TEMPLATES], "telemetry.log_level": "error", **settings})


def registry(**handlers: Callable[..., Any]) -> HandlerRegistry:
    made = HandlerRegistry()
    for name, handler in handlers.items():
        made.register(name.replace("__", "."), handler)
    return made


noted = threading.Event()


def note_and_wait(context: Any) -> dict[str, Any]:
    tell(began=context.retry_count)
    noted.set()
    time.sleep(float(context.get_input("seconds")))
    return {}


def refuse(_: Any) -> None:
    raise PermanentError("refused")


# Life of a worker.


def by_hand() -> None:
    """Wire poller, bridge and subscriber together, as programs did before there was Worker."""
    HandlerRegistry.instance().register("errors.succeed", lambda _: {"by": "hand"})
    HandlerRegistry.instance().register("errors.permanent", refuse)
    bridge, seen = EventBridge.instance(), []
    bridge.start()
    for name in (EventNames.STEP_COMPLETION_SENT, EventNames.HANDLER_ERROR):
        bridge.subscribe(name, lambda *what, name=name: seen.append(name))
    before = {"status": get_worker_status().running, "running": is_worker_running()}
    first = bootstrap_worker(config())
    second = bootstrap_worker(config())
    subscriber = StepExecutionSubscriber(bridge, HandlerRegistry.instance(), first.worker_id)
    subscriber.start()
    poller = EventPoller()
    metrics: list[int] = []
    poller.on_metrics(lambda m: metrics.append(m.pending_count))
    poller.on_step_event(lambda event: bridge.publish(EventNames.STEP_EXECUTION_RECEIVED, event))
    poller.start()
    client = TaskerClient()
    good = client.wait_for_task(client.create_task("success_only", namespace="errors_py").task_uuid)
    bad = client.wait_for_task(client.create_task("permanent", namespace="errors_py").task_uuid)
    until(lambda: metrics)
    status = get_worker_status()
    draining = transition_to_graceful_shutdown()
    poller.stop()
    subscriber.stop()
    stopped = stop_worker()
    tell(
        before=before, status=[first.status, second.status], same=first.worker_id == second.worker_id, good=good.status,
        bad=bad.status, seen=sorted(set(seen)), running=status.running, core=status.worker_core_status, draining=draining,
        stopped=stopped, again=stop_worker(), after=is_worker_running(),
    )  # fmt: skip


def together(threads: str) -> None:
    """Start the worker from many threads at once."""
    HandlerRegistry.instance().register("errors.succeed", lambda _: {})
    barrier, answers = threading.Barrier(int(threads)), []

    def begin() -> None:
        barrier.wait()
        answers.append(bootstrap_worker(config()).status)

    all_threads = [threading.Thread(target=begin) for _ in range(int(threads))]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    stop_worker()
    tell(answers=sorted(answers))


def without_a_worker() -> None:
    """Call what needs a worker."""
    from tasker_core import _tasker_core as core

    errors = {}
    for function in (
        core.poll_step_events,
        core.get_ffi_dispatch_metrics,
        core.get_metrics,
        core.transition_to_graceful_shutdown,
        core.cleanup_timeouts,
    ):
        try:
            function()
        except WorkerNotInitializedError as error:
            errors[function.__name__] = str(error)
    tell(
        errors=errors, complete=core.complete_step_event(NOBODY, {}), checkpoint=core.checkpoint_yield_step_event(NOBODY, {}),
        events=core.poll_in_process_events(), health=get_health_check().status, poller=EventPoller().get_metrics(),
    )  # fmt: skip


def restarted(times: str) -> None:
    """Start and stop the worker in one process, and run a task each time."""
    made = registry(errors__succeed=lambda _: {})
    statuses: list[Any] = []
    threads: list[int] = []
    for _ in range(int(times)):
        with Worker.start(config=config(), registry=made) as worker:
            try:
                Worker.start(config=config(), registry=made)
            except WorkerAlreadyRunningError:
                statuses.append(Worker.instance() is worker)
            client = TaskerClient()
            task = client.create_task("success_only", namespace="errors_py")
            statuses.append(client.wait_for_task(task.task_uuid).status)
        worker.stop()
        statuses.append(worker.is_running or Worker.instance() is not None)
        until(lambda: threading.active_count() <= 2)  # this one, and the one that logs
        threads.append(threading.active_count())
    from tasker_core._native import library

    tell(statuses=statuses, threads=threads, live=library().live_buffers())


def observed() -> None:
    """Look at a worker that has run something."""
    made = registry(errors__succeed=lambda _: {}, errors__permanent=refuse)
    with Worker.start(config=config(), registry=made, concurrency=3) as worker:
        client = TaskerClient()
        for name in ("success_only", "success_only", "permanent"):
            client.wait_for_task(client.create_task(name, namespace="errors_py").task_uuid)
        until(lambda: get_metrics().steps_succeeded + get_metrics().steps_failed >= 3)
        metrics, health, runs_with = get_metrics(), get_health_check(), get_worker_config()
        from tasker_core.observability import get_prometheus_metrics

        tell(
            processed=[metrics.steps_processed, metrics.steps_succeeded, metrics.steps_failed, metrics.steps_in_progress],
            pool=metrics.database_pool_size, health=health.status, components=sorted(health.components),
            slots=[worker.slots, runs_with.max_concurrent_handlers], timeout=runs_with.handler_timeout_ms,
            prometheus="tasker_steps_executions_total 3" in get_prometheus_metrics(),
        )  # fmt: skip


def workflow() -> None:
    """Declare a workflow in Python, serve it and run it."""
    orders = Workflow("orders", namespace="typed_py", identity_strategy="always_unique")

    @orders.step
    def price(items: list[int]) -> int:
        return sum(items)

    @orders.step(retries=1)
    async def charge(total: int = result(price)) -> dict[str, int]:
        return {"charged": total}

    with Worker.start(config=config(), workflows=[orders], registry=HandlerRegistry()):
        run = orders.start(items=[1, 2, 3])
        tell(results=run.wait(timeout=20).results)


def on_a_loop() -> None:
    """Run a worker on the event loop of the program."""

    async def serve() -> None:
        threads: set[str] = set()

        async def pay(_: Any) -> dict[str, Any]:
            threads.add(threading.current_thread().name)
            await asyncio.sleep(0.05)
            return {}

        loop = asyncio.get_running_loop()
        worker = Worker.start(config=config(), registry=registry(errors__succeed=pay), loop=loop)
        await asyncio.sleep(0.1)  # for the loop to begin to watch
        pollers = [thread.name for thread in threading.enumerate() if thread.name.startswith("tasker-handler")]
        client = TaskerClient()
        tasks = [await asyncio.to_thread(client.create_task, "success_only", namespace="errors_py") for _ in range(3)]
        statuses = [(await asyncio.to_thread(client.wait_for_task, task.task_uuid)).status for task in tasks]
        began = time.monotonic()
        await worker.stop_async()
        tell(statuses=statuses, threads=sorted(threads), pollers=pollers, took=time.monotonic() - began)

    asyncio.run(serve())


def events() -> None:
    """Hear of the events that steps publish."""

    def pay(context: Any) -> dict[str, Any]:
        if context.get_input("refuse"):
            raise PermanentError("refused")
        return {"payment_id": "p-1"}

    made = registry(events__pay=pay)
    with Worker.start(config=config(), registry=made):
        heard: list[Any] = []
        poller = InProcessDomainEventPoller()
        poller.on_event(heard.append)
        poller.start()
        until(lambda: poller.stats["poll_count"] >= 2)
        client = TaskerClient()
        for context in ({}, {"refuse": True}):
            client.wait_for_task(client.create_task("events", namespace="events_py", context=context).task_uuid)
        from tasker_core._tasker_core import publish_domain_event

        mine = {"event_name": "own.event", "namespace": "events_py", "delivery_mode": "fast", "payload": {"a": 1}}
        own = publish_domain_event(mine)
        until(lambda: len(heard) >= 3)
        poller.stop()
        by_name = {event.event_name: event for event in heard}  # those of steps come by and by, and may be overtaken
        processed = by_name["payment.processed"]
        tell(
            names=[event.event_name for event in heard], payload=processed.business_payload,
            step=processed.metadata.step_name, own=str(by_name["own.event"].event_id) == own,
        )  # fmt: skip


# An application that was written for the existing package.


class Stock(BaseHTTPRequestHandler):
    """What its API handlers call: there is no stock at first, and no parcel for nobody."""

    calls = 0

    def do_GET(self) -> None:
        Stock.calls += 1
        if Stock.calls == 1:
            self.answer(503, {})
        else:
            self.answer(200, {"available": True, "asked": self.path})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(201 if sent["charge"] else 422, {"parcel": f"for {sent['charge']}"})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None: ...


def growing(requests: str) -> None:
    """Run tasks of the application in `existing_app` whose steps are not all known beforehand."""
    os.environ["TASKER_TEMPLATE_PATH"] = str(Path(__file__).with_name("existing_app") / "config")
    runs = []
    with Worker.start(handler_packages=["existing_app"], config=BootstrapConfig(log_level="error")):
        client = TaskerClient()
        for name, context in json.loads(requests):
            task = client.create_task(name, namespace="existing_py", context=context)
            ended = client.wait_for_task(task.task_uuid)
            steps = {
                step.name: [step.current_state, step.attempts, (step.results or {}).get("result")]
                for step in client.list_task_steps(task.task_uuid)
            }
            runs.append({"status": ended.status, "steps": steps})
    tell(runs=runs)


def existing() -> None:
    """Run the application in `existing_app`, from its own templates."""
    stock = ThreadingHTTPServer(("127.0.0.1", 0), Stock)
    threading.Thread(target=stock.serve_forever, daemon=True).start()
    os.environ["EXISTING_STOCK_URL"] = f"http://127.0.0.1:{stock.server_port}"
    os.environ["TASKER_TEMPLATE_PATH"] = str(Path(__file__).with_name("existing_app") / "config")
    from existing_app import events

    events.register()
    runs: dict[str, Any] = {}
    with Worker.start(handler_packages=["existing_app"], config=BootstrapConfig(log_level="error")):
        client = TaskerClient()
        poller = InProcessDomainEventPoller()
        subscriber = events.LedgerSubscriber()
        subscriber.start(poller)
        poller.start()
        until(lambda: poller.stats["poll_count"] >= 2)
        for name, context in {
            "paid": {"customer_id": 7, "amount": 12.5, "payment": {"token": "tok_1"}},
            "quiet": {"customer_id": 8, "amount": 12.5, "payment": {"token": "tok_secret"}},
            "no_token": {"customer_id": 9, "amount": 12.5},
            "over_limit": {"customer_id": 10, "amount": 501},
            "nothing": {"customer_id": 11, "amount": 0},
        }.items():
            task = client.create_task("checkout", namespace="existing_py", context=context)
            ended = client.wait_for_task(task.task_uuid)
            runs[name] = {"status": ended.status}
            for step in client.list_task_steps(task.task_uuid):
                record = step.results or {}
                error = record.get("error") or {}
                runs[name][step.name] = [step.current_state, step.attempts, record.get("result"), error.get("message")]
                runs[name][f"{step.name} record"] = record
        until(lambda: len(events.LedgerSubscriber.heard) >= 4)
    poller.stop()
    heard = [[event["event_name"], event["payload"]["payload"], event["metadata"]] for event in events.LedgerSubscriber.heard]
    tell(runs=runs, heard=heard, log=events.log)


# Ends.


def leaves(how: str) -> None:
    """End the interpreter while a step runs, without stopping the worker."""
    Worker.start(config=config(), registry=registry(waits__wait=note_and_wait))
    if how != "idle":
        TaskerClient().create_task("waits", namespace="waits_py", context={"seconds": 60.0})
        assert noted.wait(SOON_S)
    tell(at=time.time())
    if how == "exception":
        raise SystemError("as it happens")


def interrupted() -> None:
    """Wait for Ctrl-C as a program would that has no signal handlers of its own."""
    worker = Worker.start(config=config(), registry=registry(waits__wait=note_and_wait))
    try:
        tell(ready=True)
        while True:
            time.sleep(0.02)  # and not for long: Python sleeps through a signal that comes just before it begins to
    except KeyboardInterrupt:
        tell(at=time.time())
        worker.stop()
    tell(stopped=time.time())


def forked() -> None:
    """Fork with a worker running; the child leaves by its own exit handlers."""
    worker = Worker.start(config=config(), registry=registry(errors__succeed=lambda _: {}))
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            Worker.start(config=config(), registry=registry(errors__succeed=lambda _: {}))
            said = "started"
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, json.dumps([said, worker.is_running, is_worker_running(), Worker.instance() is None]).encode())
        worker.stop()
        sys.exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = json.loads(pipe.read())
    _, status = os.waitpid(pid, 0)
    client = TaskerClient()
    task = client.wait_for_task(client.create_task("success_only", namespace="errors_py").task_uuid)
    worker.stop()
    tell(child=said, exit=status, parent=task.status)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
