"""FootballTracker of document 003's main program: a match from its pictures, frame by frame."""
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from numpy.typing import ArrayLike

from .pipeline import Config, Finds, OptimizedPipeline, PipelineMetrics
from .reader import AsyncVideoReader, Source
from .result import PipelineResult


class FootballTracker:
    """Players with names and teams, the ball, and places on the pitch. Works every frame off.

    config, model: as of OptimizedPipeline. C: fov_pipeline_process.
    """

    def __init__(self, config: Config = None, *, model: str | os.PathLike[str] | Finds | None = None) -> None:
        self.pipeline = OptimizedPipeline(config, "realtime", model=model)

    def process_frame(self, frame: Any) -> PipelineResult:
        """The next frame of a match. Raises as OptimizedPipeline.process_frame."""
        return self.pipeline.process_frame(frame)

    def process_video(self, source: Source, max_frames: int | None = None, target_fps: float | None = None) -> Iterator[PipelineResult]:
        """The results of a source's frames, one by one; `target_fps` of them a second of its own time, None: all."""
        with AsyncVideoReader(source, target_fps=target_fps) as reader:
            for number, frame_data in enumerate(reader):
                if max_frames is not None and number >= max_frames:
                    return
                yield self.process_frame(frame_data.frame)

    def set_homography(self, homography: ArrayLike | None, **how: Any) -> None:
        """As OptimizedPipeline.set_homography."""
        self.pipeline.set_homography(homography, **how)

    def get_metrics(self) -> PipelineMetrics:
        """What frames have cost so far."""
        return self.pipeline.get_metrics()

    def close(self) -> None:
        """Frees models and threads."""
        self.pipeline.close()

    def __enter__(self) -> FootballTracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
