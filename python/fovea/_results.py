"""What the C library filled, as Detections. Numbers are copied once: its memory serves the next frame."""
from __future__ import annotations

from typing import Any

import numpy as np

from ._library import ffi, lib, text
from .detections import ROW, Detections

STAGES = ("queue", "decode", "preprocess", "inference", "postprocess", "track", "publish", "total")


def timings_ms(timings: Any) -> dict[str, float]:
    """Stage times of a frame in ms."""
    return {stage: getattr(timings, stage) / 1e6 for stage in STAGES}


def _array(pointer: Any, count: int, dtype: Any) -> Any:
    dtype = np.dtype(dtype)
    if not count:
        return np.empty(0, dtype)
    return np.frombuffer(ffi.buffer(pointer, count * dtype.itemsize), dtype).copy()


def _mask(runs: Any, width: int, height: int) -> Any:
    """Runs column by column, the first one outside of the mask, as truth values."""
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def _masks(details: Any, count: int, width: int, height: int) -> Any:
    runs = _array(details.runs, details.run_count, np.uint32)
    masks = np.zeros((count, height, width), bool)
    for i in range(count):
        one = details.items[i]
        mine = runs[one.run:one.run + one.run_count]
        if mine.sum() == width * height:
            masks[i] = _mask(mine, width, height)
    return masks


def _corners(details: Any, count: int) -> Any:
    corners, four = np.empty((count, 4, 2), np.float32), ffi.new("fov_point[4]")
    for i in range(count):
        lib.fov_detail_corners(ffi.addressof(details.items, i), four)
        corners[i] = np.frombuffer(ffi.buffer(four), np.float32).reshape(4, 2)
    return corners


def _keypoints(details: Any, count: int) -> Any:
    each = details.items[0].keypoint_count if count else 0
    points = _array(details.keypoints, count * each, (np.float32, 3)) if each else np.empty((0, 3), np.float32)
    return points.reshape(count, -1, 3)


def _add_details(found: Detections, details: Any, task: int, label: Any) -> None:
    count = len(found)
    if task in (lib.FOV_TASK_SEGMENT, lib.FOV_TASK_SEMANTIC):
        found.masks = _masks(details, count, found.width, found.height)
    elif task == lib.FOV_TASK_POSE:
        found.keypoints = _keypoints(details, count)
    elif task == lib.FOV_TASK_ORIENTED:
        found.corners = _corners(details, count)
    elif task == lib.FOV_TASK_EMBED:
        found.embedding = _array(details.embedding, details.embedding_count, np.float32)
    found.classes = [(one.class_id, label(one.class_id), one.score)
                     for one in details.classes[0:details.class_count]]


def to_detections(raw: Any, width: int, height: int, task: int, label: Any, tracked: bool = False) -> Detections:
    """Detections of a fov_detections. `label` names a class id."""
    rows = _array(raw.items, raw.count, ROW)
    found = Detections(rows["xyxy"], rows["score"], rows["class_id"], [label(i) for i in rows["class_id"].tolist()],
                       rows["track_id"] if tracked else None, width=width, height=height)
    if raw.details:
        _add_details(found, raw.details, task, label)
    return found


def labeller(model: Any) -> Any:
    """Names class ids of a fov_model; each name is read once."""
    names: dict[int, str] = {}

    def label(class_id: int) -> str:
        if class_id not in names:
            names[class_id] = text(lib.fov_model_label(model, class_id))
        return names[class_id]

    return label
