#!/usr/bin/env python3
"""Converts a model for `fovea optimize`, which calls this with the tools' own Python and compares the result itself.

    optimize.py convert MODEL --target T --precision P --shape 1,3,H,W --inputs FOLDER --output FILE
    optimize.py export MODEL --output FILE.onnx        (runs in the user's Python, which has their exporter, and runs
                                                        MODEL, a program; what it makes stays in the folder of FILE)

FOLDER holds the calibration tensors as fovea makes them (00000.npy, ...). Says on standard output `progress 0..1 what`
and, before it ends with 3 or 1, `missing SENTENCE` (a tool that is not installed) or `failed SENTENCE`. A sentence
has at most 230 characters.
"""
import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

SENTENCE = 230
FACTS_MAX = 64 << 20  # bytes of one text that stands in a model
ONNX_OPSET = 13  # the first that has a scale for each channel, without which depthwise convolutions see nothing
report = None  # standard output as fovea reads it; the libraries' own talk goes nowhere


class Missing(Exception):
    """A tool is not there; the sentence names what to install."""


class Failure(Exception):
    """The work cannot be done; the sentence says why."""


def say(word, text):
    line = " ".join(str(text).split())[:SENTENCE]
    report.write(f"{word} {line}\n")
    report.flush()


def progress(share, what):
    say("progress", f"{share:.3f} {what}")


def require(module, sentence):
    if importlib.util.find_spec(module) is None:
        raise Missing(sentence)


# --- what a file says about itself travels with it -------------------------------------------------------------

def onnx_facts(path):
    if importlib.util.find_spec("onnx") is None:
        return {}
    import onnx
    return {entry.key: entry.value for entry in onnx.load(str(path), load_external_data=False).metadata_props}


def tflite_facts(path):
    """Ultralytics appends a zip with metadata.json; TensorFlow's own has lists of labels."""
    if not zipfile.is_zipfile(path):
        return {}
    facts = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith((".json", ".txt")):
                continue
            if member.file_size > FACTS_MAX:  # a few kilobytes of a zip may unpack to any size
                raise Failure(f"{member.filename} in {path.name} has {member.file_size} bytes, more than {FACTS_MAX}")
            text = archive.read(member).decode(errors="replace")
            if member.filename.endswith(".json"):
                facts.update({key: str(value) for key, value in json.loads(text).items()})
            elif "labels" not in facts:
                facts["labels"] = " ".join(line.strip().replace(" ", "_") for line in text.splitlines() if line.strip())
    return facts


def facts_of(path):
    return {".onnx": onnx_facts, ".tflite": tflite_facts}.get(path.suffix.lower(), lambda _: {})(path)


# --- OpenVINO --------------------------------------------------------------------------------------------------

def fix_shape(model, shape):
    if model.is_dynamic() and len(model.inputs) == 1:
        model.reshape(shape)


def read_for_openvino(source, shape):
    require("openvino", "OpenVINO is not in this Python: scripts/setup optimize, or pip install openvino nncf onnx")
    import openvino as ov
    model = ov.Core().read_model(str(source)) if source.suffix == ".xml" else ov.convert_model(str(source))
    fix_shape(model, shape)
    return model


def computes(node):
    return node.get_type_name() in ("Convolution", "GroupConvolution", "MatMul", "ConvolutionBackpropData")


def behind_the_network(model):
    """What follows the last products: boxes decoded in 256 steps over the whole picture would be of no use."""
    known = {}
    for node in reversed(model.get_ordered_ops()):
        users = [user.get_node() for out in node.outputs() for user in out.get_target_inputs()]
        known[node.get_friendly_name()] = any(computes(user) or known.get(user.get_friendly_name()) for user in users)
    return [node.get_friendly_name() for node in model.get_ordered_ops()
            if node.get_type_name() not in ("Constant", "Result") and not computes(node)
            and not known[node.get_friendly_name()]]


def tensors(folder, what):
    """The calibration tensors, with progress counted over the passes that NNCF makes."""
    import numpy as np
    files = sorted(Path(folder).glob("*.npy"))
    if not files:
        raise Failure("there are no calibration tensors")
    seen = [0]

    def load(path):
        seen[0] += 1
        progress(min(0.1 + 0.8 * seen[0] / len(files), 0.95), what)
        return np.load(path)

    return files, load


def quantised(model, folder):
    require("nncf", "NNCF is not in this Python: scripts/setup optimize, or pip install nncf")
    import logging

    import nncf
    from openvino._offline_transformations import apply_moc_transformations
    nncf.set_log_level(logging.ERROR)
    apply_moc_transformations(model, cf=True)
    files, load = tensors(folder, "calibrating")
    scope = nncf.IgnoredScope(names=behind_the_network(model), validate=False)
    return nncf.quantize(model, nncf.Dataset(files, load), preset=nncf.QuantizationPreset.MIXED,
                         subset_size=len(files), ignored_scope=scope)


def to_openvino(options):
    source = Path(options.model)
    progress(0.02, "reading")
    model = read_for_openvino(source, options.shape)
    import openvino as ov

    import int8_mark
    if options.precision == "int8":
        model = quantised(model, options.inputs)
        model.set_rt_info("int8", ["model_info", "fovea_precision"])
        if source.suffix == ".xml":
            model.set_rt_info(int8_mark.mark(source), ["model_info", int8_mark.KEY])
    for key, value in facts_of(source).items():
        model.set_rt_info(value, ["model_info", key])
    progress(0.97, "writing")
    ov.save_model(model, options.output, compress_to_fp16=options.precision != "fp32")


# --- ONNX ------------------------------------------------------------------------------------------------------

def to_onnx(options):
    source = Path(options.model)
    if source.suffix != ".onnx":
        raise Failure(f"{source.suffix or 'a folder'} cannot be turned into ONNX here; "
                      "python3 -m tf2onnx.convert does it for TensorFlow and TFLite models")
    require("onnx", "onnx is not in this Python: scripts/setup optimize, or pip install onnx")
    import onnx
    model = onnx.load(str(source))
    if options.precision == "fp16":
        require("onnxconverter_common", "FP16 in ONNX needs onnxconverter-common: FOVEA_OPTIMIZE_PYTHON names a python "
                "with it (pip install onnxconverter-common onnx openvino nncf)")
        from onnxconverter_common import float16
        model = float16.convert_float_to_float16(model, keep_io_types=True)
    if options.precision == "int8":
        require("onnxruntime", "INT8 in ONNX needs onnxruntime: FOVEA_OPTIMIZE_PYTHON names a python with it "
                "(pip install onnxruntime onnx openvino nncf)")
        model = quantised_onnx(model, options.inputs)
    onnx.save(model, options.output)


def behind_the_onnx_network(graph):
    """As behind_the_network; nodes without a name get one."""
    readers, feeds, names = {}, {}, []
    for number, node in enumerate(graph.node):
        node.name = node.name or f"node_{number}"
        for value in node.input:
            readers.setdefault(value, []).append(node)
    products = ("Conv", "ConvTranspose", "MatMul", "Gemm")
    for node in reversed(graph.node):  # ONNX keeps nodes in the order of computation
        users = [user for value in node.output for user in readers.get(value, [])]
        feeds[node.name] = any(user.op_type in products or feeds[user.name] for user in users)
        if not feeds[node.name] and node.op_type not in products:
            names.append(node.name)
    return names


def quantised_onnx(model, folder):
    import logging

    import nncf
    import onnx.version_converter
    nncf.set_log_level(logging.ERROR)
    if model.opset_import[0].version < ONNX_OPSET:
        model = onnx.version_converter.convert_version(model, ONNX_OPSET)
    name = model.graph.input[0].name
    files, load = tensors(folder, "calibrating")
    scope = nncf.IgnoredScope(names=behind_the_onnx_network(model.graph), validate=False)
    return nncf.quantize(model, nncf.Dataset(files, lambda path: {name: load(path)}),
                         preset=nncf.QuantizationPreset.MIXED, subset_size=len(files), ignored_scope=scope)


# --- TensorFlow Lite, Edge TPU, Core ML ------------------------------------------------------------------------

def to_tflite(options):
    source = Path(options.model)
    if not source.is_dir():
        raise Failure(f"TFLite is made of a TensorFlow SavedModel folder; for {source.suffix}: "
                      f"pip install onnx2tf && onnx2tf -i {source.name}, then optimize its saved_model folder")
    require("tensorflow", "TFLite files are made by TensorFlow: FOVEA_OPTIMIZE_PYTHON names a python with it "
            "(pip install tensorflow)")
    import tensorflow as tf
    converter = tf.lite.TFLiteConverter.from_saved_model(str(source))
    if options.precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if options.precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if options.precision == "int8":
        files, load = tensors(options.inputs, "calibrating")
        converter.representative_dataset = lambda: ([load(path)] for path in files)
    Path(options.output).write_bytes(converter.convert())


def to_edgetpu(options):
    source = Path(options.model)
    if source.suffix != ".tflite":
        raise Failure("the Edge TPU's compiler takes INT8 TFLite files: optimize with --target tflite --precision int8 "
                      "first")
    compiler = shutil.which("edgetpu_compiler")
    if not compiler:
        raise Missing("edgetpu_compiler is not on the PATH: https://coral.ai/docs/edgetpu/compiler tells how to install "
                      "it (Debian and Ubuntu on x86-64)")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([compiler, "-s", "-o", folder, str(source)], capture_output=True, text=True)
        made = list(Path(folder).glob("*_edgetpu.tflite"))
        if done.returncode or not made:
            raise Failure(f"edgetpu_compiler: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        shutil.copyfile(made[0], options.output)


def to_coreml(options):
    source = Path(options.model)
    if sys.platform != "darwin" and importlib.util.find_spec("coremltools") is None:
        raise Missing("coremltools is not in this Python: FOVEA_OPTIMIZE_PYTHON names one with it (pip install "
                      "coremltools; it reads TensorFlow and TorchScript)")
    require("coremltools", "coremltools is not in this Python: pip install coremltools")
    if source.suffix == ".onnx":
        raise Failure("coremltools no longer reads ONNX; give the TensorFlow or TorchScript file, or serve the ONNX file: "
                      "ONNX Runtime runs it through Core ML")
    import coremltools as ct
    precision = ct.precision.FLOAT32 if options.precision == "fp32" else ct.precision.FLOAT16
    ct.convert(str(source), compute_precision=precision, convert_to="mlprogram").save(options.output)


# --- export by the user's own tools ----------------------------------------------------------------------------

def export(options):
    """Ultralytics writes beside its model, where a file of that name may be the user's: so it gets a copy."""
    source, output = Path(options.model), Path(options.output)
    progress(0.1, "exporting")
    if source.suffix in (".pt", ".pth"):
        require("ultralytics", f"{source.suffix} is a program of its framework. Export it: yolo export model={source.name} "
                "format=onnx (pip install ultralytics), or torch.onnx.export; then optimize the .onnx")
        from ultralytics import YOLO
        copy = output.absolute().parent / source.name
        shutil.copyfile(source, copy)
        made = Path(YOLO(str(copy)).export(format="onnx"))
    else:
        sentence = (f"{source.suffix} is opened by Keras only. Export it: model.export('saved_model') in Python, then "
                    "python3 -m tf2onnx.convert --saved-model saved_model --output model.onnx (pip install tensorflow tf2onnx)")
        require("tensorflow", sentence)
        require("tf2onnx", sentence)
        made = export_keras(source, output.absolute().parent)
    shutil.move(str(made), str(output))


def export_keras(source, work):
    import tensorflow as tf
    folder = Path(tempfile.mkdtemp(dir=work))
    tf.keras.models.load_model(str(source)).export(str(folder / "saved_model"))
    made = folder / "model.onnx"
    subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(folder / "saved_model"), "--output",
                    str(made)], check=True)
    return made


# ---------------------------------------------------------------------------------------------------------------

TARGETS = {"openvino": to_openvino, "onnx": to_onnx, "tflite": to_tflite, "edgetpu": to_edgetpu, "coreml": to_coreml}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("convert", "export"))
    parser.add_argument("model")
    parser.add_argument("--target", choices=sorted(TARGETS), default="openvino")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp16")
    parser.add_argument("--shape", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--inputs")
    parser.add_argument("--output", required=True)
    return parser.parse_args()


def open_report():
    """Keeps standard output for fovea and sends what libraries print nowhere."""
    global report
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main():
    options = arguments()
    open_report()
    warnings.simplefilter("ignore")
    try:
        export(options) if options.action == "export" else TARGETS[options.target](options)
    except Missing as missing:
        say("missing", missing)
        return 3
    except Failure as failure:
        say("failed", failure)
        return 1
    except Exception as error:  # a library's own: its first line is the reason
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        say("failed", f"{Path(options.model).name}: {lines[-1] if len(lines[0]) < 12 else lines[0]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
