"""What a server says about one frame."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ProtocolError

# What the server may say; "lost" is the client's own: the connection ended before the answer came.
KINDS = {"result": "result", "detection": "result", "dropped": "dropped", "error": "error"}


@dataclass(frozen=True)
class Answer:
    """Each frame that was sent gets exactly one.

    kind   "result"; "dropped" (`reason`: queue, superseded, deadline, fps_limit, decode, shutdown); "error" (`reason` is
           the code); "lost" (`reason` says how the connection ended)
    number of the frame in its stream, from 0, also over reconnects
    tag    what was given with the frame
    data   the server's answer as it came
    """
    number: int
    kind: str
    reason: str = ""
    tag: Any = None
    data: dict[str, Any] = field(default_factory=dict)
    round_trip_ms: float = 0.0  # from the begin of sending to here

    @property
    def ok(self) -> bool:
        """It was analysed."""
        return self.kind == "result"

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """The detections as the server writes them: class_id, class, confidence, box [x1, y1, x2, y2] in pixels, …"""
        found: list[dict[str, Any]] = self.data.get("annotations", self.data.get("detections", []))
        return found

    @property
    def processing_time_ms(self) -> float:
        """The server's work on the frame, without waiting; 0 when it was not analysed."""
        return float(self.data.get("processing_time_ms", 0.0))

    @property
    def total_time_ms(self) -> float:
        """From the frame's last byte at the server to its answer; 0 when it was not analysed."""
        return float(self.data.get("total_time_ms", 0.0))

    @property
    def timings_ms(self) -> dict[str, float]:
        """Of each stage; they add up to `total`."""
        return dict(self.data.get("timings_ms", {}))

    @property
    def meets_latency_requirement(self) -> bool:
        """It was analysed in time."""
        return self.ok and bool(self.data.get("meets_latency_requirement", True))


def checked(data: dict[str, Any], what: str) -> dict[str, Any]:
    """`data`, when it has what every result has. Raises ProtocolError."""
    found = data.get("annotations", data.get("detections"))
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProtocolError(f"{what}: the result has no list of detections")
    for name in ("processing_time_ms", "total_time_ms"):
        if not isinstance(data.get(name), (int, float)):
            raise ProtocolError(f"{what}: the result has no number {name}")
    return data
