"""The function table against the header, and the documents and frames against the contract's examples."""

from __future__ import annotations

import ctypes
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tasker_core import _frames, _native, _status

ROOT = Path(__file__).resolve().parents[4]
HEADER = (ROOT / "include" / "tasker.h").read_text()

C_TYPES: dict[str, Any] = {
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "tasker_handle": ctypes.c_uint64,
    "tasker_token": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "const uint8_t *": ctypes.c_char_p,
    "const char *": ctypes.c_char_p,
    "const uint8_t *const *": ctypes.POINTER(ctypes.c_char_p),
    "const tasker_token *": ctypes.POINTER(ctypes.c_uint64),
    "const size_t *": ctypes.POINTER(ctypes.c_size_t),
    "int32_t *": ctypes.POINTER(ctypes.c_int32),
    "tasker_buf *": ctypes.POINTER(_native.Buffer),
    "tasker_handle *": ctypes.POINTER(ctypes.c_uint64),
    "void *": ctypes.c_void_p,
    "tasker_log_fn": ctypes.c_void_p,
    "void": None,
}


def declared() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """The functions of the header, as ctypes has them."""
    found = {}
    for returns, name, parameters in re.findall(r"^TASKER_API ([\w ]+?[ *]+)(tasker_\w+)\(([^)]*)\);", HEADER, re.MULTILINE):
        types = [re.sub(r"\w+$", "", p.strip()).strip() if p.strip() != "void" else "" for p in parameters.split(",")]
        found[name] = (C_TYPES[returns.strip()], tuple(C_TYPES[t] for t in types if t))
    return found


def enums() -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^\s*TASKER_(\w+) = (-?\d+)", HEADER, re.MULTILINE)}


def contract(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "include" / "contract" / f"{name}.json").read_text())
    return document


def test_the_table_has_every_function_of_the_header_as_the_header_declares_it() -> None:
    assert len(declared()) > 30
    assert declared() == _native.FUNCTIONS


def test_the_abi_version_is_that_of_the_header() -> None:
    found = {name: int(value) for name, value in re.findall(r"#define TASKER_ABI_(\w+) (\d+)", HEADER)}
    assert found == {"MAJOR": _native.ABI_MAJOR, "MINOR": _native.ABI_MINOR}


def test_the_status_codes_are_those_of_the_header_and_of_the_contract() -> None:
    codes = {status.name: status.value for status in _status.Status}
    assert codes == contract("error")["codes"]
    assert {name: enums()[name] for name in codes} == codes


def test_the_frame_types_are_those_of_the_header() -> None:
    assert {kind.name: kind.value for kind in _frames.FrameType} == {
        name.removeprefix("FRAME_"): value
        for name, value in enums().items()
        if name.startswith("FRAME_") and name != "FRAME_HEADER_SIZE"
    }


def test_the_bits_of_the_process_state_are_those_of_the_header() -> None:
    bits = {name.removeprefix("PROCESS_"): value for name, value in enums().items() if name.startswith("PROCESS_")}
    assert {name: getattr(_native, name) for name in bits} == bits


@pytest.mark.parametrize("example", contract("frames")["buffers"], ids=lambda example: example["name"])
def test_buffers_are_read_as_the_contract_says(example: dict[str, Any]) -> None:
    buffer = bytes.fromhex(example["hex"])
    if example.get("error"):
        with pytest.raises(_frames.FrameError):
            _frames.decode(buffer)
        return
    assert [
        {
            "type": frame.type,
            "flags": frame.flags,
            "number": frame.number,
            "id": frame.id.hex(),
            "status": frame.status,
            "payload": frame.payload.decode(),
        }
        for frame in _frames.decode(buffer)
    ] == example["frames"]


@pytest.mark.parametrize("cut", range(0, 0x70, 3))
def test_a_buffer_that_is_cut_short_is_refused_wherever_it_is_cut(cut: int) -> None:
    buffer = bytes.fromhex(contract("frames")["buffers"][1]["hex"])
    with pytest.raises(_frames.FrameError):
        _frames.decode(buffer[:cut])


@pytest.mark.parametrize("example", contract("error")["accept"], ids=lambda example: example["name"])
def test_error_documents_become_exceptions_with_all_that_they_say(example: dict[str, Any]) -> None:
    document = example["document"]
    with pytest.raises(_status.CoreError) as raised:
        _native.library().fail(document["code"], json.dumps(document).encode())
    error = raised.value
    assert (error.code, error.retryable, error.details) == (document["code"], document["retryable"], document["details"])
    assert str(error) == f"{document['message']} ({document['name']})"
    assert type(error) is _status.error_class(document["code"])


@pytest.mark.parametrize(
    ("code", "expected"),
    [(-9, _status.UsageError), (-19, _status.UsageError), (-39, _status.UnavailableError), (-99, _status.CoreBugError)],
)
def test_codes_of_a_newer_library_are_told_apart_by_their_range(code: int, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=r"E_UNSUPPORTED|UNKNOWN"):
        _native.library().fail(code, b"")
