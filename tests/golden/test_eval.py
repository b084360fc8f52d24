"""`fovea eval` against pycocotools, and against the reference figures of the test data."""
import contextlib
import io
import json
import random

import pytest
from conftest import answers, fovea
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

FIGURES = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
           "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"]


def pycocotools_figures(annotations, detections):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        run = COCOeval(truth, truth.loadRes(str(detections)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(FIGURES, map(float, run.stats)))


def close(ours, theirs):
    return {name: (ours[name], theirs[name]) for name in FIGURES if abs(ours[name] - theirs[name]) > 1e-6}


def random_box(rng):
    side = rng.choice([12, 31, 32, 60, 96, 97, 250])
    return [round(rng.uniform(0, 400), 2), round(rng.uniform(0, 400), 2), round(side * rng.uniform(0.7, 1.4), 2),
            round(side * rng.uniform(0.7, 1.4), 2)]


def random_set(folder, seed):
    """Truths with crowds and all sizes; detections near them, doubled, beside them; ties; empty categories; gaps in ids."""
    rng = random.Random(seed)
    images = [{"id": 7 * i + 3, "file_name": f"{i}.jpg"} for i in range(12)]
    categories = [{"id": i, "name": f"kind {i}"} for i in (1, 2, 5, 90)]
    annotations, detections = [], []
    for image in rng.sample(images, 10):
        for _ in range(rng.randint(0, 14)):
            category, box = rng.choice([1, 1, 2, 5]), random_box(rng)
            annotations.append({"id": len(annotations) + 1, "image_id": image["id"], "category_id": category, "bbox": box,
                                "area": round(box[2] * box[3] * rng.choice([1, 0.6]), 2), "iscrowd": int(rng.random() < 0.15)})
            for _ in range(rng.randint(0, 3)):
                shift = [round(v + rng.gauss(0, 1) * rng.choice([0, 0.5, 3, 12]), 3) for v in box]
                detections.append({"image_id": image["id"], "category_id": rng.choice([category, category, 2]),
                                   "bbox": shift[:2] + [max(v, 1) for v in shift[2:]], "score": rng.randint(1, 40) / 40})
    for _ in range(300):  # more than a hundred of one class in one picture
        detections.append({"image_id": images[0]["id"], "category_id": 1, "bbox": random_box(rng), "score": rng.random()})
    (folder / "truth.json").write_text(json.dumps({"images": images, "categories": categories, "annotations": annotations}))
    (folder / "found.json").write_text(json.dumps(detections))


@pytest.mark.parametrize("seed", range(8))
def test_random_sets_agree_with_pycocotools(tmp_path, seed):
    random_set(tmp_path, seed)
    ours, = answers("eval", "--dets", tmp_path / "found.json", tmp_path / "truth.json")
    theirs = pycocotools_figures(tmp_path / "truth.json", tmp_path / "found.json")
    assert not close(ours, theirs)
    assert 0 < theirs["AP"] < 1


@pytest.mark.parametrize("truth, found, word", [
    (None, "[]", "No such file"),
    ("[1, 2", "[]", "valid JSON"),
    ("{}", "[]", "no COCO annotations"),
    ('{"images":[{"id":1,"file_name":"a"}],"categories":[{"id":1,"name":"b"}],"annotations":[{"image_id":1}]}', "[]", "annotations"),
    ('{"images":[{"id":1,"file_name":"a"}],"categories":[{"id":1,"name":"b"}],"annotations":[]}',
     '[{"image_id":2,"category_id":1,"bbox":[0,0,1,1],"score":1}]', "entry 1"),
])
def test_bad_files_are_named(tmp_path, truth, found, word):
    (tmp_path / "found.json").write_text(found)
    if truth is not None:
        (tmp_path / "truth.json").write_text(truth)
    done = fovea("eval", "--dets", tmp_path / "found.json", tmp_path / "truth.json")
    assert done.returncode == 3 and word in done.stderr, done.stderr


def test_a_missing_picture_is_named(tmp_path):
    (tmp_path / "truth.json").write_text('{"images":[{"id":1,"file_name":"gone.jpg"}],"categories":[{"id":1,"name":"box"}],"annotations":[]}')
    done = fovea("eval", tmp_path, tmp_path / "truth.json", "--model", "fake:")
    assert done.returncode == 3 and "gone.jpg" in done.stderr
    done = fovea("eval", tmp_path)
    assert done.returncode == 2


# set, annotations, model (None: the default one), options, AP and AP50 of the reference
REFERENCES = [
    ("tinycoco", "instances", None, ("--conf", ".3", "--iou", ".6"), 0.313, 0.451),
    ("posemini_train2017", "person_keypoints", None, ("--conf", ".3", "--iou", ".6"), 0.345, 0.514),
    ("tinycoco", "instances", "yolox_nano_416.onnx", ("--conf", ".01", "--iou", ".65"), 0.389, 0.5732),
    ("posemini_train2017", "person_keypoints", "yolox_nano_416.onnx", ("--conf", ".01", "--iou", ".65"), 0.4647, 0.7612),
]


@pytest.mark.parametrize("name, annotations, model, options, ap, ap50", REFERENCES)
def test_reference_figures(data, default_model, tmp_path, name, annotations, model, options, ap, ap50):
    folder, truth, found = data / "coco" / name, data / "coco" / name / f"{annotations}.json", tmp_path / "found.json"
    chosen = data / "models" / model if model else default_model
    ours, = answers("eval", folder, truth, "--exact", "--model", chosen, "--save", found, *options)
    assert ours["AP"] == pytest.approx(ap, abs=0.01) and ours["AP50"] == pytest.approx(ap50, abs=0.015)
    assert not close(ours, pycocotools_figures(truth, found))
