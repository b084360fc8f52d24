"""TensorRTModel and export_onnx of document 003: a model on the fastest runtime that is here, and its file for others."""
from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from .._errors import BadModel, FoveaError, InvalidArgument, NotFound, RuntimeMissing, Unsupported
from .._library import text
from .runtime import PRECISIONS, Loaded, Tensor, candidates, file_shape, shape_text

PathName = str | os.PathLike[str]


def is_torch_module(model: object) -> bool:
    """Whether a model is a torch.nn.Module; torch is not imported for that."""
    return any(kind.__module__.partition(".")[0] == "torch" and kind.__name__ == "Module" for kind in type(model).__mro__)


class TensorRTModel:
    """A model for tensors, on TensorRT where that is, else on the next best.

    model: an ONNX, OpenVINO or TFLite file, a torch.nn.Module, or any function of the input tensor.
    input_shape: of the input, (batch, channels, height, width). precision: "fp16", "fp32", "int8", "auto"; a runtime that
    does not have it keeps its own, and says so in `precision`.
    After convert_to_trt(): `runtime` ("onnxruntime", "openvino", …, "torch", "python"), `device` ("TENSORRT", "CUDA", "CPU"),
    `precision`, and `fallback`: why what is better does not run it, "" when nothing was missed. Thread-safe.
    """

    def __init__(self, model: PathName | Callable[..., Any], input_shape: Sequence[int], precision: str = "fp16") -> None:
        if precision not in PRECISIONS:
            raise InvalidArgument(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.input_shape = tuple(int(size) for size in input_shape)
        if not self.input_shape or min(self.input_shape) < 1:
            raise InvalidArgument(f"input_shape has a number of 1 or more for each dimension, not {input_shape}")
        if not callable(model) and not isinstance(model, (str, os.PathLike)):
            raise InvalidArgument(f"a model is a file, a torch module or a function, not {type(model).__name__}")
        self.model = model
        self.asked = precision
        self.runtime = self.device = self.fallback = ""
        self.precision = precision
        self._loaded: Loaded | None = None
        self._function: Callable[..., Any] | None = None
        self._last: Tensor | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @staticmethod
    def shape_of(model: PathName) -> tuple[int, ...]:
        """The input shape that a file names."""
        return file_shape(os.fspath(model))

    def convert_to_trt(self) -> bool:
        """Loads the model on TensorRT, or what comes next: CUDA, the processor's runtimes, the module or function itself.

        Returns whether TensorRT runs it; `runtime`, `device` and `fallback` say what does, and why. Raises FoveaError when
        nothing can, with all reasons, and InvalidArgument when the file takes another shape. C: fov_backend.load.
        """
        missed: list[str] = []
        path = self._file(missed)
        self._loaded = self._function = None
        if path is not None:
            self._load(path, missed)
        if self._loaded is None and callable(self.model):
            self._function = self._module() if is_torch_module(self.model) else self.model
            self.runtime, self.device = ("torch" if is_torch_module(self.model) else "python"), "CPU"
            self.precision = "fp32"
        self.fallback = "; ".join(missed)
        if self._loaded is None and self._function is None:
            raise RuntimeMissing(f"nothing here runs {path or self.model}: {self.fallback or 'no runtime takes such a file'}")
        return self.device == "TENSORRT"

    def _file(self, missed: list[str]) -> str | None:
        """The model's file; a torch module is written to one."""
        if isinstance(self.model, (str, os.PathLike)):
            return os.fspath(self.model)
        if not is_torch_module(self.model):
            missed.append("a function runs in Python alone")
            return None
        self._folder = tempfile.TemporaryDirectory(prefix="fovea-onnx-")
        try:
            return export_onnx(self.model, Path(self._folder.name) / "model.onnx", self.input_shape)
        except FoveaError as reason:
            missed.append(str(reason))
            return None

    def _load(self, path: str, missed: list[str]) -> None:
        if not os.path.isfile(path):
            raise NotFound(f"{path}: no such file")
        for backend, device, why in candidates(path):
            try:
                if why:
                    raise RuntimeMissing(why)
                loaded = Loaded(backend, path, device, self.asked, self.input_shape)
            except FoveaError as reason:
                missed.append(f"{text(backend.name)} {device}: {reason}")
                continue
            loaded.turned(np.empty(self.input_shape, np.uint8))
            self._loaded = loaded
            self.runtime, self.device, self.precision = loaded.runtime, loaded.device or device, loaded.precision
            return

    def _module(self) -> Callable[[Tensor], Any]:
        torch, module = importlib.import_module("torch"), cast(Any, self.model)
        module.eval()

        def run(tensor: Tensor) -> Any:
            with torch.no_grad():
                return module(torch.from_numpy(np.ascontiguousarray(tensor, np.float32)))
        return run

    def infer(self, input_tensor: ArrayLike) -> Tensor | tuple[Tensor, ...]:
        """Runs the model on a tensor of input_shape: the output, or a tuple of them when there are several. Copies.

        Loads the model first when convert_to_trt() was not called. Raises InvalidArgument for another shape.
        """
        if self._loaded is None and self._function is None:
            self.convert_to_trt()
        tensor = np.asarray(input_tensor)
        if tensor.shape != self.input_shape:
            raise InvalidArgument(f"the input is {shape_text(self.input_shape)}, not {shape_text(tensor.shape)}")
        self._last = tensor
        found = self._loaded.infer(tensor) if self._loaded else self._call(tensor)
        return found[0] if len(found) == 1 else found

    def _call(self, tensor: Tensor) -> tuple[Tensor, ...]:
        assert self._function is not None
        found = self._function(tensor)
        return tuple(np.asarray(one) for one in (found if isinstance(found, (tuple, list)) else (found,)))

    def get_throughput(self, seconds: float = 0.5) -> float:
        """Pictures a second: the last input (zeros before the first) is run again for about so long."""
        tensor = self._last if self._last is not None else np.zeros(self.input_shape, np.float32)
        self.infer(tensor)
        runs, began = 0, time.perf_counter()
        while (lasted := time.perf_counter() - began) < seconds or runs == 0:
            self.infer(tensor)
            runs += 1
        return runs * self.input_shape[0] / lasted

    def __call__(self, input_tensor: ArrayLike) -> Tensor | tuple[Tensor, ...]:
        return self.infer(input_tensor)


def export_onnx(model: PathName | Callable[..., Any], path: PathName, input_shape: Sequence[int], *, opset: int = 17) -> str:
    """Writes a model as ONNX to `path` and returns that.

    model: a torch.nn.Module, by torch.onnx with an input of zeros of input_shape; or an ONNX file, which is copied there.
    Raises Unsupported for anything else, and where torch cannot be imported; FoveaError when torch.onnx failed.
    """
    target = os.fspath(path)
    if isinstance(model, (str, os.PathLike)):
        return _pass_through(os.fspath(model), target)
    if not is_torch_module(model) or importlib.util.find_spec("torch") is None:
        raise Unsupported(f"{type(model).__name__}: only a torch.nn.Module, with torch installed, or an ONNX file can "
                                    "be written as ONNX; export it with the tools that it was made with")
    torch, module = importlib.import_module("torch"), cast(Any, model)
    example = torch.zeros(tuple(int(size) for size in input_shape))
    try:
        module.eval()
        torch.onnx.export(module, (example,), target, opset_version=opset, input_names=["input"])
    except Exception as reason:  # whatever torch says of somebody's model
        raise BadModel(f"torch.onnx cannot write the model: {reason}") from reason
    return target


def _pass_through(source: str, target: str) -> str:
    if not os.path.isfile(source):
        raise NotFound(f"{source}: no such file")
    if os.path.splitext(source)[1].lower() != ".onnx":
        raise Unsupported(f"{source}: it is no ONNX file; `fovea optimize {source} --target onnx -o {target}` converts")
    if not os.path.exists(target) or not os.path.samefile(source, target):
        shutil.copyfile(source, target)
    return target
