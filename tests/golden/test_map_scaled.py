"""What the reduced decode costs: mean average precision on pictures twice as large, against the full decode."""
import json

import cv2
import pytest
from conftest import answers


def enlarge(folder, truth, to):
    """Copies at twice the size as JPEG of quality 90, and their annotations."""
    sheet = json.loads(truth.read_text())
    for image in sheet["images"]:
        picture = cv2.imread(str(folder / image["file_name"]), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(to / image["file_name"]), large, [cv2.IMWRITE_JPEG_QUALITY, 90])
        image.update(width=large.shape[1], height=large.shape[0])
    for one in sheet["annotations"]:
        one.update(bbox=[2 * v for v in one["bbox"]], area=4 * one["area"], segmentation=[])
    (to / "truth.json").write_text(json.dumps(sheet))
    return to / "truth.json"


SETS = [("tinycoco", "instances"), ("posemini_train2017", "person_keypoints")]


@pytest.mark.parametrize("model", [None, "yolox_nano_416.onnx"])
def test_reduced_decode_costs_at_most_half_a_point(data, default_model, tmp_path, model):
    """Over both sets; one alone is so small that single levels of the input move it by as much."""
    chosen, losses = data / "models" / model if model else default_model, []
    for name, annotations in SETS:
        folder, copies = data / "coco" / name, tmp_path / name
        copies.mkdir()
        truth = enlarge(folder, folder / f"{annotations}.json", copies)
        full, = answers("eval", copies, truth, "--model", chosen, "--exact")
        reduced, = answers("eval", copies, truth, "--model", chosen, "--precision", "fp32")
        losses.append(full["AP"] - reduced["AP"])
        print(f"{name} {model or 'default'}: full {full['AP']:.4f}, reduced {reduced['AP']:.4f}")
    assert sum(losses) / len(losses) <= 0.005 and max(losses) <= 0.01


def test_unreduced_pictures_are_the_same(data, default_model):
    """640 px wide pictures in a 416 px input: nothing to reduce, nothing may differ."""
    folder, model = data / "coco/tinycoco", data / "models/yolox_nano_416.onnx"
    words = ("eval", folder, folder / "instances.json", "--model", model)
    full, = answers(*words, "--exact")
    usual, = answers(*words, "--precision", "fp32")
    assert {k: v for k, v in full.items() if k[0] == "A"} == {k: v for k, v in usual.items() if k[0] == "A"}
