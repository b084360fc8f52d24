#!/usr/bin/env python3
"""Writes pitch_fixture.h: cameras above a pitch, what they see, and OpenCV's fits to it.

    make_pitch_fixture.py > pitch_fixture.h

Cameras are made from focal length, rotation and place (never from a homography), the lens bends what they see. Slopes are
differences of that, in long doubles. The noisy points have their best homography from cv2.findHomography, whose least
squares end in another implementation of Levenberg and Marquardt's method.
"""
import cv2
import numpy as np

WIDTH, HEIGHT = 1920, 1080
LONG = np.longdouble


def camera(rng):
    """Focal length, rotation (rows: right, down, forward) and place of a camera beside the pitch that looks at it."""
    place = np.array([rng.uniform(20, 85), rng.uniform(-60, -15), rng.uniform(8, 30)])
    at = np.array([rng.uniform(25, 80), rng.uniform(20, 45), 0])
    forward = (at - place) / np.linalg.norm(at - place)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    roll = rng.normal(0, 0.02)
    rows = [np.cos(roll) * right + np.sin(roll) * down, -np.sin(roll) * right + np.cos(roll) * down, forward]
    return rng.uniform(1000, 2600), np.array(rows), place


def see(cam, k1, ground):
    """Px of points of the ground, bent."""
    focal, rows, place = cam
    points = np.concatenate([np.asarray(ground, LONG), np.zeros((len(ground), 1), LONG)], 1) - place.astype(LONG)
    right, down, forward = (points @ rows.astype(LONG).T).T
    straight = np.stack([focal * right / forward, focal * down / forward], 1)
    reach = np.hypot(LONG(WIDTH), LONG(HEIGHT)) / 2
    r = np.hypot(straight[:, 0], straight[:, 1]) / reach
    return straight * (1 + LONG(k1) * r * r)[:, None] + [WIDTH / 2, HEIGHT / 2]


def visible(rng, cam, k1, count):
    """Points of the pitch that lie in the picture."""
    kept = []
    while len(kept) < count:
        ground = rng.uniform([0, 0], [105, 68], (400, 2))
        px = see(cam, k1, ground)
        inside = (px > 20).all(1) & (px < [WIDTH - 20, HEIGHT - 20]).all(1)
        # Apart from one another, so that no four of them are nearly on a line by chance.
        for g, p in zip(ground[inside], px[inside]):
            if all(np.hypot(*(p - q).astype(float)) > 60 for _, q in kept):
                kept.append((g, p))
    return np.array([g for g, _ in kept[:count]]), np.array([p for _, p in kept[:count]], LONG)


def slopes(cam, k1, ground):
    """Metres a px, from px a metre by differences."""
    step = LONG(1e-6)
    out = []
    for g in ground:
        columns = []
        for axis in range(2):
            d = np.zeros(2, LONG)
            d[axis] = step
            columns.append((see(cam, k1, [g + d]) - see(cam, k1, [g - d]))[0] / (2 * step))
        out.append(np.linalg.inv(np.array(columns, float).T).ravel())
    return out


def numbers(values):
    """Rows in braces."""
    values = np.array(values, float)
    return ", ".join(f"{{{numbers(v)}}}" if values.ndim > 1 else f"{v:.17g}" for v in values)


def main():
    rng = np.random.default_rng(14)
    print("/* Written by make_pitch_fixture.py. */")
    print("enum { FIXTURE_WIDTH = %d, FIXTURE_HEIGHT = %d, FIXTURE_POINTS = 24, FIXTURE_BAD = 6 };\n" % (WIDTH, HEIGHT))
    print("struct pitch_case {\n    double k1;\n    double pitch[FIXTURE_POINTS][2], image[FIXTURE_POINTS][2];"
          "\n    double metres_a_px[FIXTURE_POINTS][4];\n    /* The same with noise of 1.5 px; OpenCV's best map, its rms. */\n"
          "    double noisy[FIXTURE_POINTS][2], cv_map[9], cv_rms;\n    /* The first FIXTURE_BAD of them far off. */\n"
          "    double wrong[FIXTURE_BAD][2];\n};\n")
    print("// clang-format off\nstatic const struct pitch_case pitch_cases[] = {")
    for k1 in (0, 0, 0, 0, 0, 0, -0.08, -0.03, 0.05, 0.15):
        cam = camera(rng)
        ground, px = visible(rng, cam, k1, 24)
        noisy = (px.astype(float) + rng.normal(0, 1.5, px.shape)).round(3)
        best, _ = cv2.findHomography(ground, noisy, 0)
        fit = np.c_[ground, np.ones(len(ground))] @ best.T
        off = fit[:, :2] / fit[:, 2:] - noisy
        rms = np.sqrt((off ** 2).sum(1).mean())
        wrong = noisy[:6] + rng.choice([-1, 1], (6, 2)) * rng.uniform(60, 300, (6, 2))
        print(f"    {{{k1},\n     {{{numbers(ground)}}},\n     {{{numbers(px)}}},\n"
              f"     {{{numbers(slopes(cam, k1, ground))}}},\n     {{{numbers(noisy)}}},\n     {{{numbers(best.ravel())}}}, {rms:.17g},\n"
              f"     {{{numbers(wrong)}}}}},")
    print("};\n// clang-format on")


if __name__ == "__main__":
    main()
