#!/usr/bin/env python3
"""Small models with random weights, exported by the public tools themselves, and what those tools make of the outputs.

    make_exports.py [--models FOLDER] [NAME ...]

Writes tests/golden/exports/NAME.json: the file's metadata, its inputs and outputs with the numbers of one run, and the
detections that the tool's own postprocessing finds in exactly these numbers (boxes in pixels of the model's input).
test_exports.c reads the numbers through the heads, without any of the tools; test_exports.py runs the models
themselves where --models left them. Weights are random, so the detections mean nothing: they must only be the same.

Needs torch, onnx, onnxruntime and, for the rows that use them, ultralytics, yolov5, transformers, timm, libreyolo,
rfdetr. All of them are used here only and are no part of fovea. A row: a function that returns (torch module or path of
an .onnx file, reference), where reference(outputs by name, conf, iou) gives rows x1 y1 x2 y2 score class.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(YOLO_AUTOINSTALL="0", YOLO_OFFLINE="1", HF_HUB_OFFLINE="1")
import numpy as np
import onnx
import onnxruntime
import torch

HERE = Path(__file__).resolve().parent
SIDE, CLASSES, WANTED = 96, 4, 40
ROWS = {}


def row(**about):
    def add(make):
        ROWS[make.__name__] = (make, about)
        return make
    return add


def wake(module, side, runs=20, white=1):
    """Running statistics of noise, so that random weights do not give the same number everywhere."""
    module.train()
    for norm in module.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.momentum = 0.3
    with torch.no_grad():
        for _ in range(runs):
            module(torch.rand(2, 3, side, side) * white)
    return module.eval()


def spread(net, layers, side, mean=-2.5, deviation=2.0, white=1):
    """Last layers whose logits cover both sides of 0, and not only the far ends."""
    generator, seen = torch.Generator().manual_seed(1), {}
    for layer in layers:
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator)
        layer.bias.data.zero_()
    hooks = [layer.register_forward_hook(lambda m, _, out: seen.setdefault(m, out)) for layer in layers]
    with torch.no_grad():
        net.eval()(torch.tensor(picture(side) * white))
    for layer in layers:
        scale = deviation / float(seen[layer].std())
        layer.bias.data.fill_(mean - float(seen[layer].mean()) * scale)
        layer.weight.data *= scale
    for hook in hooks:
        hook.remove()


# ---- Ultralytics: AGPL-3.0, used here only ------------------------------------------------------


def suppressed(outputs, conf, iou):
    from ultralytics.utils.nms import non_max_suppression
    return non_max_suppression(torch.tensor(outputs["output0"]), conf, iou, max_det=1000, max_nms=30000)[0].numpy()


def ended(outputs, conf, iou):
    rows = outputs["output0"][0]
    return rows[rows[:, 4] > conf]


def from_ultralytics(name, folder, side=SIDE, **options):
    from ultralytics import YOLO
    model = YOLO(f"{name}.yaml")
    net = type(model.model)(f"{name}.yaml", ch=3, nc=CLASSES, verbose=False)
    head = net.model[-1]
    net = wake(net, side)
    branches = [getattr(head, name) for name in ("cv3", "one2one_cv3") if getattr(head, name, None) is not None]
    spread(net, [layer[-1] for branch in branches for layer in branch], side)
    net.names, net.args, net.task, model.model = {i: f"kind {i}" for i in range(CLASSES)}, model.model.args, "detect", net
    os.chdir(folder)
    return Path(model.export(format="onnx", imgsz=side, simplify=False, opset=17, device="cpu", **options)).resolve()


@row(head="yolo", fit="padded")
def yolov5u(folder):
    return from_ultralytics("yolov5n", folder), suppressed


@row(head="yolo", fit="padded")
def yolov6_ultralytics(folder):
    return from_ultralytics("yolov6n", folder), suppressed


@row(head="yolo", fit="padded")
def yolov8(folder):
    return from_ultralytics("yolov8n", folder), suppressed


@row(head="yolo", fit="padded")
def yolov8_suppressed(folder):
    """nms=True: suppression inside, so many rows as it finds at most."""
    return from_ultralytics("yolov8n", folder, nms=True, conf=0.05, iou=0.5), ended


@row(head="yolo", fit="padded")
def yolov9(folder):
    return from_ultralytics("yolov9t", folder), suppressed


@row(head="yolo", fit="padded")
def yolov10_end_to_end(folder):
    return from_ultralytics("yolov10n", folder, end2end=True), ended


@row(head="yolo", fit="padded")
def yolo11(folder):
    return from_ultralytics("yolo11n", folder), suppressed


@row(head="yolo", fit="padded")
def yolo12(folder):
    return from_ultralytics("yolo12n", folder), suppressed


@row(head="yolo", fit="padded")
def yolo26(folder):
    return from_ultralytics("yolo26n", folder), suppressed


@row(head="yolo", fit="padded")
def yolo26_end_to_end(folder):
    return from_ultralytics("yolo26n", folder, end2end=True), ended


def rtdetr_of_ultralytics(outputs, conf, iou):
    """As RTDETRPredictor.postprocess of 8.4: centre and size 0..1, score, class."""
    from ultralytics.utils import ops
    rows = torch.tensor(outputs["output0"])[0]
    rows = torch.cat([ops.xywh2xyxy(rows[:, :4]) * 160, rows[:, 4:]], -1)
    return rows[rows[:, 4] > conf].numpy()


@row(head="detr", side=160)
def rtdetr_ultralytics(folder):
    from ultralytics import RTDETR
    model = RTDETR("rtdetr-l.yaml")
    net = type(model.model)("rtdetr-l.yaml", ch=3, nc=CLASSES, verbose=False).eval()
    spread(net, [net.model[-1].dec_score_head[-1]], 160)
    net.names, net.args, net.task, model.model = {i: f"kind {i}" for i in range(CLASSES)}, model.model.args, "detect", net
    os.chdir(folder)
    path = model.export(format="onnx", imgsz=160, simplify=False, opset=17, device="cpu")
    return Path(path).resolve(), rtdetr_of_ultralytics


# ---- YOLOv5 with anchors and objectness: AGPL-3.0, used here only --------------------------------


@row(head="yolo", fit="padded", side=64)
def yolov5_anchors(folder):
    import yolov5
    from yolov5.models.yolo import Model
    from yolov5.utils.general import non_max_suppression
    net = wake(Model(str(Path(yolov5.__file__).parent / "models/yolov5n.yaml"), ch=3, nc=CLASSES), 64)
    spread(net, list(net.model[-1].m), 64, 0)
    net.model[-1].export = True

    def reference(outputs, conf, iou):
        return non_max_suppression(torch.tensor(outputs["output0"]), conf, iou, max_det=1000)[0].numpy()
    return Exported(net, ["output0"], {"stride": "32", "names": str({i: f"kind {i}" for i in range(CLASSES)})}), reference


class Exported:
    """A module for torch.onnx, where the tool's own exporter does no more than that."""

    def __init__(self, module, outputs, metadata=None, inputs=("images",), pick=None):
        self.module, self.outputs, self.metadata, self.inputs, self.pick = module, outputs, metadata or {}, inputs, pick

    def write(self, path, side):
        outer = self

        class Wrapped(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = outer.module

            def forward(self, *values):
                found = self.inner(*values)
                return outer.pick(found) if outer.pick else found[0] if isinstance(found, (tuple, list)) else found
        feed = [torch.rand(1, 3, side, side)]
        if len(self.inputs) > 1:
            feed.append(torch.tensor([[side, side]]))
        torch.onnx.export(Wrapped().eval(), tuple(feed), str(path), input_names=list(self.inputs),
                          output_names=self.outputs, opset_version=17, dynamo=False)
        graph = onnx.load(path)
        for key, value in self.metadata.items():
            entry = graph.metadata_props.add()
            entry.key, entry.value = key, value
        onnx.save(graph, path)


# ---- Hugging Face transformers: Apache-2.0 -------------------------------------------------------


def of_transformers(module, processor, side, metadata=None):
    class Outputs:
        def __init__(self, values):
            self.logits, self.pred_boxes = torch.tensor(values["logits"]), torch.tensor(values["pred_boxes"])

    def reference(outputs, conf, iou):
        found = processor.post_process_object_detection(Outputs(outputs), threshold=conf, target_sizes=[(side, side)])[0]
        return torch.cat([found["boxes"], found["scores"][:, None], found["labels"][:, None].float()], 1).numpy()
    return Exported(module, ["logits", "pred_boxes"], metadata, ("pixel_values",),
                    lambda found: (found.logits, found.pred_boxes)), reference


def resnet():
    from transformers import ResNetConfig
    return ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
                        out_features=["stage4"])


@row(head="detr", softmax=True)
def detr_transformers(folder):
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor
    config = DetrConfig(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=resnet(),
                        num_queries=100, d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32,
                        decoder_ffn_dim=32, encoder_attention_heads=2, decoder_attention_heads=2, num_labels=5)
    net = DetrForObjectDetection(config).eval()
    net.model.query_position_embeddings.weight.data *= 3
    spread(net, [net.class_labels_classifier], SIDE, 0)
    return of_transformers(net, DetrImageProcessor(), SIDE)


@row(head="detr", softmax=True)
def yolos_transformers(folder):
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor
    net = YolosForObjectDetection(YolosConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                                              intermediate_size=32, image_size=[SIDE, SIDE], num_labels=5,
                                              num_detection_tokens=100)).eval()
    net.vit.embeddings.detection_tokens.data = torch.randn(1, 100, 32)
    spread(net, [net.class_labels_classifier.layers[-1]], SIDE, 0)
    return of_transformers(net, YolosImageProcessor(), SIDE)


def small_rtdetr(config_class, net_class, folder):
    from transformers import RTDetrImageProcessor, RTDetrResNetConfig
    backbone = RTDetrResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
                                  layer_type="basic", out_features=["stage2", "stage3", "stage4"])
    config = config_class(backbone_config=backbone, use_pretrained_backbone=False, backbone=None, d_model=32,
                          encoder_hidden_dim=32, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=32,
                          decoder_in_channels=[32, 32, 32], feat_strides=[8, 16, 32], encoder_attention_heads=2,
                          decoder_attention_heads=2, decoder_layers=2, decoder_ffn_dim=32, num_queries=120,
                          num_denoising=0, num_labels=CLASSES)
    net = net_class(config).eval()
    spread(net, [net.model.decoder.class_embed[-1]], 160)
    return of_transformers(net, RTDetrImageProcessor(), 160)


@row(head="detr", side=160)
def rtdetr_transformers(folder):
    from transformers import RTDetrConfig, RTDetrForObjectDetection
    return small_rtdetr(RTDetrConfig, RTDetrForObjectDetection, folder)


@row(head="detr", side=160)
def rtdetr_sized(folder):
    """The form of RT-DETR's, D-FINE's and DEIM's own export: postprocessed inside, for a size that is an input."""
    exported, _ = rtdetr_transformers(folder)

    class Sized(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, images, sizes):
            found = self.net(images)
            x, y, w, h = found.pred_boxes.unbind(-1)
            boxes = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * sizes.repeat(1, 2)[:, None]
            scores, at = torch.topk(found.logits.sigmoid().flatten(1), 120, -1)
            queries = torch.div(at, CLASSES, rounding_mode="floor")
            return at - queries * CLASSES, boxes.gather(1, queries[..., None].repeat(1, 1, 4)), scores

    def reference(outputs, conf, iou):
        rows = np.concatenate([outputs["boxes"][0], outputs["scores"][0][:, None], outputs["labels"][0][:, None]], 1)
        return rows[rows[:, 4] > conf]
    return Exported(Sized(exported.module), ["labels", "boxes", "scores"], None, ("images", "orig_target_sizes"),
                    lambda found: found), reference


@row(head="detr", side=160)
def rtdetrv2_transformers(folder):
    from transformers import RTDetrV2Config, RTDetrV2ForObjectDetection
    return small_rtdetr(RTDetrV2Config, RTDetrV2ForObjectDetection, folder)


@row(head="detr", side=160)
def dfine_transformers(folder):
    from transformers import DFineConfig, DFineForObjectDetection
    return small_rtdetr(DFineConfig, DFineForObjectDetection, folder)


# ---- RF-DETR: Apache-2.0 ---------------------------------------------------------------------------


@row(head="detr", side=384, clipped=True)
def rfdetr(folder):
    from rfdetr import RFDETRNano
    model = RFDETRNano(pretrain_weights=None, num_classes=CLASSES, num_queries=60, device="cpu", group_detr=1)
    net = model.model.model.eval()
    spread(net, [net.class_embed], 384)
    model.export(output_dir=str(folder))
    path, = folder.glob("*.onnx")

    def reference(outputs, conf, iou):
        found = model.model.postprocess({"pred_logits": torch.tensor(outputs["labels"]),
                                         "pred_boxes": torch.tensor(outputs["dets"])}, torch.tensor([[384, 384]]))[0]
        rows = torch.cat([found["boxes"], found["scores"][:, None], found["labels"][:, None].float()], 1)
        return rows[rows[:, 4] > conf].numpy()
    return path, reference


# ---- libreyolo: MIT; its postprocessing, where it has one for the raw outputs ----------------------


def batched(boxes, scores, conf, iou, agnostic=False):
    """torchvision's suppression of the best class of each row."""
    import torchvision
    boxes, (best, kinds) = torch.tensor(boxes), torch.tensor(scores).max(1)
    keep = best > conf
    boxes, best, kinds = boxes[keep], best[keep], kinds[keep]
    kept = torchvision.ops.batched_nms(boxes, best, torch.zeros_like(kinds) if agnostic else kinds, iou)
    return torch.cat([boxes, best[:, None], kinds[:, None].float()], 1)[kept].numpy()


@row(head="yolox", fit="padded right and below", white=255)
def yolox_decoded(folder):
    """Decoded in the graph: centre and size in pixels. (Raw outputs: the golden file yolox_nano_416.)"""
    from libreyolo.models.yolox.nn import LibreYOLOXModel
    net = LibreYOLOXModel("n", CLASSES)
    net.head.export = True
    net.backbone = wake(net.backbone, SIDE, white=255)
    spread(net, list(net.head.obj_preds) + list(net.head.cls_preds), SIDE, 0, white=255)
    spread(net, list(net.head.reg_preds), SIDE, 1, 0.5, white=255)

    def reference(outputs, conf, iou):
        rows = outputs["output"][0]
        boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
        return batched(boxes, rows[:, 4:5] * rows[:, 5:], conf, iou, agnostic=True)
    return Exported(net, ["output"], pick=lambda found: found), reference


@row(head="yolonas", fit="padded")
def yolonas(folder):
    from libreyolo.models.yolonas.nn import LibreYOLONASModel
    from torchvision.ops import batched_nms
    net = wake(LibreYOLONASModel("s", CLASSES), SIDE, 8)
    spread(net, [getattr(net.heads, f"head{i}").cls_pred for i in (1, 2, 3)], SIDE)

    def reference(outputs, conf, iou):
        """Every class of a cell counts, as in Super-Gradients' own postprocessing."""
        boxes, scores = torch.tensor(outputs["boxes"][0]), torch.tensor(outputs["scores"][0])
        at, kinds = torch.nonzero(scores > conf, as_tuple=True)
        kept = batched_nms(boxes[at], scores[at, kinds], kinds, iou)
        at, kinds = at[kept], kinds[kept]
        return torch.cat([boxes[at], scores[at, kinds][:, None], kinds[:, None].float()], 1).numpy()
    return Exported(net, ["boxes", "scores"], pick=lambda found: found if torch.is_tensor(found[0]) else found[0]), reference


@row(head="centernet", fit="padded", side=64)
def centernet(folder):
    from libreyolo.models.centernet.nn import CenterNetResDCN, set_portable_dcn
    from libreyolo.postprocess.centernet import decode_centernet
    net = wake(CenterNetResDCN(CLASSES), 64, 8)
    set_portable_dcn(net, True)
    spread(net, [net.hm[-1]], 64)
    spread(net, [net.wh[-1]], 64, 6, 1)
    spread(net, [net.reg[-1]], 64, 0.5, 0.2)

    def reference(outputs, conf, iou):
        rows = decode_centernet(*(torch.tensor(outputs[name]) for name in ("hm", "wh", "reg")), topk=1000)[0]
        rows[:, :4] *= 4
        return rows[rows[:, 4] > conf].numpy()
    return Exported(net, ["hm", "wh", "reg"], pick=lambda found: (found["hm"], found["wh"], found["reg"])), reference


# ---- running and writing -------------------------------------------------------------------------


def picture(side):
    """Smooth noise, the same every time."""
    coarse = torch.rand(1, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(7))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear").numpy().astype(np.float32)


def rounded(values):
    """Numbers of six digits: what stands in the file is what the reference sees."""
    if values.dtype.kind in "iu":
        return values
    return np.array([float(f"{v:.6g}") for v in values.ravel()], np.float32).reshape(values.shape)


def threshold(reference, outputs, iou):
    """A round threshold near which no score lies, for about WANTED detections; 0.3 where there are fewer anyway."""
    scores = np.sort(reference(outputs, 0.02, iou)[:, 4])[::-1]
    if len(scores) < 5:
        sys.exit("next to nothing found: these weights say nothing")
    conf = round(float(scores[min(WANTED, len(scores)) - 1]), 3)
    while np.any(np.abs(scores - conf) < 1e-5):
        conf += 3e-5
    return round(conf, 6)


def shape_of(value):
    return [d.dim_value if d.HasField("dim_value") else -1 for d in value.type.tensor_type.shape.dim]


def describe(values, arrays=None):
    kinds = {1: "f32", 7: "i64", 6: "i32"}
    found = [{"name": v.name, "dtype": kinds[v.type.tensor_type.elem_type], "shape": shape_of(v)} for v in values]
    for one, array in zip(found, arrays or []):
        one["shape"] = list(array.shape)
        one["data"] = [float(f"{v:.6g}") if array.dtype.kind == "f" else int(v) for v in array.ravel()]
    return found


def write(name, folder, models):
    make, about = ROWS[name]
    side = about.get("side", SIDE)
    torch.manual_seed(0)
    made, reference = make(folder)
    path = made if isinstance(made, Path) else folder / f"{name}.onnx"
    if not isinstance(made, Path):
        made.write(path, side)
    graph = onnx.load(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: picture(side) * about.get("white", 1)}
    for more in session.get_inputs()[1:]:
        feed[more.name] = np.array([[side, side]], np.int64)
    arrays = [rounded(a) for a in session.run(None, feed)]
    outputs = {o.name: a for o, a in zip(session.get_outputs(), arrays)}
    iou = 0.5
    conf = threshold(reference, outputs, iou)
    rows = reference(outputs, conf, iou)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    sheet = {"name": name, "head": about["head"], "conf": conf, "iou": iou, "fit": about.get("fit", "stretched"),
             "clipped": about.get("clipped", False),
             "metadata": {p.key: p.value for p in graph.metadata_props if len(p.value) < 2000},
             "inputs": describe(graph.graph.input), "outputs": describe(graph.graph.output, arrays),
             "detections": [[round(float(v), 4) for v in r[:4]] + [round(float(r[4]), 6), int(r[5])] for r in rows]}
    (HERE / "exports").mkdir(exist_ok=True)
    (HERE / f"exports/{name}.json").write_text(json.dumps(sheet, separators=(",", ":")) + "\n")
    if models:
        shutil.copy(path, models / f"{name}.onnx")
    print(f"{name}: {[(o['name'], o['shape']) for o in sheet['outputs']]}, conf {conf}, {len(rows)} detections", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=Path, help="keep the models themselves here")
    parser.add_argument("name", nargs="*", help="only these rows")
    options = parser.parse_args()
    if options.models:
        options.models = options.models.resolve()
        options.models.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.name or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                write(name, Path(folder), options.models)
            except (Exception, SystemExit) as error:  # the other rows are worth having
                print(f"{name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)
                failed.append(name)
            os.chdir(HERE)
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


if __name__ == "__main__":
    main()
