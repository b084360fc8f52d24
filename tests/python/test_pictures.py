"""fovea.pictures against Pillow."""
import io
import threading

import numpy as np
import pytest
from PIL import Image
from servers import pictures

import fovea
from fovea.pictures import decode, encode_jpeg, resize, size_of

RNG = np.random.default_rng(7)


def smooth(height, width, channels=3):
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(channels)]
    return np.dstack(waves).astype(np.uint8)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_decode_is_what_pillow_decodes(form):
    body = pictures.encode(smooth(90, 130), form, **({"lossless": True} if form == "WEBP" else {}))
    want = np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(int)
    assert np.abs(decode(body, "rgb") - want).max() <= (4 if form == "JPEG" else 0)
    assert (decode(body)[..., ::-1] == decode(body, "rgb")).all() and decode(body).flags.c_contiguous
    grey = decode(body, "gray")
    assert grey.shape == (90, 130) and np.abs(grey - want @ [0.299, 0.587, 0.114]).max() < 6
    assert size_of(body) == (130, 90)


def test_orientation_and_part_sizes():
    picture = Image.fromarray(smooth(64, 128))
    exif = picture.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    assert decode(out.getvalue()).shape == (128, 64, 3) and decode(out.getvalue(), orient=False).shape == (64, 128, 3)
    assert decode(out.getvalue(), denominator=4).shape == (32, 16, 3)
    with pytest.raises(fovea.FoveaError):
        decode(out.getvalue(), denominator=3)


@pytest.mark.filterwarnings("ignore::fovea.CopyWarning")
def test_encode_is_read_back():
    for pixels in (smooth(90, 130), smooth(90, 130)[..., 0], np.dstack([smooth(90, 130), RNG.integers(0, 255, (90, 130), np.uint8)]),
                   smooth(90, 130)[..., ::-1], smooth(180, 260)[20:110, 30:160]):
        back = np.asarray(Image.open(io.BytesIO(encode_jpeg(pixels, 95)))).astype(int)
        want = pixels if pixels.ndim == 2 else pixels[..., 2::-1] if pixels.shape[2] == 4 else pixels[..., ::-1]
        assert back.shape == want.shape and np.abs(back - want).mean() < 3
    assert len(encode_jpeg(smooth(90, 130), 30)) < len(encode_jpeg(smooth(90, 130), 95))


@pytest.mark.parametrize("shape, width, height", [((97, 131, 3), 40, 30), ((97, 131, 3), 260, 200), ((61, 47), 47, 20),
                                                  ((61, 47), 1, 1), ((1, 1, 3), 9, 5), ((720, 1280, 3), 1279, 721)])
def test_resize_is_pillows_lanczos(shape, width, height):
    pixels = RNG.integers(0, 256, shape, np.uint8)
    want = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
    got = resize(pixels, width, height)
    assert got.shape == want.shape and np.abs(got.astype(int) - want).max() <= 1
    assert (got != want).mean() < 1e-3


def test_bad_input():
    for call, words in ((lambda: decode(b"GIF89a"), "JPEG"), (lambda: decode(pictures.picture()[:100]), "cut off|picture|JPEG"),
                        (lambda: decode(pictures.picture(), "yuv"), "form"), (lambda: encode_jpeg(smooth(4, 4), 0), "1 to 100"),
                        (lambda: encode_jpeg(b"bytes"), "array"), (lambda: resize(smooth(4, 4), 0, 4), "sides"),
                        (lambda: resize(smooth(4, 4), 4, 20000), "sides"), (lambda: encode_jpeg(smooth(4, 4).astype(float)), "float64")):
        with pytest.raises(fovea.FoveaError, match=words):
            call()


def test_threads_have_a_decoder_each():
    bodies = [pictures.encode(np.full((40, 40, 3), 20 * i, np.uint8)) for i in range(8)]
    wrong = []

    def run(i):
        wrong.extend(1 for _ in range(200) if abs(int(decode(bodies[i]).mean()) - 20 * i) > 1)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
