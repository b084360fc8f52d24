"""Masks, turned boxes and classes through the server: in answers, on sockets, in the drawn picture; nobody gets another's."""
import io
import json
import os
import sys
import threading

import numpy as np
import pytest
from conftest import ROOT
from pycocotools import mask as coco
from realtime import PROCESS, decoded, picture, socket, wait_for
from test_camera_view import Camera, camera, next_picture, view

sys.path.insert(0, str(ROOT / "tests/golden"))
import tiny_onnx  # noqa: E402

JPEG = {"Content-Type": "image/jpeg"}
pytestmark = pytest.mark.skipif(bool(os.environ.get("FOVEA_SANITIZED")), reason="a runtime is needed")


@pytest.fixture(scope="module")
def start_task(start_server, tmp_path_factory):
    """start_task(name) → a server with a model that gives the outputs of tests/golden/tasks whatever it sees."""
    def start(name):
        with np.load(io.BytesIO((ROOT / f"tests/golden/tasks/{name}.npz").read_bytes())) as arrays:
            about = json.loads(arrays["about"].tobytes())
            outputs = [arrays[k] for k in sorted(arrays.files) if k != "about"]
        path = tmp_path_factory.mktemp("model") / f"{name}.onnx"
        path.write_bytes(tiny_onnx.constant_model(outputs, about["side"], about["metadata"]))
        return start_server(model=str(path)), about
    return start


@pytest.fixture(scope="module")
def segmentation(start_task):
    return start_task("yolov8n-seg")


def areas(found, width, height):
    """Shares of the picture that the masks take."""
    masks = [d["mask"] for d in found if "mask" in d]
    assert all(m["size"] == [height, width] and len(m["polygon"]) >= 3 for m in masks)
    return [int(coco.area({"size": m["size"], "counts": m["counts"].encode()})) / (width * height) for m in masks]


def wanted_areas(about):
    size = [about["height"], about["width"]]
    return [int(coco.area({"size": size, "counts": r["rle"].encode()})) / (size[0] * size[1]) for r in about["results"]]


def test_masks_in_the_answer(segmentation):
    server, about = segmentation
    answer = server.post(PROCESS, data=picture(960, 720), headers=JPEG).json()
    assert answer["task"] == "segment" and answer["prediction"]["class"] in ("polyp", "tool", "clip")
    assert areas(answer["annotations"], 960, 720) == pytest.approx(wanted_areas(about), rel=0.02)


def test_sessions_get_masks_of_their_own_pictures_only(segmentation):
    """Pictures of other sizes at the same time: every mask has its own picture's size and share."""
    server, about = segmentation
    wanted, wrong = wanted_areas(about), []

    def client(width, height):
        with socket(server, "/api/v1/realtime/video/stream?max_latency_ms=0&order=fifo") as ws:
            for _ in range(12):
                ws.send(picture(width, height))
                answer = wait_for(ws, "result", 30)
                try:
                    assert areas(answer["annotations"], width, height) == pytest.approx(wanted, rel=0.1)
                except AssertionError as error:
                    wrong.append(str(error))

    threads = [threading.Thread(target=client, args=size) for size in ((960, 720), (640, 480), (320, 240), (1280, 960))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_masks_are_drawn_for_viewers(segmentation):
    server, about = segmentation
    with view(server, "drawn") as viewer, camera(server, "drawn", "?max_latency_ms=0") as ws:
        sender = Camera(ws)
        plain = picture(960, 720, level=60)
        for _ in range(20):
            sender.send(plain, 960, 720)
            head, body = next_picture(viewer)
            if head["analysed"]:
                break
        assert head["task"] == "segment"
        assert areas(head["detections"], 960, 720) == pytest.approx(wanted_areas(about), rel=0.02)
        image = decoded(body).astype(int)
        tinted = np.abs(image - decoded(plain)).max(axis=2) > 12
        inside = np.zeros((720, 960), bool)
        for d in head["detections"]:
            inside |= coco.decode({"size": d["mask"]["size"], "counts": d["mask"]["counts"].encode()}).astype(bool)
        assert tinted[inside].mean() > 0.97 and 0.2 < inside.mean() < 0.9
        assert (~tinted[~inside]).mean() > 0.85  # boxes and labels are there as well


def test_masks_for_viewers_that_draw_themselves(segmentation):
    server, about = segmentation
    with view(server, "own", "?render=client") as viewer, camera(server, "own", "?max_latency_ms=0") as ws:
        Camera(ws).send(picture(960, 720), 960, 720)
        message = wait_for(viewer, "detections", 20)
        assert message["task"] == "segment" and message["analysed"]
        assert areas(message["detections"], 960, 720) == pytest.approx(wanted_areas(about), rel=0.02)


def test_turned_boxes(start_task):
    server, about = start_task("yolov8n-obb")
    answer = server.post(PROCESS, data=picture(960, 720), headers=JPEG).json()
    assert answer["task"] == "obb" and len(answer["annotations"]) == len(about["results"])
    for d, r in zip(answer["annotations"], about["results"]):
        assert d["angle"] == pytest.approx(r["xywhr"][4], abs=1e-2) and np.shape(d["corners"]) == (4, 2)


def test_a_classifier_answers_with_classes(start_task):
    server, about = start_task("yolov8n-cls")
    answer = server.post(PROCESS, data=picture(960, 720), headers=JPEG).json()
    assert answer["task"] == "classify" and answer["annotations"] == []
    assert [c["class_id"] for c in answer["classes"]] == [r["class_id"] for r in about["results"]]
    assert answer["prediction"] == answer["classes"][0] and answer["confidence"] == answer["classes"][0]["confidence"]
    with view(server, "words") as viewer, camera(server, "words", "?max_latency_ms=0") as ws:
        sender = Camera(ws)
        plain = picture(640, 480, level=60)
        for _ in range(20):
            sender.send(plain, 640, 480)
            head, body = next_picture(viewer)
            if head["analysed"]:
                break
        assert head["classes"][0]["class_id"] == about["results"][0]["class_id"]
        assert (np.abs(decoded(body).astype(int) - decoded(plain)).max(axis=2) > 40).sum() > 500  # words are written
