"""Detections: the boxes of one frame, as arrays."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgument

if TYPE_CHECKING:
    import supervision

# fov_detection
ROW = np.dtype([("xyxy", "<f4", 4), ("score", "<f4"), ("class_id", "<i4"), ("class_id_raw", "<i4"), ("track_id", "<i4")])

PER_BOX = ("xyxy", "score", "class_id", "tracker_id", "masks", "keypoints", "corners")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


@dataclass
class Detections:
    """N boxes of one picture. Arrays are side by side: row i of each is detection i.

    xyxy        N x 4 float32: left, top, right, bottom in px of the picture, half-open
    score       N float32, 0..1
    class_id    N int32: index into the model's labels
    class_name  N str
    tracker_id  N int32, -1 for those without a name; None: nothing was tracked
    masks       N x height x width bool; None: the model gives none
    keypoints   N x K x 3 float32: x, y in px, score 0..1; None
    corners     N x 4 x 2 float32: corners of turned boxes, px; None
    classes     of a model that classifies the whole picture: (class_id, class_name, score), best first
    embedding   float32 vector of a model that embeds the whole picture; None
    width, height   px of the picture; 0 where it is not known
    timings_ms  what each stage took: decode, preprocess, inference, postprocess, ...
    """

    xyxy: Floats = field(default_factory=lambda: np.empty((0, 4), np.float32))
    score: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    class_id: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    class_name: list[str] = field(default_factory=list)
    tracker_id: Ints | None = None
    masks: npt.NDArray[np.bool_] | None = None
    keypoints: Floats | None = None
    corners: Floats | None = None
    classes: list[tuple[int, str, float]] = field(default_factory=list)
    embedding: Floats | None = None
    width: int = 0
    height: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.xyxy = np.asarray(self.xyxy, np.float32).reshape(-1, 4)
        self.score = _column(self.score, np.float32, len(self), "score", 1.0)
        self.class_id = _column(self.class_id, np.int32, len(self), "class_id", 0)
        if self.tracker_id is not None:
            self.tracker_id = _column(self.tracker_id, np.int32, len(self), "tracker_id", -1)
        if not self.class_name:
            self.class_name = [f"class_{i}" for i in self.class_id.tolist()]
        if len(self.class_name) != len(self):
            raise InvalidArgument(f"{len(self)} boxes and {len(self.class_name)} names of classes")

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, which: Any) -> Detections:
        """Some of them: an index, a slice, an array of indices or of truth values."""
        rows = np.atleast_1d(np.arange(len(self))[which])
        some: dict[str, Any] = {name: None if array is None else array[rows] for name, array in vars(self).items()
                                if name in PER_BOX}
        return replace(self, class_name=[self.class_name[i] for i in rows], **some)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_dicts())

    def to_dicts(self) -> list[dict[str, Any]]:
        """As the command line and the server write them: class_id, class, confidence, box, box_norm, track_id."""
        across = np.array([self.width or np.nan, self.height or np.nan] * 2)
        rows = []
        for i, box in enumerate(self.xyxy.tolist()):
            row = {"class_id": int(self.class_id[i]), "class": self.class_name[i], "confidence": float(self.score[i]),
                   "box": box}
            if self.width and self.height:
                row["box_norm"] = (np.asarray(box) / across).tolist()
            if self.tracker_id is not None and self.tracker_id[i] >= 0:
                row["track_id"] = int(self.tracker_id[i])
            if self.keypoints is not None:
                row["keypoints"] = self.keypoints[i].tolist()
            rows.append(row)
        return rows

    def to_supervision(self) -> supervision.Detections:
        """The same as supervision.Detections. Raises ImportError where that package is not."""
        import supervision as sv

        return sv.Detections(
            xyxy=self.xyxy, confidence=self.score, class_id=self.class_id.astype(int), mask=self.masks,
            tracker_id=None if self.tracker_id is None else self.tracker_id.astype(int),
            data={"class_name": np.array(self.class_name, dtype=str)})

    @classmethod
    def from_supervision(cls, other: Any) -> Detections:
        """From supervision.Detections; what that leaves out is a score of 1, class 0."""
        data = other.data.get("class_name")
        names = [] if data is None else [str(name) for name in data]
        return cls(other.xyxy, _or_empty(other.confidence), _or_empty(other.class_id), names, other.tracker_id,
                   None if other.mask is None else np.asarray(other.mask, bool))

    @classmethod
    def of(cls, found: Any, labels: Sequence[str] = ()) -> Detections:
        """What detectors of Python give: Detections, supervision.Detections, None (nothing), an array N x 6 (left, top,
        right, bottom, score, class; N x 5 and N x 4 too), or dicts with "box" (or "xyxy", "bbox"), "confidence" (or
        "score") and "class_id" or "class". Raises InvalidArgument for anything else."""
        if isinstance(found, Detections):
            return found
        if found is None:
            return cls()
        if hasattr(found, "xyxy") and hasattr(found, "confidence"):
            return cls.from_supervision(found)
        if isinstance(found, (list, tuple)) and found and isinstance(found[0], dict):
            return _of_dicts(found, labels)
        return _of_array(found, labels)


def _or_empty(values: Any) -> Any:
    return () if values is None else values


def _column(values: Any, dtype: Any, count: int, name: str, default: float) -> Any:
    """One number a box; none at all means the default for each."""
    column = np.asarray(values, dtype).reshape(-1)
    if len(column) == 0:
        return np.full(count, default, dtype)
    if len(column) != count:
        raise InvalidArgument(f"{count} boxes and {len(column)} of {name}")
    return column


def _names(class_id: Ints, labels: Sequence[str]) -> list[str]:
    return [labels[i] if 0 <= i < len(labels) else f"class_{i}" for i in class_id.tolist()]


def _of_array(found: Any, labels: Sequence[str]) -> Detections:
    try:
        rows = np.asarray(found, np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"these are no detections: {type(found).__qualname__} ({error})") from error
    if rows.size == 0:
        return Detections()
    if rows.ndim != 2 or not 4 <= rows.shape[1] <= 6:
        raise InvalidArgument(f"detections are rows of left, top, right, bottom, score, class, not of shape {rows.shape}")
    score = rows[:, 4] if rows.shape[1] > 4 else ()
    ids = rows[:, 5].astype(np.int32) if rows.shape[1] > 5 else np.zeros(len(rows), np.int32)
    return Detections(rows[:, :4].copy(), score, ids, _names(ids, labels))  # type: ignore[arg-type]


def _first(row: dict[str, Any], *keys: str) -> Any:
    return next((row[key] for key in keys if key in row), None)


def _of_dicts(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> Detections:
    numbers = {name: i for i, name in enumerate(labels)}
    boxes, scores, ids, names = [], [], [], []
    for row in rows:
        box, name, number = _first(row, "box", "xyxy", "bbox"), _first(row, "class", "class_name", "label"), row.get("class_id")
        if box is None or len(box) != 4:
            raise InvalidArgument(f'a detection without "box" (left, top, right, bottom): {row!r}')
        score = _first(row, "confidence", "score")
        boxes.append(box)
        scores.append(1.0 if score is None else score)
        ids.append(numbers.get(str(name), 0) if number is None else int(number))
        names.append(str(name) if name is not None else _names(np.array(ids[-1:]), labels)[0])
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(ids, np.int32), names)
