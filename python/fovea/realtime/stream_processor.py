"""StreamProcessor, AdaptiveStreamProcessor and benchmark_stream_processor of document 003: a source through a pipeline, live."""
from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._errors import Closed, FoveaError, InvalidArgument, check, new_error
from .._library import ffi, lib, text
from .._lifetime import Closing
from ..stream import stats_dict
from .pipeline import WAIT_S, Config, OptimizedPipeline
from .reader import Source, source_url
from .result import PipelineResult, result_of, stats_of

log = logging.getLogger("fovea.realtime")
LOOK_MS = 50  # a wait for results is broken off so often, to see whether it is over
WINDOW_S = 60.0  # of statistics
KEPT = 8  # results that wait for a callback that is slow; then newer ones take their place

OnResult = Callable[[PipelineResult], object]


def tell(text: str) -> None:
    """To the log, or, when nobody has set one up, to standard error: statistics that were asked for are to be seen."""
    if log.hasHandlers():
        log.info("%s", text)
    else:
        print(text, file=sys.stderr, flush=True)


class StreamProcessor(Closing):
    """A source in real time through a pipeline; results come to a callback.

    source: as of AsyncVideoReader; files are played by their time stamps. target_fps: frames a second that are taken.
    max_processing_latency: seconds from capture to result; a frame that cannot meet it is dropped before it costs anything.
    buffer_size: frames that may wait, 1..64; of those a live stream takes the newest, the others are dropped and counted.
    use_multiprocessing: has no effect; reading, decoding and models run on threads of the library, without Python's lock.
    Every frame is accounted for: total_frames = delivered + dropped + failed (+ waiting). Thread-safe.
    C: fov_stream_open on fov_pipeline_stream_params, fov_stream_get.
    """

    def __init__(self, pipeline: OptimizedPipeline, source: Source, target_fps: float = 10.0,
                 max_processing_latency: float = 2.0, buffer_size: int = 30, use_multiprocessing: bool = False) -> None:
        del use_multiprocessing
        if not 1 <= buffer_size <= 64:
            raise InvalidArgument(f"buffer_size is 1..64, not {buffer_size}")
        if not max_processing_latency >= 0 or not target_fps >= 0:
            raise InvalidArgument("target_fps and max_processing_latency are numbers from 0 on")
        self.pipeline, self.source, self.target_fps = pipeline, source, target_fps
        self.max_processing_latency, self.buffer_size = max_processing_latency, buffer_size
        self.callback_errors = 0  #: callbacks that raised
        self.error: FoveaError | None = None  #: why the source ended, if it broke
        self.ended = threading.Event()  #: set when the source is over, or the processor was stopped
        self._stream: Any = None
        self._stopping = False
        self._open = threading.Lock()
        self._last: dict[str, Any] = {}
        self._began = self._over = 0.0
        self._thread: threading.Thread | None = None
        super().__init__()

    def start(self, callback_fn: OnResult | None = None) -> None:
        """Opens the source and begins. `callback_fn` is called with each result, in order, on one thread of its own; when it
        is slower than the results, newer ones take the place of older ones (`untaken`). One that raises is logged and counted.

        Raises FoveaError when the source cannot be opened, Closed when this processor was stopped already.
        """
        with self._open:
            if self._stopping:
                raise Closed("this processor was stopped; make a new one")
            if self._stream is not None:
                raise Closed("this processor was started already")
            self._stream = self._start()
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._give_all, args=(callback_fn,), name="fovea results", daemon=True)
            self._thread.start()

    def _start(self) -> Any:
        source, stream, error = ffi.new("fov_source **"), ffi.new("fov_stream **"), new_error()
        from_ = ffi.new("fov_source_params *")
        url = ffi.new("char[]", source_url(self.source))
        from_.url, from_.pixels = url, lib.FOV_BGR24 if self.pipeline.finder else lib.FOV_YUV
        with self.pipeline.stream_params(self) as params:
            given = ffi.new("fov_stream_params *", params)
            self._set(given)
            check(lib.fov_source_open(source, from_, error), error)
            try:
                check(lib.fov_stream_open(stream, lib.fov_pipeline_workers(self.pipeline.handle), given, error), error)
                fast = self.pipeline.mode == "batch"
                status = lib.fov_stream_start_source(stream[0], source, fast, error)
                if status:
                    lib.fov_stream_close(stream)
                check(status, error)
            finally:
                lib.fov_source_close(source)  # the stream has set it to NULL if it took it
        return stream[0]

    def _set(self, params: Any) -> None:
        params.results = KEPT
        if self.pipeline.mode == "realtime":
            params.target_fps, params.capacity = self.target_fps, self.buffer_size
            params.max_latency_ms = 1e3 * self.max_processing_latency

    # --- results ------------------------------------------------------------------------------------------------

    def _give_all(self, callback: OnResult | None) -> None:
        """The thread of the results: it alone takes them, and closes the stream when all is over."""
        result, error = ffi.new("fov_result **"), new_error()
        status = lib.FOV_OK
        while not self._stopping and status in (lib.FOV_OK, lib.FOV_EAGAIN):
            status = lib.fov_stream_get(self._stream, LOOK_MS, result, error)
            if status == lib.FOV_OK:
                self._give(callback, self._told(result))
        if not self._stopping:
            self._end(status, error)
        self._end_stream()
        self.ended.set()

    @staticmethod
    def _told(result: Any) -> PipelineResult:
        try:
            return result_of(result[0])
        finally:
            lib.fov_result_release(result)

    def _give(self, callback: OnResult | None, result: PipelineResult) -> None:
        try:
            if callback is not None:
                callback(result)
        except Exception:  # the stream goes on, whatever a user's function does
            self.callback_errors += 1
            if self.callback_errors <= 3 or self.callback_errors % 100 == 0:
                log.exception("the callback raised (%d times so far)", self.callback_errors)

    def _end(self, status: int, error: Any) -> None:
        try:
            if status not in (lib.FOV_EOS, lib.FOV_ECLOSED):
                check(status, error)
        except FoveaError as reason:
            self.error = reason
            log.error("%s: %s", self.source, reason)

    # --- the end ------------------------------------------------------------------------------------------------

    def stop(self, timeout: float | None = None) -> bool:
        """Ends the stream: after it no callback begins. A second call changes nothing; the last statistics stay.

        Waits for a callback that runs, unless that calls it, at most `timeout` seconds; whether the stream is closed."""
        with self._open:
            self._stopping = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return self._stream is None

    def _close(self) -> None:
        self.stop(WAIT_S)

    def _end_stream(self) -> None:
        with self._open:
            last, stream = ffi.new("fov_stats *"), ffi.new("fov_stream **", self._stream)
            source = self._source_state()
            self._over = time.monotonic()
            lib.fov_stream_close_stats(stream, WINDOW_S, last)
            self._stream = None
            self._last = {**self._stats(last), **source}

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end of the source, at most `timeout` seconds; whether it ended."""
        return self.ended.wait(timeout)

    @property
    def is_running(self) -> bool:
        """Started, and neither ended nor stopped."""
        return self._stream is not None and not self.ended.is_set()

    # --- statistics ---------------------------------------------------------------------------------------------

    def get_stats(self) -> dict[str, Any]:
        """Counters since the start, latencies of the last minute: `total_frames delivered dropped{reason} failed avg_fps
        e2e_latency_ms p50_/p95_/p99_latency_ms drop_rate callback_errors model_errors untaken phase reconnects`. After stop(), the last.

        `avg_fps`: delivered a second since the start. `drop_rate`: lost for want of time or room, of those not left out for
        target_fps. C: fov_stream_get_stats.
        """
        with self._open:
            if self._stream is None:
                return dict(self._last)
            stats = ffi.new("fov_stats *")
            lib.fov_stream_get_stats(self._stream, WINDOW_S, stats)
            return {**self._stats(stats), **self._source_state()}

    def _stats(self, stats: Any) -> dict[str, Any]:
        told = stats_of(stats_dict(stats))
        lasted = (self._over or time.monotonic()) - self._began
        taken = told["total_frames"] - told["dropped"]["fps_limit"]
        lost = sum(told["dropped"].values()) - told["dropped"]["fps_limit"]
        return {**told, "avg_fps": told["delivered"] / lasted if lasted > 0 else 0.0, "e2e_latency_ms": told["avg_latency_ms"],
                "drop_rate": lost / taken if taken else 0.0, "duration_s": lasted, "callback_errors": self.callback_errors,
                "model_errors": self.pipeline.finder.errors if self.pipeline.finder else 0}

    def _source_state(self) -> dict[str, Any]:
        state = ffi.new("fov_source_state *")
        if not lib.fov_stream_get_source_state(self._stream, state):
            return {}
        return {"phase": text(lib.fov_source_phase_name(state.phase)), "reconnects": state.reconnects,
                "source_error": text(state.error)}

    def log_stats_periodic(self, interval: float = 5.0) -> None:
        """Tells the statistics every `interval` seconds, until the stream ends; does not wait. To the logger
        `fovea.realtime`, or to standard error when no logging is set up."""
        if not interval > 0:
            raise InvalidArgument(f"interval is more than 0 seconds, not {interval}")
        threading.Thread(target=self._tell_all, args=(interval,), name="fovea statistics", daemon=True).start()

    def _tell_all(self, interval: float) -> None:
        while not self.ended.wait(interval):
            if self._stream is not None:
                s = self.get_stats()
                tell(f"{s['fps']:.1f} fps, {s['e2e_latency_ms']:.1f} ms (p95 {s['p95_latency_ms']:.1f}), "
                     f"{s['delivered']} of {s['total_frames']} delivered, {100 * s['drop_rate']:.1f} % lost")


@dataclass(frozen=True)
class Change:
    """One turn of a knob."""

    knob: str  #: "fps"
    before: float
    after: float
    measured: float  #: the number that asked for it
    why: str


class AdaptiveStreamProcessor(StreamProcessor):
    """The same at a rate that follows the latency: less while the mean from arrival to answer is over `target_latency_ms` or
    frames are lost, more while there is room, between min_fps and max_fps. C: fov_stream_params.adaptive."""

    def __init__(self, pipeline: OptimizedPipeline, source: Source, initial_fps: float = 10.0, min_fps: float = 5.0,
                 max_fps: float = 15.0, target_latency_ms: float = 100.0, max_processing_latency: float = 2.0,
                 buffer_size: int = 30, use_multiprocessing: bool = False) -> None:
        super().__init__(pipeline, source, initial_fps, max_processing_latency, buffer_size, use_multiprocessing)
        if not 0 < min_fps <= initial_fps <= max_fps or not target_latency_ms > 0:
            raise InvalidArgument("0 < min_fps <= initial_fps <= max_fps, and target_latency_ms is more than 0")
        self.initial_fps, self.min_fps, self.max_fps, self.target_latency_ms = initial_fps, min_fps, max_fps, target_latency_ms
        self.current_fps = initial_fps  #: frames a second that are taken now
        self.changes: deque[Change] = deque(maxlen=1000)  #: the last turns, oldest first
        self._turned = ffi.callback("void(void *, const fov_change *)", self._on_change)

    def _set(self, params: Any) -> None:
        super()._set(params)
        params.target_fps = 0
        params.adaptive = {"target_latency_ms": self.target_latency_ms, "initial_fps": self.initial_fps,
                           "min_fps": self.min_fps, "max_fps": self.max_fps, "on_change": self._turned}

    def _on_change(self, user: Any, change: Any) -> None:
        turned = Change(text(change.knob), getattr(change, "from"), change.to, change.measured, text(change.why))
        self.current_fps = turned.after
        self.changes.append(turned)


def benchmark_stream_processor(config: Config = None, source: Source | None = None, duration: float = 30.0,
                               target_fps: float = 10.0, *, pipeline: OptimizedPipeline | None = None) -> dict[str, Any]:
    """Plays a source (None: the drawn match) in its own time for `duration` seconds and counts what arrives, and how late.

    Returns {"stream_stats": {"avg_fps", "e2e_latency_ms", "p50_/p95_/p99_latency_ms", "offered", "delivered", "dropped",
    "drop_rate", "duration_s"}, "components": {part: ms}}. `pipeline` instead of `config`: one that is open.
    C: fov_pipeline_benchmark.
    """
    if pipeline is not None:
        return pipeline.benchmark(source, duration, target_fps)
    own = OptimizedPipeline(config, "realtime", target_fps)
    try:
        return own.benchmark(source, duration, target_fps)
    finally:
        own.close()
