"""Document 003: a pipeline for live pictures, one for files, frame by frame and in batches, and what they cost.

    python pipelines.py --config config.yaml --source match.mp4
"""
from itertools import islice

from inputs import inputs, video_frames

from fovea.realtime import PipelineFactory

given = inputs()
frames = list(islice(video_frames(given.source), 8))
frame = frames[0]

pipeline = PipelineFactory.create_realtime_pipeline(
    config=given.config,
    target_fps=10.0
)
result = pipeline.process_frame(frame)
print(f"Frame {result.frame_idx}: {len(result.tracks)} players")

pipeline = PipelineFactory.create_batch_pipeline(
    config=given.config,
    batch_size=8
)
results = pipeline.process_batch(frames)
print(f"Batch: {[len(result.tracks) for result in results]} players")

metrics = pipeline.get_metrics()
print(f"FPS: {metrics.avg_fps:.1f}")
print(f"Latency: {metrics.avg_latency_ms:.1f}ms")
print(f"GPU Memory: {metrics.gpu_memory_mb:.1f} MB")  # nan: the model runs on no graphics card
