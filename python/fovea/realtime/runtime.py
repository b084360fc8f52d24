"""A model's file on a runtime, tensors in and tensors out: no pictures, no heads."""
from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import BadModel, InvalidArgument, Unsupported, check, new_error
from .._library import ffi, lib, text

Tensor = NDArray[Any]
DTYPES: dict[int, np.dtype[Any]] = {lib.FOV_U8: np.dtype(np.uint8), lib.FOV_I8: np.dtype(np.int8), lib.FOV_F16: np.dtype(np.float16),
          lib.FOV_F32: np.dtype(np.float32), lib.FOV_I32: np.dtype(np.int32), lib.FOV_I64: np.dtype(np.int64)}
PRECISIONS = {"fp32": lib.FOV_PRECISION_F32, "fp16": lib.FOV_PRECISION_F16, "int8": lib.FOV_PRECISION_INT8,
              "auto": lib.FOV_PRECISION_AUTO}


def backends() -> Iterator[Any]:
    """Every backend of the library."""
    i = 0
    while (backend := lib.fov_backend_at(i)) != ffi.NULL:
        yield backend
        i += 1


def candidates(path: str) -> Iterator[tuple[Any, str, str]]:
    """Backend, device and why it cannot be, "" nothing is known: TensorRT and CUDA first, then the processor."""
    rank = {"TENSORRT": 0, "CUDA": 1}
    found: list[tuple[int, int, Any, str, str]] = []
    for order, backend in enumerate(backends()):
        name = text(backend.name)
        if name == "fake" or os.path.splitext(path)[1] not in text(backend.suffixes).split():
            continue
        probe = ffi.new("fov_backend_probe *")
        backend.probe(ffi.NULL, probe)
        devices = [text(probe.devices[i]) for i in range(probe.device_count)]
        for device in ("TENSORRT", "CUDA", "CPU") if name == "onnxruntime" else ("CPU",):
            why = "" if probe.available and device in devices else text(probe.reason) or f"{name} has no {device} here"
            found.append((rank.get(device, 2), order, backend, device, why))
    for _, _, backend, device, why in sorted(found, key=lambda one: one[:2]):
        yield backend, device, why


class Loaded:
    """A file that a backend has loaded, with one runner. Calls from several threads wait for each other."""

    def __init__(self, backend: Any, path: str, device: str, precision: str, shape: tuple[int, ...]) -> None:
        self.backend, self._model, self._runner = backend, ffi.new("void **"), ffi.new("void **")
        self._one = threading.Lock()
        params, error = ffi.new("fov_model_params *"), new_error()
        texts = [ffi.new("char[]", os.fsencode(path)), ffi.new("char[]", device.encode())]
        params.path, params.device = texts
        params.precision = PRECISIONS[precision]
        if len(shape) == 4:
            tall, wide = (shape[2], shape[3]) if shape[1] in (1, 3) else (shape[1], shape[2])
            params.batch, params.input_height, params.input_width = shape[0], tall, wide
        check(backend.load(params, self._model, error), error)
        try:
            check(backend.runner_open(self._model[0], self._runner, error), error)
            about = ffi.new("fov_backend_model *")
            backend.describe(self._model[0], about)
            if about.input_count != 1:
                raise Unsupported(f"{path}: it has {about.input_count} inputs; one tensor is all that can be given here")
            self.runtime, self.device = text(backend.name), text(about.device)
            self.precision, self.outputs = text(about.precision) or precision, about.output_count
            self._in, self._out = ffi.new("fov_tensor[]", lib.FOV_MODEL_INPUTS), ffi.new("fov_tensor[]", lib.FOV_MODEL_OUTPUTS)
            backend.inputs(self._runner[0], self._in)
            self._input = array_over(self._in[0])
        except BaseException:
            self.close()
            raise

    def infer(self, tensor: ArrayLike) -> tuple[Tensor, ...]:
        """Runs the model: a copy of each output, numbers of quantised ones made real."""
        with self._one:
            self._fill(self.turned(np.asarray(tensor)))
            error = new_error()
            check(self.backend.run(self._runner[0], self._out, error), error)
            return tuple(real(self._out[i]) for i in range(self.outputs))

    def turned(self, tensor: Tensor) -> Tensor:
        """A view of it as the file has it, which may have channels last. Raises InvalidArgument for another shape."""
        want = self._input.shape
        for order in ((0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2)) if tensor.ndim == 4 else (tuple(range(tensor.ndim)),):
            if tuple(tensor.shape[i] for i in order) == want:
                turned: Tensor = tensor.transpose(order)
                return turned
        raise InvalidArgument(f"the model takes {shape_text(want)}, not {shape_text(tensor.shape)}")

    def _fill(self, tensor: Tensor) -> None:
        """Quantised inputs take what stands for the numbers, where the file says what that is."""
        scale, zero = self._in[0].scale, self._in[0].zero
        if scale and tensor.dtype.kind == "f":
            bounds = np.iinfo(self._input.dtype)
            tensor = np.clip(np.rint(tensor / scale) + zero, bounds.min, bounds.max)
        elif self._input.dtype.kind in "iu" and tensor.dtype.kind == "f" and not np.array_equal(tensor, np.rint(tensor)):
            raise InvalidArgument(f"the model takes whole numbers ({self._input.dtype}), and {self.runtime} does not say what they "
                                  "stand for")
        np.copyto(self._input, tensor, casting="unsafe")

    def close(self) -> None:
        """Gives runner and model back."""
        for handle, end in ((self._runner, "runner_close"), (self._model, "unload")):
            if handle[0] != ffi.NULL:
                getattr(self.backend, end)(handle[0])
                handle[0] = ffi.NULL

    def __del__(self) -> None:
        if hasattr(self, "_runner") and not lib.forked:
            self.close()


def shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def array_over(tensor: Any) -> Tensor:
    """A view of a tensor's numbers."""
    dtype = DTYPES.get(tensor.dtype)
    if dtype is None:
        raise Unsupported(f"numbers of type {text(lib.fov_dtype_name(tensor.dtype))} are not known to numpy")
    shape = tuple(tensor.shape[i] for i in range(tensor.rank))
    count = int(np.prod(shape, dtype=np.int64))
    numbers: Tensor = np.frombuffer(ffi.buffer(tensor.data, count * dtype.itemsize), dtype)
    return numbers.reshape(shape)


def real(tensor: Any) -> Tensor:
    """A copy of a tensor's numbers; scale * (value - zero) where they are quantised."""
    numbers = array_over(tensor)
    return np.array(np.float32(tensor.scale) * (numbers.astype(np.float32) - tensor.zero) if tensor.scale else numbers)


def file_shape(path: str) -> tuple[int, ...]:
    """The shape of a file's first input, as the file names it: batch 1 and 640 px where that is left open. No runtime is
    needed. C: fov_inspect."""
    params, made, error = ffi.new("fov_model_params *"), ffi.new("fov_inspection **"), new_error()
    name = ffi.new("char[]", os.fsencode(path))
    params.path = name
    status = lib.fov_inspect(made, params, error)
    try:
        info = lib.fov_inspection_get_info(made[0]) if made[0] != ffi.NULL else None
        if info is None or info.input_count < 1 or info.inputs[0].rank < 1:
            check(status, error)
            raise BadModel(f"{path}: the file does not say what its input is")
        port = info.inputs[0]
        dims = [port.shape[i] for i in range(port.rank)]
        return tuple(size if size > 0 else 1 if i == 0 else 640 for i, size in enumerate(dims))
    finally:
        lib.fov_inspection_close(made)
