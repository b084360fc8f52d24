"""Document 003: frames of a source, read ahead by a thread of its own.

    python async_reader.py --source clip.mp4
"""
from inputs import inputs

from fovea.realtime import AsyncVideoReader

given = inputs()


def process(frame):
    print(f"Frame {frame_data.frame_idx} at {frame_data.timestamp:.2f} s: {frame.shape[1]}x{frame.shape[0]}")


reader = AsyncVideoReader(
    source=given.source,
    buffer_size=30,
    target_fps=10.0
)

reader.start()

while True:
    frame_data = reader.get_frame()
    if frame_data is None:
        break

    process(frame_data.frame)

reader.stop()
