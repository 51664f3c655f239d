"""Puts libtasker.so into the wheel, and names the systems that it runs on.

The library is the one in `src/tasker_core/_lib`, where `make lib` copies it; TASKER_LIBRARY_PATH names another one.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGED = "tasker_core/_lib/libtasker.so"
_MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine of ELF
_OLDEST_GLIBC = (2, 17)


class LibraryHook(BuildHookInterface[Any]):
    """The build hook that pyproject.toml names."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the library to a wheel, and give the wheel its tag. Editable installs find the library themselves."""
        if self.target_name != "wheel" or version == "editable":
            return
        library = Path(os.environ.get("TASKER_LIBRARY_PATH") or Path(self.root, "src", PACKAGED))
        if not library.is_file():
            raise SystemExit(f"{library} is missing: run `make lib` in the root of the checkout first")
        build_data["force_include"][str(library)] = PACKAGED
        build_data["pure_python"] = False
        build_data["infer_tag"] = False
        build_data["tag"] = wheel_tag(library)


def wheel_tag(library: Path) -> str:
    """Return the tag of a wheel with this library, or end the build if it would not keep what the tag promises."""
    content = library.read_bytes()
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _MACHINES:
        raise SystemExit(f"there is no wheel for {sys.platform} on {machine}")
    if content[:4] != b"\x7fELF" or int.from_bytes(content[18:20], "little") != _MACHINES[machine]:
        raise SystemExit(f"{library} is no ELF library for {machine}")
    needed = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"\0GLIBC_([0-9]+(?:\.[0-9]+)+)(?=\0)", content)}
    newest = max(needed, default=_OLDEST_GLIBC)
    if newest[:2] > _OLDEST_GLIBC:
        version = ".".join(map(str, newest))
        raise SystemExit(f"{library} needs glibc {version}; build it with scripts/lib-build.sh, which keeps to 2.17")
    return f"py3-none-manylinux_{_OLDEST_GLIBC[0]}_{_OLDEST_GLIBC[1]}_{machine}"
