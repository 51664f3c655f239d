"""Where libtasker is, and why it may not be there."""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path

from tasker_core.exceptions import FFIError

_LIBRARY = "libtasker.so"


class LibraryLoadError(FFIError):
    """libtasker was not found, or does not fit this package or this system."""


def find_library() -> Path:
    """Where the library is: `TASKER_LIBRARY_PATH` and nothing else if it is set; else in the package; else in the
    `build/lib` of the checkout that this file is in. The dynamic linker's path is not searched: it may hold another one.
    """
    explicit = os.environ.get("TASKER_LIBRARY_PATH")
    if explicit:
        path = Path(explicit)
        if path.is_file():
            return path.resolve()
        raise LibraryLoadError(f"TASKER_LIBRARY_PATH names {explicit}, which is no file; unset it, or name {_LIBRARY}")
    tried = [Path(__file__).resolve().parent / "_lib" / _LIBRARY]
    tried += [root / "build" / "lib" / _LIBRARY for root in Path(__file__).resolve().parents if (root / "go.mod").is_file()]
    for path in tried:
        if path.is_file():
            return path
    raise LibraryLoadError(
        f"{_LIBRARY} was not found. Looked for TASKER_LIBRARY_PATH (not set), "
        + ", ".join(map(str, tried))
        + f". Install the wheel for this platform, or run `make lib` in a checkout.{_platform_hint()}"
    )


def _platform_hint() -> str:
    if sys.platform != "linux":
        return f" There is no build for {sys.platform} yet: it runs on Linux."
    return musl_hint()


def musl_hint() -> str:
    """What to add to an error where the C library is musl."""
    if not is_musl():
        return ""
    return (
        " This system's C library is musl, under which shared libraries in Go cannot be loaded (golang/go#54805):"
        " use an image with glibc, such as python:3-slim."
    )


def is_musl() -> bool:
    """Whether the C library of this interpreter is musl."""
    try:
        if os.confstr("CS_GNU_LIBC_VERSION"):
            return False
    except (AttributeError, ValueError, OSError):
        pass
    return bool(glob.glob("/lib/ld-musl-*"))
