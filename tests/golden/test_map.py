"""Mean average precision of every detector of the test data, against the same model read by numpy and cv2: resize, run
through OpenVINO's own Python interface (f32), decode, suppress. Two ways that share no code must agree on whole sets.

README.md of the test data has a table of references as well. They come from demonstrations that cut boxes to whole
pixels, average areas, feed PicoDet blue first (which costs it 12 points), or run quantised models in ONNX Runtime and
LiteRT, which round otherwise. Ours may be better than those, but not worse by more than a point.
"""
import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DEPS, answers, fovea
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SETS = {"posemini_train2017": "person_keypoints", "tinycoco": "instances"}
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
NUMBERS = [n for n in range(1, 91) if n not in UNUSED]
IMAGENET = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])


def fit(picture, side, how):
    """The picture in a square input, and (left, top, across, down) to undo it."""
    height, width = picture.shape[:2]
    if how == "stretched":
        return cv2.resize(picture, (side, side)), (0, 0, width / side, height / side)
    ratio, pad = min(side / width, side / height), {"black": 0}.get(how, 114)
    w, h = round(width * ratio), round(height * ratio)
    left, top = (side - w) // 2, (side - h) // 2
    square = np.full((side, side, 3), pad, np.uint8)
    square[top:top + h, left:left + w] = cv2.resize(picture, (w, h))
    return square, (left, top, width / w, height / h)


def distributions(outputs, levels):
    """Boxes and scores of NanoDet and PicoDet: distances from the middles of cells."""
    boxes, scores = [], []
    for level in range(levels):
        stride, kinds, sides = 8 << level, outputs[level][0], outputs[levels + level][0]
        y, x = np.mgrid[:round(len(kinds) ** 0.5), :round(len(kinds) ** 0.5)]
        middle = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], 1) * stride
        weights = np.exp(sides.reshape(-1, 4, 8) - sides.reshape(-1, 4, 8).max(2, keepdims=True))
        away = (weights * np.arange(8)).sum(2) / weights.sum(2) * stride
        boxes.append(np.concatenate([middle - away[:, :2], middle + away[:, 2:]], 1))
        scores.append(kinds)
    return np.concatenate(boxes), np.concatenate(scores)


def from_centre(x, y, w, h):
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)


def fastestdet(outputs):
    grid = outputs[0][0]
    y, x = np.mgrid[:22, :22]
    w, h = 352 / (1 + np.exp(-grid[3])), 352 / (1 + np.exp(-grid[4]))
    boxes = from_centre((x + np.tanh(grid[1])) * 16, (y + np.tanh(grid[2])) * 16, w, h)
    return boxes.reshape(-1, 4), (grid[:1] ** 0.6 * grid[5:] ** 0.4).reshape(80, -1).T


def yolov8(outputs):
    rows = outputs[0][0].T
    return from_centre(*rows[:, :4].T), rows[:, 4:]


def bgr(x):
    return x[:, :, ::-1]


# file, side, fit, pixels → input, decode, several classes a box, conf, iou, README's AP on the two sets
MODELS = [
    ("nanodet_m_320.onnx", 320, "black", lambda p: (bgr(p) - IMAGENET[0][::-1]) / IMAGENET[1][::-1], lambda o: distributions(o, 3),
     False, 0.05, 0.6, (0.3633, 0.2644)),
    ("picodet_s_320.onnx", 320, "stretched", lambda p: (p - IMAGENET[0]) / IMAGENET[1], lambda o: distributions(o, 4),
     False, 0.025, 0.6, (0.3568, 0.2453)),
    ("fastestdet_352.onnx", 352, "stretched", lambda p: bgr(p) / 255, fastestdet, False, 0.05, 0.45, (0.2693, 0.1736)),
    ("yolov8n_640_int8dyn.onnx", 640, "grey", lambda p: p / 255, yolov8, True, 0.001, 0.7, (0.5924, 0.5005)),
]


def suppress(boxes, scores, several, conf, iou):
    """Rows (box, score, class): with several classes a box each class for itself, else all boxes together."""
    if several:
        at, kinds = np.nonzero(scores > conf)
        best = scores[at, kinds]
    else:
        at, kinds, best = np.arange(len(scores)), scores.argmax(1), scores.max(1)
        at, kinds, best = at[best > conf], kinds[best > conf], best[best > conf]
    apart = boxes[at] + (kinds * 1e4 if several else np.zeros(len(kinds)))[:, None]
    sizes = np.concatenate([apart[:, :2], apart[:, 2:] - apart[:, :2]], 1)
    kept = np.array(cv2.dnn.NMSBoxes(sizes.tolist(), best.astype(float).tolist(), conf, iou), int).ravel()[:300]
    return [(boxes[at[k]], float(best[k]), int(kinds[k])) for k in kept]


def compiled(path):
    import openvino
    return openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def reference_ap(folder, truth, path, side, how, scale, decode, several, conf, iou):
    model, sheet, found = compiled(path), json.loads(truth.read_text()), []
    known = {c["id"] for c in sheet["categories"]}
    for image in sheet["images"]:
        picture = cv2.imread(str(folder / image["file_name"]), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[:, :, ::-1]
        square, (left, top, across, down) = fit(picture, side, how)
        tensor = np.ascontiguousarray(scale(square.astype(np.float32)).transpose(2, 0, 1)[None], np.float32)
        outputs = model(tensor)
        boxes, scores = decode([outputs[o] for o in model.outputs])
        boxes = np.clip((boxes - [left, top] * 2) * ([across, down] * 2), 0, picture.shape[1::-1] * 2)
        for (x1, y1, x2, y2), score, kind in suppress(boxes, scores, several, conf, iou):
            if NUMBERS[kind] in known:
                found.append({"image_id": image["id"], "category_id": NUMBERS[kind], "score": score,
                              "bbox": [float(v) for v in (x1, y1, x2 - x1, y2 - y1)]})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        run = COCOeval(coco, coco.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


@pytest.mark.parametrize("which", [0, 1], ids=list(SETS))
@pytest.mark.parametrize("row", MODELS, ids=[Path(m[0]).stem for m in MODELS])
def test_same_precision(data, default_model, row, which):
    file, side, how, scale, decode, several, conf, iou, readme = row
    folder = data / "coco" / list(SETS)[which]
    truth = folder / f"{list(SETS.values())[which]}.json"
    ours, = answers("eval", folder, truth, "--exact", "--model", data / "models" / file, "--conf", conf, "--iou", iou)
    theirs = reference_ap(folder, truth, data / "models" / file, side, how, scale, decode, several, conf, iou)
    print(f"{file} {folder.name}: ours {ours['AP']:.4f}, numpy {theirs:.4f}, README {readme[which]:.4f}")
    assert ours["AP"] == pytest.approx(theirs, abs=0.01)
    assert ours["AP"] >= readme[which] - 0.01


# quantised models through the runtimes that the data's own table was made with: file, backend, iou, AP on the two sets
QUANTISED = [("yolov8n_640_int8dyn.onnx", "onnxruntime", 0.7, (0.5924, 0.5005)),
             ("yolov5n_640_int8.tflite", "litert", 0.6, (0.4458, 0.4316))]


@pytest.mark.parametrize("which", [0, 1], ids=list(SETS))
@pytest.mark.parametrize("file, backend, iou, readme", QUANTISED, ids=[q[1] for q in QUANTISED])
def test_quantised_in_their_own_runtime(data, default_model, file, backend, iou, readme, which):
    folder = data / "coco" / list(SETS)[which]
    if not (DEPS / backend).exists():
        pytest.skip(f"{backend} is not in .deps")
    done = fovea("eval", folder, folder / f"{list(SETS.values())[which]}.json", "--exact", "--model", data / "models" / file,
                 "--backend", backend, "--conf", 0.001, "--iou", iou, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["AP"] == pytest.approx(readme[which], abs=0.01)
