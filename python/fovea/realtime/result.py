"""What a football pipeline found in a frame, as values of Python: nothing of it belongs to the library any more."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._library import ffi, lib, text
from .._results import timings_ms

Pair = tuple[float, float]
ROLES = {lib.FOV_ROLE_GOALKEEPER: "goalkeeper", lib.FOV_ROLE_REFEREE: "referee"}
SIDES = {lib.FOV_TEAM_FIRST: "first", lib.FOV_TEAM_SECOND: "second"}
TEAMS = {lib.FOV_TEAMS_WAITING: "waiting", lib.FOV_TEAMS_GREY: "grey", lib.FOV_TEAMS_NO_PITCH: "no_pitch",
         lib.FOV_TEAMS_ALIKE: "alike", lib.FOV_TEAMS_KNOWN: "known"}
BALL = {lib.FOV_BALL_SEEN: "seen", lib.FOV_BALL_COASTING: "coasting", lib.FOV_BALL_INTERPOLATED: "interpolated"}
HEIGHTS = {lib.FOV_BALL_ON_GROUND: "on_ground", lib.FOV_BALL_IN_AIR: "in_air"}
PARTS = [text(lib.fov_football_part_name(i)) for i in range(lib.FOV_PART_COUNT)]


@dataclass(slots=True)
class Track:
    """A person of a match who has a name."""

    track_id: int
    class_name: str  #: "player", "goalkeeper", "referee"
    bbox: tuple[float, float, float, float]  #: x1, y1, x2, y2, source px
    confidence: float  #: 0..1, of the last detection
    state: str  #: "active"; "lost": where it is thought to be
    team: str | None  #: "first", "second"; None: not known, or of neither
    team_confidence: float
    pitch_m: Pair | None  #: metres; None: the view of the pitch is not known
    speed_mps: float | None
    distance_m: float  #: since it got this name
    sprints: int


@dataclass(slots=True)
class Ball:
    """The ball, as known at once."""

    xy: Pair  #: centre, source px
    state: str  #: "seen", "coasting"
    confidence: float  #: 0..1
    size_px: float | None
    height: str  #: "on_ground", "in_air", "unknown"
    pitch_m: Pair | None


@dataclass(slots=True)
class Side:
    """A team's figures so far."""

    name: str
    color: str | None  #: "#rrggbb" of the shirts
    possession: float  #: 0..1 of both teams'
    possession_s: float
    distance_m: float
    sprints: int


@dataclass(slots=True)
class Teams:
    """Both teams."""

    state: str  #: "known", "waiting", "grey", "no_pitch", "alike": why they are not known
    first: Side
    second: Side
    has_ball: str | None  #: "first", "second", None


@dataclass(slots=True)
class PipelineResult:
    """One frame of a football pipeline."""

    frame_idx: int  #: number in its stream, or of those given to the pipeline
    timestamp: float  #: seconds of the match, from the first picture on
    tracks: list[Track]
    ball: Ball | None
    teams: Teams | None
    homography: NDArray[np.float64] | None  #: 3x3, metres of the pitch to px of this picture
    processing_time_ms: float  #: of the work, without waiting
    latency_ms: float  #: from the capture, or the call, to the answer
    in_time: bool
    width: int
    height: int
    detector: str = ""  #: "model", "weak", "drawn", "own": where the boxes come from
    timings_ms: dict[str, float] = field(default_factory=dict)
    components: dict[str, float] = field(default_factory=dict)  #: ms, by the names of document 003
    error: str | None = None  #: why the frame has no result (of a batch), else None


def dtype_of(struct: str) -> np.dtype[Any]:
    """A struct of the library as numpy reads it; from the headers, so that there is one place where it is written down."""
    numbers = {"float": "f4", "double": "f8", "int32_t": "i4", "int": "i4", "_Bool": "?", "bool": "?"}
    kind = ffi.typeof(struct)
    fields = [(name, numbers.get(one.type.cname, "i4"), one.offset) for name, one in kind.fields]
    names, formats, offsets = zip(*fields)
    layout: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": ffi.sizeof(kind)}
    read: np.dtype[Any] = np.dtype(layout)
    return read


PERSON = dtype_of("fov_football_person")


def tracks_of(f: Any) -> list[Track]:
    """All people of a fov_football_frame, read at once: field by field costs ten times as much."""
    if not f.count:
        return []
    rows = np.frombuffer(ffi.buffer(f.people, f.count * PERSON.itemsize), PERSON).tolist()
    return [Track(id_, ROLES.get(role, "player"), (x1, y1, x2, y2), score, "lost" if state == lib.FOV_TRACK_LOST else "active",
                  SIDES.get(side), sure, (x, y) if on_pitch else None, speed if on_pitch and speed else None, distance, sprints)
            for id_, state, role, side, sure, x1, y1, x2, y2, score, on_pitch, x, y, speed, distance, sprints in rows]


def ball_of(ball: Any) -> Ball | None:
    if ball.state == lib.FOV_BALL_NONE:
        return None
    return Ball((ball.x, ball.y), BALL[ball.state], ball.confidence, ball.size or None, HEIGHTS.get(ball.height, "unknown"),
                (ball.pitch_x, ball.pitch_y) if ball.on_pitch else None)


def side_of(side: Any, word: str) -> Side:
    figures = side.figures
    return Side(text(side.name) or word, f"#{side.color & 0xFFFFFF:06x}" if side.color_known else None,
                figures.ball_share, figures.ball_s, figures.distance_m, figures.sprints)


def teams_of(f: Any) -> Teams:
    has = {0: "first", 1: "second"}.get(f.possession.team)
    return Teams(TEAMS.get(f.teams, "waiting"), side_of(f.sides[0], "first"), side_of(f.sides[1], "second"), has)


def result_of(r: Any) -> PipelineResult:
    """A copy of what a fov_result says."""
    timings, f = timings_ms(r.timings), r.football
    if r.outcome != lib.FOV_DELIVERED or not f:
        reason = text(r.message) or text(lib.fov_status_text(r.status))
        return PipelineResult(r.frame.seq, 0.0, [], None, None, None, 0.0, timings["total"], False, r.width, r.height,
                              timings_ms=timings, error=reason)
    homography = np.array([*f.view.map]).reshape(3, 3) if f.view_known else None
    return PipelineResult(r.frame.seq, f.time_s, tracks_of(f), ball_of(f.ball), teams_of(f),
                          homography, timings["total"] - timings["queue"], timings["total"], r.in_time, r.width, r.height,
                          text(lib.fov_football_detector_name(f.detector)), timings,
                          {part: ns / 1e6 for part, ns in zip(PARTS, f.parts_ns)})


def stats_of(stats: dict[str, Any]) -> dict[str, Any]:
    """Statistics of a stream by the names of document 000 and `GET /api/v1/realtime/video/stats`."""
    accepted, late = stats["accepted"], stats["violations"]
    latencies = {f"{name}_latency_ms": stats[f"{key}_ms"] for name, key in (
        ("avg", "mean"), ("min", "min"), ("max", "max"), ("p50", "p50"), ("p95", "p95"), ("p99", "p99"))}
    return {"total_frames": accepted, **{name: stats[name] for name in ("delivered", "failed", "waiting", "dropped")}, **latencies,
            "fps": stats["fps"], "fps_in": stats["fps_in"], "latency_violations": late,
            "violation_rate": 100 * late / accepted if accepted else 0.0, "untaken": stats["untaken"],
            "stages": stats["stage_mean_ms"]}
