"""Models of other tasks than boxes, from the picture to the JSON: masks, poses, turned boxes, classes, vectors.
References: Ultralytics' own postprocessing (tasks/*.npz, made by make_task_exports.py), the real runtimes' outputs
(refs of the test data), numpy."""
import io
import json
import math
import os
import re

import cv2
import numpy as np
import openvino as ov
import pytest
import tiny_onnx
from conftest import DEPS, ROOT, answers, fovea
from pycocotools import mask as coco

FIXTURES = sorted((ROOT / "tests/golden/tasks").glob("*.npz"))
pytestmark = pytest.mark.skipif(bool(os.environ.get("FOVEA_SANITIZED")),
                                reason="numbers are compared without sanitizers")


def load(path):
    with np.load(io.BytesIO(path.read_bytes())) as arrays:
        about = json.loads(arrays["about"].tobytes())
        return about, [arrays[k].astype(np.float32) for k in sorted(arrays.files) if k != "about"]


def grey_picture(folder, width, height):
    path = folder / "grey.png"
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def run(folder, about, outputs, planar=True, metadata=None, name="model.onnx"):
    path = folder / name
    path.write_bytes(tiny_onnx.constant_model(outputs, about["side"], about["metadata"] if metadata is None else metadata,
                                              planar))
    picture = grey_picture(folder, about["width"], about["height"])
    result, = answers("predict", picture, "--model", path, "--exact")
    return result


def decode(mask):
    return coco.decode({"size": mask["size"], "counts": mask["counts"].encode()}).astype(bool)


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def expect_same(found, about, coarse=False):
    wanted = about["results"]
    assert [d["class_id"] for d in found] == [r["class_id"] for r in wanted]
    assert np.allclose([d["confidence"] for d in found], [r["confidence"] for r in wanted], atol=1e-3)
    for d, r in zip(found, wanted):
        if "box" in r:
            assert np.allclose(d["box"], r["box"], atol=0.6 if coarse else 0.05)
        if "rle" in r:
            expect_same_mask(d, r, about)
        if "keypoints" in r:
            assert np.allclose(d["keypoints"], r["keypoints"], atol=0.02)
        if "xywhr" in r:
            expect_same_corners(d, r)


def expect_same_mask(d, r, about):
    size = [about["height"], about["width"]]
    theirs = coco.decode({"size": size, "counts": r["rle"].encode()}).astype(bool)
    if "mask" not in d:
        assert theirs.sum() < 50
        return
    assert d["mask"]["size"] == size
    ours = decode(d["mask"])
    assert iou(ours, theirs) >= 0.98, (iou(ours, theirs), theirs.sum())
    x1, y1, x2, y2 = d["box"]
    polygon = np.array(d["mask"]["polygon"])
    assert 3 <= len(polygon) <= 256
    assert polygon[:, 0].min() >= x1 - 0.1 and polygon[:, 0].max() <= x2 + 0.1
    assert polygon[:, 1].min() >= y1 - 0.1 and polygon[:, 1].max() <= y2 + 0.1


def expect_same_corners(d, r):
    x, y, w, h, angle = r["xywhr"]
    assert abs(d["angle"] - angle) < 1e-3
    c, s = math.cos(angle), math.sin(angle)
    corners = [[x + (sx * w * c - sy * h * s) / 2, y + (sx * w * s + sy * h * c) / 2]
               for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    assert np.allclose(d["corners"], corners, atol=0.2)
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    clipped = np.clip([*low, *high], 0, [960, 720, 960, 720])
    assert np.allclose(d["box"], clipped, atol=0.2)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_same_as_ultralytics(path, tmp_path):
    about, outputs = load(path)
    result = run(tmp_path, about, outputs)
    assert result["task"] == about["metadata"]["task"]
    if result["task"] == "classify":
        got = [(c["class_id"], c["confidence"]) for c in result["classes"]]
        assert [c for c, _ in got] == [r["class_id"] for r in about["results"]]
        assert np.allclose([s for _, s in got], [r["confidence"] for r in about["results"]], atol=1e-3)
    else:
        expect_same(result["detections"], about)


def test_polygon_is_the_largest_part(tmp_path):
    about, outputs = load(ROOT / "tests/golden/tasks/yolov8n-seg.npz")
    compared = 0
    for d in run(tmp_path, about, outputs)["detections"]:
        if "mask" not in d:
            continue
        mask = np.ascontiguousarray(decode(d["mask"]).astype(np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        largest = max(contours, key=cv2.contourArea)
        if cv2.contourArea(largest) < 400:
            continue
        theirs, ours = np.zeros_like(mask), np.zeros_like(mask)
        cv2.drawContours(theirs, [largest], -1, 1, -1)
        cv2.fillPoly(ours, [np.round(np.array(d["mask"]["polygon"]) - 0.5).astype(np.int32)], 1)
        assert iou(ours.astype(bool), theirs.astype(bool)) >= 0.95
        signed = cv2.contourArea(np.array(d["mask"]["polygon"], np.float32), oriented=True)
        assert signed > 0  # clockwise on the screen
        compared += 1
    assert compared >= 5


def test_tflite_form_prototypes_last_and_boxes_in_fractions(tmp_path):
    about, (boxes, masks) = load(ROOT / "tests/golden/tasks/yolov8n-seg.npz")
    boxes[:, :4] /= about["side"]
    result = run(tmp_path, about, [np.transpose(masks, (0, 2, 3, 1)), boxes], planar=False)
    expect_same(result["detections"], about, coarse=True)


def test_rows_with_an_objectness(tmp_path):
    """YOLOv5 and v7 for segmentation: three rows a cell, an objectness before the classes."""
    about, (boxes, masks) = load(ROOT / "tests/golden/tasks/yolov8n-seg.npz")
    rows = np.zeros((1, 3 * boxes.shape[2], boxes.shape[1] + 1), np.float32)
    filled = rows[0, :boxes.shape[2]]
    filled[:, :4], filled[:, 4], filled[:, 5:] = boxes[0, :4].T, 1, boxes[0, 4:].T
    expect_same(run(tmp_path, about, [rows, masks])["detections"], about)


def test_tasks_are_recognised_without_metadata(tmp_path):
    about, outputs = load(ROOT / "tests/golden/tasks/yolov8n-seg.npz")
    result = run(tmp_path, about, outputs, metadata={})
    assert result["task"] == "segment" and "mask" in result["detections"][0]
    assert result["detections"][0]["class"] == f"class_{about['results'][0]['class_id']}"
    about, outputs = load(ROOT / "tests/golden/tasks/yolov8n-pose.npz")
    result = run(tmp_path, about, outputs, metadata={}, name="yolov8n-pose.onnx")
    assert result["task"] == "pose" and len(result["detections"][0]["keypoints"]) == 17
    about, outputs = load(ROOT / "tests/golden/tasks/yolov8n-obb.npz")
    result = run(tmp_path, about, outputs, metadata={}, name="ships-obb.onnx")
    assert result["task"] == "obb" and len(result["detections"][0]["corners"]) == 4


def test_keypoints_of_two_values(tmp_path):
    about, (raw,) = load(ROOT / "tests/golden/tasks/yolov8n-pose.npz")
    keep = [i for i in range(raw.shape[1]) if i < 7 or (i - 7) % 3 != 2]
    result = run(tmp_path, about, [raw[:, keep]], metadata={**about["metadata"], "kpt_shape": "[17, 2]"})
    for d, r in zip(result["detections"], about["results"]):
        assert np.allclose(np.array(d["keypoints"])[:, :2], np.array(r["keypoints"])[:, :2], atol=0.02)
        assert all(p[2] == 1 for p in d["keypoints"])


def test_logits_of_a_classifier(tmp_path):
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 3, (1, 200)).astype(np.float32)
    about = {"side": 64, "width": 320, "height": 200, "metadata": {}}
    result = run(tmp_path, about, [logits])
    p = np.exp(logits[0].astype(np.float64) - logits.max())
    p /= p.sum()
    best = np.argsort(-p)[:5]
    assert [c["class_id"] for c in result["classes"]] == best.tolist()
    assert np.allclose([c["confidence"] for c in result["classes"]], p[best], atol=1e-4)
    assert result["detections"] == [] and result["task"] == "classify"


# ---- real models ----

def reference(data, name):
    return json.loads((data / "refs" / f"{name}.json").read_text())["results"]


def openvino_output(model, picture, side):
    """The same runtime from Python: what the head is given."""
    core = ov.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    small = cv2.resize(cv2.imread(str(picture)), (side, side), interpolation=cv2.INTER_LINEAR)
    return compiled(small[None, :, :, ::-1].copy())[0]


def test_movenet(data):
    points = np.array(reference(data, "movenet_lightning_int8")["images/zidane.jpg"])
    result, = answers("predict", data / "images/zidane.jpg", "--model", data / "models/movenet_lightning_int8.tflite",
                      "--exact", "--backend", "openvino")
    person, = result["detections"]
    assert (result["task"], person["class"]) == ("pose", "person")
    ours = np.array(person["keypoints"]) / [1280, 720, 1]
    # 8-bit weights run in other kernels than the reference's: of the points that are seen one may go elsewhere
    off = np.abs(ours[:, :2] - points[:, 1::-1]).max(axis=1)[points[:, 2] >= 0.2]
    assert np.median(off) < 0.02 and np.sort(off)[-2] < 0.07, off
    raw = openvino_output(data / "models/movenet_lightning_int8.tflite", data / "images/zidane.jpg", 192)[0, 0]
    assert np.allclose(ours[:, 1::-1], raw[:, :2].clip(0, 1), atol=1e-4) and np.allclose(ours[:, 2], raw[:, 2], atol=1e-4)


def litert(*words):
    """Answers of the runtime that the references of the quantised models come from."""
    if not (DEPS / "litert").exists():
        pytest.skip("LiteRT is not in .deps (run `make build`)")
    return answers(*words, "--exact", "--backend", "litert")


def test_movenet_through_its_own_runtime(data):
    points = np.array(reference(data, "movenet_lightning_int8")["images/zidane.jpg"])
    result, = litert("predict", data / "images/zidane.jpg", "--model", data / "models/movenet_lightning_int8.tflite")
    ours = np.array(result["detections"][0]["keypoints"]) / [1280, 720, 1]
    assert np.allclose(ours[:, 1::-1], points[:, :2], atol=2e-4) and np.allclose(ours[:, 2], points[:, 2], atol=2e-4)


def test_mobilenet_through_its_own_runtime(data):
    for picture, wanted in reference(data, "mobilenet_v2_224_quant").items():
        result, = litert("predict", data / picture, "--model", data / "models/mobilenet_v2_224_quant.tflite")
        ours = {c["class_id"]: c["confidence"] for c in result["classes"]}
        assert result["classes"][0]["class"] == wanted[0]["name"]  # from the labels beside the model
        for c in wanted:
            if c["u8"] > 5:
                assert abs(ours[c["class"]] - c["u8"] / 256) < 1.5 / 256


def test_a_grey_quantised_classifier(data):
    """Column 1 is "a person"; OpenVINO cannot read the file, so it comes from LiteRT without being asked."""
    if not (DEPS / "litert").exists():
        pytest.skip("LiteRT is not in .deps (run `make build`)")
    model = data / "models/person_detect_96_micro.tflite"
    for picture, person in (("images/zidane.jpg", 1), ("endoscopy/images/cju0roawvklrq0799vmjorwfv.jpg", 0)):
        result, = answers("predict", data / picture, "--model", model, "--exact")
        assert result["task"] == "classify" and result["classes"][0]["class_id"] == person
        assert sum(c["confidence"] for c in result["classes"]) == pytest.approx(1, abs=0.01)


def test_mobilenet(data):
    for picture, wanted in reference(data, "mobilenet_v2_224_quant").items():
        result, = answers("predict", data / picture, "--model", data / "models/mobilenet_v2_224_quant.tflite", "--exact",
                          "--backend", "openvino")
        ours = {c["class_id"]: c["confidence"] for c in result["classes"]}
        assert result["task"] == "classify" and result["classes"][0]["class_id"] == wanted[0]["class"]
        for c in wanted:
            if c["u8"] > 5:
                assert abs(ours[c["class"]] - c["u8"] / 256) < 0.06


def test_reidentification(data, tmp_path):
    ref = json.loads((data / "refs/reid_retail_0288.json").read_text())
    frames = data / "tracking/MOT17-mini" / re.search("MOT17-09-[A-Z]+", ref["sequence"]).group()
    pictures = list(frames.rglob("*.jpg"))
    if not pictures:
        pytest.skip("the frames of MOT17-mini are not here")
    compared = 0
    for one in ref["first_embeddings"]:
        frame, _, x, y, w, h = one["frame_id_x_y_w_h"]
        path = next((p for p in pictures if int(p.stem) == frame), None)
        if path is None:
            continue
        image = cv2.imread(str(path))
        crop = image[max(int(y), 0):int(y + h), max(int(x), 0):int(x + w)]
        cv2.imwrite(str(tmp_path / "crop.png"), crop)
        result, = answers("predict", tmp_path / "crop.png", "--model", data / "models/reid_retail_0288.onnx", "--exact")
        ours, theirs = np.array(result["embedding"]), np.array(one["embedding"])
        assert result["task"] == "embed" and len(ours) == len(theirs)
        assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.999
        compared += 1
    assert compared >= 1


# ---- semantic segmentation: a colour threshold as a model, on pictures of an endoscope ----

REDNESS = 60.0  # R - (G + B) / 2 of a pixel


def threshold_model(side):
    """One plane: how far a pixel is redder than REDNESS, in numbers a sigmoid would follow."""
    nodes = [tiny_onnx.node("Conv", ["images", "weights", "bias"], ["logits"])]
    weights = np.array([1, -0.5, -0.5], np.float32).reshape(1, 3, 1, 1)
    return tiny_onnx.model(nodes, {"weights": weights, "bias": np.array([-REDNESS], np.float32)},
                           [tiny_onnx.value("images", tiny_onnx.FLOAT, [1, 3, side, side])],
                           [tiny_onnx.value("logits", tiny_onnx.FLOAT, [1, 1, side, side])],
                           {"task": "semantic", "mean_values": "0 0 0", "scale_values": "1", "names": "{0: 'polyp'}"})


def redness(image, side):
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return small[:, :, 2] - small[:, :, 1] / 2 - small[:, :, 0] / 2 - REDNESS


def test_red_regions_of_endoscopy(data, tmp_path):
    model, side = tmp_path / "red.onnx", 320
    model.write_bytes(threshold_model(side))
    for path in sorted((data / "endoscopy/images").glob("*.jpg")):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        height, width = image.shape[:2]
        field = redness(image, side)
        count, labels, stats, _ = cv2.connectedComponentsWithStats((field > 0).astype(np.uint8), connectivity=4)
        large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= side * side // 4096]
        large = sorted(large, key=lambda i: -stats[i, cv2.CC_STAT_AREA])[:64]
        result, = answers("predict", path, "--model", model, "--exact", "--conf", ".0101")
        found = result["detections"]
        assert result["task"] == "semantic" and found[0]["class"] == "polyp"
        assert [result["width"], result["height"]] == [width, height] and abs(len(found) - len(large)) <= 2
        ours = np.zeros((height, width), bool)
        for d in found:
            assert d["mask"]["size"] == [height, width]
            ours |= decode(d["mask"])
        kept = np.where(np.isin(labels, large), np.abs(field), -np.abs(field)).astype(np.float32)
        theirs = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR) > 0
        assert iou(ours, theirs) >= 0.98, (path.name, iou(ours, theirs))
        largest = cv2.resize(np.where(labels == large[0], np.abs(field), -np.abs(field)).astype(np.float32),
                             (width, height), interpolation=cv2.INTER_LINEAR) > 0
        assert iou(decode(found[0]["mask"]), largest) >= 0.97


@pytest.mark.parametrize("form", ["planes", "cells", "ids"])
def test_classes_of_cells(form, tmp_path):
    """Three classes on a grid of 80: a disc, a frame with a hole, and a background."""
    side, cells = 160, 80
    y, x = np.mgrid[:cells, :cells]
    ids = np.zeros((cells, cells), np.int64)
    ids[(x - 20) ** 2 + (y - 25) ** 2 < 150] = 1
    ids[(abs(x - 55) < 18) & (abs(y - 50) < 14) & ~((abs(x - 55) < 8) & (abs(y - 50) < 6))] = 2
    ids[2:4, 70] = 1  # two cells: noise
    scores = np.stack([np.where(ids == c, 4.0, -4.0) for c in range(3)])[None].astype(np.float32)
    outputs = {"planes": scores, "cells": np.transpose(scores, (0, 2, 3, 1)), "ids": ids[None].astype(np.float32)}
    about = {"side": side, "width": 640, "height": 480,
             "metadata": {"task": "semantic", "names": "{0: 'background', 1: 'polyp', 2: 'loop'}"}}
    if form == "ids":
        path = tmp_path / "model.onnx"
        nodes = [tiny_onnx.node("ReduceMax", ["images"], ["most"], keepdims=0),
                 tiny_onnx.node("Mul", ["most", "zero"], ["nothing"]), tiny_onnx.node("Add", ["raw", "nothing"], ["sum"]),
                 tiny_onnx.node("Cast", ["sum"], ["ids"], to=tiny_onnx.INT64)]
        path.write_bytes(tiny_onnx.model(nodes, {"zero": np.zeros((), np.float32), "raw": outputs["ids"]},
                                         [tiny_onnx.value("images", tiny_onnx.FLOAT, [1, 3, side, side])],
                                         [tiny_onnx.value("ids", tiny_onnx.INT64, [1, cells, cells])], about["metadata"]))
        result, = answers("predict", grey_picture(tmp_path, 640, 480), "--model", path, "--exact")
    else:
        result = run(tmp_path, about, [outputs[form]], planar=form == "planes")
    by_name = {d["class"]: d for d in result["detections"]}
    assert sorted(by_name) == ["loop", "polyp"] and len(result["detections"]) == 2
    for class_id, name in ((1, "polyp"), (2, "loop")):
        own = ids == class_id
        own[2:4, 70] = False
        theirs = cv2.resize(np.where(own, 1.0, -1.0).astype(np.float32), (640, 480)) > 0
        assert by_name[name]["class_id_raw"] == class_id and by_name[name]["class_id"] == class_id - 1
        assert by_name[name]["confidence"] > 0.95
        assert iou(decode(by_name[name]["mask"]), theirs) >= 0.98


# ---- what is printed for people ----

def test_lines_for_people(data, tmp_path):
    folder = ["--save", str(tmp_path / "out")]
    line = fovea("predict", data / "images/dog.jpg", "--model", data / "models/mobilenet_v2_224_quant.tflite", "--exact",
                 *folder).stdout
    assert re.search(r"dog.jpg 768x576: malamute.* \d+\.\d %, Eskimo dog, husky \d+\.\d %, .* \d+\.\d % \(", line), line
    line = fovea("predict", data / "images/dog.jpg", "--model", data / "models/reid_retail_0288.onnx", *folder).stdout
    assert re.search(r"256 numbers, norm \d+", line), line
    line = fovea("predict", data / "images/zidane.jpg", "--model", data / "models/movenet_lightning_int8.tflite",
                 *folder).stdout
    assert "1 person (" in line
    info, = answers("models", "inspect", data / "models/movenet_lightning_int8.tflite")
    assert info["task"] == "pose" and info["keypoint_names"][9] == "left_wrist" and len(info["skeleton"]) == 18
