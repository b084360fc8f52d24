#!/usr/bin/env python3
"""Writes savgol_fixture.h: a jittery walk, what scipy's Savitzky-Golay filter makes of it, and its way without the jitter.

    .deps/venv/bin/python tests/scene/make_savgol_fixture.py > tests/scene/savgol_fixture.h
"""
import numpy as np
import scipy
from scipy.signal import savgol_filter

FPS, SIGHTS, WINDOW = 25, 120, 25    # frames; the window reaches 12 frames, 0.48 s, to both sides
STANDS_S = 2.8    # from then on

random = np.random.default_rng(42)
time = np.arange(SIGHTS) / FPS
walk = np.minimum(time, STANDS_S)
x = np.round(30 + 6 * walk - 1.3 * walk ** 2 + np.sin(3 * walk) + random.normal(0, 0.2, SIGHTS), 4)
y = np.round(20 + 2 * np.cos(1.7 * walk) + random.normal(0, 0.2, SIGHTS), 4)
each = np.eye(SIGHTS)
smooth = savgol_filter(each, WINDOW, 2, axis=0, mode="interp")    # row: the weights of all sights in a place
slope = savgol_filter(each, WINDOW, 2, axis=0, deriv=1, delta=1 / FPS, mode="interp")    # and in a speed
columns = [x, y, *(savgol_filter(v, WINDOW, 2, mode="interp") for v in (x, y)),
           *(savgol_filter(v, WINDOW, 2, deriv=1, delta=1 / FPS, mode="interp") for v in (x, y))]


def jitter(place):
    """Variance of a sight, of x and y together: what a parabola through the place's window leaves."""
    first = int(np.clip(place - WINDOW // 2, 0, SIGHTS - WINDOW))
    window = slice(first, first + WINDOW)
    return sum(np.polyfit(time[window] - time[first], v[window], 2, full=True)[1][0] for v in (x, y)) / (WINDOW - 3)


def way(place):
    """From the place before: what of the step goes where the speed points. Whose speed may be jitter stands."""
    step = (smooth[place] - smooth[place - 1]) @ np.c_[x, y]
    speed = (slope[place] + slope[place - 1]) / 2 @ np.c_[x, y]
    doubt = np.mean([slope[p] @ slope[p] * jitter(p) for p in (place - 1, place)])
    return 0 if speed @ speed < 3 * doubt else max(step @ speed / np.linalg.norm(speed), 0)


columns.append([0, *(way(place) for place in range(1, SIGHTS))])

print(f"/* Made by make_savgol_fixture.py with scipy {scipy.__version__}: savgol_filter, second order, {WINDOW} sights;\n * way_m: numpy. */")
print("// clang-format off")
print(f"#define SAVGOL_FPS {FPS}")
print(f"#define SAVGOL_HALF_S {(WINDOW // 2) / FPS}")
print("static const struct {\n    double x, y, smooth_x, smooth_y, speed_x, speed_y, way_m;\n} savgol_sights[] = {")
for row in zip(*columns):
    print("    {" + ", ".join(f"{value:.10g}" for value in row) + "},")
print("};")
print("// clang-format on")
