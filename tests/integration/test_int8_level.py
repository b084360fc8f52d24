"""A server says which of the default model's files it runs, and REALTIME_OPTIMIZATION_LEVEL decides."""
from pathlib import Path

import pytest
from conftest import DEPS, SANITIZED

MODEL = DEPS / "models/ssd_mobilenet_v2/model_int8.xml"
VNNI = {"avx512_vnni", "avx_vnni", "asimddp"} & set(Path("/proc/cpuinfo").read_text().split())


@pytest.mark.skipif(bool(SANITIZED) or not MODEL.exists() or not VNNI,
                    reason="no INT8 form of the default model, no VNNI, or no runtime in a sanitized build")
@pytest.mark.parametrize("level, file, precision", [("high", "model_int8.xml", {"int8"}),
                                                    ("medium", "model.xml", {"bf16", "f32", "f16"}),
                                                    ("low", "model.xml", {"f32"})])
def test_the_level_decides(start_server, level, file, precision):
    server = start_server(model="ssd_mobilenet_v2", env={"REALTIME_OPTIMIZATION_LEVEL": level})
    ready = server.get("/readyz").text.splitlines()
    assert ready[0] == "ready" and f"ssd_mobilenet_v2: {file} (" in ready[1]
    info = server.get("/api/v1/realtime/edge/device-info").json()
    assert info["selected"]["file"] == file and "INT8" in info["selected"]["file_reason"]
    assert info["precision"] in precision
