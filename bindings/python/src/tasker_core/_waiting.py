"""Waiting inside the core without making Ctrl-C wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


def interruptible(call: Callable[[], _T], late: Callable[[_T], None] | None = None) -> _T:
    """Run a call that may wait inside the core so that Ctrl-C does not have to wait for it.

    Signal handlers of Python run on the main thread, between calls. There the call goes to a helper thread; if the wait is
    interrupted, `late` gets what comes of it after all.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    outcome: list[tuple[bool, Any]] = []
    done = threading.Event()
    lock = threading.Lock()
    ended = abandoned = False

    def run() -> None:
        nonlocal ended
        try:
            outcome.append((True, call()))
        except BaseException as error:
            outcome.append((False, error))
        with lock:
            ended = True
            orphaned = abandoned
        done.set()
        if orphaned:
            drop()

    def drop() -> None:
        succeeded, value = outcome[0]
        if succeeded and late is not None:
            late(value)

    try:
        threading.Thread(target=run, name="tasker-call", daemon=True).start()
    except RuntimeError:  # the interpreter exits
        return call()
    try:
        done.wait()
    except BaseException:
        with lock:
            abandoned = True
            orphaned = ended
        if orphaned:
            drop()
        raise
    succeeded, value = outcome[0]
    if succeeded:
        return value  # type: ignore[no-any-return]
    raise value
