"""Models: a file and what runs it."""
from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, Union

from ._errors import Closed, InvalidArgument, check, new_error
from ._frames import Frame, picture_of
from ._library import ffi, lib, text
from ._lifetime import Closing
from ._results import labeller, timings_ms, to_detections
from ._workers import Workers
from .detections import Detections

PathLike = Union[str, "os.PathLike[str]"]
PRECISIONS = {"auto": "FOV_PRECISION_AUTO", "fp32": "FOV_PRECISION_F32", "fp16": "FOV_PRECISION_F16",
              "int8": "FOV_PRECISION_INT8"}
CLASSES = 1024


def find_model(name: PathLike | None = None) -> str:
    """The file (or address) that a name leads to, as the command line finds it; None: the default model.

    Raises NotFound with what would bring it."""
    path, error = ffi.new("char[]", 4096), new_error()
    check(lib.fov_model_find(_c(name), path, 4096, error), error)
    return text(path)


def models() -> dict[str, str]:
    """The models that are on this machine under a name, with their files; `fovea models pull NAME` brings others."""
    found: dict[str, str] = {}

    def tell(_user: Any, name: Any, path: Any) -> None:
        found[text(name)] = text(path)

    error, told = new_error(), ffi.callback("void(void *, const char *, const char *)", tell)
    check(lib.fov_model_list(told, ffi.NULL, error), error)
    return found


def _c(value: PathLike | None) -> Any:
    return ffi.NULL if value is None else ffi.new("char[]", os.fspath(value).encode())


class Options:
    """A fov_model_params with the strings that it points to."""

    def __init__(self, path: str, **values: Any) -> None:
        self.params = ffi.new("fov_model_params *")
        self.keep = []
        for name, value in {"path": path, **values}.items():
            if isinstance(value, (str, os.PathLike)):
                value = _c(value)
                self.keep.append(value)
            if value is not None:
                setattr(self.params, name, value)


def options_of(model: PathLike | None, *, id: str | None = None, backend: str | None = None, device: str | None = None,
               head: str | None = None, labels: PathLike | None = None, input: str | None = None,
               precision: str = "auto", threads: int = 0, runners: int = 1,
               input_size: int | tuple[int, int] | None = None, batch: int = 1, cache_dir: PathLike | None = None,
               runtime_dir: PathLike | None = None, avoid: str | None = None, no_int8: bool = False) -> Options:
    """How a model is opened; see Model."""
    if precision not in PRECISIONS:
        raise InvalidArgument(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
    if runners < 1 or threads < 0 or batch < 1:
        raise InvalidArgument(f"runners and batch are 1 at least, threads 0: not {runners}, {batch}, {threads}")
    width, height = (input_size, input_size) if isinstance(input_size, int) else input_size or (0, 0)
    many = {"hint": lib.FOV_HINT_THROUGHPUT, "runners": runners} if runners > 1 else {}
    name = None if model is None else os.fspath(model)
    if id is None and name is not None and not any(sign in name for sign in "/:\\"):
        id = name.rsplit(".", 1)[0] if name.endswith((".xml", ".onnx", ".tflite")) else name
    return Options(find_model(name), id=id, backend=backend, device=device, head=head, labels=labels, input=input,
                   precision=getattr(lib, PRECISIONS[precision]), threads=threads, input_width=width,
                   input_height=height, batch=batch, cache_dir=cache_dir, runtime_dir=runtime_dir, avoid=avoid,
                   no_int8=no_int8, **many)


def detect_params(conf: float | None = None, iou: float | None = None, max_detections: int | None = None,
                  classes: Iterable[int] | None = None, exact: bool = False) -> Any:
    """A fov_detect_params; None is its default (0.25, 0.45, 300, all classes)."""
    params = ffi.new("fov_detect_params *")
    params.conf, params.iou, params.max_detections = conf or 0.0, iou or 0.0, max_detections or 0
    params.exact = exact
    for one in classes or ():
        if not 0 <= one < CLASSES:
            raise InvalidArgument(f"classes are numbers from 0 to {CLASSES - 1}, not {one}")
        params.classes[one // 64] |= 1 << (one % 64)
    return params


class _Runner:
    """One thread's right to run a model, with the memory that its results are written to."""

    CAPACITY = 1000

    def __init__(self, model: Any, info: Any) -> None:
        self.handle, self.error, self.timings = ffi.new("fov_runner **"), new_error(), ffi.new("fov_timings *")
        self.items, self.details = ffi.new("fov_detection[]", self.CAPACITY), ffi.new("fov_details **")
        self.frame, self.size = ffi.new("fov_frame *"), ffi.new("int[2]")
        check(lib.fov_details_create(self.details, info.task, self.CAPACITY, info.keypoints, info.embedding))
        self.out = ffi.new("fov_detections *", {"items": self.items, "capacity": self.CAPACITY,
                                                "details": self.details[0]})
        check(lib.fov_runner_open(self.handle, model, self.error), self.error)

    def detect(self, frame: Frame, params: Any) -> tuple[int, int]:
        """Fills `out` and `timings`; returns the picture's size."""
        picture = picture_of(frame)
        if picture.image:
            check(lib.fov_runner_detect(self.handle[0], picture.image, picture.width, picture.height, params, self.out,
                                        self.timings, self.error), self.error)
            return picture.width, picture.height
        self.frame.bytes, self.frame.size = picture.bytes, picture.size
        check(lib.fov_runner_detect_frame(self.handle[0], self.frame, params, self.out, self.size, self.size + 1,
                                          self.timings, self.error), self.error)
        return self.size[0], self.size[1]

    def close(self) -> None:
        lib.fov_runner_close(self.handle)
        lib.fov_details_destroy(self.details)


class Model(Closing):
    """A model and what runs it.

    model       a file (.xml, .onnx, .tflite, .pb), a name ("ssd_mobilenet_v2"), an address ("oip://host:port/model",
                "fake:..."); None: the default model
    device      "CPU", "GPU", "NPU", "TPU", "CUDA", "TENSORRT", "COREML", "AUTO", "GPU.1"; None: the order of what is there
    precision   "auto", "fp32", "fp16", "int8"
    runners     how many threads may run it at once, each on its own cores; 1: all cores work for one frame at a time
    threads     of the runtime; 0: the cores that this process may use
    input_size  px, a side or (width, height), of models that leave it open
    conf, iou, max_detections, classes   what `predict` keeps: score (0.25), overlap (0.45), how many (300), class ids

    Raises NotFound, BadModel, RuntimeMissing, Unsupported, InferenceFailed with the reason and what would mend it.
    Threads: all may call it at once; those beyond `runners` wait for each other, without the interpreter's lock.
    """

    def __init__(self, model: PathLike | None = None, *, conf: float | None = None, iou: float | None = None,
                 max_detections: int | None = None, classes: Iterable[int] | None = None, **options: Any) -> None:
        self._model = ffi.NULL
        self._workers: tuple[int, Workers] | None = None
        self._ready, self._free, self._open = threading.Condition(threading.Lock()), [], 0  # type: tuple[Any, list[_Runner], int]
        self._defaults = {"conf": conf, "iou": iou, "max_detections": max_detections,
                          "classes": None if classes is None else list(classes)}
        self._params = detect_params(**self._defaults)  # type: ignore[arg-type]
        self._options = options_of(model, **options)
        opened, error = ffi.new("fov_model **"), new_error()
        check(lib.fov_model_open(opened, self._options.params, error), error)
        self._model, self._held = opened[0], opened
        super().__init__("model")
        self._info = lib.fov_model_get_info(self._model)
        self._label = labeller(self._model)

    # --- what it is ---

    @property
    def id(self) -> str:
        return text(self._about().id)

    @property
    def path(self) -> str:
        """Of the file that runs."""
        return text(self._about().path)

    @property
    def labels(self) -> list[str]:
        info = self._about()
        return [text(info.labels[i]) for i in range(info.label_count)]

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of its input, px."""
        info = self._about()
        return info.input_width, info.input_height

    @property
    def task(self) -> str:
        """"detect", "segment", "semantic", "pose", "obb", "classify", "embed"."""
        return text(lib.fov_task_name(self._about().task))

    @property
    def backend(self) -> str:
        return text(self._about().backend)

    @property
    def device(self) -> str:
        return text(self._about().device)

    @property
    def precision(self) -> str:
        return text(self._about().precision)

    @property
    def runners(self) -> int:
        """How many threads may run it at once."""
        return int(self._about().max_runners)

    @property
    def info(self) -> dict[str, Any]:
        """All that is known of it, by the names of fov_model_info (include/fovea/model.h)."""
        about: dict[str, Any] = {}
        info = self._about()
        for name in dir(info):
            value = getattr(info, name)
            if name == "labels":
                about[name] = self.labels
            elif isinstance(value, ffi.CData):
                about[name] = text(value)
            else:
                about[name] = value
        return {**about, "task": self.task, "input_dtype": text(lib.fov_dtype_name(info.input_dtype))}

    def label(self, class_id: int) -> str:
        """Label of a class id, or "class_N"."""
        self._about()
        return str(self._label(class_id))

    def _about(self) -> Any:
        if not self._model:
            raise Closed("the model is closed")
        return self._info

    # --- running ---

    def predict(self, frame: Frame, *, conf: float | None = None, iou: float | None = None,
                max_detections: int | None = None, classes: Iterable[int] | None = None,
                exact: bool = False) -> Detections:
        """Detections of one frame; what is not given here is as the model was made with.

        frame: uint8 array height x width x 3 (BGR), height x width (gray), height x width x 4 (BGRA), read where it lies
        when its rows are whole; or the bytes of a JPEG, PNG or WebP. exact: encoded pictures are decoded whole, not at
        the smallest size that the model's input needs.

        Raises InvalidArgument, BadFormat, Unsupported, LimitExceeded, InferenceFailed, Closed. Blocks for the run,
        without the interpreter's lock."""
        params = self._wanted(conf, iou, max_detections, classes, exact)
        runner = self._take()
        try:
            width, height = runner.detect(frame, params)
            found = to_detections(runner.out, width, height, self._info.task, self._label)
            found.timings_ms = timings_ms(runner.timings)
            found.timings_ms["total"] = sum(found.timings_ms.values())  # no stream counts it here
            return found
        finally:
            self._give(runner)

    __call__ = predict

    def _wanted(self, conf: float | None, iou: float | None, max_detections: int | None,
                classes: Iterable[int] | None, exact: bool) -> Any:
        given = {"conf": conf, "iou": iou, "max_detections": max_detections, "classes": classes}
        given = {name: value for name, value in given.items() if value is not None}
        if not given and not exact:
            return self._params
        return detect_params(**{**self._defaults, **given}, exact=exact)  # type: ignore[arg-type]

    def _take(self) -> _Runner:
        lib.check()
        with self._ready:
            while True:
                info = self._about()
                if self._free:
                    return self._free.pop()
                if self._open < info.max_runners:
                    self._open += 1
                    model = ffi.new("fov_model **", lib.fov_model_ref(self._model))  # it may be closed meanwhile
                    break
                self._ready.wait()
        try:
            return _Runner(model[0], info)
        except BaseException:
            with self._ready:
                self._open -= 1
                self._ready.notify()
            raise
        finally:
            lib.fov_model_close(model)

    def _give(self, runner: _Runner) -> None:
        with self._ready:
            closed = not self._model
            if not closed:
                self._free.append(runner)
                self._ready.notify()
        if closed:
            runner.close()

    def workers(self, count: int = 0) -> Workers:
        """Threads that run this model for streams, made at the first call; the caller holds them once (`let_go`)."""
        with self._ready:
            self._about()
            if self._workers is None or (count and count != self._workers[0]):
                if self._workers is not None:
                    return Workers(self._options, count)
                self._workers = count, Workers(self._options, count)
            return self._workers[1].hold()

    def _close(self) -> None:
        if self._workers is not None:
            self._workers[1].let_go()
        with self._ready:
            free, self._free, self._model = self._free, [], ffi.NULL
            self._ready.notify_all()
        for runner in free:
            runner.close()
        lib.fov_model_close(self._held)

    def __repr__(self) -> str:
        return f"<fovea.Model {self.id} on {self.backend} {self.device}>" if self._model else "<fovea.Model closed>"
