"""EdgeComputingManager of document 000: what this machine is, and a model in the form that suits it."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .._errors import FoveaError, InvalidArgument, Unsupported, failure
from .._library import ffi, lib, text
from ..model import Model, PathLike, find_model

FORMATS = {"tensorflow": (".tflite", ".pb", ".xml", ".onnx"), "tflite": (".tflite",), "onnx": (".onnx",), "openvino": (".xml",),
           "pytorch": (".onnx", ".pt", ".xml"), "paddle": (".pdmodel", ".xml", ".onnx")}
SUFFIX = {"openvino": ".xml", "onnx": ".onnx", "tflite": ".tflite", "edgetpu": ".tflite", "coreml": ".mlpackage"}
EXIT = {1: "bad_model", 2: "invalid_argument", 3: "runtime_missing"}


class EdgeModel(Model):
    """A Model, and how it came about.

    converted: a new file was made and compared with the original. target: the form that runs ("openvino"). agreement: share
    of boxes that both files find, None: nothing was compared. why: all of it in a sentence. source: the original.
    """

    def __init__(self, model: PathLike, *, source: str, converted: bool, target: str, agreement: float | None, why: str,
                 **options: Any) -> None:
        super().__init__(model, **options)
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # of a file that nobody gave a place
        self.source, self.converted, self.target, self.agreement, self.why = source, converted, target, agreement, why


class EdgeComputingManager:
    """What this machine is, and models in the form that suits it. Thread-safe.

    runtime_dir: where runtimes are looked for first. program: the command `fovea`, which converts models; default:
    `$FOVEA_PROGRAM`, beside the library, on the PATH.
    """

    def __init__(self, runtime_dir: PathLike | None = None, program: PathLike | None = None) -> None:
        self.runtime_dir = None if runtime_dir is None else os.fspath(runtime_dir)
        self.program = os.fspath(program) if program is not None else find_program()

    def get_device_info(self) -> dict[str, Any]:
        """The machine as it is now, as `GET /api/v1/realtime/edge/device-info` tells it: `device_type` ("jetson", "coral",
        "raspberry_pi", "apple_silicon", "intel_nuc", "gpu", "cpu"), `name`, `cpu`, `cores`, `memory_mb`, `accelerators[]`,
        `runtimes[]`, `selected`, `recommended_format`, `recommended_precision`, … . C: fov_device_probe."""
        info = ffi.new("fov_device_info *")
        place = ffi.NULL if self.runtime_dir is None else ffi.new("char[]", os.fsencode(self.runtime_dir))
        lib.fov_device_probe(place, info)
        recommended = ("runtime", "device", "format", "precision", "input_size", "threads")
        return {"device_type": text(info.type), "name": text(info.name), "model": text(info.model) or None,
                "software": text(info.software) or None, "cpu": text(info.cpu), "cpu_flags": text(info.cpu_flags),
                "features": [feature_of(info.features[i]) for i in range(info.feature_count)],
                "cores": info.cores, "cores_total": info.cores_total,
                "memory_mb": info.memory_mb, "memory_total_mb": info.memory_total_mb,
                "accelerators": [accelerator_of(info.accelerators[i]) for i in range(info.accelerator_count)],
                "runtimes": [runtime_of(info.runtimes[i]) for i in range(info.runtime_count)],
                "selected": {"runtime": text(info.selected_runtime) or None, "device": text(info.selected_device) or None},
                **{f"recommended_{name}": plain(getattr(info, f"recommended_{name}")) for name in recommended},
                "why": text(info.why)}

    def optimize_model_for_edge(self, model: PathLike, model_format: str = "tensorflow", *, pictures: PathLike | None = None,
                                target: str | None = None, precision: str | None = None, min_agreement: float = 0.95,
                                output: PathLike | None = None) -> EdgeModel:
        """The model in the form that suits this machine, ready to run; the result says what was done.

        model: a file or a name. model_format: "tensorflow", "tflite", "onnx", "openvino", "pytorch", "paddle": what the file
        is to be; it must fit. With `pictures` (a folder of what the model will see) the file is converted by
        `fovea optimize` to `target` and `precision` (default: what this machine recommends), compared with the original on
        them, and refused when they agree less than `min_agreement`; `output`: where the file goes, None: it is gone with the
        model. Without pictures, and
        where the conversion's tools are missing, the file runs as it is on the best runtime that is here, at the precision
        that keeps its results: `converted` is False, and `why` says so.
        Raises FoveaError: NotFound, InvalidArgument, BadModel (converted, but it sees something else).
        """
        source = self._source(model, model_format)
        info = self.get_device_info()
        wanted, least = target or info["recommended_format"], precision or info["recommended_precision"]
        if pictures is None:
            return self._as_it_is(source, "no pictures were given to compare a converted file on")
        if self.program is None:
            return self._as_it_is(source, "the program `fovea`, which converts, is not here")
        if wanted not in SUFFIX:
            return self._as_it_is(source, f"{wanted} is built by the runtime from this file when it is opened")
        return self._convert(source, wanted, least, os.fspath(pictures), min_agreement, output)

    def _source(self, model: PathLike, model_format: str) -> str:
        if model_format not in FORMATS:
            raise InvalidArgument(f"model_format is one of {', '.join(FORMATS)}, not {model_format!r}")
        if not isinstance(model, (str, os.PathLike)):
            raise Unsupported(f"a model is a file or a name here, not {type(model).__name__}: save it with the tools that it "
                              "was made with")
        path = find_model(model)
        suffix = Path(path).suffix.lower()
        if suffix and ":" not in path and suffix not in FORMATS[model_format]:
            raise InvalidArgument(f"{path} is no {model_format} file; those end with {' '.join(FORMATS[model_format])}")
        return path

    def _as_it_is(self, source: str, reason: str) -> EdgeModel:
        made = EdgeModel(source, source=source, converted=False, target="", agreement=None, why="", runtime_dir=self.runtime_dir)
        made.target = made.backend
        made.why = f"{reason}: the file runs as it is on {made.backend} {made.device}, {made.precision}"
        return made

    def _convert(self, source: str, target: str, precision: str, pictures: str, least: float, output: PathLike | None) -> EdgeModel:
        own = tempfile.TemporaryDirectory(prefix="fovea-edge-")
        place = output if output is not None else Path(own.name) / f"{Path(source).stem}_{precision}{SUFFIX[target]}"
        words = [str(self.program), "optimize", source, "--target", target, "--precision", precision, "--json",
                 "--min-agreement", str(least), "--calibration" if precision == "int8" else "--pictures", pictures, "-o", str(place)]
        with tempfile.TemporaryDirectory(prefix="fovea-edge-") as folder:  # its worst pictures are put where it runs
            words[2], words[-3], words[-1] = (os.path.abspath(word) for word in (source, pictures, place))
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        said = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("fovea optimize: ")
        if done.returncode == 3:
            return self._as_it_is(source, said or "the tools that convert are missing")
        if done.returncode:
            raise refusal(done.returncode, said)
        report = json.loads(done.stdout)
        agreement = report.get("agreement")
        why = f"converted to {target} {precision}; it agrees with the original in {agreement} of the boxes"
        made = EdgeModel(place, source=source, converted=True, target=target, agreement=agreement, why=why,
                         runtime_dir=self.runtime_dir)
        made._folder = own
        return made


def refusal(code: int, said: str) -> FoveaError:
    """The exception of an exit code of the program."""
    statuses = {text(lib.fov_status_code(i)): i for i in range(lib.FOV_STATUS_COUNT)}
    return failure(statuses[EXIT.get(code, "internal_error")], said or f"fovea optimize ended with {code}")


def find_program() -> str | None:
    """The command `fovea`."""
    named = os.environ.get("FOVEA_PROGRAM")
    if named:
        return named
    library = os.environ.get("FOVEA_LIBRARY", "")
    beside = Path(library).resolve().parent / "fovea" if library else None
    if beside is not None and os.access(beside, os.X_OK) and beside.is_file():
        return str(beside)
    return shutil.which("fovea")


def plain(value: Any) -> Any:
    """A field of a struct: its text, or its number."""
    return text(value) if isinstance(value, ffi.CData) else value


def feature_of(f: Any) -> dict[str, Any]:
    return {"name": text(f.name), "gain": text(f.gain), "usable": f.usable, "reason": None if f.usable else text(f.reason),
            "mend": text(f.mend) or None}


def accelerator_of(a: Any) -> dict[str, Any]:
    return {"kind": text(a.kind), "vendor": text(a.vendor), "name": text(a.name), "where": text(a.where),
            "driver": text(a.driver) or None, "memory_mb": a.memory_mb or None, "usable": a.usable,
            "runtime": text(a.runtime) if a.usable else None, "device": text(a.device) if a.usable else None,
            "reason": None if a.usable else text(a.reason), "mend": text(a.mend) or None}


def runtime_of(r: Any) -> dict[str, Any]:
    probe = r.probe
    here = probe.available
    return {"name": text(r.name), "version": text(probe.version) if here else None, "available": here,
            "reason": None if here else text(probe.reason), "library": text(probe.library) if here else None,
            "devices": [text(probe.devices[i]) for i in range(probe.device_count)]}
