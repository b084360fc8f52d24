"""Document 003, example 1: a source in real time, places on the pitch by a homography.

    python basic_realtime.py --config config.yaml --source video.mp4 --seconds 60
"""
import time

import numpy as np
from inputs import inputs

from fovea.realtime import PipelineFactory, StreamProcessor

given = inputs()
# Metres of the pitch to px, for a camera that has all of 105 x 68 m in 640 x 360 px: docs/pitch.md tells how to get yours.
H_matrix = np.array([[4.2, 1.3, 55.0], [0.0, -1.6, 290.0], [0.0, 0.004, 1.0]])

pipeline = PipelineFactory.create_realtime_pipeline(
    config=given.config,
    target_fps=10.0
)

pipeline.set_homography(H_matrix)

processor = StreamProcessor(pipeline, source=given.source, target_fps=10.0)


def on_result(result):
    print(f"Frame {result.frame_idx}: {len(result.tracks)} players")


processor.start(on_result)
processor.log_stats_periodic(interval=5.0)

time.sleep(given.seconds)
processor.stop()
