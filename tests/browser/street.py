"""A drawn street with moving people, bicycles and cars: pictures for the mock server and for
screenshots, and the boxes that are true for them. Nothing in them is a photograph."""
from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

import barcode

LABELS = ["person", "bicycle", "car"]
PERIOD = 240  # pictures until it repeats

# class, x at start, speed (px a picture), ground line y, height
ACTORS = [
    ("car", 40, 4.0, 392, 74, "#c8553d"), ("car", 700, -3.2, 452, 104, "#3d6fc8"),
    ("bicycle", 300, 2.4, 408, 84, "#d8a23a"), ("person", 520, 1.2, 400, 92, "#4f9d69"),
    ("person", 820, -1.6, 418, 104, "#a767b0"), ("person", 140, 1.8, 496, 150, "#d0d4da"),
]
ASPECT = {"car": 2.1, "bicycle": 1.05, "person": 0.36}


def _background(width: int, height: int) -> Image.Image:
    ramp = np.linspace(0, 1, height)[:, None, None]
    sky = np.array([38, 52, 78]) * (1 - ramp) + np.array([196, 150, 122]) * ramp
    picture = Image.fromarray(np.broadcast_to(sky, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(3)
    x = 0
    while x < width:  # houses with lit windows
        w, top = int(rng.integers(70, 130)), int(rng.integers(120, 230))
        shade = int(rng.integers(34, 58))
        draw.rectangle((x, top, x + w, 360), fill=(shade, shade + 4, shade + 16))
        for wy in range(top + 14, 340, 26):
            for wx in range(x + 10, x + w - 14, 22):
                if rng.random() < 0.35:
                    draw.rectangle((wx, wy, wx + 9, wy + 13), fill=(232, 200, 138))
        x += w + 2
    draw.rectangle((0, 360, width, height), fill=(58, 62, 70))
    draw.rectangle((0, 356, width, 364), fill=(88, 92, 100))
    for dash in range(0, width, 96):
        draw.rectangle((dash, 424, dash + 48, 428), fill=(170, 172, 168))
    return picture


def boxes_at(number: int, width: int = 960) -> list[dict]:
    """Detections that are true for picture `number`; boxes in pixels of a 960 x 540 picture."""
    found = []
    for i, (name, x0, speed, ground, h, _) in enumerate(ACTORS):
        w = h * ASPECT[name]
        x = (x0 + speed * (number % PERIOD) + w) % (width + 2 * w) - w
        box = [max(0.0, x), ground - h, min(float(width), x + w), float(ground)]
        if box[2] - box[0] < w / 3:
            continue
        found.append({"class_id": LABELS.index(name), "class": name, "confidence": 0.94 - 0.07 * i, "box": box,
                      "box_norm": [box[0] / width, box[1] / 540, box[2] / width, box[3] / 540], "track_id": i + 1, "x": x})
    return found


CLASSES = [{"class": "street", "class_id": 3, "confidence": 0.81}, {"class": "parking lot", "class_id": 5, "confidence": 0.12},
           {"class": "railway platform", "class_id": 1, "confidence": 0.03}]
# COCO's 17 points of somebody who stands, in shares of the box
STANDING = [(.5, .1), (.56, .08), (.44, .08), (.62, .1), (.38, .1), (.72, .25), (.28, .25), (.8, .4), (.2, .4), (.78, .54), (.22, .54),
            (.62, .54), (.38, .54), (.62, .76), (.38, .76), (.62, .96), (.38, .96)]


def _outline(box: list[float]) -> list[list[float]]:
    """A rounded shape within the box."""
    x1, y1, x2, y2 = box
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = np.cos(turn), np.sin(turn)
    return [[(x1 + x2) / 2 + (x2 - x1) / 2.1 * np.sign(u) * abs(u) ** .6, (y1 + y2) / 2 + (y2 - y1) / 2.1 * np.sign(v) * abs(v) ** .6]
            for u, v in zip(x.tolist(), y.tolist())]


def _turned(box: list[float], angle: float = 0.35) -> list[list[float]]:
    x1, y1, x2, y2 = box
    c, s = np.cos(angle), np.sin(angle)
    w, h = (x2 - x1) * .8, (y2 - y1) * .6
    return [[(x1 + x2) / 2 + float(u * w * c - v * h * s) / 2, (y1 + y2) / 2 + float(u * w * s + v * h * c) / 2]
            for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def details_at(number: int, task: str | None) -> list[dict]:
    """The boxes of a picture with what a model of this task adds to them."""
    found = [] if task == "classify" else boxes_at(number)
    for d in found:
        x1, y1, x2, y2 = d["box"]
        if task == "segment":
            d["mask"] = {"size": [540, 960], "counts": "", "polygon": _outline(d["box"])}
        elif task == "obb":
            d |= {"angle": 0.35, "corners": _turned(d["box"])}
        elif task == "pose" and d["class"] == "person":
            d["keypoints"] = [[x1 + (x2 - x1) * u, y1 + (y2 - y1) * v, .9] for u, v in STANDING]
    return [d for d in found if task != "pose" or d["class"] == "person"]


def _actor(draw: ImageDraw.ImageDraw, name: str, x: float, ground: float, h: float, colour: str) -> None:
    w = h * ASPECT[name]
    if name == "car":
        draw.rounded_rectangle((x, ground - h * .62, x + w, ground - h * .14), h * .16, fill=colour)
        draw.rounded_rectangle((x + w * .2, ground - h, x + w * .78, ground - h * .5), h * .22, fill=colour)
        draw.rounded_rectangle((x + w * .27, ground - h * .9, x + w * .71, ground - h * .6), h * .1, fill="#1d2530")
        for wheel in (.2, .8):
            draw.ellipse((x + w * wheel - h * .17, ground - h * .34, x + w * wheel + h * .17, ground), fill="#15181d")
        return
    if name == "bicycle":
        for wheel in (.22, .78):
            cx = x + w * wheel
            draw.ellipse((cx - h * .2, ground - h * .4, cx + h * .2, ground), outline="#15181d", width=3)
        draw.line((x + w * .22, ground - h * .2, x + w * .5, ground - h * .52, x + w * .78, ground - h * .2), fill="#2a3038", width=4)
    draw.rounded_rectangle((x + w * .3, ground - h * .8, x + w * .7, ground - h * .34), h * .08, fill=colour)
    draw.ellipse((x + w * .5 - h * .1, ground - h, x + w * .5 + h * .1, ground - h * .8), fill="#e0b58f")
    if name == "person":
        draw.line((x + w * .4, ground - h * .38, x + w * .32, ground), fill="#222a35", width=max(4, int(h * .07)))
        draw.line((x + w * .6, ground - h * .38, x + w * .7, ground), fill="#222a35", width=max(4, int(h * .07)))


class Street:
    """Pictures 0 … PERIOD-1 as JPEG, made once each."""

    def __init__(self, width: int = 960, height: int = 540, coded: bool = False):
        self.width, self.height, self.coded = width, height, coded
        self._ground = _background(960, 540)
        self._made: dict[int, bytes] = {}

    def picture(self, number: int) -> Image.Image:
        image = self._ground.copy()
        draw = ImageDraw.Draw(image)
        where = {d["track_id"]: d["x"] for d in boxes_at(number)}
        for i, (name, _, _, ground, h, colour) in sorted(enumerate(ACTORS), key=lambda a: a[1][3]):
            if i + 1 in where:
                _actor(draw, name, where[i + 1], ground, h, colour)
        if (self.width, self.height) != image.size:
            image = image.resize((self.width, self.height), Image.Resampling.BILINEAR)
        if self.coded:
            pixels = np.array(image)
            for channel in range(3):
                barcode.stamp(pixels[:, :, channel], number)
            image = Image.fromarray(pixels)
        return image

    def jpeg(self, number: int) -> bytes:
        number %= PERIOD
        if number not in self._made:
            out = io.BytesIO()
            self.picture(number).save(out, "JPEG", quality=82)
            self._made[number] = out.getvalue()
        return self._made[number]
