"""Trackers: boxes get names that last."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import InvalidArgument, check, new_error
from ._library import ffi, lib, text
from ._lifetime import Closing
from .detections import ROW, Detections

STATES = ("tentative", "active", "lost", "removed")


@dataclass
class Track:
    """A box with a name in time. `xyxy` in px of the picture, `velocity` of its centre in px a second; `state`:
    "tentative" (not seen often enough to have a name), "active", "lost" (where it is thought to be), "removed".
    `detection`: index into the detections of this update, -1: none. `ground`: x, y in m and their m/s; None: not known."""

    id: int
    xyxy: tuple[float, float, float, float]
    score: float
    class_id: int
    state: str
    detection: int
    velocity: tuple[float, float]
    first_s: float
    seen_s: float
    ground: tuple[float, float, float, float] | None = None

    @property
    def center(self) -> tuple[float, float]:
        left, top, right, bottom = self.xyxy
        return (left + right) / 2, (top + bottom) / 2


def tracks_of(raw: Any) -> list[Track]:
    """Of a fov_tracks *; NULL: none."""
    if not raw:
        return []
    return [Track(one.id, (one.x1, one.y1, one.x2, one.y2), one.score, one.class_id, STATES[one.state], one.detection,
                  (one.vx, one.vy), one.first_s, one.seen_s,
                  (one.ground_x, one.ground_y, one.ground_vx, one.ground_vy) if one.on_ground else None)
            for one in raw.items[0:raw.count]]


def trackers() -> dict[str, str]:
    """The trackers there are, with what each is for."""
    found, help_, i = {}, ffi.new("char **"), 0
    while name := text(lib.fov_tracker_name(i, help_)):
        found[name], i = text(help_[0]), i + 1
    return found


def tracker_params(name: str | None = None, **options: Any) -> tuple[Any, Any]:
    """A fov_tracker_params and what keeps its name. Options: high, low, start (scores), lost_s, buffer,
    across_classes, max_tracks, embedding_size; docs/tracking.md."""
    params = ffi.new("fov_tracker_params *")
    named = ffi.new("char[]", name.encode()) if name else ffi.NULL
    params.name = named
    for option, value in options.items():
        if option == "name" or option not in dir(params):
            raise InvalidArgument(f"a tracker has no option {option!r}; there are {', '.join(dir(params))}")
        setattr(params, option, value)
    return params, named


class Tracker(Closing):
    """Follows detections from frame to frame.

    name: "botsort" (default), "bytetrack", "ocsort", "pitch", "none"; options as tracker_params. Raises NotFound,
    InvalidArgument. One thread at a time."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        params, self._name = tracker_params(name, **options)
        self._handle, error = ffi.new("fov_tracker **"), new_error()
        check(lib.fov_tracker_create(self._handle, params, error), error)
        super().__init__("tracker")

    def update(self, detections: Detections, time_s: float, *, width: int = 0, height: int = 0,
               embeddings: Any = None) -> list[Track]:
        """Advances to a frame of `time_s` (of its capture, any origin, increasing), gives its detections names
        (`detections.tracker_id`, -1 for those without), and returns all tracks. width, height: of the picture, where the
        detections do not say. embeddings: N x embedding_size float32. Raises InvalidArgument, Closed."""
        rows = np.zeros(len(detections), ROW)
        rows["xyxy"], rows["score"], rows["class_id"] = detections.xyxy, detections.score, detections.class_id
        vectors = None if embeddings is None else np.ascontiguousarray(embeddings, np.float32)
        items = ffi.from_buffer("fov_detection[]", rows, require_writable=True) if len(rows) else ffi.NULL
        boxes = ffi.new("fov_detections *", {"items": items, "count": len(rows), "capacity": len(rows)})
        told = ffi.new("fov_track_input *", {
            "time_s": time_s, "width": width or detections.width, "height": height or detections.height,
            "detections": boxes, "embeddings": ffi.NULL if vectors is None else ffi.from_buffer("float[]", vectors)})
        tracks, error = ffi.new("fov_tracks *"), new_error()
        with self._use:
            check(lib.fov_tracker_update(self._handle[0], told, tracks, error), error)
            detections.tracker_id = rows["track_id"].copy()
            return tracks_of(tracks)

    def reset(self) -> None:
        """Forgets all tracks; names go on from where they were."""
        with self._use:
            lib.fov_tracker_reset(self._handle[0])

    def _close(self) -> None:
        lib.fov_tracker_destroy(self._handle)
