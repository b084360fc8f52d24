"""AsyncVideoReader and BatchFrameReader of document 003: frames of a source, read ahead by a thread of the library."""
from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import Closed, InvalidArgument, check, new_error
from .._library import ffi, lib
from .._lifetime import Closing
from .pixels import Decoder, Picture, Pixels, copied

HOLD = 64  # frames that the caller may have at once
LOOK_MS = 200  # a wait is broken off so often, so that Python sees Ctrl-C

Source = str | int | os.PathLike[str]


@dataclass(frozen=True)
class FrameData:
    """One picture of a source."""

    frame: Picture  #: HxWx3 uint8 BGR; pixels of the library, not a copy
    frame_idx: int  #: of the frames that this reader gave, from 0
    timestamp: float  #: seconds in the source; live: since its connection began
    name: str = ""  #: file name of a still picture


def source_url(source: Source) -> bytes:
    """The address of a source as the library has it: a path, an address, the number of a camera."""
    return os.fsencode(str(source) if isinstance(source, int) else os.fspath(source))


class AsyncVideoReader(Closing):
    """Frames of a source, one after the other.

    source: file, folder, glob, `rtsp:// rtmp:// http(s)://`, a camera (`0`, `/dev/video0`), `pattern:`.
    buffer_size: frames of a file that are read ahead, 1..64; of live sources the newest one counts alone.
    target_fps: frames a second of the source's own time; the others are left out, evenly. None: all.
    use_multiprocessing: has no effect; reading and decoding never hold Python's lock.
    Raises FoveaError with the reason when the source cannot be opened. Thread-safe.
    C: fov_reader_open, fov_reader_get.
    """

    _order = 1

    def __init__(self, source: Source, buffer_size: int = 30, target_fps: float | None = None, use_multiprocessing: bool = False,
                 *, loop: bool = False) -> None:
        del use_multiprocessing
        self.source, self.buffer_size, self.target_fps, self.loop = source, buffer_size, target_fps, loop
        self.ended = False  #: the source is over, all of it was given
        self._hold = HOLD
        self._reader: Any = None
        self._stopping = False
        self._taking, self._ending = threading.Lock(), threading.Lock()
        self._given = 0
        self._out: deque[None] = deque()  # one entry an array that shows the library's own memory
        self._decoder: Decoder | None = None
        super().__init__()

    def start(self) -> AsyncVideoReader:
        """Opens the source and begins to read ahead. A second call changes nothing."""
        with self._ending:
            if self._stopping:
                raise Closed("this reader was stopped; make a new one")
            if self._reader is None:
                self._open()
        return self

    def _open(self) -> None:
        params, made, error = ffi.new("fov_reader_params *"), ffi.new("fov_reader **"), new_error()
        url = ffi.new("char[]", source_url(self.source))
        params.open.url, params.open.pixels, params.open.loop = url, lib.FOV_BGR24, self.loop
        params.buffer, params.hold, params.target_fps = self.buffer_size, self._hold, self.target_fps or 0
        check(lib.fov_reader_open(made, params, error), error)
        self._reader = made[0]
        self._live = bool(lib.fov_reader_get_info(self._reader).live)

    def get_frame(self, timeout: float | None = None) -> FrameData | None:
        """The next frame; None at the source's end (`ended`), or when none came within `timeout` seconds.

        Waits as long as it takes without a timeout. Raises FoveaError with the reason when the source broke.
        """
        found = self._take(1, timeout)
        return found[0] if found else None

    def _take(self, count: int, timeout: float | None) -> list[FrameData]:
        frames, got, error = ffi.new("fov_frame *[]", count), ffi.new("int *"), new_error()
        name = ffi.new("char **")
        until = None if timeout is None else time.monotonic() + timeout
        self._usable()
        while True:
            left = LOOK_MS if until is None else max(0, min(LOOK_MS, int((until - time.monotonic()) * 1000 + 0.999)))
            with self._taking:
                reader = self._reader
                if reader is None:
                    return []  # stopped meanwhile
                if count == 1:
                    status = lib.fov_reader_get(reader, left, frames, name, error)
                    got[0] = 1 if status == lib.FOV_OK else 0
                else:
                    status = lib.fov_reader_get_batch(reader, left, frames, count, got, error)
                if status == lib.FOV_OK:
                    return self._told(frames, got[0], name[0])
            if status == lib.FOV_EOS:
                self.ended = True
                return []
            if status == lib.FOV_ECLOSED and self._stopping:
                return []
            if status != lib.FOV_EAGAIN:
                check(status, error)
            if until is not None and time.monotonic() >= until:
                return []

    def _usable(self) -> Any:
        if self._stopping:
            raise Closed("this reader was stopped; make a new one")
        if self._reader is None:
            raise Closed("this reader was not started: start() comes first")
        return self._reader

    def _told(self, frames: Any, count: int, name: Any) -> list[FrameData]:
        text = ffi.string(name).decode(errors="replace") if name else ""
        told = []
        for i in range(count):
            frame = frames[i]
            told.append(FrameData(self._array(frame), self._given, frame.pts_ms / 1e3, text))
            self._given += 1
        return told

    def _array(self, frame: Any) -> Picture:
        """The frame's own pixels; a copy when the caller holds so many that reading would stop soon, or of a still picture."""
        encoded = frame.image.pixels == lib.FOV_PIXELS_NONE
        if not encoded and len(self._out) < self._hold // 2:
            self._out.append(None)
            return np.asarray(Pixels(frame, self._out.pop, self._live))
        try:
            if not encoded:
                return copied(frame.image)
            self._decoder = self._decoder or Decoder()
            return self._decoder.decode(frame, not self._live)
        finally:
            lib.fov_frame_unref(ffi.new("fov_frame **", frame))

    def stop(self) -> None:
        """Ends reading: a waiting get_frame returns None within half a second. Arrays that are out stay valid."""
        self._stopping = True
        with self._ending:
            if self._reader is None:
                return
            lib.fov_reader_stop(self._reader)
            with self._taking:
                lib.fov_reader_close(ffi.new("fov_reader **", self._reader))
                self._reader = None

    _close = stop

    def get_stats(self) -> dict[str, Any]:
        """What waits (`waiting` of `capacity`), what was `taken`, `skipped` for target_fps, and where the source stands."""
        state = ffi.new("fov_reader_state *")
        with self._ending:
            lib.fov_reader_get_state(self._usable(), state)
        source = state.source
        return {"waiting": state.waiting, "capacity": state.capacity, "bytes": state.bytes, "taken": state.taken,
                "skipped": state.skipped, "phase": ffi.string(lib.fov_source_phase_name(source.phase)).decode(),
                "superseded": source.superseded, "corrupt": source.corrupt, "reconnects": source.reconnects,
                "error": ffi.string(source.error).decode(errors="replace")}

    def __enter__(self) -> AsyncVideoReader:
        return self.start()

    def __iter__(self) -> Iterator[FrameData]:
        self.start()
        while (found := self.get_frame()) is not None:
            yield found


class BatchFrameReader(AsyncVideoReader):
    """The same, several frames at once.

    batch_size: 1..256 frames of a batch; only the last one of a source has fewer. C: fov_reader_get_batch.
    """

    def __init__(self, source: Source, batch_size: int = 8, buffer_size: int = 30, target_fps: float | None = None,
                 *, loop: bool = False) -> None:
        super().__init__(source, buffer_size, target_fps, loop=loop)
        if not 1 <= batch_size <= 256:
            raise InvalidArgument(f"batch_size is 1..256, not {batch_size}")
        self.batch_size = batch_size
        self._hold = max(HOLD, 2 * batch_size)

    def __enter__(self) -> BatchFrameReader:
        self.start()
        return self

    def get_batch(self, timeout: float | None = None) -> list[FrameData] | None:
        """The next frames, in order; None at the source's end, or when none came within `timeout` seconds."""
        return self._take_all(timeout) or None

    def _take_all(self, timeout: float | None) -> list[FrameData]:
        """A wait that is broken off for Ctrl-C gives fewer frames than asked for: the rest is taken then."""
        until = None if timeout is None else time.monotonic() + timeout
        found: list[FrameData] = []
        while len(found) < self.batch_size:
            more = self._take(self.batch_size - len(found), None if until is None else max(0.0, until - time.monotonic()))
            if not more:
                break
            found += more
        return found
