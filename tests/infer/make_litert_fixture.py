#!/usr/bin/env python3
"""Writes what test_litert.c needs: litert_fixture.h, the numbers that the original runtime computes, and two tiny
models of our own, tiny_open.tflite (ReLU over a picture of open size and batch) and tiny_edgetpu.tflite (nothing but
the operator that Edge TPU files have).

    python3 -m venv v && v/bin/pip install ai-edge-litert==2.3.0
    v/bin/python tests/infer/make_litert_fixture.py ../shared/data/models tests/infer

The input is noise of a linear congruential generator that the test draws again. Two columns: with the runtime's
default delegate (XNNPACK), and with its own operators alone.
"""
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

MODELS = {"mobilenet_v2_224_quant": 2, "person_detect_96_micro": 1, "movenet_lightning_int8": 0.02,
          "yolox_nano_416_float16": 0.001}
PICKS = 48
FORMS = {"delegate": OpResolverType.AUTO, "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}


def noise(count):
    state, out = 1, np.empty(count, np.uint8)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out


def mended(data):
    """The file with quantized_dimension 0 where a tensor has one dimension: this runtime refuses others, and the
    one that the file was made for never read it there."""
    data = bytearray(data)
    graph = schema.Model.GetRootAsModel(data, 0).Subgraphs(0)
    for i in range(graph.TensorsLength()):
        quant = graph.Tensors(i).Quantization()
        if quant and graph.Tensors(i).ShapeLength() == 1 and quant.QuantizedDimension() > 0:
            at = quant._tab.Pos + quant._tab.Offset(16)
            data[at:at + 4] = bytes(4)
    return bytes(data)


def outputs(data, form):
    runtime = Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=FORMS[form])
    runtime.allocate_tensors()
    i = runtime.get_input_details()[0]
    values = noise(int(np.prod(i["shape"])))
    values = values.view(np.int8) if i["dtype"] == np.int8 else values.astype(i["dtype"])
    runtime.set_tensor(i["index"], values.reshape(i["shape"]))
    runtime.invoke()
    return runtime.get_tensor(runtime.get_output_details()[0]["index"]).ravel()


def picks(values):
    step = max(1, len(values) // PICKS)
    return ", ".join(f"{float(v):.7g}f".replace("f", ".f", 1) if float(v).is_integer() else f"{float(v):.7g}f"
                     for v in values[::step][:PICKS])


def write_header(models, path):
    lines = ["/* Made by make_litert_fixture.py with ai-edge-litert 2.3.0: every n-th number of the first output. */",
             "// clang-format off", "static const struct {", "    const char *model;",
             "    float within;", "    size_t step, count;", f"    float delegate[{PICKS}], plain[{PICKS}];",
             "} fixtures[] = {"]
    for name, within in MODELS.items():
        data = mended((models / f"{name}.tflite").read_bytes())
        both = {form: outputs(data, form) for form in FORMS}
        count = len(both["plain"])
        step = max(1, count // PICKS)
        lines += [f'    {{"{name}", {float(within)}f, {step}, {min(PICKS, -(-count // step))},',
                  f"     {{{picks(both['delegate'])}}},", f"     {{{picks(both['plain'])}}}}},"]
    path.write_text("\n".join([*lines, "};", "// clang-format on", ""]))


def tensor(name, kind, shape, signature=None):
    made = schema.TensorT()
    made.name, made.type, made.shape, made.shapeSignature, made.buffer = name, kind, shape, signature, 0
    return made


def write_tiny(path, code, custom, tensors):
    """A model of one operator from its first tensor to its second."""
    kind, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    kind.builtinCode, kind.deprecatedBuiltinCode, kind.customCode, kind.version = code, code, custom, 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [0], [1], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [kind], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def main():
    models, folder = Path(sys.argv[1]), Path(sys.argv[2])
    write_header(models, folder / "litert_fixture.h")
    f32, u8 = schema.TensorType.FLOAT32, schema.TensorType.UINT8
    size = [-1, -1, -1, 3]
    write_tiny(folder / "tiny_open.tflite", schema.BuiltinOperator.RELU, None,
               [tensor("in", f32, [1, 1, 1, 3], size), tensor("out", f32, [1, 1, 1, 3], size)])
    write_tiny(folder / "tiny_edgetpu.tflite", schema.BuiltinOperator.CUSTOM, "edgetpu-custom-op",
               [tensor("in", u8, [1, 2, 2, 3]), tensor("out", u8, [1, 2, 2, 3])])


if __name__ == "__main__":
    main()
