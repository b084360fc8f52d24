"""Detections: made of what detectors of Python give, cut, written, exchanged with supervision."""
import fovea
import numpy as np
import pytest
from fovea import _results
from fovea._library import ffi, lib

ROWS = [[10, 20, 30, 40, 0.9, 1], [0, 0, 5, 5, 0.3, 0]]


def test_of_rows_and_dicts():
    labels = ["cat", "dog"]
    dicts = [{"box": [10, 20, 30, 40], "confidence": 0.9, "class": "dog"},
             {"bbox": [0, 0, 5, 5], "score": 0.3, "class_id": 0}]
    for given in (ROWS, np.array(ROWS), tuple(map(tuple, ROWS)), dicts):
        found = fovea.Detections.of(given, labels)
        assert found.class_name == ["dog", "cat"]
        assert np.allclose(found.xyxy, [row[:4] for row in ROWS])
        assert np.allclose(found.score, [0.9, 0.3]) and found.class_id.tolist() == [1, 0]
    assert fovea.Detections.of(found) is found
    assert fovea.Detections.of([[1, 2, 3, 4]]).score.tolist() == [1.0]
    for nothing in (None, [], np.empty((0, 6))):
        assert len(fovea.Detections.of(nothing)) == 0


@pytest.mark.parametrize("given", ["boxes", 7, [[1, 2, 3]], np.zeros((2, 9)), [{"confidence": 1}], [{"box": [1, 2]}],
                                   object(), [[1, 2, 3, "x"]]])
def test_what_are_no_detections(given):
    with pytest.raises(fovea.InvalidArgument):
        fovea.Detections.of(given)


def test_columns_belong_together():
    with pytest.raises(fovea.InvalidArgument, match="2 boxes and 1 of score"):
        fovea.Detections(np.zeros((2, 4)), [0.5])
    with pytest.raises(fovea.InvalidArgument, match="names"):
        fovea.Detections(np.zeros((2, 4)), class_name=["a"])


def test_some_of_them():
    found = fovea.Detections.of(ROWS, ["cat", "dog"])
    found.tracker_id, found.width, found.height = np.array([7, -1], np.int32), 100, 50
    found.keypoints = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    sure = found[found.score > 0.5]
    assert (len(sure), sure.class_name, sure.tracker_id.tolist()) == (1, ["dog"], [7])
    assert sure.keypoints.shape == (1, 2, 3) and sure.width == 100
    assert found[1].class_name == found[1:].class_name == found[np.array([1])].class_name == ["cat"]
    first, second = found
    assert first["track_id"] == 7 and "track_id" not in second
    assert first["box_norm"] == pytest.approx([0.1, 0.4, 0.3, 0.8])


def test_masks_are_cocos_runs():
    """Columns from the top left, the first run outside."""
    details, four = ffi.new("fov_details **"), ffi.new("fov_detection[2]")
    lib.fov_details_create(details, lib.FOV_TASK_SEGMENT, 2, 0, 0)
    d = details[0]
    runs = [3, 2, 7, 0, 12]
    for i, run in enumerate(runs):
        d.runs[i] = run
    d.run_count = len(runs)
    d.items[0].run, d.items[0].run_count = 0, 3
    d.items[1].run, d.items[1].run_count = 3, 2
    raw = ffi.new("fov_detections *", {"items": four, "count": 2, "capacity": 2, "details": d})
    found = _results.to_detections(raw, 4, 3, lib.FOV_TASK_SEGMENT, lambda i: "x")
    wanted = np.zeros((3, 4), bool)
    wanted[0, 1] = wanted[1, 1] = True  # 3 px of the first column, then two of the second
    assert np.array_equal(found.masks[0], wanted)
    assert found.masks[1].all()
    lib.fov_details_destroy(details)


def test_supervision_and_back():
    sv = pytest.importorskip("supervision", reason="supervision is not installed")
    found = fovea.Detections.of(ROWS, ["cat", "dog"])
    found.tracker_id = np.array([1, 2], np.int32)
    theirs = found.to_supervision()
    assert isinstance(theirs, sv.Detections) and len(theirs) == 2
    again = fovea.Detections.from_supervision(theirs[theirs.confidence > 0.5])
    assert again.class_name == ["dog"] and again.tracker_id.tolist() == [1]
    assert np.allclose(fovea.Detections.of(theirs).xyxy, found.xyxy)
