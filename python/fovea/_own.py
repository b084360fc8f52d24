"""Detectors of Python in the place of a model's file.

A function runs on a thread of its own. Who waits for it waits as long as its frame may take, and no longer: a frame that
it does not answer in time is dropped with that reason, and the next one is tried when it is back.
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Callable

import numpy as np

from ._frames import live
from ._library import ffi, lib
from .detections import ROW, Detections

Detector = Callable[[Any], Any]
log = logging.getLogger("fovea")


class Late(Exception):
    """The function did not return in time."""


class Caller:
    """Calls a function on a daemon thread, one call at a time."""

    def __init__(self, function: Detector) -> None:
        self._function = function
        self._changed = threading.Condition(threading.Lock())
        self._job: list[Any] | None = None  # frame, answer or exception, whether it is there
        self._thread: threading.Thread | None = None
        self._stopped = False

    def call(self, frame: Any, end: float) -> Any:
        """What the function gives for a frame. Raises what it raises, and Late at `end` (time.monotonic)."""
        job = [frame, None, False]
        with self._changed:
            self._until(lambda: self._job is None, end)
            self._job = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fovea-function", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            self._until(lambda: job[2], end)
        if isinstance(job[1], BaseException):
            raise job[1]
        return job[1]

    def _until(self, done: Callable[[], Any], end: float) -> None:
        if not self._changed.wait_for(done, max(0.0, end - time.monotonic())):
            raise Late

    def stop(self) -> None:
        """The thread ends when it is idle."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None or self._stopped)
                if self._job is None:
                    return
                job = self._job
            try:
                answer = self._function(job[0])
            except BaseException as error:  # the caller raises it again
                answer = error
            with self._changed:
                job[0], job[1], job[2] = None, answer, True
                self._job = None
                self._changed.notify_all()


def _frame_of(image: Any) -> Any:
    """The picture as an array that stays valid for as long as somebody has it: the very one that was put, where it is
    one, else a copy."""
    mine = live.get(int(ffi.cast("uintptr_t", image.plane[0])))
    if mine is not None and mine.shape == (image.height, image.width, 3):
        return mine
    size = image.stride[0] * (image.height - 1) + 3 * image.width
    memory = np.frombuffer(ffi.buffer(image.plane[0], size), np.uint8)
    rows = np.lib.stride_tricks.as_strided(memory, (image.height, image.width, 3), (image.stride[0], 3, 1))
    return rows.copy()


def _rows(found: Detections) -> Any:
    rows = np.zeros(len(found), ROW)
    rows["xyxy"], rows["score"], rows["class_id"] = found.xyxy, found.score, found.class_id
    return rows


class OwnModel:
    """A fov_own_model around a function: frame (height x width x 3, uint8, BGR) to what Detections.of takes."""

    def __init__(self, function: Detector, labels: Sequence[str] = (), patience_s: float = 10.0) -> None:
        self.name = getattr(function, "__name__", None) or type(function).__name__
        self.labels = [str(label) for label in labels]
        self.caller, self._patience_s, self._said = Caller(function), patience_s, ""
        self._callback = ffi.callback("fov_own_fn", self._detect, error=lib.FOV_EINTERNAL, onerror=self._failed)
        self._names = [ffi.new("char[]", label.encode()) for label in self.labels]
        self._list = ffi.new("char *[]", self._names) if self._names else ffi.NULL
        # it ends a call by itself; the library's own patience is for what it cannot see
        self.own = ffi.new("fov_own_model *", {
            "detect": self._callback, "pixels": lib.FOV_BGR24, "labels": self._list, "label_count": len(self._names),
            "patience_ms": 1000 * patience_s + 5000})

    def _detect(self, _user: Any, picture: Any, out: Any, error: Any) -> int:
        end = time.monotonic() + self._patience_s
        if picture.limit_ns:
            end = min(end, picture.limit_ns / 1e9)
        try:
            found = Detections.of(self.caller.call(_frame_of(picture.image), end), self.labels)
        except Late:
            return self._say(error, lib.FOV_ETIMEOUT, f"{self.name} did not return in time")
        except Exception as failed:
            self._log(failed)
            return self._say(error, lib.FOV_EINFER, f"{self.name}: {type(failed).__name__}: {failed}")
        rows = _rows(found)[:out.capacity]
        ffi.buffer(out.items, rows.nbytes)[:] = rows.tobytes()
        out.count = len(rows)
        return int(lib.FOV_OK)

    @staticmethod
    def _say(error: Any, status: int, message: str) -> int:
        return int(lib.fov_fail(error, status, b"%s", ffi.new("char[]", message.encode())))

    def _log(self, failed: Exception) -> None:
        """The same trouble is told once, not with every frame."""
        said = f"{type(failed).__name__}: {failed}"
        if said != self._said:
            self._said = said
            log.error("%s failed: %s", self.name, said, exc_info=failed)

    def _failed(self, kind: Any, failed: Any, _trace: Any) -> None:
        log.error("%s: %s: %s", self.name, kind.__name__, failed)
