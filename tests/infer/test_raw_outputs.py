"""The raw outputs of every ONNX model of the test data, through the backends, against ONNX Runtime's own Python
interface: the same numbers from the same library, and nearly the same from OpenVINO."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime", reason="the Python packages are older than this test (scripts/setup check)")

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data")) / "models"
TOOL = os.environ["FOVEA_RAW_OUTPUTS"]
KINDS = {"f32": np.float32, "i64": np.int64, "i32": np.int32, "u8": np.uint8, "i8": np.int8, "f16": np.float16}
# Quantised while running: OpenVINO rounds otherwise, see tests/golden.
ROUNDS_OTHERWISE = "yolov8n_640_int8dyn.onnx"


def ours(backend, path, picture, folder, size=()):
    (folder / "in.bin").write_bytes(picture.tobytes())
    done = subprocess.run([TOOL, backend, str(path), str(folder / "in.bin"), str(folder / "out.bin"), *map(str, size)],
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["shape"] == list(picture.shape)
    data, at, outputs = (folder / "out.bin").read_bytes(), 0, {}
    for line in lines[1:]:
        kind, count = KINDS[line["dtype"]], int(np.prod(line["shape"], dtype=int))
        outputs[line["name"]] = np.frombuffer(data, kind, count, at).reshape(line["shape"])
        at += outputs[line["name"]].nbytes
    assert at == len(data)
    return outputs


def theirs(path, picture):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    values = session.run(None, {session.get_inputs()[0].name: picture})
    return {port.name: value for port, value in zip(session.get_outputs(), values)}


def model_files():
    return sorted(MODELS.glob("*.onnx"))


@pytest.mark.skipif(not model_files(), reason=f"the test data is not in {MODELS.parent} (FOVEA_TEST_DATA)")
@pytest.mark.parametrize("path", model_files(), ids=lambda path: path.stem)
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_models_of_the_test_data(backend, path, tmp_path):
    if backend == "openvino" and path.name == ROUNDS_OTHERWISE:
        pytest.skip("quantised while running: the runtimes round otherwise")
    shape = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_inputs()[0].shape
    picture = np.random.default_rng(1).random(shape, np.float32)
    expected, found = theirs(path, picture), ours(backend, path, picture, tmp_path)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype
        tolerance = 1e-6 if backend == "onnxruntime" else 1e-3
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance * max(1, np.abs(value).max()))


def test_an_output_that_depends_on_the_picture(tmp_path):
    path = Path(os.environ["FOVEA_BACKEND_MODELS"]) / "found.onnx"
    picture = np.random.default_rng(2).random((1, 3, 8, 6), np.float32) - np.float32(0.5)
    expected, found = theirs(path, picture), ours("onnxruntime", path, picture, tmp_path)
    np.testing.assert_array_equal(found["where"], expected["where"])
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-6, atol=1e-6)


def test_a_size_that_is_asked_for(tmp_path):
    path = Path(os.environ["FOVEA_BACKEND_MODELS"]) / "open.onnx"
    picture = np.random.default_rng(3).random((1, 3, 20, 36), np.float32)
    found = ours("onnxruntime", path, picture, tmp_path, (36, 20))
    np.testing.assert_allclose(found["y"], theirs(path, picture)["y"], rtol=1e-5, atol=1e-5)
