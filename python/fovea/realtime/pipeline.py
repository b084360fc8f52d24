"""OptimizedPipeline and PipelineFactory of document 003: a football pipeline, frame by frame or in batches."""
from __future__ import annotations

import json
import math
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._errors import Closed, InvalidArgument, check, new_error
from .._library import ffi, lib
from .._lifetime import Closing
from .finder import Finder
from .pixels import Picture, pixels_under, wrapped
from .reader import Source, source_url
from .result import PARTS, PipelineResult, result_of

Config = str | os.PathLike[str] | Mapping[str, Any] | None
Finds = Callable[[Picture], Any]
BATCH_MAX = 64
WAIT_S = 5.0  # so long a stream's callback that does not return may hold up the end of a pipeline


@dataclass(frozen=True)
class PipelineMetrics:
    """Means over the frames since the pipeline was made, or reset_metrics()."""

    frames: int
    avg_fps: float  #: of the time between the first call and the last answer
    avg_latency_ms: float  #: from the call to the answer of a frame
    p95_latency_ms: float
    gpu_memory_mb: float  #: taken on the card by all who use it; nan: the model runs on none, or it does not say
    memory_mb: float  #: resident memory of this process
    components: dict[str, float] = field(default_factory=dict)  #: ms of a frame, by the names of document 003


def metrics_of(m: Any) -> PipelineMetrics:
    gpu = m.gpu_memory_mb if m.gpu_memory_mb >= 0 else math.nan
    parts = {PARTS[i]: m.part_ms[i] for i in range(len(PARTS))}
    return PipelineMetrics(m.frames, m.avg_fps, m.avg_latency_ms, m.p95_latency_ms, gpu, m.memory_mb, parts)


class OptimizedPipeline(Closing):
    """Models, workers and what follows a match, made from a file of settings. Never drops a frame.

    config: a YAML file (docs/settings.md: `football`, `models`, `openvino`), the same as a dict, or None: the defaults.
    mode: "realtime", one frame in the least time, or "batch", most frames a second.
    target_fps: of streams on it; default football.target_fps, 10. batch_size: frames of a run, 1..64.
    model: finds the players: a file, a name, or a function of your own, which gets a HxWx3 BGR picture on a thread of
    its own and gives boxes (see fovea.Detections) of class 0 player, 1 goalkeeper, 2 referee, 3 ball, or by those names.
    workers: threads that work frames off; default: the cores this process may use.
    Raises FoveaError; a mistake in the settings is told with its line. Thread-safe: one call at a time goes on.
    C: fov_pipeline_create, fov_pipeline_process.
    """

    _order = 2  # after its streams

    def __init__(self, config: Config = None, mode: str = "realtime", target_fps: float | None = None,
                 batch_size: int | None = None, model: str | os.PathLike[str] | Finds | None = None, *, workers: int = 0,
                 max_latency_ms: float = 0) -> None:
        if mode not in ("realtime", "batch"):
            raise InvalidArgument(f"mode is realtime or batch, not {mode!r}")
        self.mode = mode
        self._calling = threading.Lock()
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self.finder = Finder(model) if callable(model) else None
        params = ffi.new("fov_pipeline_params *")
        params.mode = lib.FOV_PIPELINE_BATCH if mode == "batch" else lib.FOV_PIPELINE_REALTIME
        params.target_fps, params.batch_size = target_fps or 0, batch_size or 0
        params.workers, params.max_latency_ms = workers, max_latency_ms
        named = None if model is None or callable(model) else ffi.new("char[]", os.fsencode(model))
        params.model = named or ffi.NULL
        football = self.finder.params() if self.finder else None
        params.football = football or ffi.NULL
        with settings_file(config) as path:
            file = ffi.new("char[]", path) if path else ffi.NULL
            params.config = file
            made, error = ffi.new("fov_pipeline **"), new_error()
            check(lib.fov_pipeline_create(made, params, error), error)
        self._pipeline = made[0]
        super().__init__()

    def process_frame(self, frame: Any) -> PipelineResult:
        """Works a frame off: HxWx3 uint8 BGR, HxW grey, or the bytes of a JPEG, PNG or WebP. Not copied.

        Raises FoveaError with the reason when it is no picture or the model failed. C: fov_pipeline_process.
        """
        with self._calling, frames_of([frame]) as frames:
            result, error = ffi.new("fov_result **"), new_error()
            check(lib.fov_pipeline_process(self.handle, frames, result, error), error)
            return taken(result)

    def process_batch(self, frames: Iterable[Any]) -> list[PipelineResult]:
        """Works frames off together and gives their results in order. One that failed has its reason in `error`; it costs
        the others nothing. More than 64 go in several runs. C: fov_pipeline_process_batch."""
        pictures = list(frames)
        results: list[PipelineResult] = []
        for first in range(0, len(pictures), BATCH_MAX):
            results += self._process_some(pictures[first:first + BATCH_MAX])
        return results

    def _process_some(self, pictures: Sequence[Any]) -> list[PipelineResult]:
        with self._calling, frames_of(pictures) as frames:
            results, error = ffi.new("fov_result *[]", len(pictures)), new_error()
            check(lib.fov_pipeline_process_batch(self.handle, frames, len(pictures), results, error), error)
            return [taken(results + i) for i in range(len(pictures))]

    def set_homography(self, homography: ArrayLike | None, *, image_to_pitch: bool = False, width: int = 0, height: int = 0,
                       k1: float = 0.0) -> None:
        """Where the pitch is in the newest frame (before the first one: in that); the camera's motion carries it on.

        homography: 3x3, metres of the pitch to px, any scale and sign (docs/pitch.md); `image_to_pitch`: px to metres, as
        cv2.findHomography(image, pitch) gives it. None: forget the view. width, height: px of the picture that it is for;
        0: any. k1: the lens. Raises FoveaError in words for what is no view of a pitch. C: fov_pipeline_set_view.
        """
        view, error = ffi.new("fov_pitch_view *"), new_error()
        if homography is not None:
            matrix = np.asarray(homography, np.float64)
            if matrix.shape != (3, 3):
                raise InvalidArgument(f"a homography is 3x3, not {'x'.join(map(str, matrix.shape)) or 'a number'}")
            if image_to_pitch and not np.linalg.det(matrix):
                raise InvalidArgument("the homography has no inverse")
            numbers = (np.linalg.inv(matrix) if image_to_pitch else matrix).ravel().tolist()
            check(lib.fov_pitch_view_from_matrix(view, ffi.new("double[9]", numbers), width, height, ffi.NULL, error), error)
            view.k1 = k1
        with self._calling:
            check(lib.fov_pipeline_set_view(self.handle, view if homography is not None else ffi.NULL, error), error)

    def get_metrics(self) -> PipelineMetrics:
        """What frames have cost so far. C: fov_pipeline_get_metrics."""
        metrics = ffi.new("fov_pipeline_metrics *")
        with self._calling:
            lib.fov_pipeline_get_metrics(self.handle, metrics)
        return metrics_of(metrics)

    def reset_metrics(self) -> None:
        """Begins to count anew."""
        with self._calling:
            lib.fov_pipeline_reset_metrics(self.handle)

    def profile(self, num_frames: int = 100, source: Source | None = None) -> dict[str, Any]:
        """Works frames of a source (None: the drawn match, 1080p) off and tells what they cost, of them alone.

        Returns {"metrics": {...}, "components": {part: ms}, "num_frames": n}. C: fov_pipeline_profile.
        """
        metrics, error = ffi.new("fov_pipeline_metrics *"), new_error()
        url = ffi.NULL if source is None else ffi.new("char[]", source_url(source))
        with self._calling:
            check(lib.fov_pipeline_profile(self.handle, url, num_frames, metrics, error), error)
        told = asdict(metrics_of(metrics))
        components = told.pop("components")
        return {"metrics": told, "components": components, "num_frames": told["frames"]}

    def benchmark(self, source: Source | None = None, duration: float = 30.0, target_fps: float | None = None) -> dict[str, Any]:
        """Plays a source in its own time; what benchmark_stream_processor returns. C: fov_pipeline_benchmark."""
        run, error = ffi.new("fov_pipeline_run *"), new_error()
        url = ffi.NULL if source is None else ffi.new("char[]", source_url(source))
        with self._calling:
            check(lib.fov_pipeline_benchmark(self.handle, url, duration, target_fps or 0, run, error), error)
        stats = {"avg_fps": run.avg_fps, "e2e_latency_ms": run.e2e_latency_ms, "p50_latency_ms": run.e2e_p50_ms,
                 "p95_latency_ms": run.e2e_p95_ms, "p99_latency_ms": run.e2e_p99_ms, "offered": run.offered,
                 "delivered": run.delivered, "dropped": run.dropped, "drop_rate": run.drop_rate, "duration_s": run.duration_s}
        return {"stream_stats": stats, "components": {PARTS[i]: run.part_ms[i] for i in range(len(PARTS))}}

    @property
    def handle(self) -> Any:
        """The C object. Raises Closed once the pipeline was closed."""
        if self.closed:
            raise Closed("this pipeline was closed; make a new one")
        return self._pipeline

    @contextmanager
    def stream_params(self, owner: Any) -> Iterator[Any]:
        """What a stream on this pipeline needs; `owner` is stopped before the pipeline ends."""
        with self._calling:
            yield lib.fov_pipeline_stream_params(self.handle)
            self._streams.add(owner)

    def _close(self) -> None:
        """A callback that does not return keeps its stream, and so the pipeline's threads, but nothing else."""
        if not all([stream.stop(WAIT_S) for stream in list(self._streams)]):
            return
        with self._calling:
            lib.fov_pipeline_destroy(ffi.new("fov_pipeline **", self._pipeline))
        if self.finder:
            self.finder.stop()


class PipelineFactory:
    """Makes pipelines for live pictures and for files."""

    @staticmethod
    def create_realtime_pipeline(config: Config = None, target_fps: float = 10.0, *,
                                 model: str | os.PathLike[str] | Finds | None = None) -> OptimizedPipeline:
        """One frame at a time, in the least time; streams on it take the newest frame, `target_fps` a second."""
        return OptimizedPipeline(config, "realtime", target_fps, model=model)

    @staticmethod
    def create_batch_pipeline(config: Config = None, batch_size: int = 8, *,
                              model: str | os.PathLike[str] | Finds | None = None) -> OptimizedPipeline:
        """`batch_size` frames a run; every frame is worked off."""
        return OptimizedPipeline(config, "batch", batch_size=batch_size, model=model)


@contextmanager
def settings_file(config: Config) -> Iterator[bytes | None]:
    """The path of the settings; a dict is written to a file for as long as it is read."""
    if config is None or not isinstance(config, Mapping):
        yield None if config is None else os.fsencode(config)
        return
    with tempfile.NamedTemporaryFile("w", prefix="fovea-", suffix=".yaml") as file:  # JSON is YAML
        json.dump(dict(config), file, default=os.fspath, indent=1)
        file.flush()
        yield os.fsencode(file.name)


@contextmanager
def frames_of(pictures: Sequence[Any]) -> Iterator[Any]:
    """Frames of pictures, for a call that takes them. What a reader gave goes as the frame that it is."""
    frames = ffi.new("fov_frame *[]", len(pictures))
    lent = []
    try:
        for i, picture in enumerate(pictures):
            pixels = pixels_under(picture) if isinstance(picture, np.ndarray) else None
            if pixels is not None and pixels.taken.acquire(blocking=False):
                lent.append(pixels)
                frames[i] = lib.fov_frame_ref(pixels.frame)
                if not pixels.live:
                    frames[i].capture_ns = frames[i].decode_ns = 0  # it happens now, whenever it was read
            else:
                frames[i] = wrapped(picture)
        yield frames
    finally:
        for i in range(len(pictures)):  # the call has set to NULL what it took
            lib.fov_frame_unref(frames + i)
        for pixels in lent:
            pixels.taken.release()


def taken(result: Any) -> PipelineResult:
    """A copy of a result that is given back."""
    try:
        return result_of(result[0])
    finally:
        lib.fov_result_release(result)
