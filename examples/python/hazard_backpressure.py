"""Document 004: a queue that never makes the sender wait. When it is full, its oldest frame is answered "dropped".

    python hazard_backpressure.py --source clip.mp4 --model ssd_mobilenet_v2
"""
import asyncio
import itertools

from inputs import inputs, video_frames

from fovea.realtime import OptimizedFrameProcessor, StreamingPipeline

given = inputs()


async def main():
    async with StreamingPipeline(given.model) as pipeline, \
            OptimizedFrameProcessor(max_queue_size=25, process=pipeline.process_frame_pipeline) as processor:
        answers = []
        for number, frame in enumerate(itertools.islice(video_frames(given.source), 50)):
            answers.append(await processor.process_with_backpressure({"frame_id": number, "image_data": frame}))
        for answer in answers:  # a program that only wants to send need not look at them
            result = await answer
            print(f"Frame {result['frame_id']}: {result['type']} {result.get('reason', '')}".rstrip())
        print(processor.stats)


asyncio.run(main())
