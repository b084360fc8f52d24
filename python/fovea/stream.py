"""Streams: frames in, results out, under a deadline."""
from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Union

from . import _frames
from ._errors import Closed, EndOfStream, FoveaError, InvalidArgument, check, failure, new_error
from ._library import ffi, lib, text
from ._lifetime import Closing
from ._own import Detector, OwnModel
from ._results import STAGES, labeller, timings_ms, to_detections
from ._workers import Workers
from .detections import Detections
from .model import Model, Options, PathLike, detect_params, options_of
from .tracker import Track, tracker_params, tracks_of

AnyModel = Union[PathLike, Model, Detector, None]
OUTCOMES = ("delivered", "dropped", "failed")
ORDERS = ("newest", "fifo")
SLOTS = 1024  # frames that a stream may hold at once
POLL_MS = 100  # a wait without end looks so often whether the user wants to stop
log = logging.getLogger("fovea")


@dataclass
class Result:
    """What became of one frame.

    frame       what was put, the very object; of a stream's own source the picture, with `pictures=True`
    user        what it was put with
    seq         its number in the stream, from 0; number: the caller's own
    outcome     "delivered", "dropped" or "failed"; reason: of a drop ("deadline", "superseded", "queue", "fps_limit",
                "decode", "shutdown"); message: of a failure, in words
    detections  what was found; empty when it was not delivered. tracks: with a tracker
    timings_ms  stage times, which add up to total_ms: capture to result
    in_time     before its deadline, or there is none
    pts_ms      of the frame in its source
    """

    seq: int
    number: int
    outcome: str
    reason: str
    message: str
    detections: Detections
    tracks: list[Track]
    timings_ms: dict[str, float]
    in_time: bool
    width: int
    height: int
    pts_ms: float
    model_id: str
    frame: Any = field(default=None, repr=False)
    user: Any = None

    @property
    def delivered(self) -> bool:
        return self.outcome == "delivered"

    @property
    def total_ms(self) -> float:
        return self.timings_ms["total"]


def stats_dict(stats: Any) -> dict[str, Any]:
    """A fov_stats by its names; `dropped` by reason. accepted = delivered + dropped + failed + waiting."""
    found = {name: getattr(stats, name) for name in dir(stats) if name not in ("dropped", "stage_mean_ms", "stage_p95_ms")}
    found["dropped"] = {text(lib.fov_drop_name(i)): stats.dropped[i] for i in range(lib.FOV_DROP_COUNT)}
    for name in ("stage_mean_ms", "stage_p95_ms"):
        found[name] = {text(lib.fov_stage_name(i)): getattr(stats, name)[i] for i in range(lib.FOV_STAGE_COUNT)}
    return found


def workers_for(model: AnyModel, count: int, labels: Sequence[str], patience_s: float, options: dict[str, Any]) -> Workers:
    """The workers of a model, held once for the caller."""
    if isinstance(model, Model):
        if options:
            raise InvalidArgument(f"the model is open already: {', '.join(options)} are Model's")
        return model.workers(count)
    if callable(model):
        own = OwnModel(model, labels, patience_s)
        name = str(options.pop("id", None) or own.name)
        return Workers(Options(name, own=own.own, id=name, **options), count, own)
    return Workers(options_of(model, **options), count)


class Stream(Closing):
    """A running chain from frames to detections.

    model           a path, a name, a fovea.Model, or a function (frame: height x width x 3 uint8 BGR) -> Detections, rows
                    of left, top, right, bottom, score, class, or dicts; None: the default model. A function runs on a
                    thread of its own; it must not write to the frame. labels: of its classes; patience_s: after so long
                    a call without deadline fails
    max_latency_ms  a frame that cannot be answered so long after it was put is dropped; 0: no deadline
    target_fps      frames accepted a second; 0: all
    order           "newest": of those that wait the newest is run, others are superseded; "fifo": all, in order
    capacity        frames that wait at most, 1 to 64
    results         so many results are kept for `get`, 1 to 64; with "newest" later ones replace the oldest, with "fifo"
                    the workers wait
    drops           `get` also gives results of frames that were dropped before they were run
    always_run      never dropped by deadline or superseded, only run late
    tracker         None, a name ("botsort"), or a dict of name and options
    on_result       called with each Result, on a thread of its own; then `get` is not to be used
    on_stats        called with `stats` every stats_interval_s, on a thread of its own; without it they go to the log
    adaptive        a dict: target_latency_ms, initial_fps, min_fps, max_fps, on_change(dict): the rate follows the latency
    workers         threads that run the model; 0: the cores that this process may use
    conf, iou, max_detections, classes, exact   as Model.predict
    options         as Model

    A callback that raises is logged and counted (`stats()["callback_errors"]`), and the stream goes on. Frames are not
    copied: do not write to an array before its result is there. Threads: all calls may be made at once."""

    def __init__(self, model: AnyModel = None, *, name: str = "stream", target_fps: float = 0.0, max_latency_ms: float = 0.0,
                 order: str = "newest", capacity: int = 5, results: int = 32, drops: bool = False, always_run: bool = False,
                 tracker: str | dict[str, Any] | None = None, on_result: Callable[[Result], Any] | None = None,
                 on_stats: Callable[[dict[str, Any]], Any] | None = None, stats_interval_s: float = 0.0,
                 adaptive: dict[str, Any] | None = None, workers: int = 0, pictures: bool = False,
                 conf: float | None = None, iou: float | None = None, max_detections: int | None = None,
                 classes: Iterable[int] | None = None, exact: bool = False, labels: Sequence[str] = (),
                 patience_s: float = 10.0, **options: Any) -> None:
        if order not in ORDERS:
            raise InvalidArgument(f"order is one of {', '.join(ORDERS)}, not {order!r}")
        self.callback_errors, self._pictures, self._labels = 0, pictures, {}  # type: tuple[int, bool, dict[Any, Any]]
        self._keep: list[Any] = []
        self._said, self._last = "", {}  # type: tuple[str, dict[str, Any]]
        params = self._params(name, tracker, adaptive)
        params.target_fps, params.max_latency_ms, params.fifo = target_fps, max_latency_ms, order == "fifo"
        params.capacity, params.results, params.max_bytes = capacity, results, 1 << 30
        params.tell_drops, params.always_run = drops, always_run
        params.stats_interval_s = 0.0 if on_stats else stats_interval_s
        params.detect = detect_params(conf, iou, max_detections, classes, exact)[0]
        self._workers = workers_for(model, workers, labels, patience_s, options)
        self._handle, self._frames = ffi.new("fov_stream **"), _frames.new_pool(SLOTS)
        error = new_error()
        status = lib.fov_stream_open(self._handle, self._workers.handle[0], params, error)
        if status:
            lib.fov_frame_pool_destroy(self._frames)
            self._workers.let_go()
            check(status, error)
        super().__init__("stream")
        self._threads = [threading.Thread(target=run, args=(call, more), name="fovea-callback", daemon=True)
                         for run, call, more in ((_give_results, on_result, None), (_give_stats, on_stats, stats_interval_s))
                         if call is not None]
        self._start_threads()

    def _params(self, name: str, tracker: str | dict[str, Any] | None, adaptive: dict[str, Any] | None) -> Any:
        params, named = ffi.new("fov_stream_params *"), ffi.new("char[]", name.encode())
        params.name = named
        self._keep.append(named)
        if tracker is not None:
            kept = tracker_params(**tracker) if isinstance(tracker, dict) else tracker_params(tracker)
            params.tracker = kept[0]
            self._keep.append(kept)
        if adaptive is not None:
            self._adapt(params, **adaptive)
        return params

    def _adapt(self, params: Any, target_latency_ms: float, initial_fps: float = 0.0, min_fps: float = 0.0,
               max_fps: float = 0.0, on_change: Callable[[dict[str, Any]], Any] | None = None) -> None:
        to = params.adaptive
        to.target_latency_ms, to.initial_fps, to.min_fps, to.max_fps = target_latency_ms, initial_fps, min_fps, max_fps
        if on_change is None:
            return

        def tell(_user: Any, change: Any) -> None:
            self._call(on_change, {"knob": text(change.knob), "from": getattr(change, "from"), "to": change.to,
                                   "measured": change.measured, "why": text(change.why)})

        callback = ffi.callback("void(void *, const fov_change *)", tell)
        to.on_change = callback
        self._keep.append(callback)

    # --- in ---

    def put(self, frame: _frames.Frame, *, number: int = 0, user: Any = None, pts_ms: float = 0.0, sender_ms: float = 0.0,
            wait: float | bool = False) -> int | None:
        """Hands a frame over and returns its number in the stream. Never blocks; with `wait` (seconds, True: for ever)
        it waits for room first, and returns None when there is none in time.

        frame: as Model.predict. number, user, sender_ms, pts_ms come back with the result (pts_ms: with order="fifo" the
        time that trackers go by). Raises InvalidArgument, BadFormat, LimitExceeded, Closed (closed or finished), TryAgain
        (1024 frames are in this stream, because results are held back)."""
        with self._use:
            wrapped, seq = _frames.wrap(self._frames[0], frame, user), ffi.new("uint64_t *")
            made = wrapped[0]
            made.number, made.pts_ms, made.sender_ms = number, pts_ms, sender_ms
            if not wait:
                check(lib.fov_stream_put(self._handle[0], wrapped, seq))
                return int(seq[0])
        end = None if wait is True else time.monotonic() + float(wait)
        try:
            while True:
                with self._use:
                    status = lib.fov_stream_put_wait(self._handle[0], wrapped, _left_ms(end), seq)
                if status != lib.FOV_EAGAIN:
                    check(status)
                    return int(seq[0])
                if end is not None and time.monotonic() >= end:
                    return None
        finally:
            lib.fov_frame_unref(wrapped)  # unless it was taken

    def start(self, source: PathLike, *, fast: bool = False, loop: bool = False) -> None:
        """Reads a source (picture, folder, video, rtsp://, camera, "pattern:") by a thread of the stream's own, in real
        time, or with `fast` as quickly as its frames are worked off. Raises NotFound, BadFormat, RuntimeMissing."""
        params, opened, error = ffi.new("fov_source_params *"), ffi.new("fov_source **"), new_error()
        url = ffi.new("char[]", os.fspath(source).encode())
        params.url, params.loop = url, loop
        if self._pictures:
            params.pixels = lib.FOV_BGR24
        with self._use:
            check(lib.fov_source_open(opened, params, error), error)
            check(lib.fov_stream_start_source(self._handle[0], opened, fast, error), error)

    def flush(self) -> None:
        """Runs what waits for others."""
        with self._use:
            lib.fov_stream_flush(self._handle[0])

    def finish(self) -> None:
        """No frame follows: those that wait are run, and after the last result `get` raises EndOfStream."""
        with self._use:
            lib.fov_stream_finish(self._handle[0])

    # --- out ---

    def get(self, timeout: float | None = None) -> Result | None:
        """The oldest result that is kept; None: none came within `timeout` seconds (None: for ever). Raises EndOfStream
        (finished and all taken, or its source ended), Closed, or why the source ended."""
        end = None if timeout is None else time.monotonic() + timeout
        taken, error = ffi.new("fov_result **"), new_error()
        while True:
            with self._use:
                status = lib.fov_stream_get(self._handle[0], _left_ms(end), taken, error)
            if status == lib.FOV_OK:
                return self._result(taken)
            if status == lib.FOV_EOS:
                raise EndOfStream("the stream has ended")
            if status != lib.FOV_EAGAIN:
                check(status, error)
            if end is not None and time.monotonic() >= end:
                return None

    def __iter__(self) -> Iterator[Result]:
        """Results to the end of the stream."""
        while True:
            try:
                result = self.get()
            except (EndOfStream, Closed):
                return
            if result is not None:
                yield result

    def _result(self, taken: Any) -> Result:
        try:
            return self._read(taken[0])
        finally:
            lib.fov_result_release(taken)

    def _read(self, raw: Any) -> Result:
        frame, held = raw.frame, _frames.held_of(raw.frame)
        found = self._detections(raw)
        found.timings_ms = timings_ms(raw.timings)
        dropped = raw.outcome == lib.FOV_DROPPED
        picture = held.frame if held else _frames.pixels_of(frame) if self._pictures else None
        return self._make(raw, dict(
            seq=frame.seq, number=frame.number, outcome=OUTCOMES[raw.outcome],
            reason=text(lib.fov_drop_name(raw.reason)) if dropped else "", message=text(raw.message), detections=found,
            tracks=tracks_of(raw.tracks), timings_ms=found.timings_ms, in_time=raw.in_time, width=raw.width,
            height=raw.height, pts_ms=frame.pts_ms,
            model_id=text(lib.fov_model_get_info(raw.model).id) if raw.model else "", frame=picture,
            user=held.user if held else None))

    def _make(self, raw: Any, fields: dict[str, Any]) -> Result:
        return Result(**fields)

    def _detections(self, raw: Any) -> Detections:
        if not raw.model:
            return Detections(width=raw.width, height=raw.height)
        if raw.model not in self._labels:
            self._labels = {raw.model: labeller(raw.model)}
        task = lib.fov_model_get_info(raw.model).task
        return to_detections(raw.detections, raw.width, raw.height, task, self._labels[raw.model], bool(raw.tracks))

    # --- what goes on ---

    def stats(self, window_s: float = 60.0) -> dict[str, Any]:
        """Counters since the start, and rates and percentiles over the last `window_s` (1 to 60) seconds, in ms:
        accepted = delivered + sum of dropped{reason} + failed + waiting; violations, fps_in, fps, mean_ms, min_ms, max_ms,
        p50_ms, p95_ms, p99_ms, stage_mean_ms{stage}, stage_p95_ms{stage}, untaken, interval_s, callback_errors. After
        `close` as they were then."""
        stats = ffi.new("fov_stats *")
        try:
            with self._use:
                lib.fov_stream_get_stats(self._handle[0], window_s, stats)
        except Closed:
            self._ended.wait()
            return dict(self._last)
        return {**stats_dict(stats), "callback_errors": self.callback_errors}

    def set(self, *, conf: float = 0.0, iou: float = 0.0, target_fps: float | None = None,
            max_latency_ms: float | None = None, order: str | None = None, input_px: int = 0) -> None:
        """Changes what may be turned while it runs; target_fps=0 and max_latency_ms=0 switch them off."""
        knobs = ffi.new("fov_knobs *", {"conf": conf, "iou": iou, "input_px": input_px})
        for name, value in (("target_fps", target_fps), ("max_latency_ms", max_latency_ms)):
            setattr(knobs, name, 0.0 if value is None else value or -1.0)
        knobs.fifo = 0 if order is None else 1 if order == "fifo" else -1
        with self._use:
            lib.fov_stream_set(self._handle[0], knobs)

    @property
    def model_info(self) -> dict[str, Any]:
        """What runs it: id, backend, device, precision, input_width, input_height, labels."""
        with self._use:
            model = ffi.new("fov_model **", lib.fov_workers_model(self._workers.handle[0], ffi.NULL))
        info = lib.fov_model_get_info(model[0])
        found: dict[str, Any] = {name: text(getattr(info, name))
                                 for name in ("id", "path", "backend", "device", "precision")}
        found.update(input_width=info.input_width, input_height=info.input_height,
                     labels=[text(info.labels[i]) for i in range(info.label_count)])
        lib.fov_model_close(model)
        return found

    # --- callbacks ---

    def _start_threads(self) -> None:
        for thread in self._threads:
            thread._args = (weakref.ref(self), *thread._args)  # type: ignore[attr-defined]
            thread.start()

    def _call(self, callback: Callable[..., Any], *values: Any) -> None:
        """One that raises is logged and counted."""
        try:
            callback(*values)
        except Exception as error:
            said, self.callback_errors = f"{type(error).__name__}: {error}", self.callback_errors + 1
            if said != self._said:  # the same trouble is told once, not with every frame
                self._said = said
                log.error("a callback failed: %s", said, exc_info=error)

    def _close(self) -> None:
        stats = ffi.new("fov_stats *")
        lib.fov_stream_close_stats(self._handle, 60.0, stats)
        self._last = {**stats_dict(stats), "callback_errors": self.callback_errors}
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)
        lib.fov_frame_pool_destroy(self._frames)
        self._workers.let_go()


def _left_ms(end: float | None) -> int:
    """How long to wait now; never so long that nobody could interrupt."""
    if end is None:
        return POLL_MS
    return min(POLL_MS, max(0, round(1000 * (end - time.monotonic()))))


def _give_results(stream_of: Any, callback: Callable[[Result], Any], _more: None) -> None:
    while True:
        stream = stream_of()
        if stream is None or stream.closed:
            return
        try:
            result = stream.get(timeout=POLL_MS / 1000)
        except FoveaError:  # the end
            return
        if result is not None:
            stream._call(callback, result)
        del stream


def _give_stats(stream_of: Any, callback: Callable[[dict[str, Any]], Any], interval_s: float) -> None:
    due = time.monotonic() + interval_s
    while True:
        time.sleep(min(POLL_MS / 1000, max(0.0, due - time.monotonic())))
        stream = stream_of()
        if stream is None or stream.closed:
            return
        if time.monotonic() >= due:
            due += interval_s
            stream._call(callback, stream.stats(min(60.0, max(1.0, interval_s))))
        del stream
