#!/usr/bin/env python3
"""Writes a model for poses as YOLOv8 exports them, whose answer is what the test puts into the file.

    make_pitch_model.py FOLDER

The answer does not depend on the picture: 189 anchors of 101 numbers (box, score, 32 keypoints of 3), each MARK in the
file until test_football_pitch.c writes its own there.
"""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "infer"))
from onnx_writer import field, model, node, value  # noqa: E402

SIDE, KEYPOINTS, MARK = 96, 32, 12345.0  # fewer anchors than numbers would read the other way round
ANCHORS = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
ROWS = 5 + 3 * KEYPOINTS


def weights(name, shape, numbers):
    return field(1, list(shape)) + field(2, 1) + field(8, name) + field(9, struct.pack(f"<{len(numbers)}f", *numbers))


def main():
    nodes = [node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0), node("Mul", ["mean", "none"], ["nothing"]),
             node("Add", ["answer", "nothing"], ["output0"])]
    data = model(nodes, [value("images", [1, 3, SIDE, SIDE])], [value("output0", [1, ROWS, ANCHORS])],
                 [weights("none", [1], [0.0]), weights("answer", [1, ROWS, ANCHORS], [MARK] * (ROWS * ANCHORS))],
                 metadata={"task": "pose", "names": "{0: 'pitch'}", "kpt_shape": f"[{KEYPOINTS}, 3]",
                           "imgsz": f"[{SIDE}, {SIDE}]"})
    Path(sys.argv[1], "pitch_pose.onnx").write_bytes(data)


if __name__ == "__main__":
    main()
