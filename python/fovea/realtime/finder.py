"""Functions of the user's as what finds players: called by the library's workers with pictures, giving boxes."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .._library import ffi, lib
from ..detections import Detections
from .pixels import Decoder, Picture, Pixels, bgr_of

log = logging.getLogger("fovea.realtime")
CLASSES = {"player": lib.FOV_CLASS_PLAYER, "person": lib.FOV_CLASS_PLAYER, "goalkeeper": lib.FOV_CLASS_GOALKEEPER,
           "referee": lib.FOV_CLASS_REFEREE, "ball": lib.FOV_CLASS_BALL, "sports ball": lib.FOV_CLASS_BALL}


class Finder:
    """Calls a function with HxWx3 BGR pictures, one at a time. One that raises is logged and counted; the frame is empty."""

    def __init__(self, finds: Callable[[Picture], Any]) -> None:
        self.finds, self.errors = finds, 0
        self._one = threading.Lock()
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
        with self._one:
            found = Detections.of(self.finds(self._picture(frame)))
        count = min(len(found), out.capacity)
        for i in range(count):
            item, class_id = out.items[i], int(found.class_id[i])
            item.x1, item.y1, item.x2, item.y2 = map(float, found.xyxy[i])
            item.score, item.track_id, item.class_id_raw = float(found.score[i]), -1, class_id
            item.class_id = CLASSES.get(found.class_name[i], class_id)
        out.count = count

    def _picture(self, frame: Any) -> Picture:
        """The frame's pixels; an array that the function keeps keeps the frame."""
        if frame.image.pixels in (lib.FOV_BGR24, lib.FOV_GRAY8):
            kept = lib.fov_frame_ref(ffi.cast("fov_frame *", frame))
            return np.asarray(Pixels(kept, bool))
        if frame.image.pixels != lib.FOV_PIXELS_NONE:
            return bgr_of(frame.image)
        self._decoder = self._decoder or Decoder()
        return self._decoder.decode(frame, False)

    def _failed(self, kind: Any, value: BaseException, trace: Any) -> None:
        self.errors += 1
        if self.errors <= 3 or self.errors % 100 == 0:
            log.error("the model function raised (%d times so far)", self.errors, exc_info=(kind, value, trace))
