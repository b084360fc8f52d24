"""`fovea predict` as its users call it: lines, JSON, copies, exit codes. The model is the fake one: one moving box."""
import io
import json
import shutil
import signal
import subprocess
import time

import pytest
from conftest import BIN, environment
from PIL import Image

MODEL = ["--model", "fake:"]


def predict(*words, cwd, code=0, **more):
    done = subprocess.run([str(BIN), "predict", *map(str, words)], cwd=cwd, env=environment(**more), text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def picture(path, size=(320, 240), **options):
    image = Image.new("RGB", size, (90, 120, 60))
    image.paste((250, 40, 40), (0, 0, size[0] // 2, size[1] // 2))
    image.save(path, **options)
    return path


def test_json_has_the_members_of_the_contract(tmp_path):
    picture(tmp_path / "a.jpg")
    done = predict("a.jpg", "--json", *MODEL, cwd=tmp_path)
    frame = json.loads(done.stdout)
    assert list(frame) == ["source", "frame", "pts_ms", "width", "height", "detections", "task", "timings_ms"]
    assert (frame["source"], frame["frame"], frame["width"], frame["height"]) == ("a.jpg", 0, 320, 240)
    assert list(frame["timings_ms"]) == ["decode", "preprocess", "inference", "postprocess", "total"]
    stages = sum(frame["timings_ms"][k] for k in ("decode", "preprocess", "inference", "postprocess"))
    assert stages <= frame["timings_ms"]["total"] + 0.01
    box = frame["detections"][0]
    assert {"class_id", "class", "confidence", "box", "box_norm", "class_id_raw"} <= set(box)
    for value, whole, side in zip(box["box_norm"], box["box"], (320, 240, 320, 240)):
        assert abs(value * side - whole) < 0.02
    assert not (tmp_path / "fovea-out").exists()


def test_lines_and_copies_for_people(tmp_path):
    for name in ("p10.jpg", "p9.jpg"):
        picture(tmp_path / name)
    picture(tmp_path / "p11.png")
    done = predict(tmp_path, *MODEL, cwd=tmp_path)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["p9.jpg", "p10.jpg", "p11.png"]
    copies = sorted(p.name for p in (tmp_path / "fovea-out").iterdir())
    assert copies == ["p10.jpg", "p11.png.jpg", "p9.jpg"]
    plain, drawn = (Image.open(p).convert("RGB") for p in (tmp_path / "p9.jpg", tmp_path / "fovea-out/p9.jpg"))
    assert drawn.size == plain.size and drawn.tobytes() != plain.tobytes()


def test_key_equals_value_and_classes(tmp_path):
    picture(tmp_path / "a.jpg")
    found = predict("source=a.jpg", "model=fake:", "conf=0.3", "json=true", cwd=tmp_path).stdout
    assert json.loads(found)["detections"]
    none = predict("a.jpg", "--json", "--classes", "77,78", *MODEL, cwd=tmp_path).stdout
    assert json.loads(none)["detections"] == []


def test_pictures_are_turned_by_their_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "phone.jpg", exif=exif)
    frame = json.loads(predict("phone.jpg", "--json", "--save", "out", *MODEL, cwd=tmp_path).stdout)
    assert (frame["width"], frame["height"]) == (240, 320)
    copy = Image.open(tmp_path / "out/phone.jpg").convert("RGB")
    assert copy.size == (240, 320)
    red = copy.getpixel((200, 40))   # stored top left; upright it is top right
    assert red[0] > 150 and red[1] < 100
    assert copy.getexif().get(0x0112, 1) == 1


def test_copies_never_replace_originals(tmp_path):
    picture(tmp_path / "a.jpg")
    before = (tmp_path / "a.jpg").read_bytes()
    predict("a.jpg", "--save", ".", *MODEL, cwd=tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == before
    assert (tmp_path / "a.jpg.boxes.jpg").exists()


def test_video_frames_and_copy(tmp_path):
    done = predict("pattern:frames=12,width=320,height=240,fps=10", "--json", "--save", "out", *MODEL, cwd=tmp_path)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f["frame"] for f in frames] == list(range(12))
    assert [f["pts_ms"] for f in frames] == pytest.approx([i * 100 for i in range(12)])
    video = (tmp_path / "out/pattern.avi").read_bytes()
    assert video[:4] == b"RIFF" and int.from_bytes(video[4:8], "little") == len(video) - 8
    assert video.count(b"00dc") == 24          # each frame and its row in the index
    index = video.rindex(b"idx1")
    first = int.from_bytes(video[index + 16:index + 20], "little")
    start = video.index(b"movi") + first
    assert video[start:start + 4] == b"00dc"
    size = int.from_bytes(video[start + 4:start + 8], "little")
    assert Image.open(io.BytesIO(video[start + 8:start + 8 + size])).size == (320, 240)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_videos_of_telephones_are_upright(tmp_path, angle):
    picture(tmp_path / "still.png")
    make = ["ffmpeg", "-v", "error", "-y"]
    subprocess.run([*make, "-loop", "1", "-i", "still.png", "-frames:v", "3", "-c:v", "mpeg4", "lying.mp4"],
                   cwd=tmp_path, check=True)
    subprocess.run([*make, "-i", "lying.mp4", "-c", "copy", "-metadata:s:v", f"rotate={angle}", "turned.mp4"],
                   cwd=tmp_path, check=True)
    subprocess.run([*make, "-i", "turned.mp4", "-frames:v", "1", "wanted.png"], cwd=tmp_path, check=True)
    wanted = Image.open(tmp_path / "wanted.png").convert("RGB")
    frame = json.loads(predict("turned.mp4", "--json", "--save", "out", "--classes", "99", *MODEL,
                               cwd=tmp_path).stdout.splitlines()[0])
    assert (frame["width"], frame["height"]) == wanted.size
    if wanted.size == (320, 240) and angle != 180:
        pytest.skip("this ffmpeg writes no rotation")
    video = (tmp_path / "out/turned.avi").read_bytes()
    copy = Image.open(io.BytesIO(video[video.index(b"\xff\xd8"):]))
    for x in (40, wanted.width - 40):
        for y in (40, wanted.height - 40):
            assert copy.getpixel((x, y)) == pytest.approx(wanted.getpixel((x, y)), abs=12)


def test_late_frames_are_counted(tmp_path):
    done = predict("pattern:frames=3,width=320,height=240", "--json", "--max-latency-ms", "0.0001", *MODEL, cwd=tmp_path)
    assert all(json.loads(line)["in_time"] is False for line in done.stdout.splitlines())
    assert "3 over 0.0001 ms" in done.stderr


def test_an_endless_source_ends_whole_on_interrupt(tmp_path):
    process = subprocess.Popen([str(BIN), "predict", "pattern:width=320,height=240", *MODEL], cwd=tmp_path,
                               env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert b"idx1" in (tmp_path / "fovea-out/pattern.avi").read_bytes()


@pytest.mark.parametrize("words, code, said", [
    (["missing.jpg"], 3, "missing.jpg"),
    (["missing/*.jpg"], 3, "no file matches"),
    (["broken.jpg"], 3, "broken.jpg"),
    (["cut.jpg"], 3, "cut off"),
    (["good.jpg", "--model", "nothing"], 3, "nothing"),
    (["mixed"], 1, "bad.jpg"),
    ([], 2, "a source is missing"),
    (["good.jpg", "--conf", "7"], 2, "--conf"),
    (["good.jpg", "--classes", "a"], 2, "--classes"),
    (["good.jpg", "--precision", "fp7"], 2, "--precision"),
    (["good.jpg", "--confidence", ".5"], 2, "--conf"),
    (["rtsp://nobody.invalid/1"], 3, "not known"),
    (["pattern:wdith=9"], 2, "wdith"),
])
def test_exit_codes_and_reasons(tmp_path, words, code, said):
    picture(tmp_path / "good.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:900])
    (tmp_path / "mixed").mkdir()
    picture(tmp_path / "mixed/good.jpg")
    (tmp_path / "mixed/bad.jpg").write_bytes(b"no picture")
    model = [] if "--model" in words else MODEL
    done = predict(*words, *model, cwd=tmp_path, code=code)
    assert said in done.stderr


def test_environment_sets_the_defaults(tmp_path):
    picture(tmp_path / "a.jpg")
    assert json.loads(predict("a.jpg", "--json", cwd=tmp_path, MODEL_PATH="fake:").stdout)["detections"]
    none = predict("a.jpg", "--json", cwd=tmp_path, MODEL_PATH="fake:", CONFIDENCE_THRESHOLD="0.99").stdout
    assert json.loads(none)["detections"] == []


def frames_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_batches_give_what_single_runs_give(tmp_path, batch):
    """Pictures of several sizes; the model finds the bright part of each, so that a mix-up would show."""
    for i in range(7):
        image = Image.new("RGB", (160 + 40 * i, 120 + 10 * i), (40, 40, 40))
        image.paste((250, 250, 250), (10 * i, 5 * i, 10 * i + 60, 5 * i + 50))
        exif = Image.Exif()
        exif[0x0112] = 6 if i == 4 else 1    # one that must be turned first runs alone
        image.save(tmp_path / f"p{i}.jpg", exif=exif)
    model = "fake:boxes=bright"
    alone = frames_of(predict(tmp_path, "--json", "--model", model, cwd=tmp_path))
    shared = frames_of(predict(tmp_path, "--json", "--model", model, "--batch", batch, cwd=tmp_path))
    assert len(alone) == 7 and all(frame["detections"] for frame in alone)
    for a, b in zip(alone, shared, strict=True):
        for member in ("source", "frame", "width", "height", "detections"):
            assert a[member] == b[member]


def test_a_broken_picture_among_a_batch_is_told_in_its_place(tmp_path):
    for i in range(6):
        picture(tmp_path / f"p{i}.jpg")
    (tmp_path / "p2.jpg").write_bytes(b"\xff\xd8 nothing more")
    done = predict(tmp_path, "--json", "--model", "fake:", "--batch", "4", cwd=tmp_path, code=1)
    assert [frame["source"] for frame in frames_of(done)] == [f"p{i}.jpg" for i in (0, 1, 3, 4, 5)]
    assert "p2.jpg" in done.stderr and "1 failed" in done.stderr


def test_video_frames_share_runs(tmp_path):
    done = predict("pattern:frames=10,width=320,height=240", "--json", "--model", "fake:boxes=bright", "--batch", "4",
                   cwd=tmp_path)
    frames = frames_of(done)
    assert [frame["frame"] for frame in frames] == list(range(10))
    assert [frame["pts_ms"] for frame in frames] == sorted(frame["pts_ms"] for frame in frames)


@pytest.mark.parametrize("model, words", [("fake:batch=64", []), ("fake:batch=20", []), ("fake:", ["--batch", "16"])])
def test_batches_of_any_size(tmp_path, model, words):
    """No run waits for more frames than it takes."""
    done = predict("pattern:frames=40,width=160,height=120", "--json", "--model", model, *words, cwd=tmp_path)
    assert [frame["frame"] for frame in frames_of(done)] == list(range(40))


def test_a_batch_too_large_is_refused(tmp_path):
    done = predict("pattern:frames=1", "--model", "fake:", "--batch", "17", cwd=tmp_path, code=2)
    assert "--batch" in done.stderr and "16" in done.stderr


@pytest.mark.parametrize("fault, lost", [("gpu_fail_after=3", 2), ("gpu_nan_after=3", 1)])
def test_a_device_that_breaks_is_left(tmp_path, fault, lost):
    """Two failed runs in a row, or one with numbers that are none, then the next device of the order; told once."""
    done = predict("pattern:frames=12,width=320,height=240", "--json", "--model", f"fake:{fault}", cwd=tmp_path, code=1)
    assert len(frames_of(done)) == 12 - lost
    assert done.stderr.count("runs on fake CPU (fake GPU: failed while it ran)") == 1
    assert f"{lost} failed" in done.stderr


def test_a_device_that_breaks_is_left_once_by_a_batch(tmp_path):
    """A failed run counts once, however many frames were in it."""
    done = predict("pattern:frames=24,width=320,height=240", "--json", "--batch", "4", "--model", "fake:gpu_fail_after=1",
                   cwd=tmp_path, code=1)
    assert len(frames_of(done)) == 16 and "8 failed" in done.stderr
    assert done.stderr.count("runs on fake CPU") == 1


def test_a_model_that_only_fails_ends(tmp_path):
    done = predict("pattern:frames=12,width=320,height=240", "--json", "--model", "fake:fail_every=1", cwd=tmp_path, code=1)
    assert not frames_of(done) and "fail" in done.stderr


def test_a_missing_device_is_explained(tmp_path):
    picture(tmp_path / "a.jpg")
    done = predict("a.jpg", "--json", "--model", "fake:gpu_load_fails=1", cwd=tmp_path)
    assert "runs on fake CPU (fake GPU: fake: gpu_load_fails=1)" in done.stderr and frames_of(done)[0]["detections"]
