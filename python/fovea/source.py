"""Sources: pictures, videos, cameras, and readers that decode them ahead."""
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._errors import Closed, EndOfStream, check, new_error
from ._frames import pixels_of
from ._library import ffi, lib, text
from ._lifetime import Closing
from .model import PathLike

POLL_MS = 200
BATCH = 64


def _source_params(url: PathLike, loop: bool, bgr: bool, decoder: str | None = None) -> tuple[Any, Any]:
    params = ffi.new("fov_source_params *")
    keep = [ffi.new("char[]", os.fspath(url).encode())]
    params.url, params.loop = keep[0], loop
    if decoder:
        keep.append(ffi.new("char[]", decoder.encode()))
        params.decoder = keep[1]
    if bgr:
        params.pixels = lib.FOV_BGR24
    return params, keep


def open_source(url: PathLike, *, loop: bool = False, bgr: bool = True) -> Any:
    """A fov_source **."""
    (params, _keep), opened, error = _source_params(url, loop, bgr), ffi.new("fov_source **"), new_error()
    check(lib.fov_source_open(opened, params, error), error)
    return opened


@dataclass
class SourceFrame:
    """A frame of a source. `frame`: height x width x 3 uint8 BGR, or the bytes of a picture that stays encoded (JPEGs of
    folders and cameras). `index` counts from 0, pts_ms is its time in the source, `name` its file's."""

    frame: Any
    index: int
    pts_ms: float
    width: int
    height: int
    name: str


class Reader(Closing):
    """Frames of a source one after the other, decoded ahead by a thread: of a file none is lost, of a camera the newest
    is given.

    url         file, folder, glob, "pattern:...", rtsp://, rtmp://, http(s)://, camera ("0", "/dev/video0")
    buffer      frames of a file that wait, 1 to 64
    target_fps  frames a second of the source's own time; 0: all. paced: a file is played in its own time
    Raises NotFound, BadFormat, Unsupported, RuntimeMissing (FFmpeg is not on this machine). One thread may take."""

    _order = 1

    def __init__(self, url: PathLike, *, buffer: int = 30, target_fps: float = 0.0, paced: bool = False, loop: bool = False,
                 decoder: str | None = None) -> None:
        opened, keep = _source_params(url, loop, True, decoder)
        params, error = ffi.new("fov_reader_params *"), new_error()
        params.open, params.buffer, params.target_fps, params.paced = opened[0], buffer, target_fps, paced
        params.hold = BATCH
        self._handle, self._index = ffi.new("fov_reader **"), 0
        check(lib.fov_reader_open(self._handle, params, error), error)
        del keep
        super().__init__()

    def get(self, timeout: float | None = None) -> SourceFrame | None:
        """The next frame; None: none within `timeout` seconds (None: for ever). Raises EndOfStream at the end, or why the
        source ended; Closed."""
        end = None if timeout is None else time.monotonic() + timeout
        frame, name, error = ffi.new("fov_frame **"), ffi.new("char **"), new_error()
        while True:
            if self.closed:
                raise Closed("the reader is closed")
            left = POLL_MS if end is None else min(POLL_MS, max(0, round(1000 * (end - time.monotonic()))))
            status = lib.fov_reader_get(self._handle[0], left, frame, name, error)
            if status == lib.FOV_OK:
                return self._taken(frame, text(name[0]))
            if status == lib.FOV_EOS:
                raise EndOfStream("the source has ended")
            if status != lib.FOV_EAGAIN:
                check(status, error)
            if end is not None and time.monotonic() >= end:
                return None

    def get_batch(self, count: int, timeout: float | None = None) -> list[SourceFrame]:
        """Up to `count` (1 to 64) frames in order; fewer at the end of the source or when `timeout` seconds are over, none
        at all after the end."""
        end = None if timeout is None else time.monotonic() + timeout
        found: list[SourceFrame] = []
        while len(found) < count:
            try:
                one = self.get(None if end is None else max(0.0, end - time.monotonic()))
            except EndOfStream:
                break
            if one is None:
                break
            found.append(one)
        return found

    def __iter__(self) -> Iterator[SourceFrame]:
        while True:
            try:
                one = self.get()
            except EndOfStream:
                return
            if one is not None:
                yield one

    def _taken(self, frame: Any, name: str) -> SourceFrame:
        try:
            one = frame[0]
            found = SourceFrame(pixels_of(one), self._index, one.pts_ms, one.width, one.height, name)
        finally:
            lib.fov_frame_unref(frame)
        self._index += 1
        return found

    @property
    def info(self) -> dict[str, Any]:
        """kind, width, height, fps, frames (-1: not known), live."""
        if self.closed:
            raise Closed("the reader is closed")
        about = lib.fov_reader_get_info(self._handle[0])
        return {"kind": text(about.kind), "width": about.width, "height": about.height, "fps": about.fps,
                "frames": about.frames, "live": about.live}

    @property
    def state(self) -> dict[str, Any]:
        """waiting, capacity, taken, skipped, and of the source phase, pictures, superseded, corrupt, reconnects, error."""
        if self.closed:
            raise Closed("the reader is closed")
        now = ffi.new("fov_reader_state *")
        lib.fov_reader_get_state(self._handle[0], now)
        source = now.source
        return {"waiting": now.waiting, "capacity": now.capacity, "taken": now.taken, "skipped": now.skipped,
                "phase": text(lib.fov_source_phase_name(source.phase)), "pictures": source.pictures,
                "superseded": source.superseded, "corrupt": source.corrupt, "reconnects": source.reconnects,
                "error": text(source.error)}

    def _close(self) -> None:
        lib.fov_reader_close(self._handle)
