"""TensorRTModel, export_onnx and EdgeComputingManager: what runs a model here, and that it says so."""
import inspect
import json
import shutil
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
from places import BUILD, DATA, YOLOX, needs_model

import fovea
from fovea._library import text
from fovea.realtime import EdgeComputingManager, TensorRTModel, export_onnx
from fovea.realtime.runtime import Loaded, candidates

TFLITE = DATA / "models/yolox_nano_416_float16.tflite"
QUANTISED = DATA / "models/mobilenet_v2_224_quant.tflite"
SHAPE = (1, 3, 416, 416)


def picture_tensor(shape, seed=1):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def test_arguments_of_the_document():
    assert list(inspect.signature(TensorRTModel).parameters) == ["model", "input_shape", "precision"]
    assert inspect.signature(TensorRTModel).parameters["precision"].default == "fp16"
    assert list(inspect.signature(export_onnx).parameters)[:3] == ["model", "path", "input_shape"]
    assert inspect.signature(EdgeComputingManager.optimize_model_for_edge).parameters["model_format"].default == "tensorflow"


# --- files ------------------------------------------------------------------------------------------------------

@needs_model
def test_the_numbers_are_those_of_onnxruntime():
    onnxruntime = pytest.importorskip("onnxruntime")
    session, tensor = onnxruntime.InferenceSession(str(YOLOX), providers=["CPUExecutionProvider"]), picture_tensor(SHAPE)
    theirs = session.run(None, {session.get_inputs()[0].name: tensor})[0]
    model = TensorRTModel(YOLOX, SHAPE, precision="fp32")
    mine = model.infer(tensor)
    assert mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=2e-3, atol=2e-3 * np.abs(theirs).max())


@needs_model
def test_the_same_model_in_two_formats():
    tensor = picture_tensor(SHAPE)
    first, second = TensorRTModel(YOLOX, SHAPE, precision="fp32").infer(tensor), TensorRTModel(TFLITE, SHAPE, precision="fp32").infer(tensor)
    assert first.shape == second.shape
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.999


@needs_model
def test_what_runs_it_is_said():
    model = TensorRTModel(model=str(YOLOX), input_shape=SHAPE, precision="fp16")
    converted = model.convert_to_trt()
    assert converted is (model.device == "TENSORRT") and model.runtime in ("onnxruntime", "openvino") and model.precision
    if not converted:
        assert "TENSORRT" in model.fallback, "why not"
    assert model.get_throughput(0.05) > 0.1


@needs_model
def test_quantised_tensors_are_real_numbers_where_the_runtime_tells():
    shape, litert = TensorRTModel.shape_of(QUANTISED), None
    for backend, device, why in candidates(str(QUANTISED)):
        if text(backend.name) == "litert" and not why:
            litert = Loaded(backend, str(QUANTISED), device, "auto", shape)
    if litert is None:
        pytest.skip("no LiteRT here")
    whole = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    raw, real = litert.infer(whole)[0], litert.infer((whole.astype(np.float32) - 128) / 128)[0]
    assert real.dtype == np.float32 and np.array_equal(real, raw), "1/128 * (value - 128), as the file says"
    assert 0.2 < real.sum() < 1.3, "a softmax, rounded to 1/256"


@needs_model
def test_fractions_for_whole_numbers_are_refused():
    model = TensorRTModel(QUANTISED, TensorRTModel.shape_of(QUANTISED), "auto")
    model.convert_to_trt()
    if model.runtime != "openvino":
        pytest.skip("this runtime tells what they stand for")
    with pytest.raises(fovea.InvalidArgument, match="whole numbers"):
        model.infer(np.full(model.input_shape, 0.5, np.float32))
    assert model.infer(np.full(model.input_shape, 100.0)).shape == (1, 1001)


@needs_model
def test_shapes():
    last = DATA / "models/yolov5n_640_int8.tflite"
    assert TensorRTModel.shape_of(YOLOX) == SHAPE and TensorRTModel.shape_of(last) == (1, 640, 640, 3)
    whole = np.zeros((1, 3, 640, 640), np.uint8)
    assert TensorRTModel(last, (1, 3, 640, 640)).infer(whole).shape == (1, 25200, 85), "channels first are turned"
    with pytest.raises(fovea.InvalidArgument, match="1x3x416x416, not 1x3x640x640"):
        TensorRTModel(YOLOX, (1, 3, 640, 640)).convert_to_trt()
    with pytest.raises(fovea.InvalidArgument, match="1x3x416x416, not 416x416x3"):
        TensorRTModel(YOLOX, SHAPE).infer(np.zeros((416, 416, 3), np.float32))


@needs_model
def test_threads_get_their_own_answers():
    model = TensorRTModel(YOLOX, SHAPE, "fp32")
    tensors = [picture_tensor(SHAPE, seed) for seed in range(4)]
    wanted, got = [model.infer(tensor) for tensor in tensors], [None] * 4
    threads = [threading.Thread(target=lambda i=i: got.__setitem__(i, model.infer(tensors[i]))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(wanted, got))


@pytest.mark.parametrize("name, content, error", [("none.onnx", None, fovea.NotFound), ("broken.onnx", b"\x08\x07broken", fovea.RuntimeMissing),
                                                  ("model.zip", b"PK", fovea.RuntimeMissing)])
def test_files_that_nothing_runs(tmp_path, name, content, error):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name.replace(".", r"\.")):
        TensorRTModel(tmp_path / name, SHAPE).convert_to_trt()


@pytest.mark.parametrize("wrong", [{"precision": "fp8"}, {"input_shape": (1, 0, 4, 4)}, {"input_shape": ()}, {"model": 5}])
def test_values_out_of_range(wrong):
    with pytest.raises(fovea.InvalidArgument):
        TensorRTModel(**{"model": "model.onnx", "input_shape": SHAPE, **wrong})


# --- functions and torch modules --------------------------------------------------------------------------------

def test_a_function_runs_itself():
    model = TensorRTModel(lambda tensor: (tensor.sum(axis=(2, 3)), tensor.max()), input_shape=(2, 3, 4, 5))
    assert model.convert_to_trt() is False and model.runtime == "python" and "function" in model.fallback
    total, most = model.infer(np.ones((2, 3, 4, 5)))
    assert total.tolist() == [[20, 20, 20]] * 2 and most == 1 and model.get_throughput(0.01) > 1


@pytest.fixture
def torch(monkeypatch):
    """As much of torch as is asked for: torch.onnx writes the real ONNX file."""
    module = types.ModuleType("torch")
    module.__spec__ = types.SimpleNamespace(name="torch")
    module.written = []

    class Module:
        def eval(self):
            self.evaluated = True

        def __call__(self, tensor):
            return np.asarray(tensor) * 2

    class NoGrad:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

    def export(model, arguments, path, **options):
        module.written.append((model.evaluated, arguments[0].shape, options))
        if getattr(model, "broken", False):
            raise TypeError("of the test")
        shutil.copyfile(YOLOX, path)

    Module.__module__ = "torch.nn"
    module.nn, module.onnx = types.SimpleNamespace(Module=Module), types.SimpleNamespace(export=export)
    module.zeros, module.from_numpy, module.no_grad = np.zeros, lambda array: array, NoGrad
    monkeypatch.setitem(sys.modules, "torch", module)
    return module


@needs_model
def test_a_torch_module_goes_through_onnx(torch, tmp_path):
    class Net(torch.nn.Module):
        pass

    path = export_onnx(Net(), tmp_path / "model.onnx", SHAPE)
    assert path == str(tmp_path / "model.onnx") and (tmp_path / "model.onnx").read_bytes() == YOLOX.read_bytes()
    assert torch.written[0][:2] == (True, SHAPE) and torch.written[0][2]["opset_version"] == 17
    model = TensorRTModel(Net(), SHAPE)
    model.convert_to_trt()
    assert model.runtime in ("onnxruntime", "openvino") and model.infer(picture_tensor(SHAPE)).shape == (1, 3549, 85)


def test_a_torch_module_that_cannot_be_written_runs_itself(torch, tmp_path):
    class Net(torch.nn.Module):
        broken = True

    with pytest.raises(fovea.BadModel, match="of the test"):
        export_onnx(Net(), tmp_path / "model.onnx", SHAPE)
    model = TensorRTModel(Net(), (1, 3, 2, 2))
    assert model.convert_to_trt() is False and model.runtime == "torch" and "of the test" in model.fallback
    assert model.infer(np.ones((1, 3, 2, 2))).tolist() == (2 * np.ones((1, 3, 2, 2))).tolist()


def test_onnx_files_pass_through(tmp_path):
    source = tmp_path / "a.onnx"
    source.write_bytes(b"what an ONNX file has")
    assert export_onnx(source, tmp_path / "b.onnx", SHAPE) == str(tmp_path / "b.onnx")
    assert (tmp_path / "b.onnx").read_bytes() == source.read_bytes() and export_onnx(source, source, SHAPE) == str(source)
    with pytest.raises(fovea.NotFound, match="none.onnx"):
        export_onnx(tmp_path / "none.onnx", tmp_path / "b.onnx", SHAPE)
    (tmp_path / "a.tflite").write_bytes(b"")
    with pytest.raises(fovea.Unsupported, match="fovea optimize"):
        export_onnx(tmp_path / "a.tflite", tmp_path / "b.onnx", SHAPE)
    with pytest.raises(fovea.Unsupported, match="torch"):
        export_onnx(lambda tensor: tensor, tmp_path / "b.onnx", SHAPE)


# --- machines ---------------------------------------------------------------------------------------------------

def test_the_machine_is_what_the_command_line_says():
    info = EdgeComputingManager().get_device_info()
    theirs = json.loads(subprocess.run([str(BUILD / "fovea"), "devices", "--json"], capture_output=True, text=True, timeout=60, check=True).stdout)
    same = set(info) & set(theirs) - {"memory_mb", "selected"}
    assert same >= {"device_type", "name", "cpu", "cores", "accelerators", "runtimes", "features", "recommended_format", "recommended_precision"}
    assert {name: info[name] for name in same} == {name: theirs[name] for name in same}
    json.dumps(info)


def test_a_file_that_runs_as_it_is_says_so():
    made = EdgeComputingManager().optimize_model_for_edge(model="fake:", model_format="tensorflow")
    assert isinstance(made, fovea.Model) and made.converted is False and made.agreement is None and "as it is on fake" in made.why
    assert made.target == made.backend == "fake" and len(made.predict(np.zeros((90, 160, 3), np.uint8))) == 1


@needs_model
def test_a_tensorflow_file_runs_on_the_best_runtime():
    made = EdgeComputingManager().optimize_model_for_edge(model=TFLITE, model_format="tensorflow")
    assert not made.converted and made.backend in ("openvino", "litert") and made.source == str(TFLITE)


@needs_model
def test_a_converted_file_is_compared(monkeypatch, tmp_path):
    if "openvino" not in sys.modules and not __import__("importlib").util.find_spec("openvino"):
        pytest.skip("this Python has no OpenVINO to convert with")
    monkeypatch.setenv("FOVEA_OPTIMIZE_PYTHON", sys.executable)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for path in sorted((DATA / "coco/tinycoco").glob("*.jpg"))[:6]:
        (pictures / path.name).symlink_to(path)
    manager = EdgeComputingManager(program=BUILD / "fovea")
    made = manager.optimize_model_for_edge(YOLOX, "onnx", pictures=pictures, target="openvino", precision="fp16", output=tmp_path / "out.xml")
    assert made.converted and made.target == "openvino" and 0.95 <= made.agreement <= 1 and made.path == str(tmp_path / "out.xml")
    with pytest.raises(fovea.BadModel, match="agreement"):
        manager.optimize_model_for_edge(YOLOX, "onnx", pictures=pictures, target="openvino", precision="fp16", min_agreement=1.0,
                                        output=tmp_path / "refused.xml")
    assert not (tmp_path / "refused.xml").exists()


def test_missing_tools_are_no_failure(monkeypatch, tmp_path):
    """The program says that its tools are missing (3): the file runs as it is, and the sentence is passed on."""
    program = tmp_path / "fovea"
    program.write_text("#!/bin/sh\necho 'fovea optimize: no tools here' >&2\nexit 3\n")
    program.chmod(0o755)
    made = EdgeComputingManager(program=program).optimize_model_for_edge("fake:", pictures=tmp_path, target="openvino")
    assert not made.converted and made.why.startswith("no tools here")
    program.write_text("#!/bin/sh\necho 'fovea optimize: what is this' >&2\nexit 2\n")
    with pytest.raises(fovea.InvalidArgument, match="what is this"):
        EdgeComputingManager(program=program).optimize_model_for_edge("fake:", pictures=tmp_path, target="openvino")


@pytest.mark.parametrize("model, form, error, words", [("/nowhere/model.tflite", "tflite", fovea.NotFound, "nowhere"),
                                                       ("fake:", "zip", fovea.InvalidArgument, "tensorflow"),
                                                       (lambda picture: [], "tensorflow", fovea.Unsupported, "file")])
def test_models_that_cannot_be(model, form, error, words):
    with pytest.raises(error, match=words):
        EdgeComputingManager().optimize_model_for_edge(model, form)


@needs_model
def test_a_format_that_the_file_is_not():
    with pytest.raises(fovea.InvalidArgument, match="no tflite file"):
        EdgeComputingManager().optimize_model_for_edge(YOLOX, "tflite")
