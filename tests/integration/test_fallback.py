"""A device that is missing, cannot load a model or breaks while it runs: something slower serves, and says so."""
import time

import pytest
import realtime

BASE = "/api/v1/realtime"


def picture(server):
    return server.post(f"{BASE}/video/process-frame", files={"file": ("x.jpg", realtime.picture(), "image/jpeg")})


def device(server):
    info = server.get(f"{BASE}/edge/device-info").json()
    return info["selected"]["device"], info["fallback"]


def test_nothing_is_said_where_nothing_was_missed(start_server):
    server = start_server(model="fake:")
    assert server.get("/readyz").text == "ready\n"
    assert device(server) == ("CPU", None)


def test_a_device_that_cannot_load_is_explained(start_server):
    server = start_server(model="fake:gpu_load_fails=1")
    assert server.get("/readyz").text == "ready\nfake runs on fake CPU: fake GPU: fake: gpu_load_fails=1\n"
    assert device(server) == ("CPU", "fake GPU: fake: gpu_load_fails=1")
    assert picture(server).status_code == 200


def test_gpus_can_be_forbidden(start_server):
    server = start_server(model="fake:gpu_load_fails=0", env={"REALTIME_USE_GPU": "false"})
    assert device(server) == ("CPU", None)


@pytest.mark.parametrize("fault", ["gpu_fail_after=3", "gpu_nan_after=3"])
def test_a_device_that_breaks_is_left(start_server, fault):
    server = start_server(model=f"fake:{fault}")
    assert device(server) == ("GPU", None)
    codes = [picture(server).status_code for _ in range(3)]
    assert codes == [200] * 3
    end = time.monotonic() + 10
    while device(server)[0] == "GPU" and time.monotonic() < end:
        assert picture(server).status_code in (200, 500)
        time.sleep(0.02)
    assert device(server) == ("CPU", "fake GPU: failed while it ran")
    assert [picture(server).status_code for _ in range(5)] == [200] * 5
    assert "failed while it ran" in server.get("/readyz").text
    assert "\nfovea_fallbacks_total 1\n" in server.get("/metrics").text
    assert "fallback: fake: fake GPU failed" in server.log
