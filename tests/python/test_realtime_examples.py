"""Every code block of documents 000 and 003: as a file of examples/python, and as it stands there with its import line changed."""
import os
import re
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from places import CLIP, DATA, DOG, EXAMPLES, ROOT, SEEDS, YOLOX, camera_servers, match, needs_clip, needs_model

import fovea.realtime
from fovea.realtime import StreamProcessor

pytest.importorskip("cv2")

# What each example prints, on the drawn match and fake models; rows of 003 follow the document's blocks.
PLAYERS = r"Frame \d+: \d+ players\n"
EXPECTED = {
    "process_frame": r"Processing time: [\d.e-]+ms\nMeets requirement: True\nFound: \{'class': 'box'",
    "process_stream": r"(Frame \d+: [\d.e-]+ms\n)+Average latency: [\d.]+ms\nFrames: 50, dropped: \d+, late: 0\n",
    "optimize_for_edge": r"Device: \w+\nRuns on: fake CPU f32\nConverted: False",
    "settings": r"REALTIME_ENABLED: True\nREALTIME_TARGET_FPS: 30\nREALTIME_MAX_LATENCY_MS: 200.0\nREALTIME_BUFFER_SIZE: 5\n",
    "tensorrt_model": r"Throughput: [\d.]+ FPS\nRuns on: python .*\nNo ONNX: ",
    "async_reader": r"(Frame \d+ at [\d.]+ s: 640x360\n){20}$",
    "pipelines": r"Frame 0: \d+ players\nBatch: \[(\d+, ){7}\d+\] players\nFPS: [\d.]+\nLatency: [\d.]+ms\nGPU Memory: nan MB\n",
    "stream_processor": f"({PLAYERS}){{10,}}",
    "pipeline_benchmark": r"Average FPS: [\d.]+\nAverage Latency: [\d.]+ms\nGPU Memory: nan MB\n(  \w+: [\d.]+ms\n){6}",
    "stream_benchmark": r"Achieved FPS: [\d.]+\nE2E Latency: [\d.]+ms\n",
    "basic_realtime": f"({PLAYERS}){{10,}}",
    "adaptive_fps": rf"({PLAYERS}){{10,}}FPS now: [\d.]+\n",
    "live_stream": f"({PLAYERS}){{10,}}",
    "batch_processing": f"({PLAYERS}){{50}}$",
    "integration": f"({PLAYERS}){{20,}}",
}


def run(name, *words):
    done = subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, words)], capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "PYTHONWARNINGS": "error"}, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_examples_offline(name):
    text = run(name)
    assert re.search(EXPECTED[name], text), text


@needs_model
@pytest.mark.parametrize("name, words, expected", [
    ("process_frame", ["--source", DOG, "--model", YOLOX], r"Found: \{'class': 'dog'"),
    ("process_stream", ["--source", DATA / "images/*.jpg", "--model", YOLOX], r"Average latency: [1-9][\d.]*ms\nFrames: \d"),
    ("optimize_for_edge", ["--model", DATA / "models/yolox_nano_416_float16.tflite"], r"Runs on: (openvino|litert) "),
    ("tensorrt_model", ["--model", YOLOX], r"Throughput: [\d.]+ FPS\nRuns on: (openvino|onnxruntime) .*\nONNX: .*model.onnx\n"),
])
def test_examples_with_real_models(name, words, expected):
    text = run(name, *words)
    assert re.search(expected, text), text


@pytest.fixture(scope="module")
def real_config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(f"football: {{player_model: {YOLOX}}}\n")
    return path


@needs_model
@needs_clip
@pytest.mark.parametrize("name", ["stream_processor", "integration", "pipelines"])
def test_examples_on_a_real_clip(name, real_config):
    text = run(name, "--source", CLIP, "--config", real_config, "--seconds", 6)
    assert re.search(r"Frame \d+: [1-9]\d* players", text), text


# --- the documents themselves -----------------------------------------------------------------------------------

IMPORTS = re.compile(r"^from (?:app\.services\.realtime\.\w+|realtime|main) import", re.M)


def blocks(document):
    """The Python of a document, its import lines changed and nothing else."""
    path = SEEDS / document
    if not path.exists():
        return []
    found = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    return [IMPORTS.sub("from fovea.realtime import", block) for block in found]


@pytest.fixture(scope="module")
def rtmp(tmp_path_factory):
    servers, folder = camera_servers(), tmp_path_factory.mktemp("rtmp")
    nginx = servers.Nginx(folder / "nginx")
    publisher = nginx.publish(servers.make_clip(folder / "clip.mp4"), "match")
    yield f"rtmp://127.0.0.1:{nginx.rtmp}/live/match"
    publisher.kill()
    publisher.wait()
    nginx.kill()


def write_module(path):
    """The mean of each channel of a picture of 1920 x 1080 px, for the document's `pytorch_model`: torch is not here."""
    sys.path.insert(0, str(ROOT / "tests/infer"))
    from onnx_writer import model, node, value
    path.write_bytes(model([node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)], [value("x", [1, 3, 1080, 1920])],
                           [value("y", [1, 3])]))


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the files that the documents name: a picture, short clips, settings of a pipeline."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("football: {player_model: 'fake:labels=person,width=640,height=640'}\n")
    (tmp_path / "frame.jpg").symlink_to(DOG)
    write_module(tmp_path / "module.onnx")
    servers = camera_servers()
    servers.make_clip(tmp_path / "video.mp4", seconds=3)
    (tmp_path / "test_video.mp4").symlink_to(tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_of(document, seen):
    """What a document's blocks take for given."""
    nap = time.sleep
    pictures = [np.full((360, 640, 3), shade, np.uint8) for shade in range(40, 48)]
    given = {"time": types.SimpleNamespace(sleep=lambda seconds: nap(min(seconds, 1.5))), "frame": pictures[0], "frames": pictures,
             "video_frames": pictures, "process": seen.append, "save_results": seen.append, "on_result": seen.append,
             "H_matrix": [[4.2, 1.3, 55.0], [0.0, -1.6, 290.0], [0.0, 0.004, 1.0]],
             "model": "fake:", "original_model": str(DATA / "models/yolox_nano_416_float16.tflite"),
             "pytorch_model": "module.onnx", "input_shape": (1, 3, 1080, 1920), "input_tensor": np.zeros((1, 3, 1080, 1920), np.float32)}
    if document.startswith("003"):
        given["pipeline"] = fovea.realtime.PipelineFactory.create_realtime_pipeline("config/config.yaml")
        # examples 2 to 4 go on where example 1 ended
        given.update({name: getattr(fovea.realtime, name) for name in ("StreamProcessor", "PipelineFactory")})
    return given


def cases():
    return [(document, number) for document in ("000_endoscopy_realtime.fa.txt", "003_football_pipeline.txt")
            for number in range(len(blocks(document)))]


def test_no_block_is_left_out():
    if not SEEDS.exists():
        pytest.skip("the documents are not here")
    assert [sum(document.startswith(name) for document, _ in cases()) for name in ("000", "003")] == [4, 11]


@needs_model
@needs_clip
@pytest.mark.parametrize("document, number", cases())
def test_blocks_as_they_stand(document, number, workplace, rtmp, capsys):
    block, seen = blocks(document)[number], []
    given = names_of(document, seen)
    block = re.sub(r"rtmp://[\w.]+", rtmp, block)  # the servers that the document names are not there: ours is
    exec(compile(block, f"{document} {number}", "exec"), given)  # noqa: S102
    processor = given.get("processor")
    if isinstance(processor, StreamProcessor):
        until = time.monotonic() + 30
        while processor.is_running and not processor.get_stats()["delivered"] and time.monotonic() < until:
            time.sleep(0.05)
        processor.stop()
        assert processor.error is None and processor.callback_errors == 0
        at_once = "processor.stop()" in block and "sleep" not in block
        assert processor.get_stats()["delivered"] > 0 or at_once, "one block ends what it has just begun"
    for name in re.findall(r"^(\w+) = .*(?:PipelineFactory|FootballTracker)", block, re.M):
        given[name].close()
    if "TensorRTModel" in block:
        assert given["output"].tolist() == [[0, 0, 0]] and given["onnx_path"] == "model.onnx" and (workplace / "model.onnx").exists()
    if "print(" in block and "on_result" not in block:
        printed = capsys.readouterr().out
        assert printed and "None" not in printed


def test_a_readme_row_for_each_example():
    text = (EXAMPLES / "README.md").read_text()
    named = set(re.findall(r"\]\((\w+)\.py\)", text))
    assert named >= {path.stem for path in EXAMPLES.glob("*.py")} & set(EXPECTED)
