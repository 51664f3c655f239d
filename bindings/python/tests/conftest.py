"""What all tests rely on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Have the tests' children hear Ctrl-C, also where a shell started these tests in the background and ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
