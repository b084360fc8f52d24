"""Document 003: a live source through a pipeline, a callback for each result, statistics every few seconds.

    python stream_processor.py --config config.yaml --source rtmp://127.0.0.1/live/match --seconds 60
"""
import time

from inputs import inputs

from fovea.realtime import PipelineFactory, StreamProcessor

given = inputs()

pipeline = PipelineFactory.create_realtime_pipeline(
    config=given.config,
    target_fps=10.0
)

processor = StreamProcessor(
    pipeline=pipeline,
    source=given.source,
    target_fps=10.0,
    max_processing_latency=2.0
)


def on_result(result):
    print(f"Frame {result.frame_idx}: {len(result.tracks)} players")


processor.start(callback_fn=on_result)
processor.log_stats_periodic(interval=5.0)

time.sleep(given.seconds)
processor.stop()
