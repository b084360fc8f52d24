"""Document 004: where the time of a frame goes."""
from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any

from .._errors import InvalidArgument

KEPT = 1000           # frames of a session
MOST_SESSIONS = 1024  # the one that was quiet for longest goes first
# Stages that can be a bottleneck and where their time stands; the first of equals counts.
STAGES = {"inference": "inference_time", "preprocessing": "preprocessing_time", "postprocessing": "postprocessing_time",
          "frame_decode": "frame_decode_time"}


@dataclass
class PerformanceMetrics:
    """Times of one frame, in seconds."""

    frame_decode_time: float = 0.0
    preprocessing_time: float = 0.0
    inference_time: float = 0.0
    postprocessing_time: float = 0.0
    total_time: float = 0.0
    queue_wait_time: float = 0.0


class PerformanceProfiler:
    """`metrics[session_id]`: PerformanceMetrics of the last 1,000 frames; `bottlenecks[stage]`: in how many frames it was
    the longest. Thread-safe; each frame has a FrameProcessingProfiler of its own."""

    def __init__(self) -> None:
        self.metrics: OrderedDict[str, deque[PerformanceMetrics]] = OrderedDict()
        self.bottlenecks: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def profile_frame_processing(self, session_id: str) -> "FrameProcessingProfiler":
        """For `with`: measures one frame of the session."""
        return FrameProcessingProfiler(session_id, self)

    def add(self, session_id: str, metrics: PerformanceMetrics) -> None:
        """Counts a frame."""
        longest = max(STAGES, key=lambda stage: getattr(metrics, STAGES[stage]))
        with self._lock:
            if session_id not in self.metrics:
                self.metrics[session_id] = deque(maxlen=KEPT)
                if len(self.metrics) > MOST_SESSIONS:
                    self.metrics.popitem(last=False)
            self.metrics.move_to_end(session_id)
            self.metrics[session_id].append(metrics)
            if getattr(metrics, STAGES[longest]) > 0:  # a frame of which no stage was measured has none
                self.bottlenecks[longest] += 1

    def average(self, session_id: str) -> PerformanceMetrics:
        """Means over the frames that are kept of a session; all 0 when there are none."""
        with self._lock:
            kept = list(self.metrics.get(session_id, ()))
        if not kept:
            return PerformanceMetrics()
        return PerformanceMetrics(*(sum(getattr(one, field.name) for one in kept) / len(kept)
                                    for field in fields(PerformanceMetrics)))


class FrameProcessingProfiler:
    """`with profiler.profile_frame_processing(id) as profile: profile.start_stage("frame_decode"); …`

    A stage lasts until the next one or the end. Of its own: frame_decode, preprocessing, inference, postprocessing,
    queue_wait; one of another name ("encode") gets an attribute `encode_time`. One that comes again adds up."""

    def __init__(self, session_id: str, profiler: PerformanceProfiler) -> None:
        self.session_id, self.profiler = session_id, profiler
        self.metrics = PerformanceMetrics()
        self.stage_start: float | None = None
        self.current_stage = ""
        self.total_start = 0.0

    def start_stage(self, stage_name: str) -> None:
        """Begins a stage and ends the one before. Raises InvalidArgument for what is no name."""
        if not stage_name.isidentifier() or stage_name == "total":
            raise InvalidArgument(f"a stage is called by a word as frame_decode or inference, not {stage_name!r}")
        now = self._end_stage()
        self.current_stage, self.stage_start = stage_name, now

    def _end_stage(self) -> float:
        now = time.perf_counter()
        if self.stage_start is not None:
            name = f"{self.current_stage}_time"
            setattr(self.metrics, name, getattr(self.metrics, name, 0.0) + now - self.stage_start)
            self.stage_start = None
        return now

    def __enter__(self) -> "FrameProcessingProfiler":
        self.total_start = time.perf_counter()
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc_val: BaseException | None,
                 exc_tb: TracebackType | None) -> Any:
        self.metrics.total_time = self._end_stage() - self.total_start
        self.profiler.add(self.session_id, self.metrics)
