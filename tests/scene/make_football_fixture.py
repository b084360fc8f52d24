#!/usr/bin/env python3
"""Writes football_fixture.h: colours, steps of the ball's filter, groups of points and cameras, computed another way.

    python tests/scene/make_football_fixture.py > tests/scene/football_fixture.h

Colours: sRGB's primaries and white solved for the matrix, then the formulas of CIE 15. The filter: textbook matrices in
numpy, with the constants read from src/scene/ball_path.c. Groups: scipy's k-means from given beginnings, and all ways to
leave points out tried one after another. Cameras: a pinhole's 3x4 matrix.
"""
import itertools
import math
import re
from pathlib import Path

import numpy as np
import scipy
import scipy.stats
from scipy.cluster.vq import kmeans2

SOURCE = (Path(__file__).resolve().parents[2] / "src/scene/ball_path.c").read_text()
CONSTANT = {name: float(value) for name, value in re.findall(r"#define (\w+) ([\d.]+)", SOURCE)}


def numbers(values, suffix=""):
    texts = [f"{float(v):.9g}" for v in np.ravel(values)]
    if suffix:  # 1f is no number, 1.0f is
        texts = [(text if set(text) & set(".e") else text + ".0") + suffix for text in texts]
    return "{" + ", ".join(texts) + "}"


# ---- colours

def rgb_matrix():
    """Linear sRGB to XYZ from the chromaticities of its primaries and of D65."""
    xy = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])
    primaries = np.stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(1)) / xy[:, 1]])
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return primaries * np.linalg.solve(primaries, white), white


def lab(rgb, gain):
    matrix, white = rgb_matrix()
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) * gain
    t = matrix @ linear / white
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]), t[1]


def write_colours():
    random = np.random.default_rng(1)
    cases = [((0, 0, 0), 1), ((255, 255, 255), 1), ((255, 0, 0), 1), ((0, 255, 0), 1), ((0, 0, 255), 1), ((1, 2, 3), 1)]
    cases += [(tuple(random.integers(0, 256, 3)), g) for g in (0.4, 0.8, 1, 1, 1, 1.3, 1.9) for _ in range(6)]
    print("static const struct {\n    uint8_t rgb[3];\n    float gain;\n    double lab[4];\n} lab_cases[] = {")
    for rgb, gain in cases:
        print(f"    {{{{{rgb[0]}, {rgb[1]}, {rgb[2]}}}, {float(gain)}f, {numbers(lab(rgb, gain))}}},")
    print("};")


# ---- the filter

def walk(square, t):
    return square * np.block([[np.eye(2) * t * t / 3, np.eye(2) * t / 2], [np.eye(2) * t / 2, np.eye(2)]])


def predict(x, p, dt, m, unit):
    slows = CONSTANT["SLOWS_S"]
    keep = math.exp(-dt / slows)
    f = np.kron(np.array([[1, slows * (1 - keep)], [0, keep]]), np.eye(2))
    x, p = f @ x, f @ p @ f.T + walk((CONSTANT["WANDER"] * unit) ** 2 * dt, dt)
    if m is None:
        return x, p

    def moved(at):
        q = m @ np.append(at, 1)
        return q[:2] / q[2]

    h = 1e-4  # the derivative by differences: not as the code has it
    j = np.stack([(moved(x[:2] + d) - moved(x[:2] - d)) / (2 * h) for d in np.eye(2) * h], 1)
    big = np.kron(np.eye(2), j)
    new = big @ x
    new[:2] = moved(x[:2])
    return new, big @ p @ big.T


def take(x, p, z, variance, kicked, unseen, unit):
    if kicked:
        p = p + walk((CONSTANT["KICK"] * unit) ** 2, unseen)
    h = np.eye(2, 4)
    s = h @ p @ h.T + variance * np.eye(2)
    k = p @ h.T @ np.linalg.inv(s)
    rest = np.eye(4) - k @ h
    return x + k @ (z - h @ x), rest @ p @ rest.T + variance * k @ k.T  # Joseph's form


def density(x, p, z, variance, unseen, unit):
    """Of the likelier of both models, before any gate."""
    chance = 1 - math.exp(-CONSTANT["KICKS_A_SECOND"] * unseen)
    best = []
    for part, wider in ((1 - chance, 0), (chance, (CONSTANT["KICK"] * unit) ** 2 * unseen ** 2 / 3)):
        s = p[:2, :2] + (variance + wider) * np.eye(2)
        best.append(math.log(part) + scipy.stats.multivariate_normal(x[:2], s).logpdf(z))
    return max(best), best[1] > best[0]


def write_filter():
    random = np.random.default_rng(2)
    unit, variance = 1.5, 6.25
    z = np.array([700.0, 400.0])
    x, p = np.append(z, [0, 0]), np.diag([variance] * 2 + [(CONSTANT["START_SPEED"] * unit) ** 2] * 2)
    print(f"enum {{ FILTER_STEPS = 12 }};\nstatic const double filter_unit = {unit}, filter_variance = {variance};")
    print("static const struct filter_case {\n    double dt;\n    bool moved, seen, kicked;\n    double map[9], z[2], unseen_s;\n"
          "    double log_density, at[4], cov[16];\n} filter_cases[] = {")
    unseen = 0.0
    for i in range(12):
        dt = float(random.choice([0.04, 0.1, 0.2]))
        angle, shift = random.normal(0, 0.01), random.normal(0, 20, 2)
        m = np.array([[math.cos(angle), -math.sin(angle), shift[0]], [math.sin(angle), math.cos(angle), shift[1]],
                      random.normal(0, 2e-6, 2).tolist() + [1]]) if i % 3 else None
        x, p = predict(x, p, dt, m, unit)
        unseen += dt
        seen = i % 4 != 3
        far = 250 if i == 8 else 15
        z = x[:2] + random.normal(0, far, 2) if i != 8 else x[:2] + [0.6 * CONSTANT["KICK"] * unit * unseen, 0]
        log_density, kicked = density(x, p, z, variance, unseen, unit)
        if seen:
            x, p = take(x, p, z, variance, kicked, unseen, unit)
        truth = [str(bool(v)).lower() for v in (m is not None, seen, kicked)]
        print(f"    {{{dt}, {', '.join(truth)}, {numbers(np.eye(3) if m is None else m)}, {numbers(z)}, {unseen:.9g}, "
              f"{log_density:.9g}, {numbers(x)}, {numbers(p)}}},")
        if seen:
            unseen = 0.0
    print("};")


# ---- groups

def write_groups():
    random = np.random.default_rng(3)
    print("static const struct lloyd_case {\n    int count, size;\n    float points[60], start[6];\n    double centers[6];\n"
          "} lloyd_cases[] = {")
    for size, count in ((2, 24), (3, 20), (1, 30)):
        points = np.concatenate([random.normal(0, 1, (count // 2, size)), random.normal(2, 1.2, (count - count // 2, size))])
        points = points.astype(np.float32).astype(float)
        start = points[[0, count - 1]]
        centers, _ = kmeans2(points, start, iter=200, minit="matrix")
        print(f"    {{{count}, {size}, {numbers(points, 'f')}, {numbers(start, 'f')}, {numbers(centers)}}},")
    print("};")
    print("static const struct trim_case {\n    int count, left_out;\n    float points[20];\n    double least;\n} trim_cases[] = {")
    for _ in range(4):
        points = np.concatenate([random.normal(0, 1, (5, 2)), random.normal(5, 1, (3, 2)), random.normal(0, 15, (2, 2))])
        points = points.astype(np.float32).astype(float)
        print(f"    {{10, 2, {numbers(points, 'f')}, {least_sum(points, 2):.9g}}},")
    print("};")


def least_sum(points, left_out):
    """The least sum of squares of two groups, of all ways to leave some out and to part the rest."""
    best = math.inf
    for out in itertools.combinations(range(len(points)), left_out):
        rest = np.delete(points, out, 0)
        for bits in range(1, 2 ** (len(rest) - 1)):
            first = np.array([bits >> i & 1 for i in range(len(rest))], bool)
            best = min(best, sum(((g - g.mean(0)) ** 2).sum() for g in (rest[first], rest[~first])))
    return best


# ---- cameras

def write_cameras():
    random = np.random.default_rng(4)
    print("static const struct camera_case {\n    double ground[9], up[3];\n} camera_cases[] = {")
    for i in range(6):
        stand = np.array([random.uniform(0, 105), random.uniform(-45, -20), random.uniform(8, 35)])
        look = np.array([random.uniform(20, 85), random.uniform(20, 45), 0])
        ahead = (look - stand) / np.linalg.norm(look - stand)
        right = np.cross(ahead, [0, 0, 1])
        right /= np.linalg.norm(right)
        k = np.array([[random.uniform(1200, 3000), 0, 960], [0, 0, 540], [0, 0, 1]])
        k[1, 1] = k[0, 0]
        p = k @ np.stack([right, np.cross(ahead, right), ahead]) @ np.c_[np.eye(3), -stand]
        scale = p[2, 3] if i % 2 else 1  # maps are known but for a factor
        print(f"    {{{numbers(p[:, [0, 1, 3]] / scale)}, {numbers(p[:, 2] / scale)}}},")
    print("};")
    tilt = math.atan2(20, 68)
    k = np.array([[2360, 0, 960], [0, 2360, 540], [0, 0, 1]])
    turn = np.array([[1, 0, 0], [0, -math.sin(tilt), -math.cos(tilt)], [0, math.cos(tilt), -math.sin(tilt)]])
    p = k @ turn @ np.c_[np.eye(3), [-52.5, 38, -20]]
    print(f"static const double test_view[9] = {numbers(p[:, [0, 1, 3]])};")


print(f"// clang-format off\n/* Made by make_football_fixture.py with numpy {np.__version__}, scipy {scipy.__version__}. */")
write_colours()
write_filter()
write_groups()
write_cameras()
