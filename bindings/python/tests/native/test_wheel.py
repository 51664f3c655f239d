"""The wheel's promise: which systems it runs on."""

from __future__ import annotations

import importlib.util
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .children import BINDING

ROOT = BINDING.parents[1]


@pytest.fixture(scope="module")
def hook() -> Any:
    spec = importlib.util.spec_from_file_location("hatch_build", BINDING / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_wheel_in_an_empty_environment_runs_the_quick_start_as_printed() -> None:
    done = subprocess.run([ROOT / "scripts" / "python-wheel.sh"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"tasker_core \S+ with .+ ran a workflow", done.stdout)
    assert re.search(r"^\$ python -m tasker_core.dev orders.py --run ", done.stdout, re.M)
    assert re.search(r"charge +complete  .*\"charged\": 1200", done.stdout)
    assert re.search(r"^\{.*'charged': 1200.*\}$", done.stdout, re.M)
    assert re.search(r"^tasker-core \d+\.\d+\.\d+$", done.stdout, re.M)
    assert re.search(rf"^built bindings/python/dist/\S+-py3-none-manylinux_2_17_{platform.machine()}\.whl$", done.stdout, re.M)


def test_a_library_that_keeps_to_old_symbols_gets_the_tag_for_old_systems(hook: Any, loopback: Path) -> None:
    assert hook.wheel_tag(loopback) == f"py3-none-manylinux_2_17_{platform.machine()}"


def test_a_library_that_needs_a_newer_glibc_gets_no_wheel(hook: Any, loopback: Path, tmp_path: Path) -> None:
    newer = tmp_path / "libtasker.so"
    newer.write_bytes(loopback.read_bytes().replace(b"\0GLIBC_2.17\0", b"\0GLIBC_2.34\0"))
    with pytest.raises(SystemExit, match=r"needs glibc 2\.34; build it with scripts/lib-build\.sh"):
        hook.wheel_tag(newer)


def test_a_library_for_another_machine_gets_no_wheel(hook: Any, loopback: Path, tmp_path: Path) -> None:
    content = bytearray(loopback.read_bytes())
    content[18:20] = (40).to_bytes(2, "little")  # Arm, of 32 bits
    other = tmp_path / "libtasker.so"
    other.write_bytes(content)
    with pytest.raises(SystemExit, match="no ELF library for"):
        hook.wheel_tag(other)


def test_what_is_no_library_gets_no_wheel(hook: Any, tmp_path: Path) -> None:
    text = tmp_path / "libtasker.so"
    text.write_text("none")
    with pytest.raises(SystemExit, match="no ELF library"):
        hook.wheel_tag(text)
