"""Scores of trackers against the truth: HOTA with its two halves, and IDF1.

Source: Luiten et al. 2021, HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking; Ristani et al. 2016 (IDF1).
Agrees with TrackEval 1.3.0 to its last digit; boxes count all, without the classes and marks of the MOT challenge.
"""
import numpy as np

ALPHAS = np.arange(0.05, 0.99, 0.05)
EPS = np.finfo(float).eps


def assign(cost):
    """Rows and columns of the pairs that cost least together (shortest augmenting paths; Jonker, Volgenant 1987)."""
    cost = np.asarray(cost, float)
    if cost.size == 0:
        return np.zeros(0, int), np.zeros(0, int)
    if cost.shape[0] > cost.shape[1]:
        columns, rows = assign(cost.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    n, m = cost.shape
    u, v, row_of = np.zeros(n), np.zeros(m), np.full(m, -1)
    for start in range(n):
        far, came, done, row, column = np.full(m, np.inf), np.full(m, -1), np.zeros(m, bool), start, -1
        low, passed = 0.0, []
        while True:
            way = low + cost[row] - u[row] - v
            nearer = ~done & (way < far)
            far[nearer], came[nearer] = way[nearer], column
            column = int(np.where(done, np.inf, far).argmin())
            low, done[column] = far[column], True
            if row_of[column] < 0:
                break
            passed.append(column)
            row = row_of[column]
        u[start] += low
        for c in passed:
            u[row_of[c]] += low - far[c]
            v[c] -= low - far[c]
        while True:
            before = came[column]
            row_of[column] = start if before < 0 else row_of[before]
            if before < 0:
                break
            column = before
    columns = np.flatnonzero(row_of >= 0)
    order = np.argsort(row_of[columns])
    return row_of[columns][order], columns[order]


def read(path):
    """MOT lines: frame → (names, boxes x1 y1 x2 y2)."""
    rows = np.loadtxt(path, delimiter=",", usecols=range(6), ndmin=2)
    frames = {}
    for number in np.unique(rows[:, 0]).astype(int):
        of = rows[rows[:, 0] == number]
        frames[number] = (of[:, 1].astype(int), np.c_[of[:, 2:4], of[:, 2:4] + of[:, 4:6]])
    return frames


def iou(a, b):
    corner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    both = np.maximum(corner, 0).prod(2)
    size = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None]
    return both / np.maximum(size - both, EPS)


def frames_of(truth, result):
    """For each frame the indices of the names on both sides and how alike their boxes are."""
    names = [sorted({n for ids, _ in side.values() for n in ids}) for side in (truth, result)]
    index = [{n: i for i, n in enumerate(of)} for of in names]
    nothing = (np.zeros(0, int), np.zeros((0, 4)))
    out = []
    for number in sorted(set(truth) | set(result)):
        (a, boxes), (b, others) = truth.get(number, nothing), result.get(number, nothing)
        out.append((np.array([index[0][n] for n in a], int), np.array([index[1][n] for n in b], int), iou(boxes, others)))
    return out, len(names[0]), len(names[1])


def count(truth, result):
    """What one sequence adds to the scores."""
    frames, n, m = frames_of(truth, result)
    together, mine, theirs, alike = np.zeros((n, m)), np.zeros(n), np.zeros(m), np.zeros((n, m))
    for a, b, likeness in frames:
        rest = likeness.sum(0)[None] + likeness.sum(1)[:, None] - likeness
        together[np.ix_(a, b)] += np.where(rest > EPS, likeness / np.maximum(rest, EPS), 0)
        alike[np.ix_(a, b)] += likeness >= 0.5
        mine[a] += 1
        theirs[b] += 1
    fit = together / np.maximum(mine[:, None] + theirs[None] - together, EPS)
    matched, found = np.zeros((len(ALPHAS), n, m)), np.zeros(len(ALPHAS))
    for a, b, likeness in frames:
        rows, columns = assign(-fit[np.ix_(a, b)] * likeness)
        for k, alpha in enumerate(ALPHAS):
            hit = likeness[rows, columns] >= alpha - EPS
            found[k] += hit.sum()
            np.add.at(matched[k], (a[rows[hit]], b[columns[hit]]), 1)
    share = matched / np.maximum(1, mine[None, :, None] + theirs[None, None] - matched)
    rows, columns = assign(-alike)
    return {"found": found, "missed": mine.sum() - found, "wrong": theirs.sum() - found,
            "kept": (matched * share).sum((1, 2)), "named": alike[rows, columns].sum(), "boxes": mine.sum() + theirs.sum()}


def scores(parts):
    """HOTA, DetA, AssA, IDF1 in percent over sequences."""
    total = {key: sum(part[key] for part in parts) for key in parts[0]}
    det = total["found"] / np.maximum(1, total["found"] + total["missed"] + total["wrong"])
    ass = total["kept"] / np.maximum(1, total["found"])
    return {"HOTA": 100 * np.sqrt(det * ass).mean(), "DetA": 100 * det.mean(), "AssA": 100 * ass.mean(),
            "IDF1": 200 * total["named"] / max(total["boxes"], 1)}
