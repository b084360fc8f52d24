"""Document 004: a rate that follows how long answers take."""
from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from typing import Any

from .._errors import check, new_error
from .._library import ffi, lib

log = logging.getLogger("fovea.realtime")
TARGET_MS = 100.0  # that the library's thresholds are multiples of
MOST_SESSIONS = 1024


class _Rate:
    """The library's controller of one session."""

    def __init__(self, fps: float) -> None:
        made, error = ffi.new("fov_rate **"), new_error()
        check(lib.fov_rate_create(made, fps, error), error)
        self._made = ffi.gc(made, lambda one: None if lib.forked else lib.fov_rate_destroy(one))
        self.set = fps

    def turned(self, fps: float, now_s: float, latency_ms: float) -> float:
        """The rate after a result; `fps`: what the session has now, which is a wish when it is not what was set last."""
        if fps != self.set:
            check(lib.fov_rate_ask(self._made[0], fps))
        lib.fov_rate_result(self._made[0], int(now_s * 1e9) or 1, latency_ms, ffi.NULL)
        self.set = lib.fov_rate_fps(self._made[0])
        return float(self.set)


class AdaptiveQualityController:
    """Turns `session.config.fps_limit` exactly as the server turns that of its sessions on /stream/detection.

    Mean latency over 1.5 x `target_latency` (ms): 2 less, not under 5; under 0.7 x: 1 more, not over 25 nor over what the
    session had when it was first seen (or was given since). Decided at most once a second on the mean of the last 50
    results or of the last second, whichever are newer; at most one turn in 10 s goes the other way than the one before,
    and none up within 10 s after one down. Sessions are told apart by their `session_id`; each has a controller of its own.

    `performance_history` has the last 50 latencies, of all sessions. Threads: one at a time."""

    def __init__(self) -> None:
        self.target_latency = TARGET_MS
        self.performance_history: deque[float] = deque(maxlen=50)
        self._rates: OrderedDict[Any, _Rate] = OrderedDict()

    def adjust_settings(self, session: Any, processing_time_ms: float, *, now_s: float | None = None) -> None:
        """A result of the session took so long. `now_s`: of a monotonic clock, when it is not now.

        Raises InvalidArgument when the session's rate is not from 0.1 to 1000."""
        self.performance_history.append(processing_time_ms)
        before, config = session.config.fps_limit, session.config
        now = time.monotonic() if now_s is None else now_s
        after = self._rate_of(session.session_id, float(before)).turned(float(before), now,
                                                                        processing_time_ms * TARGET_MS / self.target_latency)
        if after == before:
            return
        config.fps_limit = int(after) if after == int(after) else after
        log.info("%s FPS to %s for session %s", "Reduced" if after < before else "Increased", config.fps_limit,
                 session.session_id)

    def _rate_of(self, session_id: Any, fps: float) -> _Rate:
        rate = self._rates.get(session_id)
        if rate is None:
            rate = self._rates[session_id] = _Rate(fps)
            if len(self._rates) > MOST_SESSIONS:
                self._rates.popitem(last=False)
        self._rates.move_to_end(session_id)
        return rate
