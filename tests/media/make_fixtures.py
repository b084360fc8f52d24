"""Makes fixtures/ and fixtures.tsv with Pillow: tiny PNG and WebP files and the mean of each channel
as Pillow decodes them. Run by hand: .deps/venv/bin/python tests/media/make_fixtures.py"""
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
out = here / "fixtures"
out.mkdir(exist_ok=True)
y, x = np.mgrid[0:24, 0:40]
rgb = np.stack([x * 6, y * 10, (x + y) * 3 % 256], axis=2).astype(np.uint8)
alpha = np.where((x > 10) & (y > 5), 255, 60).astype(np.uint8)
picture = Image.fromarray(rgb)
rgba = Image.fromarray(np.dstack([rgb, alpha]))
rows = []


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(data, chunk):
    """Inserts a chunk behind IHDR."""
    return data[:33] + chunk + data[33:]


def save(name, image, means=True, **options):
    data = io.BytesIO()
    image.save(data, format=name.rsplit(".", 1)[1].upper(), **options)
    write(name, data.getvalue(), means)


def write(name, data, means=True):
    (out / name).write_bytes(data)
    if means:
        decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)
        rows.append((name, decoded.shape[1], decoded.shape[0], *decoded.mean((0, 1))))


save("rgb.png", picture)
save("rgba.png", rgba)
save("gray.png", picture.convert("L"))
save("gray_alpha.png", rgba.convert("LA"))
save("palette.png", picture.quantize(16))
save("bits.png", picture.convert("1"))
save("deep.png", Image.fromarray((rgb[:, :, 0].astype(np.uint16) * 257)), means=False)
save("lossy.webp", picture, quality=80)
save("lossless.webp", picture, lossless=True)
save("alpha.webp", rgba, quality=80)
save("animated.webp", picture, means=False, save_all=True, append_images=[picture.rotate(180)])

plain = (out / "rgb.png").read_bytes()
# 40 MB of one letter in a packed text of 40 kB: must cost nothing
bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * 40_000_000, 9))
write("text_bomb.png", with_chunk(plain, bomb), means=False)
exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
write("turned.png", with_chunk(plain, png_chunk(b"eXIf", exif)), means=False)
# whole chunks, but pixels of half the rows only
head, tail = plain[:33], png_chunk(b"IEND", b"")
half = zlib.compress(b"".join(b"\0" + rgb[i].tobytes() for i in range(12)))
write("half.png", head + png_chunk(b"IDAT", half) + tail, means=False)

with open(here / "fixtures.tsv", "w") as table:
    table.write("file\twidth\theight\tmean_r\tmean_g\tmean_b\n")
    for name, width, height, *means in rows:
        table.write(f"{name}\t{width}\t{height}\t" + "\t".join(f"{m:.3f}" for m in means) + "\n")

# First inputs of tests/fuzz/fuzz_jpeg.c.
corpus = here.parent / "fuzz" / "corpus" / "jpeg"
corpus.mkdir(parents=True, exist_ok=True)
turned = Image.Exif()
turned[0x0112] = 6
for name, image, options in [
    ("420", picture, dict(subsampling=2)),
    ("422", picture, dict(subsampling=1)),
    ("444", picture, dict(subsampling=0, optimize=True)),
    ("progressive", picture, dict(progressive=True)),
    ("gray", picture.convert("L"), {}),
    ("cmyk", picture.convert("CMYK"), {}),
    ("exif", picture, dict(exif=turned)),
    ("restart", picture, dict(restart_marker_rows=1)),
]:
    image.save(corpus / f"{name}.jpg", quality=75, **options)
for name in ["rgba.png", "palette.png", "turned.png", "half.png", "lossy.webp", "alpha.webp", "lossless.webp"]:
    (corpus / name).write_bytes((out / name).read_bytes())
