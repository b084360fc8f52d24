"""Document 003: a model on the fastest runtime that is here, and its file for others.

    python tensorrt_model.py --model yolox_nano_416.onnx
"""
import tempfile
from pathlib import Path

import numpy as np
from inputs import inputs

from fovea import FoveaError
from fovea.realtime import TensorRTModel, export_onnx

given = inputs(model="")
# A torch.nn.Module, a model's file, or, where neither is here, any function of the input.
pytorch_model = given.model or (lambda tensor: tensor.mean(axis=(2, 3)))
input_shape = TensorRTModel.shape_of(given.model) if given.model else (1, 3, 1080, 1920)
input_tensor = np.zeros(input_shape, np.float32)

trt_model = TensorRTModel(
    model=pytorch_model,
    input_shape=input_shape,
    precision='fp16'
)
trt_model.convert_to_trt()  # True: TensorRT runs it; trt_model.runtime says what does

output = trt_model.infer(input_tensor)
print(f"Throughput: {trt_model.get_throughput():.1f} FPS")
print(f"Runs on: {trt_model.runtime} ({trt_model.fallback or 'as asked for'})")

try:
    onnx_path = export_onnx(pytorch_model, Path(tempfile.mkdtemp()) / "model.onnx", input_shape)
    print(f"ONNX: {onnx_path}")
except FoveaError as reason:
    print(f"No ONNX: {reason}")
