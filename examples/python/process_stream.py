"""Document 000: a stream of frames under a deadline. Those that cannot meet it are dropped and counted.

    python process_stream.py --source clip.mp4 --model ssd_mobilenet_v2
"""
from inputs import inputs, video_frames

from fovea.realtime import VideoStreamProcessor

given = inputs()
model = given.model  # or a function of your own: picture -> boxes

processor = VideoStreamProcessor(
    model=model,
    target_fps=30,
    max_latency_ms=200.0
)

processor.start_processing()

for frame in video_frames(given.source):
    processor.add_frame(frame)  # never waits

    result = processor.get_result(timeout=0.1)
    if result:
        print(f"Frame {result.frame_id}: {result.processing_time_ms}ms")

processor.stop_processing()

stats = processor.get_performance_stats()
print(f"Average latency: {stats['avg_latency_ms']}ms")
print(f"Frames: {stats['total_frames']}, dropped: {sum(stats['dropped'].values())}, late: {stats['latency_violations']}")
