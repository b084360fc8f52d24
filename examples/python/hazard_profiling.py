"""Document 004: where the time of each frame goes, and which stage is the bottleneck.

    python hazard_profiling.py --source clip.mp4 --model ssd_mobilenet_v2
"""
import itertools

import cv2
from inputs import inputs, video_frames

import fovea
from fovea.pictures import decode
from fovea.realtime import PerformanceProfiler

given = inputs()
model = fovea.Model(given.model)
profiler = PerformanceProfiler()

for frame in itertools.islice(video_frames(given.source), 30):
    jpeg = cv2.imencode(".jpg", frame)[1].tobytes()
    with profiler.profile_frame_processing("door") as profile:
        profile.start_stage("frame_decode")
        picture = decode(jpeg)
        profile.start_stage("inference")
        found = model.predict(picture)
        profile.start_stage("postprocessing")
        answer = found.to_dicts()

mean = profiler.average("door")
print(f"{len(profiler.metrics['door'])} frames, {mean.total_time * 1e3:.2f} ms each: decode {mean.frame_decode_time * 1e3:.2f}, "
      f"inference {mean.inference_time * 1e3:.2f}, postprocessing {mean.postprocessing_time * 1e3:.2f}")
print("bottlenecks:", dict(profiler.bottlenecks))
