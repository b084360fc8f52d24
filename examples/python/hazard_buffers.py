"""Document 004: memory for pictures that is used again, and never by two at once.

    python hazard_buffers.py
"""
import numpy as np

from fovea.realtime import ImageBufferPool

pool = ImageBufferPool(buffer_size=10)

places = set()
for number in range(100):
    buffer = pool.get_buffer((1, 3, 640, 640))
    buffer[:] = number  # the picture, as the model wants it
    places.add(buffer.ctypes.data)
    assert np.all(buffer == number)
    pool.return_buffer(buffer)
print(f"100 pictures in {len(places)} buffer")

held = [pool.get_buffer((1, 3, 640, 640)) for _ in range(12)]
print(f"12 at once in {len({buffer.ctypes.data for buffer in held})} buffers, {pool.overflows} of them beyond the pool")
