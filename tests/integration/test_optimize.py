"""`fovea optimize`: what it writes, what it refuses, and that a refusal leaves everything as it was."""
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import BIN, DEPS, ROOT, SANITIZED, environment

DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
PYTHON = DEPS / "venv/bin/python"
YOLOX = DATA / "models/yolox_nano_416.onnx"
YOLOV5 = DATA / "models/yolov5n_640_int8.tflite"
PICTURES = DATA / "coco/tinycoco"

needs_models = pytest.mark.skipif(bool(SANITIZED) or not YOLOX.exists() or not PYTHON.exists(),
                                  reason="no shared models, no test environment, or no runtime in a sanitized build")


def optimize(*words, cwd, code=0, **more):
    env = environment(FOVEA_OPTIMIZE_PYTHON=str(PYTHON), FOVEA_EXPORT_PYTHON=str(PYTHON))
    env.update(more)
    done = subprocess.run([str(BIN), "optimize", *map(str, words)], cwd=cwd, text=True, capture_output=True, timeout=280,
                          env=env, stdin=subprocess.DEVNULL)
    assert done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return done


def some_pictures(folder, count):
    folder.mkdir()
    for path in sorted(PICTURES.glob("*.jpg"))[:count]:
        (folder / path.name).symlink_to(path.resolve())
    return folder


def bare_python(path):
    """A Python in which nothing is installed."""
    path.write_text(f'#!/bin/sh\nexec {PYTHON} -S -E "$@"\n')
    path.chmod(0o755)
    return str(path)


def doctored(path, body):
    """A converter that does as the real one does, and then BODY with what came out (`options`)."""
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\nimport optimize\nfrom pathlib import Path\n"
                    "options = optimize.arguments()\noptimize.open_report()\n" + body)
    return {"FOVEA_OPTIMIZE_TOOL": str(path)}


def detections(model, pictures, cwd, *words):
    done = subprocess.run([str(BIN), "predict", str(pictures), "--model", str(model), "--json", *words], cwd=cwd, text=True,
                          capture_output=True, timeout=200, env=environment())
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["detections"] for line in done.stdout.splitlines()]


def area(box):
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def overlap(a, b):
    shared = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    return shared / (area(a) + area(b) - shared)


def partners(boxes, others):
    """The overlaps of those that have a partner of their class, each taken once, the surest first."""
    free, found = list(others), []
    for box in sorted(boxes, key=lambda box: -box["confidence"]):
        same = [other for other in free if other["class_id"] == box["class_id"]]
        best = max(same, key=lambda other: overlap(box["box"], other["box"]), default=None)
        if best and overlap(box["box"], best["box"]) >= 0.5:
            free.remove(best)
            found.append(overlap(box["box"], best["box"]))
    return found


@needs_models
def test_an_onnx_becomes_an_ir_that_sees_the_same(tmp_path):
    pictures = some_pictures(tmp_path / "pictures", 8)
    done = optimize(YOLOX, "-o", "nano.xml", "--pictures", pictures, "--min-agreement", ".8", "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    assert said["accepted"] and said["output"] == "nano.xml" and said["pictures"] == 8
    assert sorted(p.name for p in tmp_path.glob("nano*")) == ["nano.bin", "nano.xml"]
    assert said["optimised_mb"] < 0.7 * said["original_mb"]

    import openvino as ov
    noise = np.random.default_rng(1).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)
    before, after = (ov.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([noise])[0]
                     for path in (YOLOX, tmp_path / "nano.xml"))
    assert np.abs(before - after).max() < 0.5  # weights in FP16, raw offsets in cells

    was = detections(YOLOX, pictures, tmp_path, "--exact")
    now = detections(tmp_path / "nano.xml", pictures, tmp_path)
    matched = [o for a, b in zip(was, now) for o in partners(a, b)]
    all_was, all_now = sum(map(len, was)), sum(map(len, now))
    # `predict` decodes at a reduced size, the comparison whole: some boxes near the threshold differ.
    assert abs(said["agreement"] - 2 * len(matched) / (all_was + all_now)) < 0.06
    assert abs(said["mean_iou"] - np.mean(matched)) < 0.03
    assert said["boxes_original"] == all_was


@needs_models
def test_a_wrong_result_is_refused_and_the_old_file_stays(tmp_path):
    pictures = some_pictures(tmp_path / "pictures", 6)
    (tmp_path / "nano.xml").write_text("the old file")
    (tmp_path / "nano.bin").write_text("the old weights")
    tool = doctored(tmp_path / "tool.py", """
import openvino as ov
from openvino import opset13 as op
import numpy as np
model = ov.convert_model(options.model)
result = model.get_results()[0]
moved = op.add(result.input_value(0), np.array([1, 1] + [0] * 83, np.float32))  # one cell to the right and down
result.input(0).replace_source_output(moved.output(0))
ov.save_model(model, options.output)
""")
    done = optimize(YOLOX, "-o", "nano.xml", "--pictures", pictures, cwd=tmp_path, code=1, **tool)
    assert "nothing was written" in done.stderr and "agreement" in done.stdout
    assert (tmp_path / "nano.xml").read_text() == "the old file"
    assert (tmp_path / "nano.bin").read_text() == "the old weights"
    assert not list(tmp_path.glob(".fovea*"))
    worst = sorted((tmp_path / "fovea-out/optimize").iterdir())
    assert 1 <= len(worst) <= 4
    for path in worst:
        original = cv2.imread(str(pictures / path.name.removeprefix("nano-")))
        shown = cv2.imread(str(path))
        assert shown.shape == (original.shape[0], 2 * original.shape[1], 3)
        left, right = np.hsplit(shown, 2)
        assert np.abs(left.astype(int) - right).max() > 100  # other boxes


@needs_models
def test_calibration_tensors_are_what_the_model_is_fed(tmp_path):
    """Against OpenCV: YOLOX takes BGR 0..255, aspect kept, 114 right and below; every third picture is held out."""
    pictures = some_pictures(tmp_path / "pictures", 7)
    tool = doctored(tmp_path / "tool.py", f"""
import shutil
shutil.copytree(options.inputs, {str(tmp_path / "seen")!r})
raise SystemExit((optimize.say("failed", "seen enough"), 1)[1])
""")
    done = optimize(YOLOX, "-o", "nano.xml", "--precision", "int8", "--calibration", pictures, cwd=tmp_path, code=1, **tool)
    assert "seen enough" in done.stderr
    used = [path for i, path in enumerate(sorted(pictures.iterdir())) if i % 3 != 2]
    tensors = sorted((tmp_path / "seen").glob("*.npy"))
    assert len(tensors) == len(used) == 5
    for path, tensor in zip(used, tensors):
        picture = cv2.imread(str(path))
        ratio = min(416 / picture.shape[0], 416 / picture.shape[1])
        width, height = int(picture.shape[1] * ratio), int(picture.shape[0] * ratio)  # as YOLOX does
        wanted = np.full((416, 416, 3), 114, np.float32)
        wanted[:height, :width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        found = np.load(tensor)
        assert found.dtype == np.float32 and found.shape == (1, 3, 416, 416)
        assert np.abs(found[0].transpose(1, 2, 0) - wanted).mean() < 1


@pytest.mark.parametrize("words, sentence", [
    ([], "a model is missing"),
    (["m.onnx"], "-o FILE"),
    (["m.onnx", "-o", "m.onnx"], "ends with .xml"),
    (["m.xml", "-o", "m.xml", "--pictures", "."], "would replace the original"),
    (["m.onnx", "-o", "m.xml"], "--pictures DIR"),
    (["m.onnx", "-o", "m.xml", "--precision", "int8", "--pictures", "."], "--calibration DIR"),
    (["m.onnx", "-o", "m.xml", "--precision", "int4"], "int4"),
    (["m.onnx", "-o", "m.xml", "--target", "ncnn"], "ncnn"),
    (["m.onnx", "-o", "m.xml", "--min-agreement", "1.01"], "from 0 to 1"),
    (["m.tflite", "-o", "m.tflite", "--target", "edgetpu"], "int8"),
    (["m.onnx", "-o", "m.mlpackage", "--target", "coreml", "--precision", "int8"], "coreml"),
    (["m.onnx", "-o", "m.xml", "--callibration", "."], "did you mean --calibration"),
])
def test_usage(tmp_path, words, sentence):
    assert sentence in optimize(*words, cwd=tmp_path, code=2).stderr


@pytest.mark.parametrize("model, output", [("best.xml", "./best.xml"), ("best.xml", "link.xml"), ("best.xml", "there/best.xml"),
                                           ("best.xml", "other.xml"), ("best.onnx", "hard.onnx")])
def test_the_original_is_not_replaced_by_another_name(tmp_path, model, output):
    for name in ("best.xml", "best.bin", "best.onnx"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "link.xml").symlink_to("best.xml")
    (tmp_path / "there").symlink_to(".")
    (tmp_path / "other.bin").hardlink_to(tmp_path / "best.bin")  # the weights alone
    (tmp_path / "hard.onnx").hardlink_to(tmp_path / "best.onnx")
    done = optimize(model, "-o", output, "--pictures", ".", "--target", "onnx" if "onnx" in output else "openvino",
                    cwd=tmp_path, code=2)
    assert "would replace the original" in done.stderr


def test_a_message_cannot_steer_the_terminal(tmp_path):
    (tmp_path / "tool.py").write_text("import sys\nsys.stdout.buffer.write(b'failed a\\x1b[2Jb\\xc2\\x9bc\\x07d\\n')\nraise SystemExit(1)")
    done = optimize("fake:", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=1, FOVEA_OPTIMIZE_PYTHON="python3",
                    FOVEA_OPTIMIZE_TOOL=str(tmp_path / "tool.py"))
    assert done.stderr == "fovea optimize: a [2Jb  c d\n"


def test_a_python_that_is_not_there_is_named_with_the_reason(tmp_path):
    done = optimize("fake:", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=3, FOVEA_OPTIMIZE_PYTHON="/nowhere/python")
    assert "/nowhere/python cannot be run: No such file or directory" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_temporary_folder_may_have_any_name(tmp_path):
    """The tool tells where it should write: there, whole, and gone afterwards."""
    work = tmp_path / ("long" * 40) / "deep"
    work.mkdir(parents=True)
    (tmp_path / "tool.py").write_text("import sys\nprint('failed', len(sys.argv[sys.argv.index('--inputs') + 1]))\nraise SystemExit(1)")
    done = optimize("fake:", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=1, FOVEA_OPTIMIZE_PYTHON="python3",
                    FOVEA_OPTIMIZE_TOOL=str(tmp_path / "tool.py"), TMPDIR=str(work))
    assert done.stderr == f"fovea optimize: {len(str(work)) + len('/fovea-optimize-XXXXXX')}\n"
    assert not list(work.iterdir())


@needs_models
def test_files_of_others_are_left_alone(tmp_path):
    """Neither written through a link of a likely name nor removed when the result is refused."""
    pictures = some_pictures(tmp_path / "pictures", 2)
    (tmp_path / "precious").write_text("precious")
    for name in ("m.part.xml", "m.part.bin"):
        (tmp_path / name).symlink_to("precious")
    before = sorted(tmp_path.iterdir())
    tool = doctored(tmp_path / "tool.py", "Path(options.output).write_text('no model')\n")
    optimize(YOLOX, "-o", "m.xml", "--pictures", pictures, cwd=tmp_path, code=1, **tool)
    assert sorted(tmp_path.iterdir()) == sorted(before + [tmp_path / "tool.py"])
    assert (tmp_path / "precious").read_text() == "precious"


@needs_models
def test_old_weights_come_back_when_the_description_cannot_be_put(tmp_path):
    pictures = some_pictures(tmp_path / "pictures", 2)
    (tmp_path / "m.bin").write_text("the old weights")
    (tmp_path / "m.xml").mkdir()  # no file takes its place
    done = optimize(YOLOX, "-o", "m.xml", "--pictures", pictures, "--min-agreement", ".5", cwd=tmp_path, code=1)
    assert "m.xml: Is a directory: nothing was written" in done.stderr and "is written" not in done.stdout
    assert (tmp_path / "m.bin").read_text() == "the old weights" and not list(tmp_path.glob(".fovea*"))


@needs_models
def test_old_files_are_replaced_and_a_name_may_look_like_an_option(tmp_path):
    pictures = some_pictures(tmp_path / "pictures", 2)
    (tmp_path / "-x.onnx").symlink_to(YOLOX.resolve())
    for name in ("old.xml", "old.bin"):
        (tmp_path / name).write_text("old")
    optimize("-o", "old.xml", "--pictures", pictures, "--min-agreement", ".5", "--", "-x.onnx", cwd=tmp_path)
    assert (tmp_path / "old.xml").stat().st_size > 1000 and (tmp_path / "old.bin").stat().st_size > 1000
    assert not list(tmp_path.glob(".fovea*"))


def test_help_names_the_targets(tmp_path):
    told = optimize("--help", cwd=tmp_path).stdout
    for word in ("openvino", "onnx", "tflite", "tensorrt", "edgetpu", "coreml", "--calibration", "--min-agreement"):
        assert word in told


def test_nothing_to_open(tmp_path):
    done = optimize("absent.onnx", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=3)
    assert "absent.onnx" in done.stderr
    done = optimize("absent.pt", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=3)
    assert "absent.pt" in done.stderr
    done = optimize("fake:", "-o", "nowhere/m.xml", "--pictures", ".", cwd=tmp_path, code=3)
    assert "nowhere/m.xml cannot be written" in done.stderr


def test_offline_the_missing_tools_are_named(tmp_path):
    done = optimize("fake:", "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=3, FOVEA_OPTIMIZE_PYTHON="",
                    FOVEA_DEPS=str(tmp_path), FOVEA_OFFLINE="1")
    assert "scripts/setup optimize" in done.stderr and "NNCF" in done.stderr and "FOVEA_OPTIMIZE_PYTHON" in done.stderr


@pytest.mark.skipif(not PYTHON.exists(), reason="no test environment")
@pytest.mark.parametrize("name, sentence", [("best.pt", "yolo export model=best.pt format=onnx"),
                                            ("best.keras", "python3 -m tf2onnx.convert"),
                                            ("best.h5", "pip install tensorflow tf2onnx")])
def test_foreign_files_get_the_command_that_exports_them(tmp_path, name, sentence):
    (tmp_path / name).write_bytes(b"\x80\x02")
    done = optimize(name, "-o", "m.xml", "--pictures", ".", cwd=tmp_path, code=3,
                    FOVEA_EXPORT_PYTHON=bare_python(tmp_path / "bare"))
    assert sentence in done.stderr


@needs_models
def test_the_users_exporter_is_run_when_it_is_there(tmp_path):
    pictures = some_pictures(tmp_path / "pictures", 2)
    (tmp_path / "ultralytics.py").write_text(f"""
import shutil
class YOLO:
    def __init__(self, path):
        assert path.endswith("/best.pt") and open(path, "rb").read() == b"the weights"
        self.path = path
    def export(self, format):
        print("talk that must not disturb")
        return shutil.copyfile({str(YOLOX)!r}, self.path.replace(".pt", ".onnx"))  # beside the file, as the real one
""")
    (tmp_path / "best.pt").write_bytes(b"the weights")
    (tmp_path / "best.onnx").write_text("the user's own")
    (tmp_path / "work").mkdir()
    done = optimize("best.pt", "-o", "m.xml", "--pictures", pictures, "--min-agreement", ".5", cwd=tmp_path,
                    PYTHONPATH=str(tmp_path), TMPDIR=str(tmp_path / "work"))
    assert "m.xml is written" in done.stdout and (tmp_path / "m.bin").exists()
    assert (tmp_path / "best.onnx").read_text() == "the user's own" and (tmp_path / "best.pt").exists()
    assert not list((tmp_path / "work").iterdir())


@needs_models
def test_a_text_of_any_size_is_not_unpacked(tmp_path):
    model = tmp_path / "swollen.tflite"
    model.write_bytes(YOLOV5.read_bytes())
    with zipfile.ZipFile(model, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", b"\n" * ((64 << 20) + 1))
    done = optimize(model, "-o", "m.xml", "--pictures", some_pictures(tmp_path / "pictures", 2), cwd=tmp_path, code=1)
    assert "labels.txt in swollen.tflite has 67108865 bytes" in done.stderr
    assert not list(tmp_path.glob("m.*"))


@needs_models
@pytest.mark.parametrize("words, sentence", [
    ([YOLOV5, "--target", "edgetpu", "--precision", "int8", "-o", "m.tflite"], "edgetpu_compiler is not on the PATH"),
    ([YOLOX, "--target", "coreml", "-o", "m.mlpackage"], "pip install coremltools"),
    ([YOLOX, "--target", "onnx", "-o", "m.onnx"], "onnx is not in this Python"),
    ([YOLOX, "-o", "m.xml"], "pip install openvino nncf onnx"),
])
def test_missing_tools_are_named(tmp_path, words, sentence):
    done = optimize(*words, "--pictures", PICTURES, cwd=tmp_path, code=3,
                    FOVEA_OPTIMIZE_PYTHON=bare_python(tmp_path / "bare"))
    assert sentence in done.stderr
    assert not list(tmp_path.glob("m*"))


@needs_models
def test_tensorrt_says_what_it_lacks(tmp_path):
    done = optimize(YOLOX, "--target", "tensorrt", "-o", "engines", "--pictures", PICTURES, cwd=tmp_path, code=3)
    assert re.search("onnxruntime|ONNX Runtime|TensorRT", done.stderr) and not (tmp_path / "engines").exists()


@needs_models
def test_the_edge_tpus_compiler_is_run_when_it_is_there(tmp_path):
    """A stand-in for the compiler copies its input: agreement is whole, and the file is that copy."""
    pictures = some_pictures(tmp_path / "pictures", 3)
    compiler = tmp_path / "bin/edgetpu_compiler"
    compiler.parent.mkdir()
    compiler.write_text('#!/bin/sh\ncp "$4" "$3/$(basename "$4" .tflite)_edgetpu.tflite"\n')
    compiler.chmod(0o755)
    done = optimize(YOLOV5, "--target", "edgetpu", "--precision", "int8", "-o", "m.tflite", "--pictures", pictures,
                    "--min-agreement", ".8", cwd=tmp_path, PATH=f"{compiler.parent}:{os.environ['PATH']}")
    assert "m.tflite is written" in done.stdout
    assert (tmp_path / "m.tflite").read_bytes() == YOLOV5.read_bytes()


@needs_models
def test_what_is_not_compared_is_taken_only_when_that_was_asked_for(tmp_path):
    """No pictures, pictures without anything on them, a file that nothing here runs: one object of JSON each."""
    said = json.loads(optimize(YOLOX, "-o", "a.xml", "--min-agreement", "0", "--json", cwd=tmp_path).stdout)
    assert said["accepted"] and said["agreement"] is None and "no pictures were given" in said["note"]
    assert (tmp_path / "a.xml").exists() and (tmp_path / "a.bin").exists()

    blank = tmp_path / "blank"
    blank.mkdir()
    cv2.imwrite(str(blank / "grey.png"), np.full((416, 416, 3), 128, np.uint8))
    words = [YOLOX, "--pictures", blank, "--conf", ".9", "-o", "b.xml"]
    done = optimize(*words, cwd=tmp_path, code=2)
    assert "neither model finds anything" in done.stderr and not (tmp_path / "b.xml").exists()
    done = optimize(*words, "--min-agreement", "0", cwd=tmp_path)
    assert "b.xml is written; what it sees was not compared: neither model finds anything" in done.stdout

    compiler = tmp_path / "bin/edgetpu_compiler"
    compiler.parent.mkdir()
    compiler.write_text('#!/bin/sh\nprintf nonsense > "$3/$(basename "$4" .tflite)_edgetpu.tflite"\n')
    compiler.chmod(0o755)
    optimize(YOLOV5, "--target", "edgetpu", "--precision", "int8", "-o", "m.tflite", "--min-agreement", "0", cwd=tmp_path,
             code=1, PATH=f"{compiler.parent}:{os.environ['PATH']}")
    assert not (tmp_path / "m.tflite").exists() and not list(tmp_path.glob(".fovea-optimize-*"))


def with_nncf():
    for python in (os.environ.get("FOVEA_OPTIMIZE_PYTHON"), str(DEPS / "optimize/bin/python")):
        if python and Path(python).exists() and not subprocess.run([python, "-c", "import nncf"], capture_output=True).returncode:
            return python
    return None


@needs_models
@pytest.mark.skipif(with_nncf() is None, reason="nncf is not importable: scripts/setup optimize")
def test_int8_with_nncf(tmp_path):
    done = optimize(YOLOX, "-o", "nano_int8.xml", "--precision", "int8", "--calibration", DATA / "coco/val2017_unlabelled",
                    "--min-agreement", ".85", "--json", cwd=tmp_path, FOVEA_OPTIMIZE_PYTHON=with_nncf())
    said = json.loads(done.stdout)
    assert said["calibration_pictures"] == 34 and said["pictures"] == 16
    assert said["optimised_mb"] < 0.5 * said["original_mb"]
    shown = subprocess.run([str(BIN), "models", "inspect", "nano_int8.xml", "--json"], cwd=tmp_path, text=True,
                           capture_output=True, env=environment())
    assert json.loads(shown.stdout)["precision"] == "int8"
