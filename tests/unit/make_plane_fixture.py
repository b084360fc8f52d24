#!/usr/bin/env python3
"""Writes plane_fixture.h: maps between planes, and what numpy's decompositions make of pairs of points.

    python tests/unit/make_plane_fixture.py > tests/unit/plane_fixture.h

Homographies: the singular vector of the smallest singular value of the weighted, normalised equations (SVD, not the
normal matrix of plane.c). Similarities: Umeyama's formula by the SVD of the covariance. Derivatives: complex steps.
"""
import numpy as np

random = np.random.default_rng(20261125)
PAIRS = 12


def homogeneous(points):
    return np.hstack([points, np.ones((len(points), 1))])


def apply(m, points):
    p = homogeneous(points) @ m.T
    return p[:, :2] / p[:, 2:]


def normaliser(points, weights):
    center = (weights[:, None] * points).sum(0) / weights.sum()
    scale = np.sqrt(2) * weights.sum() / (weights * np.linalg.norm(points - center, axis=1)).sum()
    return np.array([[scale, 0, -scale * center[0]], [0, scale, -scale * center[1]], [0, 0, 1]])


def homography(a, b, weights):
    ta, tb = normaliser(a, weights), normaliser(b, weights)
    rows = []
    for p, q, w in zip(homogeneous(a) @ ta.T, homogeneous(b) @ tb.T, weights):
        rows.append(np.sqrt(w) * np.concatenate([[0, 0, 0], -p, q[1] * p]))
        rows.append(np.sqrt(w) * np.concatenate([p, [0, 0, 0], -q[0] * p]))
    h = np.linalg.inv(tb) @ np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3) @ ta
    return h / h[2, 2]


def similarity(a, b, weights):
    w = weights / weights.sum()
    ma, mb = w @ a, w @ b
    u, s, vt = np.linalg.svd((w[:, None] * (b - mb)).T @ (a - ma))
    sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ sign @ vt
    scale = (s * np.diag(sign)).sum() / (w * ((a - ma) ** 2).sum(1)).sum()
    return np.block([[scale * turn, (mb - scale * turn @ ma)[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])


def jacobian(m, point):
    out = np.empty((2, 2))
    for k in range(2):
        p = np.array(point, complex)
        p[k] += 1e-30j
        w = m @ np.append(p, 1)
        out[:, k] = (w[:2] / w[2]).imag / 1e-30
    return out


def case(i):
    """A map, pairs that follow it up to some noise, and what is to be found from them."""
    spread = [1, 100, 1000][i % 3]
    m = np.eye(3) + random.uniform(-0.3, 0.3, (3, 3)) * np.array([[1, 1, spread], [1, 1, spread], [1 / spread, 1 / spread, 0]])
    a = random.uniform(0, spread, (PAIRS, 2))
    b = apply(m, a) + random.normal(0, 0.002 * spread * (i >= 3), (PAIRS, 2))
    weights = random.uniform(0.1, 3, PAIRS) if i % 2 else np.ones(PAIRS)
    if i >= 6:
        weights[random.choice(PAIRS, 4, replace=False)] = 0
    point = random.uniform(0, spread, 2)
    inverse = np.linalg.inv(m)
    return {"map": m, "inverse": inverse / inverse[2, 2], "point": point, "applied": apply(m, point[None])[0],
            "jacobian": jacobian(m, point), "from": a, "to": b, "weights": weights,
            "homography": homography(a, b, weights), "similarity": similarity(a, b, weights)}


def numbers(values):
    return "{" + ", ".join(f"{v:.17g}" for v in np.ravel(values)) + "}"


print(f"/* Made by make_plane_fixture.py with numpy {np.__version__}. */")
print("// clang-format off")
print(f"enum {{ PLANE_PAIRS = {PAIRS} }};")
print("static const struct plane_case {\n    double map[9], inverse[9], point[2], applied[2], jacobian[4];\n"
      "    double from[2 * PLANE_PAIRS], to[2 * PLANE_PAIRS], weights[PLANE_PAIRS];\n"
      "    double homography[9], similarity[9];\n} plane_cases[] = {")
for number in range(12):
    made = case(number)
    print("    {" + ",\n     ".join(numbers(value) for value in made.values()) + "},")
print("};\n// clang-format on")
