"""Document 003, example 2: the frame rate follows what the frames cost.

    python adaptive_fps.py --config config.yaml --source video.mp4 --seconds 60
"""
import time

from inputs import inputs

from fovea.realtime import AdaptiveStreamProcessor, PipelineFactory

given = inputs()
pipeline = PipelineFactory.create_realtime_pipeline(config=given.config)


def on_result(result):
    print(f"Frame {result.frame_idx}: {len(result.tracks)} players")


processor = AdaptiveStreamProcessor(
    pipeline=pipeline,
    source=given.source,
    initial_fps=10.0,
    min_fps=5.0,
    max_fps=15.0,
    target_latency_ms=100.0
)

processor.start(on_result)

time.sleep(given.seconds)
processor.stop()
print(f"FPS now: {processor.current_fps:.1f}")
