"""Document 004: decoding, the model and the answer on pools of threads, so that the stages of several frames overlap.

    python hazard_pipeline.py --source clip.mp4 --model ssd_mobilenet_v2
"""
import asyncio
import base64
import itertools

import cv2
from inputs import inputs, video_frames

from fovea.realtime import StreamingPipeline

given = inputs()


def as_sent(number, frame):
    """A frame as a client of /stream/detection sends it."""
    jpeg = cv2.imencode(".jpg", frame)[1]
    return {"frame_id": number, "image_data": base64.b64encode(jpeg).decode()}


async def main():
    frames = [as_sent(i, frame) for i, frame in enumerate(itertools.islice(video_frames(given.source), 20))]
    async with StreamingPipeline(given.model) as pipeline:
        for result in await asyncio.gather(*(pipeline.process_frame_pipeline(frame_data) for frame_data in frames)):
            timings = ", ".join(f"{stage} {ms:.1f}" for stage, ms in result["timings_ms"].items())
            print(f"Frame {result['frame_id']}: {len(result['detections'])} detections, ms: {timings}")


asyncio.run(main())
