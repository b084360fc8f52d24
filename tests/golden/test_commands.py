"""`fovea models` and `fovea benchmark` on the fake model: what they print and how they end."""
import json
import os
import subprocess

import pytest
from conftest import BIN, DATA, DEPS, answers, fovea


def test_models_list_names_licences():
    models = answers("models", "list")
    assert [m["name"] for m in models if m["default"]] == ["ssd_mobilenet_v2"]
    assert all(m["licence"] and m["origin"].startswith("http") for m in models)
    assert "Apache-2.0" in fovea("models", "list").stdout


def test_models_inspect_tells_what_and_why():
    info, = answers("models", "inspect", "fake:width=320,height=200")
    assert (info["head"], info["input_width"], info["input_height"], info["layout"]) == ("ssd", 320, 200, "nhwc")
    assert info["why"] == "fake model_type=ssd" and info["labels"][0] == "box"
    assert "u8[1,200,320,3]" in info["shapes"]


def test_a_runtime_can_be_named(data):
    for backend in "openvino", "onnxruntime":
        info, = answers("models", "inspect", data / "models/yolox_nano_416.onnx", "--backend", backend)
        assert (info["backend"], info["head"], info["device"]) == (backend, "yolox", "CPU")
    unknown = fovea("predict", data / "images/dog.jpg", "--model", "fake:", "--backend", "abacus")
    assert unknown.returncode == 3 and "abacus" in unknown.stderr


def test_models_inspect_refuses_with_a_reason(tmp_path):
    (tmp_path / "cut.onnx").write_bytes(b"\x08\x08:\x7fabc")
    done = fovea("models", "inspect", tmp_path / "cut.onnx")
    assert done.returncode == 3 and "damaged" in done.stderr
    assert fovea("models", "inspect", tmp_path / "none.onnx").returncode == 3
    assert fovea("models").returncode == 2
    assert fovea("models", "inspect").returncode == 2


def test_models_inspect_refuses_the_negative_files(data):
    for path in (DATA / "models/negative").iterdir():
        done = fovea("models", "inspect", path)
        assert done.returncode == 3 and "Git LFS" in done.stderr, done.stderr


def test_benchmark_adds_up():
    done = fovea("benchmark", "pattern:width=320,height=240,frames=40", "--model", "fake:sleep_ms=20", "--seconds", ".5",
                 "--sessions", "2", "--slo", "1000", "--fps", "10", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    stages = result["stages_ms"]
    assert result["frames"] >= 50 and stages["inference"]["p50"] >= 20
    assert stages["bound"]["p50"] >= 20 and stages["total"]["p50"] >= stages["inference"]["p50"]
    assert result["fps"] > 0 and result["bound_fps"] > 0 and result["sessions"] == 2
    assert result["live_streams"] <= 10  # two runs of 20 ms at once carry no more; a busy machine carries fewer
    live = result["live"]
    assert live["fps"] == 10 and result["slo_ms"] == 1000
    for form in (live["latency"], live["throughput"]):
        assert 20 <= form["mean_ms"] <= form["p95_ms"] and form["promised"] <= form["fits"]
        assert form["fits"] * 10 * form["mean_ms"] / 1e3 <= 0.9 * form["runs_at_once"] + 1e-6, "the rule of work"
        assert form["fits"] <= form["bound_streams"] * 1.2
    tried = {one["streams"]: one["fits"] for one in live["tried"]}  # of two chances the second
    assert 2 in tried, "as asked for"
    assert result["live_streams"] == 0 or tried[result["live_streams"]]
    assert tried.get(result["live_streams"] + 1) is not True


def test_benchmark_of_the_standard_kind():
    done = fovea("benchmark", "--model", "fake:sleep_ms=5", "--seconds", ".3", "--slo", "500")
    assert done.returncode == 0, done.stderr
    assert "1280 x 720 JPEG" in done.stdout and "live streams of 15 fps, 1280 x 720, answers within 500 ms" in done.stdout
    assert "bound: the same as raw calls" in done.stdout and "start-stream promises" in done.stdout
    assert "tried:" in done.stdout and "live streams of 15 fps end 99 of 100 frames within 500 ms" in done.stdout


def test_benchmark_measures_one_runtime(data, tmp_path):
    """The loader tells which libraries were opened: bound and workers must be the runtime that was named."""
    model = data / "models/yolox_nano_416.onnx"
    if not model.exists() or not (DEPS / "onnxruntime/lib").exists():
        pytest.skip("no shared model, or ONNX Runtime is not in .deps")
    if os.environ.get("FOVEA_SANITIZED"):
        pytest.skip("the runtimes are opened without sanitizers")
    done = subprocess.run([str(BIN), "benchmark", "pattern:width=64,height=64,frames=4", "--model", str(model), "--backend",
                           "onnxruntime", "--seconds", ".2", "--json"], capture_output=True, text=True, timeout=280,
                          env={**os.environ, "FOVEA_DEPS": str(DEPS), "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(tmp_path / "ld")})
    assert done.returncode == 0, done.stderr
    opened = "".join(path.read_text(errors="replace") for path in tmp_path.glob("ld.*"))
    assert "libonnxruntime.so" in opened and "libopenvino" not in opened


def test_benchmark_says_what_is_wrong():
    assert fovea("benchmark", "/nonexistent.mp4", "--model", "fake:").returncode == 3
    assert fovea("benchmark", "--sessions", "0").returncode == 2
    done = fovea("benchmark", "pattern:width=64,height=64,frames=9", "--model", "fake:fail_every=5", "--seconds", ".2")
    assert done.returncode == 1 and "fail_every" in done.stderr
