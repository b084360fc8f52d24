"""POST /api/v1/realtime/video/process-frame and GET …/stats."""
import os
import threading
import time

import pytest
from realtime import DROPS, PROCESS, STATS, assert_result, picture, spot

JPEG = {"Content-Type": "image/jpeg"}


def test_form_and_body(server):
    body = picture()
    first = server.post(PROCESS, files={"file": ("frame.jpg", body, "image/jpeg")})
    assert first.status_code == 200 and first.headers["Content-Type"] == "application/json"
    assert_result(first.json())
    second = server.post(PROCESS, data=body, headers=JPEG).json()
    assert_result(second)
    assert second["frame_id"] == first.json()["frame_id"] + 1
    assert second["backend"] == "fake" and second["meets_latency_requirement"] is True


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_formats(server, form):
    answer = server.post(PROCESS, data=picture(200, 100, form=form), headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200, answer.text
    assert_result(answer.json(), 200, 100)


def test_boxes_are_those_of_the_picture(start_server):
    server = start_server(model="fake:boxes=bright")
    for x, y in [(0, 0), (320, 128), (576, 416)]:
        box, = server.post(PROCESS, data=spot(x, y), headers=JPEG).json()["annotations"]
        assert box["box"] == pytest.approx([x, y, x + 64, y + 64], abs=8)
    assert server.post(PROCESS, data=picture(level=10), headers=JPEG).json()["annotations"] == []


def test_parameters(server):
    body = picture()
    form = {"file": ("f.jpg", body)}
    late = server.post(PROCESS, files=form, data={"max_latency_ms": "0.001"}).json()
    assert late["meets_latency_requirement"] is False, "late frames are run and answered"
    assert server.post(PROCESS + "?max_latency_ms=0", files=form).json()["meets_latency_requirement"] is True
    assert len(server.post(PROCESS, files=form, data={"conf": "0.5"}).json()["annotations"]) == 1
    assert server.post(PROCESS, files=form, data={"conf": "0.95"}).json()["annotations"] == []
    assert len(server.post(PROCESS + "?conf=0.01", files=form).json()["annotations"]) == 1, "below the usual threshold"
    model = server.post(PROCESS, files=form).json()["model_id"]
    assert server.post(PROCESS, files=form, data={"model_id": model}).status_code == 200


@pytest.mark.parametrize("name,value", [("max_latency_ms", "soon"), ("max_latency_ms", "-1"), ("conf", "2"), ("conf", ""),
                                        ("conf", "nan"), ("strict", "maybe")])
def test_bad_parameters(server, name, value):
    for way in ({"data": {name: value}}, {"params": {name: value}}):
        answer = server.post(PROCESS, files={"file": ("f.jpg", picture())}, **way)
        assert answer.status_code == 422 and answer.headers["Content-Type"] == "application/problem+json"
        assert name in answer.json()["detail"]


def test_unknown_model(server):
    answer = server.post(PROCESS, files={"file": ("f.jpg", picture())}, data={"model_id": "nobody"})
    assert answer.status_code == 404 and answer.json()["code"] == "unknown_model" and "nobody" in answer.json()["detail"]


def test_strict_refuses_what_is_late(start_server):
    server = start_server(model="fake:sleep_ms=60")
    body = picture()
    late = server.post(PROCESS + "?strict=true&max_latency_ms=10", data=body, headers=JPEG)
    assert late.status_code == 503 and late.json()["code"] == "too_late" and int(late.headers["Retry-After"]) > 0
    assert server.post(PROCESS + "?strict=true&max_latency_ms=5000", data=body, headers=JPEG).status_code == 200
    assert server.post(PROCESS + "?max_latency_ms=10", data=body, headers=JPEG).json()["meets_latency_requirement"] is False


def test_more_than_16_waiting_are_refused_and_all_others_answered(start_server):
    server = start_server(model="fake:sleep_ms=100", env={"OPENVINO_ASYNC_INFERENCE": "false"})
    body, answers = picture(), []

    def send():
        import requests
        answers.append(requests.post(server.url + PROCESS, data=body, headers=JPEG, timeout=30))

    threads = [threading.Thread(target=send) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [a for a in answers if a.status_code == 200]
    busy = [a for a in answers if a.status_code == 503]
    assert len(good) + len(busy) == 40 and busy and len(good) >= 17
    assert all(a.json()["code"] == "busy" and int(a.headers["Retry-After"]) > 0 for a in busy)
    ids = [a.json()["frame_id"] for a in good]
    assert len(set(ids)) == len(ids)
    assert server.post(PROCESS, data=body, headers=JPEG).status_code == 200, "it goes on"


def test_a_client_that_goes_away_harms_nobody(start_server):
    import requests
    server = start_server(model="fake:sleep_ms=200")
    for _ in range(5):
        with pytest.raises(requests.RequestException):
            requests.post(server.url + PROCESS, data=picture(), headers=JPEG, timeout=0.05)
    assert server.post(PROCESS, data=picture(), headers=JPEG).status_code == 200
    assert server.stop() == 0


def test_failing_model_answers_an_error(start_server):
    server = start_server(model="fake:fail_every=2")
    codes = [server.post(PROCESS, data=picture(), headers=JPEG).status_code for _ in range(4)]
    assert sorted(codes) == [200, 200, 500, 500]


def test_a_run_that_hangs_is_given_up_and_answered(start_server):
    server = start_server(model="fake:hang_after=0")
    answer = server.post(PROCESS, data=picture(), headers=JPEG)
    assert answer.status_code == 504 and answer.json()["code"] == "timeout"


def test_stats(start_server):
    server = start_server(model="fake:sleep_ms=20")
    for _ in range(5):
        server.post(PROCESS, data=picture(), headers=JPEG)
    server.post(PROCESS + "?max_latency_ms=1", data=picture(), headers=JPEG)
    stats = server.get(STATS).json()
    assert {"total_frames", "avg_latency_ms", "min_latency_ms", "max_latency_ms", "p95_latency_ms", "p99_latency_ms",
            "fps", "latency_violations", "violation_rate", "device", "p50_latency_ms", "dropped", "stages",
            "bound_ms"} <= stats.keys()
    assert stats["total_frames"] == 6 and stats["latency_violations"] == 1
    assert stats["violation_rate"] == pytest.approx(100 / 6, abs=0.01)
    assert 20 <= stats["min_latency_ms"] <= stats["p50_latency_ms"] <= stats["p99_latency_ms"] <= stats["max_latency_ms"] + 1
    assert set(stats["dropped"]) == DROPS and sum(stats["dropped"].values()) == 0
    assert stats["stages"]["inference"]["mean_ms"] >= 20 and stats["bound_ms"] >= 20 and stats["device"] == "cpu"
    time.sleep(2.6)  # the window covers whole seconds
    assert server.get(STATS + "?window=1").json()["fps"] == 0
    for window in ("0", "61", "x"):
        assert server.get(STATS + "?window=" + window).status_code == 422
    assert server.get(STATS + "?stream_id=nobody").status_code == 404


@pytest.mark.skipif("FOVEA_SANITIZED" in os.environ, reason="OpenVINO's libraries do not load under sanitizers")
def test_the_default_model_finds_people(start_server):
    from pathlib import Path
    model = Path(__file__).resolve().parents[2] / ".deps/models/ssd_mobilenet_v2/model.xml"
    image = Path(__file__).resolve().parents[2] / ".deps/media/astronaut.png"
    if not model.exists() or not image.exists():
        pytest.skip("the default model is not set up: make build")
    server = start_server(model=None)
    answer = server.post(PROCESS, files={"file": ("astronaut.png", image.read_bytes())}).json()
    assert_result(answer, 512, 512)
    assert answer["prediction"]["class"] == "person" and answer["prediction"]["class_id"] == 0


def test_disabled(start_server):
    server = start_server(env={"REALTIME_ENABLED": "false"})
    answer = server.post(PROCESS, data=picture(), headers=JPEG)
    assert answer.status_code == 503 and answer.json()["code"] == "disabled"
