"""`fovea models inspect`: every model of the test data is what the runtimes say it is, and every bad file gets the sentence
that names the cause and the way out, with exit code 3, before any runtime sees it."""
import csv
import io
import json
import re
import struct
import sys
import zipfile

import numpy as np
import pytest
from conftest import DATA, ROOT, fovea

sys.path.insert(0, str(ROOT / "tests/infer"))
import onnx_writer as onnx  # noqa: E402

BUS = DATA / "images/bus.jpg"


def inspect(path, *more, code=0):
    """The JSON of an inspection and what stood on stderr."""
    done = fovea("models", "inspect", path, "--json", *more)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else {}, done.stderr


def look(path, code=0, *more):
    """The same without a runtime; a head may be missing (3)."""
    done = fovea("models", "inspect", path, "--json", "--no-run", *more)
    assert done.returncode in ((0, 3) if code is None else (code,)), done.stderr
    return json.loads(done.stdout)


# --- the test data ------------------------------------------------------------------------------------------------

def manifest():
    """Model files and the facts that MANIFEST.tsv tells of them."""
    path = DATA / "MANIFEST.tsv"
    if not path.exists():
        return {}
    rows = csv.DictReader(path.open(newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["file"].removeprefix("models/"): row for row in rows
            if row["file"].startswith("models/") and row["file"].endswith((".onnx", ".tflite", ".xml"))
            and "negative" not in row["file"]}


MODELS = manifest()


def ports(text):
    """Names and shapes out of `in images[1,3,416,416] ...; out scores[1,4420,2], boxes[1,4420,4]`."""
    for name, shape in re.findall(r"([\w.:]*) ?\[([\d,]+)\]", text):
        yield name if name not in ("in", "out") else "", [int(d) for d in shape.split(",")]


@pytest.mark.parametrize("name", MODELS)
def test_the_models_are_what_the_manifest_says(data, name):
    found = look(data / "models" / name, None)
    assert found["format"] == {"onnx": "ONNX", "tflite": "TFLite", "xml": "OpenVINO IR"}[name.rsplit(".", 1)[1]]
    told_in, _, told_out = MODELS[name]["expected_facts"].partition("out ")
    for told, key in ((told_in, "inputs"), (told_out, "outputs")):
        seen = [(port["name"], port["shape"]) for port in found[key]]
        for port, shape in ports(re.sub(r"\(.*?\)", "", told)):
            assert any(s == shape and (not port or n == port) for n, s in seen), (port, shape, seen)


@pytest.mark.parametrize("name", [n for n in MODELS if n.endswith(".onnx")])
def test_onnx_files_read_as_onnxruntime_reads_them(data, name):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(data / "models" / name), providers=["CPUExecutionProvider"])
    found = look(data / "models" / name, None)
    for key, theirs in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
        assert [(p["name"], p["shape"]) for p in found[key]] == [(p.name, p.shape) for p in theirs]
        assert all(p["type"] == {"tensor(float)": "f32", "tensor(int64)": "i64"}[t.type]
                   for p, t in zip(found[key], theirs))
    assert sum(found["operators"].values()) > 50
    quantised = name == "yolov8n_640_int8dyn.onnx"
    assert bool(found["quantised"]) == quantised


@pytest.mark.parametrize("name", [n for n in MODELS if n.endswith((".xml", ".tflite"))])
def test_other_files_read_as_openvino_reads_them(data, name):
    if name == "person_detect_96_micro.tflite":
        pytest.skip("OpenVINO does not read it")
    core = pytest.importorskip("openvino").Core()
    model = core.read_model(str(data / "models" / name))
    found = look(data / "models" / name, None)
    types = {"f32": "f32", "float32": "f32", "u8": "u8", "uint8_t": "u8", "i8": "i8"}
    for key, theirs in (("inputs", model.inputs), ("outputs", model.outputs)):
        assert [(p["name"], p["shape"]) for p in found[key]] == [(p.get_any_name(), list(p.shape)) for p in theirs]
        assert [p["type"] for p in found[key]] == [types[p.get_element_type().to_string()] for p in theirs]
    assert bool(found["quantised"]) == ("int8" in name or "quant" in name)


def test_the_default_model_without_a_runtime(default_model):
    found = look(default_model)
    assert (found["head"], found["certainty"], found["confidence"], found["task"]) == ("ssd", "certain", 100, "detect")
    assert (found["input_width"], found["fit"], found["licence"]) == (300, "stretched", "Apache-2.0")
    assert len(found["labels"]) == 80 and found["label_source"] == "the model's metadata"
    assert found["producer"].startswith("OpenVINO 20") and found["format_version"] == "version 11"


def test_the_frozen_graph_is_recognised(default_model):
    path = default_model.parent / "frozen_inference_graph.pb"
    if not path.exists():
        pytest.skip("the frozen graph is not in .deps")
    found = look(path)
    assert found["format"] == "TensorFlow graph" and found["head"] == "ssd"
    assert [p["name"] for p in found["inputs"]] == ["image_tensor"] and found["inputs"][0]["shape"] == [-1, -1, -1, 3]
    assert {p["name"] for p in found["outputs"]} == {
        "detection_boxes", "detection_classes", "detection_scores", "num_detections"}
    assert "fovea optimize" in fovea("models", "inspect", path, "--no-run").stdout


def test_people_read_it_in_order(data):
    done = fovea("models", "inspect", data / "models/yolox_nano_416.onnx", "--no-run")
    titles = [line.split()[0] for line in done.stdout.splitlines() if line[0] != " "]
    assert titles == ["model", "file", "format", "task", "head", "why", "input", "scale", "labels", "inputs", "outputs",
                      "operators", "quantised", "licence", "runtimes"]
    assert all(len(line) < 130 for line in done.stdout.splitlines())


# --- bad files ----------------------------------------------------------------------------------------------------

def small(nodes=None, inputs=None, outputs=None, **more):
    """A sound YOLO-like file: one convolution and a reshape; 3 classes, 21 anchors of a picture of 32 x 64 or any size."""
    weights = [onnx.tensor("w", np.zeros((7, 3, 8, 8), np.float32)), onnx.tensor("s", np.array([1, 7, -1], np.int64))]
    nodes = nodes or [onnx.node("Conv", ["images", "w"], ["c"], strides=[8, 8], kernel_shape=[8, 8]),
                      onnx.node("Reshape", ["c", "s"], ["output0"])]
    inputs = inputs or [onnx.value("images", [1, 3, 32, 64])]
    outputs = outputs or [onnx.value("output0", [1, 7, 32])]
    return onnx.model(nodes, inputs, outputs, weights, **more)


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), text)
    return out.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:6b4a\nsize 12345\n"
IR = b'<?xml version="1.0"?>\n<net name="n" version="%d"><layers>' \
     b'<layer id="0" name="c" type="Const" version="opset1"><data element_type="f32" shape="2" offset="64" size="8"/></layer>' \
     b'</layers></net>'
EXTERNAL = onnx.model([onnx.node("Conv", ["x", "w"], ["y"])], [onnx.value("x", [1, 3, 8, 8])], [onnx.value("y", None)],
                      [onnx.external_tensor("w", (1, 3, 8, 8), "../../etc/passwd")])
HIDDEN = onnx.model([onnx.node("Constant", [], ["w"], value=onnx.external_tensor("", (4,), "w.bin")),
                     onnx.node("Relu", ["w"], ["y"])], [onnx.value("x", [1, 3, 8, 8])], [onnx.value("y", None)])
AWAY = onnx.external_tensor("", (4,), "w.bin")
SPARSE = onnx.field(1, AWAY) + onnx.field(2, onnx.tensor("", np.zeros(4, np.int64))) + onnx.field(3, [8])


def hiding(graph=b"", model=b"", attribute=None, domains=()):
    """A sound model and something more in its graph, in one of its nodes or behind the graph."""
    node = onnx.node("Relu", ["x"], ["y"], domain="of.this.file" if domains else "")
    node += onnx.field(5, onnx.field(1, "value") + attribute) if attribute else b""
    body = onnx.graph([node], [onnx.value("x", [1, 3, 8, 8])], [onnx.value("y", None)]) + graph
    return onnx.field(1, 8) + onnx.field(7, body) + onnx.field(8, onnx.field(1, "") + onnx.field(2, 13)) + model


def function(*nodes, more=b""):
    return onnx.field(25, onnx.field(1, "Relu") + onnx.field(7, list(nodes)) + onnx.field(10, "of.this.file") + more)


CONSTANT = onnx.node("Constant", [], ["w"], value=AWAY)
DEEP = b""
for _ in range(20):  # graphs inside graphs
    DEEP = onnx.field(1, onnx.node("If", [], []) + onnx.field(5, onnx.field(1, "body") + onnx.field(6, DEEP)))
WIDE = small(inputs=[onnx.value("images", [1, 3, 1 << 40, 64])])
LARGE = small(inputs=[onnx.value("images", [1, 3, 1 << 20, 1 << 20])])
RANKED = small(inputs=[onnx.value("images", [1] * 9)])
WEIGHTY = onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [1, 3, 8, 8])], [onnx.value("y", None)],
                     [onnx.field(1, [1 << 20, 1 << 20]) + onnx.field(2, 1) + onnx.field(8, "w")])
OPERATOR = small(nodes=[onnx.node("TRTBatchedNMS", ["images"], ["output0"], domain="mmdeploy")], domains=["mmdeploy"])
PLUGIN = small(nodes=[onnx.node("EfficientNMS_TRT", ["images"], ["output0"])])

# file name -> its bytes and what must stand in the sentence
BAD = {
    "pointer.onnx": (LFS, ["Git LFS pointer", "git lfs pull"]),
    "pointer.tflite": (LFS, ["Git LFS pointer"]),
    "pointer.xml": (LFS, ["Git LFS pointer"]),
    "pointer.pt": (LFS, ["Git LFS pointer"]),
    "page.onnx": (b"\n<!DOCTYPE html><html><title>Sign in</title></html>", ["a web page, not a model", "fetch the file itself"]),
    "answer.tflite": (b'{"message": "Not Found", "status": "404"}', ["a web page, not a model"]),
    "empty.onnx": (b"", ["an empty file"]),
    "noise.onnx": (bytes(range(1, 256)) * 4, ["not an ONNX model, or damaged"]),
    "noise.xml": (b"hello", ["not an OpenVINO IR, or damaged"]),
    "noise.tflite": (b"hello, this is no model", ["not a TFLite model, or damaged"]),
    "external.onnx": (EXTERNAL, ["weights are in another file (../../etc/passwd)", "not opened", "save_as_external_data=False"]),
    "hidden.onnx": (HIDDEN, ["weights are in another file (w.bin)"]),
    "sparse.onnx": (hiding(graph=onnx.field(15, SPARSE)), ["weights are in another file (w.bin)"]),
    "sparse_value.onnx": (hiding(attribute=onnx.field(22, SPARSE) + onnx.field(20, 11)), ["weights are in another file (w.bin)"]),
    "sparse_values.onnx": (hiding(attribute=onnx.field(23, SPARSE) + onnx.field(20, 12)), ["weights are in another file (w.bin)"]),
    "sparse_large.onnx": (hiding(graph=onnx.field(15, onnx.field(3, [1 << 20, 1 << 20]))), ["a weight has more than 2^31 numbers"]),
    "function.onnx": (hiding(model=function(CONSTANT), domains=["of.this.file"]), ["weights are in another file (w.bin)"]),
    "default.onnx": (hiding(model=function(more=onnx.field(11, onnx.field(1, "v") + onnx.field(5, AWAY)))), ["weights are in another file (w.bin)"]),
    "within.onnx": (hiding(model=function(onnx.node("MyOwn", [], [], domain="mmdeploy")), domains=["of.this.file"]), ["operator mmdeploy::MyOwn"]),
    "two.onnx": (hiding(model=onnx.field(7, onnx.graph([CONSTANT], [], []))), ["damaged or absurd", "two graphs"]),
    "operator.onnx": (OPERATOR, ["operator mmdeploy::TRTBatchedNMS", "export without custom operators"]),
    "plugin.onnx": (PLUGIN, ["EfficientNMS_TRT is a plug-in of TensorRT", "export without it"]),
    "cut.onnx": (small()[:-60], ["damaged: cut off", "bytes are missing", "fetch or export it again"]),
    "wide.onnx": (WIDE, ["damaged or absurd", "images has a dimension of 1099511627776"]),
    "large.onnx": (LARGE, ["damaged or absurd", "images has more than 2^31 numbers"]),
    "ranked.onnx": (RANKED, ["images has more than 8 dimensions"]),
    "weighty.onnx": (WEIGHTY, ["a weight has more than 2^31 numbers"]),
    "deep.onnx": (onnx.field(1, 8) + onnx.field(7, DEEP), ["graphs inside graphs"]),
    "old.xml": (IR % 6, ["IR version 6 is too old", "ovc model.onnx"]),
    "alone.xml": (IR % 11, ["its weights are missing", ".bin of the same name"]),
    "half.xml": ((IR % 11)[:150], ["not an OpenVINO IR, or damaged"]),
    "really.onnx": (b"\x1c\0\0\0TFL3" + bytes(40), ["this is a TFLite model, not what .onnx stands for", ".tflite"]),
    "really.tflite": (small(), ["this is an ONNX model, not what .tflite stands for", ".onnx"]),
    "really.xml": (small(), ["this is an ONNX model, not what .xml stands for"]),
    "really": (small(), ["this is an ONNX model", ".onnx"]),
    "best.pt": (zipped(best__data_dot_pkl="x", best__version="3"), ["a PyTorch file", "never opened", "yolo export model=best.pt format=onnx"]),
    "best.pth": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", ["a PyTorch file", "never opened"]),
    "torch.onnx": (zipped(m__data_dot_pkl="x"), ["a PyTorch file"]),
    "net.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), ["a Keras model (HDF5)", "tf2onnx.convert --keras net.h5"]),
    "net.keras": (zipped(metadata_dot_json="{}", config_dot_json="{}", model_dot_weights_dot_h5="x"), ["a Keras model", "export('m.onnx', format='onnx')"]),
    "net.engine": (b"ftrt" + bytes(60), ["a TensorRT engine", "give the ONNX file"]),
    "net.plan": (b"anything at all, with no header", ["a TensorRT engine"]),
    "net.param": (b"7767517\n3 3\nInput in0 0 1 in0\n", ["an ncnn model", "format=onnx"]),
    "net.mlmodel": (onnx.field(1, 5) + onnx.field(2, b"") + onnx.field(500, b"abc"), ["a Core ML model", "ONNX Runtime"]),
    "net.rknn": (b"RKNN" + bytes(60), ["Rockchip", "give the ONNX file"]),
    "net.hef": (b"\x01HEF" + bytes(60), ["Hailo", "give the ONNX file"]),
    "chat.gguf": (b"GGUF\3\0\0\0" + bytes(40), ["a language model (GGUF)"]),
    "chat.onnx": (b"GGUF\3\0\0\0" + bytes(40), ["a language model (GGUF)"]),
    "net.safetensors": (struct.pack("<Q", 16) + b'{"a":{"b":[]}}  ' + bytes(32), ["weights alone (safetensors)", "to ONNX"]),
    "net.zip": (zipped(net_dot_onnx="x"), ["an archive", "unpack net"]),
    "net.bin": (bytes(64), ["weights alone", "net.xml"]),
    "bus.onnx": (b"\xff\xd8\xff\xe0" + bytes(60), ["a picture or video, not a model"]),
    "notes.txt": (b"hello", ["not a model that is known"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_the_way_out(tmp_path, name):
    content, phrases = BAD[name]
    (tmp_path / name).write_bytes(content)
    done = fovea("models", "inspect", tmp_path / name)
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1, done.stderr
    assert f"/{name}" in done.stderr and all(phrase in done.stderr for phrase in phrases), done.stderr
    other = fovea("predict", "pattern:width=64,height=64,frames=1", "--model", tmp_path / name)
    assert other.returncode == 3 and phrases[0] in other.stderr, "every command says the same"


def test_every_cut_of_a_file_is_refused(tmp_path):
    whole = small(metadata={"task": "detect"})
    (tmp_path / "whole.onnx").write_bytes(whole)
    assert look(tmp_path / "whole.onnx", 0)["outputs"][0]["shape"] == [1, 7, 32]
    graph_end = whole.index(b"\x42", whole.index(b"output0")) + 1  # what stands behind the graph may be missing unnoticed
    for size in range(0, graph_end - 8, 37):
        (tmp_path / "cut.onnx").write_bytes(whole[:size])
        done = fovea("models", "inspect", tmp_path / "cut.onnx", "--no-run")
        assert done.returncode == 3 and ("damaged" in done.stderr or "empty" in done.stderr), (size, done.stderr)


def test_weights_of_another_length_are_noticed(tmp_path):
    (tmp_path / "m.xml").write_bytes(IR % 11)
    (tmp_path / "m.bin").write_bytes(bytes(71))
    assert "71 bytes, the .xml needs 72" in inspect(tmp_path / "m.xml", code=3)[1]


def test_folders_are_told_apart(tmp_path):
    inside = (("saved_model.pb", "SavedModel"), ("Manifest.json", "Core ML"), ("boats.xml", "name the model inside it: boats.xml"),
              ("notes.txt", "no model inside"))
    for file, phrase in inside:
        folder = tmp_path / file.split(".")[0]
        folder.mkdir()
        (folder / file).write_bytes(b"x")
        done = fovea("models", "inspect", folder)
        assert done.returncode == 3 and phrase in done.stderr, done.stderr


def test_cut_tflite_files_are_refused(data, tmp_path):
    whole = (data / "models/yolov5n_640_int8.tflite").read_bytes()
    for part in range(1, 20):
        (tmp_path / "cut.tflite").write_bytes(whole[:len(whole) * part // 20])
        done = fovea("models", "inspect", tmp_path / "cut.tflite")
        assert done.returncode == 3 and "damaged" in done.stderr, (part, done.stderr)


def test_a_model_that_memory_cannot_hold_is_refused_with_numbers(tmp_path):
    """Half a terabyte of weights, all of it a hole in the file."""
    head = onnx.field(1, onnx.node("Relu", ["x"], ["y"])) + onnx.field(11, onnx.value("x", [1, 3, 8, 8]))
    size = 1 << 39
    weight = onnx.varint(9 << 3 | 2) + onnx.varint(size)
    tensor = onnx.varint(5 << 3 | 2) + onnx.varint(size + len(weight)) + weight
    path = tmp_path / "huge.onnx"
    path.write_bytes(onnx.field(1, 8) + onnx.varint(7 << 3 | 2) + onnx.varint(len(head) + len(tensor) + size) + head + tensor)
    try:
        with path.open("ab") as file:
            file.truncate(path.stat().st_size + size)
    except OSError:
        pytest.skip("this file system has no files with holes of that size")
    done = fovea("models", "inspect", path)
    assert done.returncode == 3 and "not enough memory: a model of 524288 MB needs 1048608 MB" in done.stderr, done.stderr
    path.unlink()


# --- options, metadata, shapes ------------------------------------------------------------------------------------

@pytest.fixture
def yolo(tmp_path):
    """Writes a YOLO-like model; keyword arguments go to `small`."""
    def write(name="m.onnx", **more):
        (tmp_path / name).write_bytes(small(**more))
        return tmp_path / name
    return write


def test_options_go_before_metadata_and_metadata_before_shapes(yolo, tmp_path):
    path = yolo(metadata={"task": "detect", "names": "{0: 'a', 1: 'b', 2: 'c'}"})
    found = look(path)
    assert found["labels"] == ["a", "b", "c"] and found["certainty"] == "certain" and "metadata_props" in found["why"]
    assert (found["color"], found["scale"], found["fit"]) == ("rgb", "/ 255", "aspect kept, padded")
    (tmp_path / "names.txt").write_text("x\ny\nz\n")
    found = look(path, 0, "--labels", tmp_path / "names.txt", "--head", "yolo", "--input",
                 "bgr, stretch, mean=103.5 116.28 123.675, scale=57.375 57.12 58.395, pad=0")
    assert found["labels"] == ["x", "y", "z"] and found["certainty"] == "as asked"
    assert (found["color"], found["fit"]) == ("bgr", "stretched")
    assert found["scale"] == "(- 103.5 116.28 123.675) / 57.375 57.12 58.395"
    plain = look(yolo("plain.onnx"))
    assert plain["certainty"] == "likely" and plain["labels"] == ["class_0", "class_1", "class_2"]
    (tmp_path / "plain.txt").write_text("p\nq\nr\n")
    assert look(tmp_path / "plain.onnx")["labels"] == ["p", "q", "r"], "a file beside the model"


def test_wrong_options_are_named(yolo, tmp_path):
    path = yolo()
    done = fovea("models", "inspect", path, "--input", "bgr,strech")
    assert done.returncode == 2 and '"strech" is none of' in done.stderr and "did you mean stretch" in done.stderr
    done = fovea("predict", "pattern:width=64,height=64,frames=1", "--model", path, "--input", "scale=0")
    assert done.returncode == 2 and '"scale=0"' in done.stderr
    assert 'no head "yollo"' in fovea("models", "inspect", path, "--head", "yollo").stderr
    (tmp_path / "two.txt").write_text("a\nb\n")
    done = fovea("models", "inspect", path, "--labels", tmp_path / "two.txt")
    assert done.returncode == 3 and "2 lines" in done.stderr and "3 classes" in done.stderr
    found = look(yolo("short.onnx", metadata={"names": "{0: 'only'}"}), None)
    assert found["problem"], "names of another count speak against the head that the shapes suggest"


def test_the_input_option_reaches_the_pixels(yolo, default_model):
    """The same picture with its colours swapped, and swapped back by the option."""
    if not BUS.exists():
        pytest.skip("no test data")

    def boxes(*more):
        done = fovea("predict", BUS, "--exact", "--json", *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[0])["detections"]
    assert boxes() == boxes("--input", "rgb,stretch")
    assert boxes() != boxes("--input", "bgr")
    assert boxes() != boxes("--input", "letterbox")
    done = fovea("predict", BUS, "--input", "scale=255")
    assert done.returncode == 2 and "takes bytes as they are, mean and scale do not apply" in done.stderr
    int8 = ["--model", DATA / "models/yolov5n_640_int8.tflite"]
    assert boxes(*int8) == boxes(*int8, "--input", "scale=255"), "its bytes stand for n / 255, which is the pixel"
    assert boxes(*int8) != boxes(*int8, "--input", "scale=400")


def test_metadata_beside_an_ir(yolo, tmp_path):
    ov = pytest.importorskip("openvino")
    folder = tmp_path / "best_openvino_model"
    folder.mkdir()
    ov.save_model(ov.Core().read_model(str(yolo())), str(folder / "best.xml"))
    (folder / "metadata.yaml").write_text("task: detect\nstride: 8\nimgsz:\n- 32\n- 64\nnames:\n  0: cat\n  1: dog\n  2: hot dog\n")
    found = look(folder / "best.xml")
    assert found["labels"] == ["cat", "dog", "hot dog"] and found["why"].startswith("metadata.yaml task=detect, 3 names")


def test_a_sound_file_without_a_head_says_what_to_give(tmp_path):
    (tmp_path / "odd.onnx").write_bytes(onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [1, 3, 31, 17])],
                                                   [onnx.value("y", [1, 3, 31, 17])]))
    done = fovea("models", "inspect", tmp_path / "odd.onnx")
    if done.returncode == 0:
        pytest.skip("a head of this build reads even this")
    assert done.returncode == 3
    for phrase in ("x f32[1,3,31,17]", "y f32[1,3,31,17]", "Relu 1", "--head", "--input", "--labels"):
        assert phrase in done.stdout, done.stdout
    assert "no head reads this model" in done.stderr


def open_shapes(**more):
    return small(inputs=[onnx.value("images", ["batch", 3, "height", "width"])], outputs=[onnx.value("output0", ["batch", 7, "n"])],
                 **more)


def test_open_shapes_are_fixed(tmp_path, default_model):
    path = tmp_path / "open.onnx"
    path.write_bytes(open_shapes())
    found = look(path, None)
    assert found["inputs"][0]["shape"] == [-1, 3, -1, -1] and found["outputs"][0]["shape"] == [-1, 7, -1]

    def size(*more):
        ran = inspect(path, *more)[0]
        return ran["input_width"], ran["input_height"], ran["shapes"]
    assert size() == (640, 640, "images f32[1,3,640,640] -> output0 f32[1,7,6400]")
    assert size("--imgsz", "320")[:2] == (320, 320)
    path.write_bytes(open_shapes(metadata={"imgsz": "[64, 128]", "stride": "32"}))
    assert size() == (128, 64, "images f32[1,3,64,128] -> output0 f32[1,7,128]"), "height first, as its exporter writes it"
    assert size("--imgsz", "320")[:2] == (320, 320)
    error = inspect(path, "--imgsz", "100", code=3)[1]
    assert "an input of 100 px does not fit" in error and "multiples of 32" in error and "--imgsz 96" in error


def test_several_open_inputs_are_fixed_together(tmp_path, default_model):
    """As DETR exports have them: the picture's batch and that of its sizes are one."""
    path = tmp_path / "detr.onnx"
    path.write_bytes(small(
        nodes=[onnx.node("Conv", ["images", "w"], ["c"], strides=[8, 8], kernel_shape=[8, 8]),
               onnx.node("Reshape", ["c", "s"], ["r"]), onnx.node("Cast", ["sizes"], ["f"], to=1),
               onnx.node("ReduceSum", ["f"], ["sum"], keepdims=0), onnx.node("Add", ["r", "sum"], ["output0"])],
        inputs=[onnx.value("images", ["n", 3, "h", "w2"]), onnx.value("sizes", ["n", 2], "i64")],
        outputs=[onnx.value("output0", ["n", 7, "m"])]))
    done = fovea("models", "inspect", path)
    assert "images f32[1,3,640,640], sizes i64[1,2]" in done.stderr or done.returncode == 0, done.stderr


def test_a_size_that_the_graph_refuses(tmp_path, default_model):
    """Down by two and up again: odd sizes do not meet."""
    weights = [onnx.tensor("d", np.zeros((3, 3, 2, 2), np.float32)), onnx.tensor("u", np.zeros((3, 3, 2, 2), np.float32))]
    path = tmp_path / "u.onnx"
    path.write_bytes(onnx.model(
        [onnx.node("Conv", ["x", "d"], ["a"], strides=[2, 2], kernel_shape=[2, 2]),
         onnx.node("ConvTranspose", ["a", "u"], ["b"], strides=[2, 2], kernel_shape=[2, 2]), onnx.node("Add", ["x", "b"], ["y"])],
        [onnx.value("x", [1, 3, "h", "w"])], [onnx.value("y", [1, 3, "h", "w"])], weights))
    error = inspect(path, "--imgsz", "33", code=3)[1]
    assert "an input of 33x33 px does not fit this model" in error and "multiples of 32" in error, error


# --- TensorFlow graphs and Paddle programs, written here ------------------------------------------------------------

def tf_node(name, op, inputs=(), **attributes):
    return onnx.field(1, onnx.field(1, name) + onnx.field(2, op) + onnx.field(3, list(inputs)) + b"".join(
        onnx.field(5, onnx.field(1, key) + onnx.field(2, value)) for key, value in attributes.items()))


def tf_shape(*dims):
    return b"".join(onnx.field(2, onnx.field(1, d)) for d in dims)


def tf_const(name, array):
    kind = {"float32": 1, "int32": 3}[str(array.dtype)]
    tensor = onnx.field(1, kind) + onnx.field(2, tf_shape(*array.shape)) + onnx.field(4, array.tobytes())
    return tf_node(name, "Const", dtype=onnx.field(6, kind), value=onnx.field(8, tensor))


def test_a_frozen_graph_runs(tmp_path, default_model):
    """One constant box that TensorFlow's four lists name: what the graph says comes out."""
    lists = {"detection_boxes": np.array([[[.25, .5, .75, 1]]], np.float32), "detection_classes": np.array([[3]], np.float32),
             "detection_scores": np.array([[.75]], np.float32), "num_detections": np.array([1], np.float32)}
    nodes = tf_node("image_tensor", "Placeholder", dtype=onnx.field(6, 1), shape=onnx.field(7, tf_shape(1, 64, 64, 3)))
    nodes += tf_const("axes", np.array([0, 1, 2, 3], np.int32)) + tf_const("zero", np.zeros((), np.float32))
    real = onnx.field(6, 1)
    nodes += tf_node("sum", "Sum", ["image_tensor", "axes"], T=real, Tidx=onnx.field(6, 3), keep_dims=onnx.field(5, 0))
    nodes += tf_node("none", "Mul", ["sum", "zero"], T=real)
    for name, array in lists.items():
        nodes += tf_const(name + "_c", array) + tf_node(name, "Add", [name + "_c", "none"], T=real)
    path = tmp_path / "graph.pb"
    path.write_bytes(nodes + onnx.field(4, onnx.field(1, 1087)))
    found = look(path)
    assert found["format"] == "TensorFlow graph" and found["head"] == "ssd"
    done = fovea("predict", "pattern:width=100,height=200,frames=1", "--model", path, "--json", "--exact", "--input", "stretch")
    assert done.returncode == 0, done.stderr
    box, = json.loads(done.stdout.splitlines()[0])["detections"]
    assert box["class"] == "car" and abs(box["confidence"] - .75) < .01
    assert np.allclose(box["box"], [50, 50, 100, 150], atol=.5)


def test_a_paddle_program_runs(tmp_path, default_model):
    """A picture, ReLU, and a reshape to what looks like a YOLO's output."""
    def variable(name, kind, dims=None):
        tensor = onnx.field(3, onnx.field(1, onnx.field(1, 5) + onnx.field(2, list(dims)))) if dims else b""
        return onnx.field(3, onnx.field(1, name) + onnx.field(2, onnx.field(1, kind) + tensor))

    def slot(number, name, argument):
        return onnx.field(number, onnx.field(1, name) + onnx.field(2, argument))

    def operator(kind, source, target, *more):
        return onnx.field(4, slot(1, "X", source) + slot(2, "Out", target) + onnx.field(3, kind) + b"".join(more))

    def setting(name, kind, value):
        return onnx.field(4, onnx.field(1, name) + onnx.field(2, kind) + value)
    column = setting("col", 0, onnx.field(3, 0))
    block = (onnx.field(1, 0) + onnx.field(2, -1) + variable("feed", 9) + variable("fetch", 10) +
             variable("image", 7, [1, 3, 64, 64]) + variable("r", 7, [1, 3, 64, 64]) + variable("xs", 7, [0, 1, 3, 64, 64]) +
             variable("y", 7, [1, 6, 2048]) + operator("feed", "feed", "image", column) + operator("relu", "image", "r") +
             operator("reshape2", "r", "y", slot(2, "XShape", "xs"), setting("shape", 3, onnx.field(6, [1, 6, 2048]))) +
             operator("fetch", "y", "fetch", column))
    path = tmp_path / "m.pdmodel"
    path.write_bytes(onnx.field(1, block) + onnx.field(4, onnx.field(1, 2004000)))
    found = look(path)
    assert found["format"] == "PaddlePaddle" and found["operators"] == {"relu": 1, "reshape2": 1}
    assert found["inputs"] == [{"name": "image", "type": "f32", "shape": [1, 3, 64, 64]}]
    assert found["outputs"] == [{"name": "y", "type": "f32", "shape": [1, 6, 2048]}]
    ran = inspect(path)[0]
    assert ran["backend"] == "openvino" and ran["shapes"] == "image f32[1,3,64,64] -> y f32[1,6,2048]"


# --- TFLite files, written here -------------------------------------------------------------------------------------

def flat(table):
    """A flatbuffer out of {field: value}: an int is 4 bytes, ("u8", n) one, text, a list of ints, of tables, or a table."""
    out = bytearray(4)

    def put(value):
        while len(out) % 4:
            out.append(0)
        if isinstance(value, dict):
            width = max(value, default=-1) + 1
            vtable = len(out)
            out.extend(struct.pack("<HH", 4 + 2 * width, 4 + 4 * width))
            out.extend(b"".join(struct.pack("<H", 4 + 4 * i if i in value else 0) for i in range(width)))
            while len(out) % 4:
                out.append(0)
            at = len(out)
            out.extend(struct.pack("<i", at - vtable) + bytes(4 * width))
            for i, item in value.items():
                place(at + 4 + 4 * i, item)
            return at
        at = len(out)
        if isinstance(value, (str, bytes)):
            data = value.encode() if isinstance(value, str) else value
            out.extend(struct.pack("<I", len(data)) + data + b"\0")
        elif value and isinstance(value[0], int):
            out.extend(struct.pack(f"<I{len(value)}i", len(value), *value))
        else:
            out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
            for i, item in enumerate(value):
                place(at + 4 + 4 * i, item)
        return at

    def place(at, item):
        if isinstance(item, int):
            out[at:at + 4] = struct.pack("<i", item)
        elif isinstance(item, tuple):
            out[at] = item[1]
        else:
            target = put(item)
            out[at:at + 4] = struct.pack("<I", target - at)
    out.extend(b"TFL3")
    root = put(table)
    out[0:4] = struct.pack("<I", root)
    return bytes(out)


def tflite(custom=None, shape=(1, 32, 64, 3)):
    code = {0: ("u8", 32), 1: custom} if custom else {0: ("u8", 19)}
    tensors = [{0: list(shape), 1: ("u8", 3), 3: "image"}, {0: [1, 7, 40], 1: ("u8", 3), 3: "out"}]
    return flat({0: 3, 1: [code], 2: [{0: tensors, 1: [0], 2: [1], 3: [{0: 0, 1: [0], 2: [1]}]}], 3: "made here", 4: [{}]})


def test_tflite_files_made_here(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite())
    found = look(path, None)
    assert found["inputs"] == [{"name": "image", "type": "u8", "shape": [1, 32, 64, 3]}]
    assert (found["operators"], found["producer"]) == ({"RELU": 1}, "made here")
    path.write_bytes(tflite("FlexConv2D"))
    assert "FlexConv2D needs TensorFlow itself; convert without SELECT_TF_OPS" in inspect(path, code=3)[1]
    path.write_bytes(tflite("MyOwnOp"))
    assert "operator MyOwnOp is not of a known set" in inspect(path, code=3)[1]
    path.write_bytes(tflite("TFLite_Detection_PostProcess"))
    assert look(path, None)["operators"] == {"TFLite_Detection_PostProcess": 1}
    path.write_bytes(tflite(shape=(1, 1 << 20, 1 << 20, 3)))
    assert "image has more than 2^31 numbers" in inspect(path, code=3)[1]
    path.write_bytes(tflite(shape=[1] * 9))
    assert "image has more than 8 dimensions" in inspect(path, code=3)[1]


def test_tensorflow_lite_metadata(tmp_path):
    """Normalisation in the file, labels in the zip behind it, as TensorFlow's metadata writer lays them out."""
    bits = struct.unpack("<i", struct.pack("<f", 127.5))[0]
    about = bytearray(flat({0: "boat finder", 5: "Apache-2.0", 3: [{
        2: [{4: [{0: ("u8", 1), 1: {0: [bits], 1: [bits]}}]}], 3: [{6: [{0: "boats.txt", 2: ("u8", 2)}]}]}]}))
    about[4:8] = b"M001"
    tensors = [{0: [1, 32, 64, 3], 3: "image"}, {0: [1, 7, 40], 3: "out"}]
    model = flat({0: 3, 1: [{0: ("u8", 19)}], 2: [{0: tensors, 1: [0], 2: [1], 3: [{0: 0, 1: [0], 2: [1]}]}],
                  4: [{}, {0: bytes(about)}], 6: [{0: "TFLITE_METADATA", 1: 1}]})
    path = tmp_path / "m.tflite"
    path.write_bytes(model + zipped(boats_dot_txt="sail\nmotor's\nrowing\n", other_dot_txt="no labels\n"))
    found = look(path)
    assert found["labels"] == ["sail", "motor's", "rowing"] and found["label_source"] == "the model's metadata"
    assert found["scale"] == "(- 127.5 127.5 127.5) / 127.5 127.5 127.5"
    assert found["licence"] == "Apache-2.0 (the file says so)"


def test_what_is_compiled_for_an_edge_tpu_says_so(tmp_path, default_model):
    path = tmp_path / "m_edgetpu.tflite"
    path.write_bytes(tflite("edgetpu-custom-op"))
    error = inspect(path, code=3)[1]
    assert "compiled for a Coral Edge TPU" in error or "Edge TPU" in error
