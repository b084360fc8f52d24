"""Makes tests/golden/tasks/*.npz: raw outputs of YOLO models of other tasks than boxes, and what Ultralytics' own
postprocessing makes of them. Run by hand where torch, ultralytics and pycocotools are importable; the tests need
neither:  python tests/golden/make_task_exports.py

Shapes and layout come from real models (random weights, as exported); boxes, scores and prototypes are replaced by
random ones that a few detections come out of. Numbers are rounded to 16 bits first, so that both sides read the same ones."""
import io
import json
from pathlib import Path

import numpy as np
import torch
from pycocotools import mask as coco
from ultralytics.nn.tasks import ClassificationModel, OBBModel, PoseModel, SegmentationModel
from ultralytics.utils import nms, ops

SIDE, CLASSES, WIDTH, HEIGHT = 96, 3, 960, 720  # of the model's input and of the picture
CONF, IOU = 0.25, 0.45
FOLDER = Path(__file__).parent / "tasks"
KINDS = {"seg": SegmentationModel, "pose": PoseModel, "obb": OBBModel, "cls": ClassificationModel}
TASKS = {"seg": "segment", "pose": "pose", "obb": "obb", "cls": "classify"}
CASES = [("yolov8n", "seg"), ("yolov8n", "pose"), ("yolov8n", "obb"), ("yolov8n", "cls"), ("yolo11n", "seg"),
         ("yolo11n", "pose"), ("yolo11n", "obb"), ("yolo26n", "seg"), ("yolo26n", "pose"), ("yolo26n", "obb")]


def rounded(tensor):
    return tensor.half().float()


def outputs_of(name, kind):
    torch.manual_seed(1)
    model = KINDS[kind](f"{name}-{kind}.yaml", nc=CLASSES, verbose=False).eval()
    head = model.model[-1]
    head.export, head.format = True, "onnx"
    if name.startswith("yolo26"):
        head.end2end = True
    with torch.no_grad():
        out = model(torch.rand(1, 3, SIDE, SIDE))
    if kind == "cls" and isinstance(out, (list, tuple)):
        out = out[0]
    outs = list(out) if isinstance(out, (list, tuple)) else [out]
    return [rounded(o) for o in outs], bool(getattr(head, "end2end", False))


def boxes_for(count, rng, oriented):
    """Centres and sides inside the padded picture; some lie on each other, so that suppression has work."""
    centre = np.stack([rng.uniform(15, SIDE - 15, count), rng.uniform(24, SIDE - 24, count)])
    size = rng.uniform(12, 50, (2, count))
    for i in range(1, count, 3):
        centre[:, i] = centre[:, i - 1] + rng.uniform(-3, 3, 2)
        size[:, i] = size[:, i - 1] * rng.uniform(0.9, 1.1, 2)
    if oriented:
        size[1] = size[0] * rng.uniform(0.25, 0.6, count)
    return np.concatenate([centre, size])


def place(raw, kind, end2end, rng):
    """Random boxes and scores in place of those that an untrained model gives."""
    rows = raw[0].shape[1 if end2end else 2]
    boxes = boxes_for(rows, rng, kind == "obb")
    scores = np.where(np.arange(rows) < 14, rng.uniform(0.3, 0.95, rows), rng.uniform(0, 0.2, rows))
    classes = rng.integers(0, CLASSES, rows)
    if kind == "seg":  # smooth prototypes of both signs: masks with an inside and an outside
        coarse = torch.tensor(rng.normal(0, 1, (1, raw[1].shape[1], 7, 7)))
        raw[1] = torch.nn.functional.interpolate(coarse, raw[1].shape[2:], mode="bicubic").float()
    if end2end:
        order = np.argsort(-scores)
        boxes, scores, classes = boxes[:, order], scores[order], classes[order]
        if kind != "obb":
            boxes = np.concatenate([boxes[:2] - boxes[2:] / 2, boxes[:2] + boxes[2:] / 2])
        raw[0][0, :, :4] = torch.tensor(boxes.T)
        raw[0][0, :, 4] = torch.tensor(scores)
        raw[0][0, :, 5] = torch.tensor(classes)
        rest = raw[0][0, :, 6:]
    else:
        raw[0][0, :4] = torch.tensor(boxes)
        raw[0][0, 4:4 + CLASSES] = torch.tensor(rng.uniform(0, 0.1, (CLASSES, rows)))
        raw[0][0, 4 + torch.tensor(classes), torch.arange(rows)] = torch.tensor(scores, dtype=torch.float32)
        rest = raw[0][0, 4 + CLASSES:].T
    if kind == "seg":
        rest[:] = torch.tensor(rng.normal(0, 1, rest.shape))
    elif kind == "obb":
        rest[:] = torch.tensor(rng.uniform(-np.pi / 4, 3 * np.pi / 4, rest.shape))
    else:
        rest[:, 0::3] = torch.tensor(rng.uniform(0, SIDE, (rows, 17)))
        rest[:, 1::3] = torch.tensor(rng.uniform(12, SIDE - 12, (rows, 17)))
        rest[:, 2::3] = torch.tensor(rng.uniform(0, 1, (rows, 17)))
    return [rounded(r) for r in raw]


def reference(kind, raw, end2end):
    """What Ultralytics' predictors make of the outputs."""
    if kind == "cls":
        order = raw[0][0].argsort(descending=True)
        return [{"class_id": int(i), "confidence": float(raw[0][0, i])} for i in order]
    pred = nms.non_max_suppression(raw[0].clone(), CONF, IOU, nc=CLASSES, max_det=300, rotated=kind == "obb",
                                   end2end=end2end)[0]
    shape, found = (HEIGHT, WIDTH), []
    if kind == "obb":
        turned = ops.regularize_rboxes(torch.cat([pred[:, :4], pred[:, -1:]], dim=-1))
        turned[:, :4] = ops.scale_boxes((SIDE, SIDE), turned[:, :4], shape, xywh=True)
        return [{"class_id": int(p[5]), "confidence": float(p[4]), "xywhr": [float(v) for v in t]}
                for p, t in zip(pred, turned)]
    boxes = ops.scale_boxes((SIDE, SIDE), pred[:, :4].clone(), shape)
    for p, box in zip(pred, boxes):
        found.append({"class_id": int(p[5]), "confidence": float(p[4]), "box": [float(v) for v in box]})
    if kind == "seg":
        masks = ops.process_mask_native(raw[1][0], pred[:, 6:], boxes, shape)
        for one, mask in zip(found, masks.numpy().astype(np.uint8)):
            one["rle"] = coco.encode(np.asfortranarray(mask))["counts"].decode()
    else:
        points = ops.scale_coords((SIDE, SIDE), pred[:, 6:].clone().view(len(pred), 17, 3), shape)
        for one, row in zip(found, points):
            one["keypoints"] = [[float(v) for v in point] for point in row]
    return found


def write(name, kind):
    rng = np.random.default_rng(list(f"{name}-{kind}".encode()))
    raw, end2end = outputs_of(name, kind)
    if kind == "cls":
        raw = [rounded(torch.softmax(torch.tensor(rng.normal(0, 2, tuple(raw[0].shape))), 1))]
    else:
        raw = place(raw, kind, end2end, rng)
    names = {i: n for i, n in enumerate(["polyp", "tool", "clip"])}
    metadata = {"task": TASKS[kind], "names": str(names), "imgsz": f"[{SIDE}, {SIDE}]", "end2end": str(end2end)}
    if kind == "pose":
        metadata["kpt_shape"] = "[17, 3]"
    about = {"side": SIDE, "width": WIDTH, "height": HEIGHT, "metadata": metadata,
             "results": reference(kind, raw, end2end)}
    arrays = {f"output{i}": r.numpy().astype(np.float16) for i, r in enumerate(raw)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    path = FOLDER / f"{name}-{kind}.npz"
    path.write_bytes(buffer.getvalue())
    print(path.name, path.stat().st_size, [tuple(r.shape) for r in raw], len(about["results"]), "results")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        write(*case)
