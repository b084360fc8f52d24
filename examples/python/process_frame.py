"""Document 000: one picture, and whether its answer came in time.

    python process_frame.py --source street.jpg --model ssd_mobilenet_v2
"""
import cv2
from inputs import inputs, picture_of

from fovea.realtime import VideoFrameProcessor

given = inputs()

frame = cv2.imread(picture_of(given.source))

processor = VideoFrameProcessor(
    target_fps=30,
    max_latency_ms=200.0
)

result = processor.process_frame(frame, model=given.model, frame_id=0)  # model=None: the default model

print(f"Processing time: {result.processing_time_ms}ms")
print(f"Meets requirement: {result.processing_time_ms <= 200}")
print(f"Found: {result.prediction}")
