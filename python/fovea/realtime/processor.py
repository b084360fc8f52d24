"""VideoFrameProcessor and VideoStreamProcessor of document 000: frames under a deadline."""
from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import Closed, Forbidden, InvalidArgument
from .._frames import Frame
from .._lifetime import Closing
from .._own import Caller, Late
from ..detections import Detections
from ..model import Model
from ..stream import Result, Stream
from . import config
from .pixels import Picture, decoded
from .result import stats_of

AnyModel = str | os.PathLike[str] | Model | Callable[[Picture], Any] | None
FOREVER_S = 1e6
LAST = 1000  # frames that percentiles are of


@dataclass
class FrameResult:
    """One frame's answer, by the names of document 000."""

    frame_id: int
    processing_time_ms: float  #: decode, preprocess, inference, postprocess, tracking
    total_time_ms: float  #: from the call, or the frame's arrival, to the answer
    detections: Detections
    meets_latency_requirement: bool
    model_id: str = ""
    backend: str = ""
    width: int = 0
    height: int = 0
    error: str | None = None  #: why there is no answer, else None

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """Each detection as `{class_id, class, confidence, box, box_norm, track_id}`."""
        return self.detections.to_dicts()

    @property
    def prediction(self) -> dict[str, Any] | None:
        """The surest one: `{class, class_id, confidence}`; None: nothing was found."""
        found = self.detections
        if found.classes:
            class_id, name, score = found.classes[0]
            return {"class": name, "class_id": class_id, "confidence": score}
        if not len(found):
            return None
        i = int(np.argmax(found.score))
        return {"class": found.class_name[i], "class_id": int(found.class_id[i]), "confidence": float(found.score[i])}

    @property
    def confidence(self) -> float:
        """Of the surest one, 0..1; 0 when nothing was found."""
        best = self.prediction
        return float(best["confidence"]) if best else 0.0

    @property
    def timings_ms(self) -> dict[str, float]:
        """What each stage took."""
        return self.detections.timings_ms


def open_model(model: str | os.PathLike[str] | None) -> Model:
    """A model as the REALTIME_ settings want it."""
    level = config.REALTIME_OPTIMIZATION_LEVEL
    avoid = " ".join(kind for kind, allowed in (("GPU", config.REALTIME_USE_GPU), ("TPU", config.REALTIME_USE_TPU)) if not allowed)
    return Model(model, precision="fp32" if level == "low" else "auto", no_int8=level != "high", avoid=avoid or None)


def checked(target_fps: float, max_latency_ms: float) -> None:
    if not config.REALTIME_ENABLED:
        raise Forbidden("realtime processing is switched off: REALTIME_ENABLED is false")
    if not 0 <= target_fps <= 1000 or not 0 <= max_latency_ms <= 1e9:
        raise InvalidArgument(f"target_fps is 0..1000 and max_latency_ms 0..1e9, not {target_fps} and {max_latency_ms}")


class VideoFrameProcessor(Closing):
    """Runs models on single frames and says how long that took.

    target_fps: what the caller means to reach; it is in the statistics only. max_latency_ms: what a frame is held against; 0:
    nothing. Models that are files or names are opened once and kept. Thread-safe; close() frees them.
    """

    def __init__(self, target_fps: float = config.REALTIME_TARGET_FPS, max_latency_ms: float = config.REALTIME_MAX_LATENCY_MS) -> None:
        checked(target_fps, max_latency_ms)
        self.target_fps, self.max_latency_ms = target_fps, max_latency_ms
        self._opening = threading.Lock()
        self._models: dict[str, Model] = {}
        self._functions: dict[Any, Caller] = {}
        self._times: deque[float] = deque(maxlen=LAST)
        self._counts = {"total_frames": 0, "latency_violations": 0}
        self._began = time.monotonic()
        self._device = ""
        super().__init__()

    def process_frame(self, frame: Frame, model: AnyModel = None, frame_id: int = 0) -> FrameResult:
        """Detections of one frame: uint8 HxWx3 BGR, HxW grey, or the bytes of a JPEG, PNG or WebP; not copied.

        model: a file, a name, a fovea.Model, None: the default model. They always run, and a late answer says so. Or a
        function that gets the picture (HxWx3 BGR) and gives boxes (see Detections.of): it runs on a thread of its own, and
        when the deadline passes the answer is an empty one with the reason in `error`; what it raises is raised here.
        Raises NotFound, BadModel, InvalidArgument, BadFormat, InferenceFailed, Closed. C: fov_runner_detect_frame.
        """
        began = time.perf_counter()
        use = self._opened(model)
        work = time.perf_counter()
        if isinstance(use, Model):
            found, who, where, error = use.predict(frame), use.id, use.backend, None
            self._device = use.device
        else:
            found, error = self._by_function(use, frame)
            who, where, self._device = getattr(model, "__name__", "function"), "python", "CPU"
        now = time.perf_counter()
        total = 1e3 * (now - began)
        late = error is not None or 0 < self.max_latency_ms < total
        self._count(total, late)
        return FrameResult(frame_id, 1e3 * (now - work), total, found, not late, who, where, found.width, found.height, error)

    def _opened(self, model: AnyModel) -> Model | Caller:
        with self._opening:
            if self.closed:
                raise Closed("this processor was closed; make a new one")
            if isinstance(model, Model):
                return model
            if callable(model):
                if model not in self._functions:
                    self._functions[model] = Caller(model)
                return self._functions[model]
            name = "" if model is None else os.fspath(model)
            if name not in self._models:
                self._models[name] = open_model(model)
            return self._models[name]

    def _by_function(self, function: Caller, frame: Frame) -> tuple[Detections, str | None]:
        picture = decoded(frame)
        end = time.monotonic() + (self.max_latency_ms / 1e3 if self.max_latency_ms else FOREVER_S)
        try:
            found, error = Detections.of(function.call(picture, end)), None
        except Late:
            found, error = Detections(), f"the function did not return within {self.max_latency_ms:g} ms"
        found.height, found.width = picture.shape[:2]
        return found, error

    def _count(self, total_ms: float, late: bool) -> None:
        with self._opening:
            self._times.append(total_ms)
            self._counts["total_frames"] += 1
            self._counts["latency_violations"] += late

    def get_performance_stats(self) -> dict[str, Any]:
        """`total_frames avg_/min_/max_/p50_/p95_/p99_latency_ms fps latency_violations violation_rate device target_fps`; of
        the last thousand frames, counters since the beginning."""
        with self._opening:
            times, counts = np.array(self._times), dict(self._counts)
        total = counts["total_frames"]
        p50, p95, p99 = (float(p) for p in np.percentile(times, (50, 95, 99))) if len(times) else (0.0, 0.0, 0.0)
        return {**counts, "avg_latency_ms": float(times.mean()) if total else 0.0, "min_latency_ms": float(times.min()) if total else 0.0,
                "max_latency_ms": float(times.max()) if total else 0.0, "p50_latency_ms": p50, "p95_latency_ms": p95,
                "p99_latency_ms": p99, "fps": total / (time.monotonic() - self._began),
                "violation_rate": 100 * counts["latency_violations"] / total if total else 0.0,
                "device": self._device, "target_fps": self.target_fps}

    def _close(self) -> None:
        """Frees the models that it opened."""
        with self._opening:
            for model in self._models.values():
                model.close()
            for function in self._functions.values():
                function.stop()


class VideoStreamProcessor(Closing):
    """A stream of frames under a deadline: the newest goes first, what cannot be in time is dropped before it costs anything,
    and every frame is accounted for.

    model: a file, a name, a fovea.Model, a function of the picture, None: the default model. target_fps: frames accepted a
    second; 0: all. max_latency_ms: from add_frame to the result; 0: no deadline, frames in order. buffer_size: frames that wait at most,
    1..64. tracker: boxes get names ("botsort", "bytetrack", …). Thread-safe. C: fov_stream_open.
    """

    def __init__(self, model: AnyModel = None, target_fps: float = config.REALTIME_TARGET_FPS,
                 max_latency_ms: float = config.REALTIME_MAX_LATENCY_MS, buffer_size: int = config.REALTIME_BUFFER_SIZE, *,
                 tracker: str | None = None, conf: float | None = None) -> None:
        checked(target_fps, max_latency_ms)
        if not 1 <= buffer_size <= 64:
            raise InvalidArgument(f"buffer_size is 1..64, not {buffer_size}")
        self.model, self.target_fps, self.max_latency_ms, self.buffer_size = model, target_fps, max_latency_ms, buffer_size
        self._options: dict[str, Any] = {"tracker": tracker, "conf": conf}
        self._change = threading.Lock()
        self._stream: Stream | None = None
        self._own: Model | None = None
        self._stopped = False
        self._last: dict[str, Any] = {}
        super().__init__()

    def start_processing(self) -> None:
        """Opens the model and the stream. Raises what Model raises, Closed when it was stopped, InvalidArgument when it runs."""
        with self._change:
            if self._stopped:
                raise Closed("this processor was stopped; make a new one")
            if self._stream is not None:
                raise InvalidArgument("this processor was started already")
            use: Any = self.model
            if not isinstance(use, Model) and not callable(use):
                use = self._own = open_model(use)
            self._stream = Stream(use, target_fps=self.target_fps, max_latency_ms=self.max_latency_ms, capacity=self.buffer_size,
                                  order="newest" if self.max_latency_ms else "fifo", results=64, **self._options)

    def add_frame(self, frame: Frame) -> int:
        """Gives a frame to the stream, without a copy and without waiting; its id, counted from 0. The array is read later:
        leave it unchanged until its result is there, or give a copy. Raises InvalidArgument, BadFormat, Closed."""
        return int(self._running().put(frame) or 0)

    def get_result(self, timeout: float | None = 0.1) -> FrameResult | None:
        """The oldest result that was not taken; None when there is none within `timeout` seconds (None: waits for ever). Of
        frames that were dropped there is none: get_performance_stats() counts them."""
        result = self._running().get(timeout)
        return None if result is None else self._told(result)

    def _told(self, r: Result) -> FrameResult:
        timings = r.timings_ms
        found = r.detections if r.detections is not None else Detections(width=r.width, height=r.height)
        found.timings_ms = timings
        failed = r.message or r.reason or "it failed" if r.outcome != "delivered" else None
        where = "python" if callable(self.model) and not isinstance(self.model, Model) else self._model_says("backend")
        return FrameResult(r.seq, r.total_ms - timings.get("queue", 0.0), r.total_ms, found, r.in_time and failed is None,
                           r.model_id or "", where, r.width, r.height, failed)

    def _model_says(self, what: str) -> str:
        use = self.model if isinstance(self.model, Model) else self._own
        return str(getattr(use, what)) if use is not None else ""

    def _running(self) -> Stream:
        stream = self._stream
        if self._stopped:
            raise Closed("this processor was stopped; make a new one")
        if stream is None:
            raise Closed("this processor does not run: start_processing() comes first")
        return stream

    def stop_processing(self) -> None:
        """Ends the stream; what still waits is dropped and counted. A second call changes nothing."""
        with self._change:
            stream, self._stopped = self._stream, True
            if stream is not None:
                device = self._model_says("device")
                stream.close()
                self._last = {**stats_of(stream.stats()), "device": device}
                self._stream = None
            if self._own is not None:
                self._own.close()

    def get_performance_stats(self) -> dict[str, Any]:
        """`total_frames avg_/min_/max_/p50_/p95_/p99_latency_ms fps latency_violations violation_rate device
        dropped{reason: n} failed waiting`; counters since the start, the rest of the last minute. After stop_processing(): the
        last ones. C: fov_stream_get_stats."""
        with self._change:
            if self._stream is not None:
                return {**stats_of(self._stream.stats()), "device": self._model_says("device")}
            return dict(self._last)

    _close = stop_processing

    def __enter__(self) -> VideoStreamProcessor:
        self.start_processing()
        return self

