"""Document 003, example 3: a live source. It is opened again when the connection breaks; only its newest picture counts.

    python live_stream.py --config config.yaml --source rtmp://127.0.0.1/live/match --seconds 60
"""
import time

from inputs import inputs

from fovea.realtime import PipelineFactory, StreamProcessor

given = inputs()
pipeline = PipelineFactory.create_realtime_pipeline(config=given.config)


def on_result(result):
    print(f"Frame {result.frame_idx}: {len(result.tracks)} players")


processor = StreamProcessor(
    pipeline=pipeline,
    source=given.source,
    target_fps=10.0,
    buffer_size=30,
    use_multiprocessing=True  # has no effect: reading runs beside Python anyway, without its lock
)

processor.start(on_result)

time.sleep(given.seconds)
processor.stop()
