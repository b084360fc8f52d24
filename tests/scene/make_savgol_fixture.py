#!/usr/bin/env python3
"""Writes savgol_fixture.h: a jittery walk and what scipy's Savitzky-Golay filter makes of it.

    .deps/venv/bin/python tests/scene/make_savgol_fixture.py > tests/scene/savgol_fixture.h
"""
import numpy as np
import scipy
from scipy.signal import savgol_filter

FPS, SIGHTS, WINDOW = 25, 70, 25    # frames; the window reaches 12 frames, 0.48 s, to both sides

random = np.random.default_rng(42)
time = np.arange(SIGHTS) / FPS
x = np.round(30 + 6 * time - 1.3 * time ** 2 + np.sin(3 * time) + random.normal(0, 0.2, SIGHTS), 4)
y = np.round(20 + 2 * np.cos(1.7 * time) + random.normal(0, 0.2, SIGHTS), 4)
columns = [x, y, *(savgol_filter(v, WINDOW, 2, mode="interp") for v in (x, y)),
           *(savgol_filter(v, WINDOW, 2, deriv=1, delta=1 / FPS, mode="interp") for v in (x, y))]

print(f"/* Made by make_savgol_fixture.py with scipy {scipy.__version__}: savgol_filter, second order, {WINDOW} sights. */")
print("// clang-format off")
print(f"#define SAVGOL_FPS {FPS}")
print(f"#define SAVGOL_HALF_S {(WINDOW // 2) / FPS}")
print("static const struct {\n    double x, y, smooth_x, smooth_y, speed_x, speed_y;\n} savgol_sights[] = {")
for row in zip(*columns):
    print("    {" + ", ".join(f"{value:.10g}" for value in row) + "},")
print("};")
print("// clang-format on")
