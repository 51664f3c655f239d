"""Reading the frames that polls return. Their layout is told in `include/tasker.h`."""

from __future__ import annotations

import functools
import struct
from enum import IntEnum
from typing import NamedTuple

_HEADER = struct.Struct("<4sIQ")
_FRAME = struct.Struct("<IHHQ16siI")
_HEADER_SIZE, _FRAME_SIZE = _HEADER.size, _FRAME.size


class FrameType(IntEnum):
    """What a frame holds. Readers skip types that they do not know."""

    STEP = 1
    CANCEL = 2
    RESPONSE = 3
    DOMAIN_EVENT = 4
    SHUTDOWN = 5
    LOG = 6
    DROPPED = 7


class Frame(NamedTuple):
    """One frame. `number` is a step's token or the id of a request; `status` a result code or a log level."""

    type: int
    flags: int
    number: int
    id: bytes
    status: int
    payload: bytes


_frame = functools.partial(tuple.__new__, Frame)  # what Frame itself does, without a call in Python


class FrameError(ValueError):
    """A buffer that holds no frames, or not those that its header announces."""


def decode(buffer: bytes) -> list[Frame]:
    """Read all frames of a buffer. Raises `FrameError` for anything but a whole, well-formed one."""
    there = len(buffer)
    if there < _HEADER_SIZE:
        raise FrameError(f"{there} bytes are too few for a header")
    magic, count, total = _HEADER.unpack_from(buffer)
    if magic != b"TKF1":
        raise FrameError(f"unknown magic {magic!r}")
    if total != there:
        raise FrameError(f"the header tells of {total} bytes, there are {there}")
    frames: list[Frame] = []
    at = _HEADER_SIZE
    for _ in range(count):
        payload = at + _FRAME_SIZE
        if payload > total:
            raise FrameError(f"the header tells of {count} frames, there are {len(frames)}")
        size, kind, flags, number, event_id, status, _ = _FRAME.unpack_from(buffer, at)
        end = payload + size
        if end > total:
            raise FrameError(f"frame {len(frames)} ends behind the buffer")
        frames.append(_frame((kind, flags, number, event_id, status, buffer[payload:end])))
        at = end + -size % 8
    return frames
