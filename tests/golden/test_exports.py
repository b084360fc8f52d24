"""Exports of public tools from the file on: models whose outputs are the recorded numbers of exports/*.json, run as any
model is; and, where make_exports.py left them (FOVEA_EXPORTS), the models themselves."""
import json
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import answers

HERE = Path(__file__).resolve().parent
SHEETS = sorted((HERE / "exports").glob("*.json"))
TYPES = {"f32": 1, "i64": 7, "i32": 6}
IR_VERSION, OPSET = 8, 17


# ---- ONNX as bytes: field numbers of onnx.proto --------------------------------------------------


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    """One field: an integer, or bytes, text and messages with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def typed(one):
    """ValueInfoProto."""
    shape = b"".join(field(1, field(1, d) if d >= 0 else field(2, "n")) for d in one["shape"])
    return field(1, one["name"]) + field(2, field(1, field(1, TYPES[one["dtype"]]) + field(2, shape)))


def constant(one):
    """TensorProto with the output's numbers."""
    dims = b"".join(field(1, d) for d in one["shape"])
    raw = np.array(one["data"], {"f32": "<f4", "i64": "<i8", "i32": "<i4"}[one["dtype"]]).tobytes()
    return dims + field(2, TYPES[one["dtype"]]) + field(8, one["name"] + "/numbers") + field(9, raw)


def write_model(sheet, path):
    graph = b"".join(field(1, field(1, o["name"] + "/numbers") + field(2, o["name"]) + field(4, "Identity"))
                     for o in sheet["outputs"])
    graph += field(2, sheet["name"]) + b"".join(field(5, constant(o)) for o in sheet["outputs"])
    graph += b"".join(field(11, typed(i)) for i in sheet["inputs"])
    graph += b"".join(field(12, typed(o)) for o in sheet["outputs"])
    props = b"".join(field(14, field(1, k) + field(2, v)) for k, v in sheet["metadata"].items())
    path.write_bytes(field(1, IR_VERSION) + field(7, graph) + field(8, field(2, OPSET)) + props)


# ---- the tests -----------------------------------------------------------------------------------


def corners(detection):
    box = detection["box"]
    return np.array([box[k] for k in ("x1", "y1", "x2", "y2")] if isinstance(box, dict) else box)


def differences(found, expected, side, inset):
    """Expected rows (clipped to the picture) that no detection equals, and detections that are left. The picture keeps
    `inset` px of the model's input free."""
    left, lost = list(found), []
    for *box, score, kind in expected:
        box = np.clip((np.array(box) - inset / 2) * side / (side - inset), 0, side)
        if box[2] <= box[0] or box[3] <= box[1]:
            continue  # beside the picture
        same = [d for d in left if d["class_id"] == kind and abs(d["confidence"] - score) < 1e-3
                and np.abs(corners(d) - box).max() < 0.06]
        if same:
            left.remove(same[0])
        else:
            lost.append((*box, score, kind))
    return lost, left


@pytest.fixture(params=SHEETS, ids=lambda p: p.stem)
def sheet(request):
    return json.loads(request.param.read_text())


def test_recorded_outputs(sheet, tmp_path):
    side = sheet["inputs"][0]["shape"][2]
    write_model(sheet, tmp_path / f"{sheet['name']}.onnx")
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((side, side, 3), 90, np.uint8))
    line, = answers("predict", tmp_path / "grey.png", "--model", tmp_path / f"{sheet['name']}.onnx", "--precision", "fp32",
                    "--conf", sheet["conf"], "--iou", sheet["iou"])
    lost, left = differences(line["detections"], sheet["detections"], side, 4 if sheet["head"] == "yolonas" else 0)
    assert not lost and not left
    assert len(line["detections"]) >= 5


@pytest.mark.parametrize("name", [p.stem for p in SHEETS])
def test_the_model_itself(name, tmp_path):
    """Recognised and run; its numbers are those of other weights each time it is made."""
    folder = Path(os.environ.get("FOVEA_EXPORTS", "/nonexistent"))
    if not (folder / f"{name}.onnx").exists():
        pytest.skip("FOVEA_EXPORTS names no folder of make_exports.py --models with this model")
    wanted = json.loads((HERE / f"exports/{name}.json").read_text())["head"]
    about, = answers("models", "inspect", folder / f"{name}.onnx")
    assert about["head"] == wanted
