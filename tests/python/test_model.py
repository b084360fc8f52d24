"""Models from Python: what the command line says of the same picture, options, errors, threads."""
import json
import subprocess
import threading

import fovea
import numpy as np
import pytest
from conftest import BUILD, run_python


@pytest.fixture(scope="module")
def model():
    with fovea.Model() as model:
        yield model


def told_by_command(path, *words):
    text = subprocess.run([BUILD / "fovea", "predict", path, "--json", *words], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return json.loads(text)["detections"]


def test_it_finds_what_the_command_line_finds(model, photo):
    _, path = photo
    found, told = model.predict(path.read_bytes()), told_by_command(path)
    assert len(found) == len(told) >= 2
    for mine, theirs in zip(found.to_dicts(), told):
        assert mine["class"] == theirs["class"]
        assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=2e-3)
        assert mine["box"] == pytest.approx(theirs["box"], abs=0.5)
        assert mine["box_norm"] == pytest.approx(theirs["box_norm"], abs=1e-3)


def test_pixels_give_what_their_file_gives(model, photo):
    frame, path = photo
    whole = model.predict(path.read_bytes(), exact=True)
    for pixels in (frame, np.ascontiguousarray(frame[..., ::-1])[..., ::-1], np.dstack([frame, frame[..., 0]])):
        found = model.predict(pixels)
        assert found.class_name == whole.class_name
        assert np.allclose(found.xyxy, whole.xyxy, atol=6)  # two JPEG decoders
    assert (whole.width, whole.height) == (1280, 720)
    assert {name for name, ms in whole.timings_ms.items() if ms > 0} >= {"decode", "preprocess", "inference"}
    assert whole.timings_ms["total"] == pytest.approx(sum(ms for name, ms in whole.timings_ms.items() if name != "total"))


def test_what_is_kept_can_be_chosen(model, photo):
    frame, _ = photo
    assert set(model.predict(frame, classes=[27], conf=0.01).class_name) <= {"tie"}
    assert len(model.predict(frame, max_detections=1)) == 1
    sure = model.predict(frame, conf=0.9)
    assert len(sure) >= 1 and sure.score.min() >= 0.9
    with pytest.raises(fovea.InvalidArgument, match="0..1"):
        model.predict(frame, conf=2)
    with pytest.raises(fovea.InvalidArgument, match="from 0 to 1023"):
        model.predict(frame, classes=[5000])


def test_it_says_what_it_is(model):
    assert model.input_size == (300, 300) and model.task == "detect" and model.labels[0] == "person"
    assert model.label(0) == "person" and model.label(999) == "class_999"
    assert model.info["backend"] == model.backend and model.info["shapes"]
    assert model.path.endswith(".xml") and model.id in repr(model)


@pytest.mark.parametrize("name, options, kind, words", [
    ("no_such_model", {}, fovea.NotFound, "no such file or name"),
    ("/no/such/model.onnx", {}, fovea.NotFound, "no such file or name"),
    ("fake:nonsense=1", {}, fovea.BadModel, "nonsense"),
    ("fake:", {"precision": "fp8"}, fovea.InvalidArgument, "auto, fp32"),
    ("fake:", {"runners": 0}, fovea.InvalidArgument, "1 at least"),
    (None, {"device": "ABACUS"}, fovea.InvalidArgument, "ABACUS"),
])
def test_what_cannot_be_opened(name, options, kind, words):
    with pytest.raises(kind, match=words):
        fovea.Model(name, **options)


def test_a_machine_without_a_runtime(photo):
    """In a process of its own: a runtime is opened once."""
    code = """if True:
        import fovea
        try:
            fovea.Model(runtime_dir="/nonexistent")
        except fovea.RuntimeMissing as error:
            print("missing", error)
        print(len(fovea.Model("fake:").predict(b"".join(open(%r, "rb")))))
        """ % str(photo[1])
    status, told = run_python(code)
    assert status == 0 and "missing" in told and "/nonexistent" in told and told.endswith("1\n")


def test_the_models_of_this_machine(tmp_path):
    here = fovea.models()
    assert here["ssd_mobilenet_v2"] == fovea.find_model() and here["ssd_mobilenet_v2"].endswith("/model.xml")
    status, told = run_python("import fovea; print(fovea.models()['mine'], fovea.find_model('mine'))",
                              FOVEA_MODELS_DIR=str(tmp_path))
    assert status != 0 and "KeyError" in told
    (tmp_path / "mine.onnx").write_bytes(b"")
    status, told = run_python("import fovea; print(fovea.models()['mine'], fovea.find_model('mine'))",
                              FOVEA_MODELS_DIR=str(tmp_path))
    assert (status, told.split()) == (0, [str(tmp_path / "mine.onnx")] * 2)


def test_errors_are_also_pythons():
    with pytest.raises(FileNotFoundError):
        fovea.Model("no_such_model")
    with pytest.raises(ValueError):
        fovea.Model("fake:", precision="fp8")


def test_a_model_file_that_is_none(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(fovea.FoveaError) as told:
        fovea.Model(tmp_path / "bad.onnx")
    assert "bad.onnx" in str(told.value)


def test_a_closed_model_says_so(photo):
    model = fovea.Model("fake:")
    model.close()
    model.close()
    for use in (lambda: model.predict(photo[0]), lambda: model.labels, lambda: model.info):
        with pytest.raises(fovea.Closed, match="closed"):
            use()
    assert "closed" in repr(model)


def test_threads_share_its_runners():
    """Six threads on two runners: each has its own result, and nothing is shared while it runs."""
    with fovea.Model("fake:boxes=bright,sleep_ms=2", runners=2) as model:
        assert model.runners == 2
        failures = []

        def run(number):
            frame = np.zeros((100, 100, 3), np.uint8)
            frame[:, number * 10:number * 10 + 10] = 255
            for _ in range(20):
                left = model.predict(frame).xyxy[0, 0]
                if abs(left - number * 10) > 2:
                    failures.append((number, left))

        threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


def test_a_run_that_fails(photo):
    with fovea.Model("fake:nan_every=1") as model, pytest.raises(fovea.InferenceFailed, match="not finite"):
        model.predict(photo[0])


def test_a_model_closed_by_another_thread(photo):
    """The one who runs it gets its result; the next one hears that it is closed."""
    model = fovea.Model("fake:sleep_ms=200")
    found = []
    thread = threading.Thread(target=lambda: found.append(len(model.predict(photo[0]))))
    thread.start()
    while not model._open:
        pass
    model.close()
    thread.join()
    assert found == [1]
    with pytest.raises(fovea.Closed):
        model.predict(photo[0])
