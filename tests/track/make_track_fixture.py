#!/usr/bin/env python3
"""Writes track_fixture.h: assignments by SciPy and filters of eight dimensions by NumPy, for inputs that the tests draw
again themselves.

    python tests/track/make_track_fixture.py > tests/track/track_fixture.h
"""
import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment

# rows, columns, limit, part of the pairs that exist, what is taken off every cost
ASSIGN = [(1, 1, .9, 1, 0), (1, 6, .9, 1, 0), (6, 1, .9, 1, 0), (3, 3, .5, 1, 0), (7, 7, .9, 1, 0), (7, 7, .2, 1, 0), (12, 20, .5, .3, 0),
          (20, 12, .5, .3, 0), (25, 25, .9, .1, 0), (40, 40, .9, 1, 0), (40, 40, .9, .05, 0), (60, 60, .3, 1, .6), (80, 120, .9, .2, 0),
          (120, 80, .9, .2, .5), (200, 200, .9, .02, 0), (200, 200, .9, 1, 0)]


class Draw:
    """The 24 high bits of a linear congruential generator as a number of 0 to 1."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) / 16777216


def assignment(rows, columns, limit, part, off):
    draw = Draw(rows * 1000 + columns)
    cost = np.full((rows, columns), 10.0)
    for r in range(rows):
        for c in range(columns):
            exists, value = draw() < part, draw()
            if exists:
                cost[r, c] = np.float32(value) - off
    capped = np.minimum(cost, limit)
    chosen = [(r, c) for r, c in zip(*linear_sum_assignment(capped)) if cost[r, c] < limit]
    return len(chosen), sum(cost[r, c] for r, c in chosen), sum((r + 1) * (c + 7) for r, c in chosen)


class Filter:
    """The filter of DeepSORT's kind as a whole: x is 8 numbers, P 8 by 8."""

    def __init__(self, form, z):
        self.form, self.x = form, np.r_[z, 0, 0, 0, 0].astype(float)
        place, speed = self.deviations()
        self.P = np.diag(np.r_[self.factor(place, 2), self.factor(speed, 10)] ** 2)

    def factor(self, deviation, by):
        """The aspect begins with its plain deviation."""
        return deviation * [by, by, by if self.form == "size" else 1, by]

    def deviations(self):
        w, h = max(self.x[2], 1), max(self.x[3], 1)
        if self.form == "size":
            return np.array([w, h, w, h]) / 20, np.array([w, h, w, h]) / 160
        return np.array([h / 20, h / 20, 1e-2, h / 20]), np.array([h / 160, h / 160, 1e-5, h / 160])

    def predict(self):
        place, speed = self.deviations()
        F = np.eye(8)
        F[:4, 4:] = np.eye(4)
        self.x = F @ self.x
        self.P = F @ self.P @ F.T + np.diag(np.r_[place, speed] ** 2)

    def correct(self, z):
        place, _ = self.deviations()
        if self.form == "aspect":
            place[2] = 1e-1
        H = np.eye(4, 8)
        S = H @ self.P @ H.T + np.diag(place ** 2)
        K = self.P @ H.T @ np.linalg.inv(S)
        self.x = self.x + K @ (z - H @ self.x)
        self.P = (np.eye(8) - K @ H) @ self.P

    def zoom(self, by, shift):
        """The picture grows by `by` and is shifted then."""
        M = np.eye(8) * by
        if self.form == "aspect":
            M[2, 2] = M[6, 6] = 1
        self.x = M @ self.x
        self.x[:2] += shift
        self.P = M @ self.P @ M.T


def measured(form, box):
    w, h = box[2] - box[0], box[3] - box[1]
    return np.array([box[0] + w / 2, box[1] + h / 2, w if form == "size" else w / h, h])


def box_at(draw, i):
    """A box that wanders; floats, as the C side has them."""
    x, y = np.float32(400 + 6 * i + 4 * draw()), np.float32(300 - 2 * i + 4 * draw())
    w, h = np.float32(60 + i + 3 * draw()), np.float32(150 + 3 * draw())
    return [float(v) for v in (x, y, np.float32(x + w), np.float32(y + h))]


def filtered(form):
    """Twenty frames: every third has no box, before the eleventh the camera moves."""
    draw, track = Draw(77), None
    for i in range(20):
        box = box_at(draw, i)
        if track is None:
            track = Filter(form, measured(form, box))
            continue
        track.predict()
        if i == 10:
            track.zoom(1.25, np.array([-100.0, 40.0]))
        if i % 3:
            track.correct(measured(form, box))
    P = track.P
    off = P - np.diag(np.diag(P)) - np.diag(np.diag(P, 4), 4) - np.diag(np.diag(P, -4), -4)
    assert np.abs(off).max() < 1e-9 * np.abs(P).max()  # this is why four filters of two dimensions do
    return [(track.x[k], track.x[k + 4], P[k, k], P[k, k + 4], P[k + 4, k + 4]) for k in range(4)]


def accumulated(steps):
    """One axis, so many single steps, none of them measured."""
    F, Q = np.array([[1.0, 1], [0, 1]]), np.diag([4.0, 0.25])
    x, P = np.array([10.0, 3]), np.array([[9.0, 1], [1, 2]])
    for _ in range(steps):
        x, P = F @ x, F @ P @ F.T + Q
    return (x[0], x[1], P[0, 0], P[0, 1], P[1, 1])


def led():
    """Speed in px a second of SORT's filter that has seen a walk of 4 px a frame, then 15 to 17 frames of standing."""
    F, Q = np.array([[1.0, 1], [0, 1]]), np.diag([1.0, 0.01])
    x, P, speeds = np.array([530.0, 0]), np.diag([10.0, 1e4]), []
    for frame in range(1, 37):
        x, P = F @ x, F @ P @ F.T + Q
        K = P[:, 0] / (P[0, 0] + 1)
        x, P = x + K * (530 + 4 * min(frame, 19) - x[0]), P - np.outer(K, P[0])
        speeds.append(30 * x[1])
    return speeds[33:]


def numbers(values):
    return "{" + ", ".join(f"{v:.12g}" for v in values) + "}"


def main():
    print(f"/* Made by make_track_fixture.py with SciPy {scipy.__version__} and NumPy {np.__version__}. */")
    print("static const struct assign_case {\n    int rows, columns;\n    double limit, part, off;\n    int pairs;\n"
          "    double cost;\n    long long places;\n} assign_cases[] = {")
    for case in ASSIGN:
        pairs, cost, places = assignment(*case)
        print(f"    {{{case[0]}, {case[1]}, {case[2]}, {case[3]}, {case[4]}, {pairs}, {cost:.9g}, {places}}},")
    print("};\n\n/* x, v, xx, xv, vv of each axis after the twenty frames of the test. */")
    for form in ("size", "aspect"):
        rows = ",\n    ".join(numbers(axis) for axis in filtered(form))
        print(f"static const double filtered_{form}[4][5] = {{\n    {rows}}};")
    print("\n/* The same of one axis after so many steps. */\nstatic const struct steps_case {\n    int steps;\n    double axis[5];\n"
          "} steps_cases[] = {")
    for steps in (1, 2, 3, 7, 30):
        print(f"    {{{steps}, {numbers(accumulated(steps))}}},")
    print("};\n\n/* What an OC-SORT that leads its filter along the way thinks. */")
    print(f"static const double led_px_s[3] = {numbers(led())};")


if __name__ == "__main__":
    main()
