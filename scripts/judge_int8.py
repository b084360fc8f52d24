#!/usr/bin/env python3
"""Judges a faster form of a model against the form it was made from, on pictures with known boxes.

    judge_int8.py FOVEA REFERENCE.xml CANDIDATE.xml PICTURES:ANNOTATIONS.json ... [--accept TABLE.json]

Both run through `fovea eval`; the reference in f32. Prints a row for each set of pictures and one for all:

    loss    mean average precision (pycocotools) that the candidate loses, and the upper end of its one-sided 95 %
            interval from a paired bootstrap over the pictures (both models see the same resampled pictures)
    agree   of the boxes above confidence 0.3 of either, the share that has a partner of the same class with an overlap
            of at least 0.5 among the other's boxes above 0.3

Exit 0 when on each set and on all the interval ends at 0.015 or less and all agree to 0.95 or more, else 1.
--accept notes that in the table, so that set-up makes the INT8 form. Needs numpy and pycocotools.
"""
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

LOSS_MAX, AGREEMENT_MIN = 0.015, 0.95
CONFIDENCE, OVERLAP = 0.3, 0.5
RESAMPLES, SEED = 1000, 1


def detections(fovea, model, pictures, annotations, conf, iou, more=()):
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        subprocess.run([fovea, "eval", pictures, annotations, "--model", model, "--conf", str(conf), "--iou", str(iou),
                        "--save", str(found), "--json", *more], check=True, stdout=subprocess.DEVNULL)
        return json.loads(found.read_text())


def evaluated(annotations, found):
    """pycocotools' matches of each picture and category."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(annotations)
        judge = COCOeval(truth, truth.loadRes(found), "bbox")
        if len(truth.getCatIds()) == 1:
            judge.params.catIds = truth.getCatIds()
        judge.evaluate()
    return judge


def average_precision(parts, thresholds):
    """COCO's average precision of one category from its pictures' matches: the mean over overlaps and recalls."""
    truths = sum(int(np.count_nonzero(part["gtIgnore"] == 0)) for part in parts)
    if not truths:
        return None
    order = np.argsort(-np.concatenate([part["dtScores"] for part in parts]), kind="mergesort")
    matched = np.concatenate([part["dtMatches"] for part in parts], 1)[:, order] > 0
    counted = ~np.concatenate([part["dtIgnore"] for part in parts], 1)[:, order].astype(bool)
    right = np.cumsum(matched & counted, 1).astype(float)
    wrong = np.cumsum(~matched & counted, 1).astype(float)
    total = 0.0
    for r, w in zip(right, wrong):
        precision = np.maximum.accumulate((r / np.maximum(r + w, 1e-9))[::-1])[::-1]
        at = np.searchsorted(r / truths, thresholds, side="left")
        total += np.where(at < len(precision), np.append(precision, 0)[np.minimum(at, len(precision))], 0).mean()
    return total / len(right)


def mean_average_precision(judge, pictures):
    """Over a list of pictures in which one may stand several times. The first of the areas is `all`."""
    order, areas = list(judge._paramsEval.imgIds), len(judge.params.areaRng)
    place = {picture: i for i, picture in enumerate(order)}
    values = []
    for category in range(len(judge.params.catIds)):
        first = category * areas * len(order)
        parts = [judge.evalImgs[first + place[picture]] for picture in pictures]
        values.append(average_precision([part for part in parts if part is not None], judge.params.recThrs))
    return float(np.mean([value for value in values if value is not None]))


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared) if shared > 0 else 0.0


def partners(boxes, others):
    """How many of `boxes` find a partner of their own among `others`, the surest first."""
    free = {}
    for other in others:
        free.setdefault((other["image_id"], other["category_id"]), []).append(other)
    count = 0
    for box in sorted(boxes, key=lambda box: -box["score"]):
        near = free.get((box["image_id"], box["category_id"]), [])
        best = max(near, key=lambda other: overlap(box["bbox"], other["bbox"]), default=None)
        if best and overlap(box["bbox"], best["bbox"]) >= OVERLAP:
            near.remove(best)
            count += 1
    return count


def judge_set(fovea, reference, candidate, pictures, annotations):
    sides = [(reference, ("--precision", "fp32")), (candidate, ())]
    judges = [evaluated(annotations, detections(fovea, model, pictures, annotations, .001, .65, more))
              for model, more in sides]
    ids = list(judges[0]._paramsEval.imgIds)
    values = [mean_average_precision(judge, ids) for judge in judges]
    random = np.random.default_rng(SEED)
    losses = []
    for _ in range(RESAMPLES):
        resampled = random.choice(ids, len(ids))
        losses.append(mean_average_precision(judges[0], resampled) - mean_average_precision(judges[1], resampled))
    sure = [detections(fovea, model, pictures, annotations, CONFIDENCE, .45, more) for model, more in sides]
    return {"pictures": len(ids), "values": values, "losses": np.array(losses),
            "matched": partners(sure[0], sure[1]) + partners(sure[1], sure[0]), "boxes": len(sure[0]) + len(sure[1])}


def row(name, result):
    bound, agree = float(np.percentile(result["losses"], 95)), result["matched"] / max(result["boxes"], 1)
    old, new = result["values"]
    print(f"| {name} | {result['pictures']} | {old:.3f} | {new:.3f} | {old - new:+.4f} | {bound:.4f} | {agree:.3f} |", flush=True)
    return bound, agree


def main():
    words, table = sys.argv[1:], None
    if "--accept" in words:
        at = words.index("--accept")
        table = Path(words[at + 1])
        del words[at:at + 2]
    fovea, reference, candidate, *sets = words
    print("| set | pictures | mAP f32 | mAP candidate | loss | loss, 95 % bound | agreement |\n|---|---|---|---|---|---|---|")
    results, bounds = [], []
    for pair in sets:
        pictures, annotations = pair.split(":")
        results.append(judge_set(fovea, reference, candidate, pictures, annotations))
        bounds.append(row(Path(pictures).name, results[-1])[0])
    together = {"pictures": sum(r["pictures"] for r in results), "values": np.mean([r["values"] for r in results], 0),
                "losses": np.mean([r["losses"] for r in results], 0),
                "matched": sum(r["matched"] for r in results), "boxes": sum(r["boxes"] for r in results)}
    bound, agree = row("all", together)
    accepted = max(bounds + [bound]) <= LOSS_MAX and agree >= AGREEMENT_MIN
    print("accepted" if accepted else "not accepted")
    if table:
        table.write_text(table.read_text().replace(f'"accepted":{str(not accepted).lower()}', f'"accepted":{str(accepted).lower()}'))
    return 0 if accepted else 1


if __name__ == "__main__":
    sys.exit(main())
