"""Document 004: a picture made small enough to be streamed, as base64.

    python hazard_image.py --source street.jpg
"""
import base64

from inputs import inputs, picture_of

from fovea.pictures import size_of
from fovea.realtime import optimize_image_for_streaming

given = inputs()
path = picture_of(given.source)

image_data = optimize_image_for_streaming(path, quality=85)

picture = base64.b64decode(image_data)
print(f"{path}: {len(picture)} bytes, {size_of(picture)[0]} x {size_of(picture)[1]} px, {len(image_data)} characters of base64")
