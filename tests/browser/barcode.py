"""A frame number that survives JPEG: 16x16 pixel blocks in the picture's lower left corner.

Row of 1 white, 1 black block (so that a reader can tell a code from a picture), 16 bits, least
significant first, and their parity. At 640 pixels wide the code takes 304 x 16 pixels.
"""
from __future__ import annotations

import numpy as np

BLOCK = 16
BITS = 16
BLOCKS = BITS + 3
WHITE = 180  # not the brightest: that is left to what a model is to find


def bits_of(number: int) -> list[int]:
    bits = [(number >> i) & 1 for i in range(BITS)]
    return [1, 0, *bits, sum(bits) & 1]


def stamp(grey: np.ndarray, number: int) -> None:
    """Writes `number` into a 2-D uint8 picture (luma), in place."""
    for i, bit in enumerate(bits_of(number)):
        grey[-BLOCK:, i * BLOCK:(i + 1) * BLOCK] = WHITE if bit else 16


def read(grey: np.ndarray) -> int | None:
    """The number in a 2-D picture of the size it was stamped at; None where there is none."""
    centres = [float(grey[-12:-4, i * BLOCK + 4:i * BLOCK + 12].mean()) for i in range(BLOCKS)]
    if centres[0] < 140 or centres[1] > 60:
        return None
    bits = [int(c > 100) for c in centres]
    number = sum(bit << i for i, bit in enumerate(bits[2:-1]))
    return number if bits[-1] == sum(bits[2:-1]) & 1 else None


# The same reading in the page, from the viewer's canvas: width of the picture as sent is given,
# because the canvas has the screen's pixels.
READ_IN_PAGE = """
(pictureWidth) => {
  const canvas = document.getElementById('canvas');
  const block = 16 * canvas.width / pictureWidth;
  const strip = canvas.getContext('2d').getImageData(0, Math.floor(canvas.height - block / 2) - 1,
                                                     Math.ceil(block * 19), 2).data;
  const bits = [];
  for (let i = 0; i < 19; i++) {
    let sum = 0;
    for (let k = -2; k <= 2; k++) sum += strip[4 * Math.floor(block * (i + 0.5) + k) + 1];
    bits.push(sum / 5);
  }
  if (bits[0] < 140 || bits[1] > 60) return null;
  let number = 0;
  let parity = 0;
  for (let i = 0; i < 16; i++) if (bits[i + 2] > 100) { number += 2 ** i; parity ^= 1; }
  return (bits[18] > 100) === (parity === 1) ? number : null;
}
"""
