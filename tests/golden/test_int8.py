"""The default model's INT8 form: sees what the float form sees, is taken where it should be, and is judged rightly."""
import contextlib
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, answers
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

sys.path.insert(0, str(ROOT / "scripts"))
import judge_int8  # noqa: E402

SETS = {"tinycoco": "instances.json", "posemini_train2017": "person_keypoints.json"}


@pytest.fixture
def int8(default_model):
    path = default_model.with_name("model_int8.xml")
    if not path.exists():
        pytest.skip("set-up made no INT8 form of the default model")
    return path


def has_vnni():
    words = Path("/proc/cpuinfo").read_text().split()
    return bool({"avx512_vnni", "avx_vnni", "asimddp"} & set(words))


def detections(folder, annotations, to, *words):
    answers("eval", folder, annotations, "--save", to, *words)
    return json.loads(to.read_text())


def test_int8_agrees_with_the_float_form(data, default_model, int8, tmp_path):
    matched = boxes = 0
    for name, annotations in SETS.items():
        folder = data / "coco" / name
        words = [folder, folder / annotations, tmp_path / "found.json", "--conf", ".3", "--iou", ".45", "--model"]
        was, now = detections(*words, default_model, "--precision", "fp32"), detections(*words, int8)
        matched += judge_int8.partners(was, now) + judge_int8.partners(now, was)
        boxes += len(was) + len(now)
    assert boxes > 300 and matched / boxes >= 0.95


def test_the_judges_average_is_that_of_pycocotools(data, default_model, tmp_path):
    """With every picture once; the bootstrap only repeats and leaves out."""
    folder = data / "coco/tinycoco"
    found = detections(folder, folder / "instances.json", tmp_path / "found.json", "--model", default_model)
    judge = judge_int8.evaluated(str(folder / "instances.json"), found)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "instances.json"))
        theirs = COCOeval(truth, truth.loadRes(found), "bbox")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    ours = judge_int8.mean_average_precision(judge, list(judge._paramsEval.imgIds))
    assert ours == pytest.approx(float(theirs.stats[0]), abs=1e-9)


def test_which_form_runs(int8, default_model):
    auto, exact, asked = (answers("models", "inspect", default_model, "--precision", word)[0] for word in ("auto", "fp32", "int8"))
    assert Path(exact["runs_file"]).name == "model.xml" and exact["precision"] == "f32"
    assert Path(asked["runs_file"]).name == "model_int8.xml" and asked["precision"] == "int8"
    assert Path(auto["runs_file"]).name == ("model_int8.xml" if has_vnni() else "model.xml")
    assert "INT8" in auto["file_reason"] and auto["id"] == exact["id"] == "ssd_mobilenet_v2"


@pytest.mark.skipif(not has_vnni(), reason="no VNNI: the INT8 form is not taken here")
def test_a_broken_int8_form_costs_only_speed(int8, tmp_path):
    folder = shutil.copytree(int8.parent, tmp_path / "street", ignore=shutil.ignore_patterns("*.pb"))
    (folder / "model_int8.bin").write_bytes((folder / "model_int8.bin").read_bytes()[:1000])
    shown = answers("models", "inspect", folder / "model.xml")[0]
    assert Path(shown["runs_file"]).name == "model.xml" and "INT8 form cannot be used" in shown["file_reason"]
