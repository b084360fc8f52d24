#!/usr/bin/env python3
"""Makes zone_table.h: random polygons and points with the truth about them, computed with exact fractions.

    python3 tests/scene/make_zone_table.py > tests/scene/zone_table.h

Coordinates are multiples of 1/64, which are exact as doubles, so that points on edges and corners are really there.
Inside: the winding number is odd, or the point lies on an edge. Crossing: two edges that are no neighbours share a
point, or two neighbours share more than their corner.
"""
import random
from fractions import Fraction

GRID = 64


def turn(a, b, p):
    value = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return (value > 0) - (value < 0)


def on_edge(a, b, p):
    return turn(a, b, p) == 0 and min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def edges(polygon):
    return list(zip(polygon, polygon[1:] + polygon[:1]))


def winding(polygon, p):
    """Turns around p: up-crossings to its right minus down-crossings."""
    total = 0
    for a, b in edges(polygon):
        if a[1] <= p[1] < b[1] and turn(a, b, p) > 0:
            total += 1
        elif b[1] <= p[1] < a[1] and turn(a, b, p) < 0:
            total -= 1
    return total


def inside(polygon, p):
    return any(on_edge(a, b, p) for a, b in edges(polygon)) or winding(polygon, p) % 2 == 1


def crossing_point(a, b, c, d):
    """The one point two segments that are not parallel share, or None."""
    rx, ry, sx, sy = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    bottom = Fraction(rx * sy - ry * sx)
    if bottom == 0:
        return None
    t = Fraction((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / bottom
    u = Fraction((c[0] - a[0]) * ry - (c[1] - a[1]) * rx) / bottom
    return (a[0] + t * rx, a[1] + t * ry) if 0 <= t <= 1 and 0 <= u <= 1 else None


def shared(one, two):
    """Points both edges have, as far as needed to tell corner from more."""
    found = {p for p in one if on_edge(*two, p)} | {p for p in two if on_edge(*one, p)}
    point = crossing_point(*one, *two)
    return found | ({point} if point else set())


def crosses(polygon):
    lines = edges(polygon)
    for i, one in enumerate(lines):
        for k in range(i + 1, len(lines)):
            corners = set(one) & set(lines[k])
            neighbours = k == i + 1 or (i == 0 and k == len(lines) - 1)
            if shared(one, lines[k]) - (corners if neighbours else set()):
                return True
    return False


def draw(rng):
    """Half of them stars around a centre, which seldom cross, half points in any order."""
    count = rng.randint(3, 9)
    points = set()
    while len(points) < count:
        points.add((rng.randint(0, GRID), rng.randint(0, GRID)))
    points = list(points)
    rng.shuffle(points)
    if rng.random() < 0.6:
        x, y = sum(p[0] for p in points) / count, sum(p[1] for p in points) / count
        from math import atan2
        points.sort(key=lambda p: atan2(p[1] - y, p[0] - x))
    return points


def main():
    rng = random.Random(6)
    print("// clang-format off")
    print("/* Made by make_zone_table.py: coordinates in 1/64. */")
    print("struct zone_row {\n    int count, xy[9][2], crosses, points[40][3]; /* x, y, inside */\n};")
    print("static const struct zone_row zone_rows[] = {")
    for _ in range(160):
        polygon = draw(rng)
        points = [(rng.randint(0, GRID), rng.randint(0, GRID)) for _ in range(26)]
        points += [polygon[0], polygon[-1]]  # corners, and points of the rows and columns of corners
        points += [(rng.choice(polygon)[0], rng.randint(0, GRID)) for _ in range(6)]
        points += [(rng.randint(0, GRID), rng.choice(polygon)[1]) for _ in range(6)]
        xy = ", ".join(f"{{{x}, {y}}}" for x, y in polygon)
        rows = ", ".join(f"{{{x}, {y}, {int(inside(polygon, (x, y)))}}}" for x, y in points)
        print(f"    {{{len(polygon)}, {{{xy}}}, {int(crosses(polygon))}, {{{rows}}}}},")
    print("};")


if __name__ == "__main__":
    main()
