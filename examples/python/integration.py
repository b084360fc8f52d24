"""Document 003: the tracker of the main program, the pipeline in its place, and the same live.

    python integration.py --config config.yaml --source match.mp4
"""
import time

from inputs import inputs, video_frames

from fovea.realtime import FootballTracker, OptimizedPipeline, PipelineFactory, StreamProcessor

given = inputs()


def save_results(result):
    print(f"Frame {result.frame_idx}: {len(result.tracks)} players")


# The tracker of the main program: a whole file, frame by frame.
tracker = FootballTracker(given.config)
for result in tracker.process_video(given.source, max_frames=10):
    save_results(result)

# A pipeline in its place.
pipeline: OptimizedPipeline = PipelineFactory.create_realtime_pipeline(given.config)
save_results(pipeline.process_frame(next(video_frames(given.source))))

# And live.
processor = StreamProcessor(pipeline, source=given.source)
processor.start(callback_fn=save_results)

time.sleep(given.seconds)
processor.stop()
