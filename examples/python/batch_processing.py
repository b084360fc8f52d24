"""Document 003, example 4: a file in batches of eight, every frame worked off.

    python batch_processing.py --config config.yaml --source video.mp4
"""
from inputs import inputs

from fovea.realtime import BatchFrameReader, PipelineFactory

given = inputs()

pipeline = PipelineFactory.create_batch_pipeline(
    config=given.config,
    batch_size=8
)

with BatchFrameReader(source=given.source, batch_size=8) as reader:
    while True:
        batch = reader.get_batch()
        if batch is None:
            break

        frames = [fd.frame for fd in batch]
        results = pipeline.process_batch(frames)

        for result in results:
            print(f"Frame {result.frame_idx}: {len(result.tracks)} players")
