"""Functions of the user's as what finds players: the library's workers wait for them as long as a frame may take."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._library import ffi, lib
from .._own import Caller, Late
from ..detections import Detections
from .pixels import Decoder, Picture, Pixels, bgr_of

log = logging.getLogger("fovea.realtime")
CLASSES = {"player": lib.FOV_CLASS_PLAYER, "person": lib.FOV_CLASS_PLAYER, "goalkeeper": lib.FOV_CLASS_GOALKEEPER,
           "referee": lib.FOV_CLASS_REFEREE, "ball": lib.FOV_CLASS_BALL, "sports ball": lib.FOV_CLASS_BALL}
PATIENCE_S = 10.0  # for frames without a deadline


class Finder:
    """Calls a function with HxWx3 BGR pictures, one at a time, on a thread of its own.

    A frame for which it raises, or does not return by the deadline (10 s where there is none), has no boxes; that is logged
    and counted in `errors`.
    """

    def __init__(self, finds: Callable[[Picture], Any]) -> None:
        self.errors = 0
        self._caller, self._decoding = Caller(finds), threading.Lock()
        self._decoder: Decoder | None = None
        self._callback = ffi.callback("void(void *, const fov_frame *, fov_detections *)", self._find, onerror=self._failed)
        self._drawn = ffi.new("char[]", b"drawn")

    def params(self) -> Any:
        """What tells a pipeline to call it instead of a model; valid as long as this object."""
        params = ffi.new("fov_football_params *")
        params.player_model, params.on_detections = self._drawn, self._callback
        return params

    def _find(self, user: Any, frame: Any, out: Any) -> None:
        out.count = 0
        end = time.monotonic() + PATIENCE_S
        if frame.deadline_ns:
            end = min(end, frame.deadline_ns / 1e9)  # the clock of time.monotonic
        found = Detections.of(self._caller.call(self._picture(frame), end))
        count = min(len(found), out.capacity)
        for i in range(count):
            item, class_id = out.items[i], int(found.class_id[i])
            item.x1, item.y1, item.x2, item.y2 = map(float, found.xyxy[i])
            item.score, item.track_id, item.class_id_raw = float(found.score[i]), -1, class_id
            item.class_id = CLASSES.get(found.class_name[i], class_id)
        out.count = count

    def _picture(self, frame: Any) -> Picture:
        """The frame's pixels; an array that the function keeps keeps the frame."""
        if frame.image.pixels == lib.FOV_BGR24:
            return np.asarray(Pixels(lib.fov_frame_ref(ffi.cast("fov_frame *", frame)), bool))
        if frame.image.pixels != lib.FOV_PIXELS_NONE:
            return bgr_of(frame.image)
        with self._decoding:
            self._decoder = self._decoder or Decoder()
            return self._decoder.decode(frame, False)

    def _failed(self, kind: type[BaseException], value: BaseException, trace: Any) -> None:
        self.errors += 1
        if self.errors <= 3 or self.errors % 100 == 0:
            why = "did not return in time" if issubclass(kind, Late) else "raised"
            log.error("the model function %s (%d times so far)", why, self.errors, exc_info=(kind, value, trace))

    def stop(self) -> None:
        """Its thread ends when it is idle."""
        self._caller.stop()
