"""One asyncio loop for all async handlers of a process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

Done = Callable[[Any, BaseException | None], None]


class HandlerLoop:
    """Runs coroutines of handlers: on a loop of the application, or on its own, in a daemon thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._lock = threading.Lock()
        self._loop = loop
        self._own = loop is None
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, coroutine: Coroutine[Any, Any, Any], done: Done) -> Callable[[], None]:
        """Run a coroutine. `done` is called on the loop's thread, with its result or its exception, once it has ended.

        Returns:
            A function that cancels it, at its next await.
        """
        loop = self._running_loop()
        tasks: list[asyncio.Task[Any]] = []

        def begin() -> None:
            task = loop.create_task(_shielded(coroutine))
            tasks.append(task)
            self._tasks.add(task)
            task.add_done_callback(end)

        def end(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                coroutine.close()  # it may never have begun
                done(None, asyncio.CancelledError())
            else:
                result, error = task.result()
                done(result, error)

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        def cancel_soon() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its tasks with it
                loop.call_soon_threadsafe(cancel)

        loop.call_soon_threadsafe(begin)
        return cancel_soon

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._serve, args=(self._loop,), name="tasker-asyncio", daemon=True).start()
            return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def close(self) -> None:
        """Cancel what still runs, and end the loop if it is its own."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return

        def end() -> None:
            for task in list(self._tasks):
                task.cancel()
            if self._own:
                loop.call_soon(loop.stop)

        loop.call_soon_threadsafe(end)


async def _shielded(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    """Keep a handler's SystemExit from ending the loop for all others."""
    try:
        return await coroutine, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, error
