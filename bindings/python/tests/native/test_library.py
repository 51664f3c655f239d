"""Finding and loading the library, and what it tells in errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasker_core import _find, _native

from .children import Play, environment


def load(path: Path | str | None, code: str = "_native.library()") -> str:
    """Load the library in a process of its own, and return how that failed."""
    more = {"TASKER_LIBRARY_PATH": str(path)} if path is not None else {}
    done = subprocess.run(
        [sys.executable, "-c", f"from tasker_core import _native; {code}"],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip().splitlines()[-1]


def compiled(folder: Path, source: str) -> Path:
    path = folder / "libtasker.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"], input=source, text=True, check=True, timeout=60)
    return path


def test_importing_every_module_loads_nothing_and_starts_nothing(play: Play) -> None:
    seen = play("imports")
    assert seen["modules"] > 40
    assert seen == {"modules": seen["modules"], "mapped": False, "threads": 1}


def test_an_explicit_path_is_not_replaced_by_another_one_when_it_is_wrong(tmp_path: Path) -> None:
    assert f"TASKER_LIBRARY_PATH names {tmp_path}/nowhere.so, which is no file" in load(tmp_path / "nowhere.so")


def test_a_file_that_is_no_library_is_named(tmp_path: Path) -> None:
    path = tmp_path / "libtasker.so"
    path.write_text("no library")
    message = load(path)
    assert "LibraryLoadError" in message
    assert f"{path} cannot be loaded" in message


def test_a_library_of_another_abi_is_refused_with_both_versions(tmp_path: Path) -> None:
    functions = [name for name in _native.FUNCTIONS if name not in ("tasker_abi_check", "tasker_abi_version")]
    source = "int tasker_abi_version(void) { return 7 << 16 | 3; } int tasker_abi_check(void) { return -4; }\n"
    source += "\n".join(f"int {name}(void) {{ return 0; }}" for name in functions)
    needed = f"this package needs {_native.ABI_MAJOR}.{_native.ABI_MINOR} or a later {_native.ABI_MAJOR}.x"
    assert f"has ABI 7.3, {needed}" in load(compiled(tmp_path, source))


def test_a_library_that_lacks_a_function_is_called_older(tmp_path: Path) -> None:
    message = load(compiled(tmp_path, "int tasker_abi_version(void) { return 1 << 16; }"))
    assert "is older than this package" in message


def test_without_a_library_all_places_are_listed(tmp_path: Path) -> None:
    package = tmp_path / "checkout" / "src" / "tasker_core"
    shutil.copytree(Path(_native.__file__).parent, package, ignore=shutil.ignore_patterns("_lib", "__pycache__"))
    (tmp_path / "checkout" / "go.mod").touch()
    done = subprocess.run(
        [sys.executable, "-c", "from tasker_core import _native; _native.library()"],
        env={**environment(), "PYTHONPATH": str(package.parent), "TASKER_LIBRARY_PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    message = done.stderr.strip().splitlines()[-1]
    for place in (
        "TASKER_LIBRARY_PATH (not set)",
        f"{package}/_lib/libtasker.so",
        f"{tmp_path}/checkout/build/lib/libtasker.so",
    ):
        assert place in message
    assert "make lib" in message


def test_the_library_of_the_package_goes_before_that_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASKER_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(_find, "__file__", str(tmp_path / "tasker_core" / "_find.py"))
    (tmp_path / "go.mod").touch()
    paths = [tmp_path / "tasker_core" / "_lib" / "libtasker.so", tmp_path / "build" / "lib" / "libtasker.so"]
    for path in reversed(paths):
        path.parent.mkdir(parents=True)
        path.touch()
        assert _find.find_library() == path


@pytest.mark.parametrize(
    ("glibc", "linkers", "musl"),
    [
        ("glibc 2.36", [], False),
        ("glibc 2.36", ["/lib/ld-musl-x86_64.so.1"], False),
        (None, ["/lib/ld-musl-x86_64.so.1"], True),
    ],
)
def test_musl_is_told_from_glibc_and_explained(
    monkeypatch: pytest.MonkeyPatch, glibc: str | None, linkers: list[str], musl: bool
) -> None:
    def confstr(_: object) -> str:
        if glibc is None:
            raise ValueError("unrecognized configuration name")
        return glibc

    monkeypatch.setattr(os, "confstr", confstr)
    monkeypatch.setattr("tasker_core._find.glob.glob", lambda _: linkers)
    assert _find.is_musl() is musl
    assert ("golang/go#54805" in _find.musl_hint()) is musl


def test_the_environment_is_read_as_it_is_when_a_worker_is_opened(play: Play) -> None:
    assert play("environment") == {"seen": True}


def test_errors_of_the_core_are_exceptions_of_their_kind(play: Play) -> None:
    seen = play("errors")
    assert {name: error["class"] for name, error in seen.items() if name != "live"} == {
        "method": "UsageError",
        "deadline": "UnavailableError",
        "failed": "CoreBugError",
        "panic": "CoreBugError",
        "config": "CoreConfigError",
        "key": "UsageError",
        "database": "UnavailableError",
        "restart": "UsageError",
        "freed": "UsageError",
    }
    assert seen["key"]["details"] == {"key": "database_url", "belongs_to": 'settings, as "database.url"'}
    assert "so it is" in seen["failed"]["message"]
    assert seen["live"] == 0
