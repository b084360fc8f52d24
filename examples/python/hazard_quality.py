"""Document 004: a frame rate that follows how long answers take, by the rules of the server.

    python hazard_quality.py
"""
from dataclasses import dataclass, field

from fovea.realtime import AdaptiveQualityController


@dataclass
class Config:
    fps_limit: int = 15


@dataclass
class StreamSession:
    session_id: str
    config: Config = field(default_factory=Config)


controller = AdaptiveQualityController()
session = StreamSession("door")

now = 0.0
for second in range(60):  # a machine that is busy with something else from second 10 to second 25
    processing_time_ms = 240.0 if 10 <= second < 25 else 40.0
    before = session.config.fps_limit
    for _ in range(before):
        now += 1 / before
        controller.adjust_settings(session, processing_time_ms, now_s=now)  # now_s: only because this clock is made up
    if session.config.fps_limit != before:
        print(f"Second {second}: {processing_time_ms:.0f} ms, {before} -> {session.config.fps_limit} fps")
