#!/usr/bin/env python3
"""Makes crossing_table.h: random walks over lines with the truth about them, computed with exact fractions.

    python3 tests/scene/make_crossing_table.py > tests/scene/crossing_table.h

Coordinates are whole numbers, times tenths of a second. The rule, written down another way than in the program: cut the walk
at gaps; of each part look at the sights that are clear of the line; where one side follows the other, and two sights of the new
side come before the next of the old one, the walk from the last sight of the old side to the second of the new one decides:
the points where it meets the stretch, each found as a fraction of the stretch, in the new side's direction minus the others.
"""
import random
from fractions import Fraction

GRID, GAP, SIGHTS = 64, 20, 2


def across(a, b, p):
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def side(a, b, p):
    return 1 if across(a, b, p) > 0 else -1


def clear(a, b, p, reach):
    return Fraction(across(a, b, p)) ** 2 >= Fraction(reach) ** 2 * ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2)


def meets(a, b, p, q):
    """Where a step from one side to the other meets the line, 0 at a and 1 at b, is on the stretch."""
    from_p, from_q = Fraction(across(a, b, p)), Fraction(across(a, b, q))
    t = from_p / (from_p - from_q)
    x, y = p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])
    along = ((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2)
    return 0 <= along <= 1


def passes(a, b, walk, first, last):
    """(number of the second point, direction) of each pass of the stretch between two sights."""
    return [(k, side(a, b, walk[k][:2])) for k in range(first + 1, last + 1)
            if side(a, b, walk[k][:2]) != side(a, b, walk[k - 1][:2]) and meets(a, b, walk[k - 1][:2], walk[k][:2])]


def parts(walk):
    start = 0
    for k in range(1, len(walk) + 1):
        if k == len(walk) or walk[k][3] > GAP:
            yield start, k
            start = k


def crossings(a, b, walk):
    """(sight at which it is told, sight at which it happened, direction)"""
    found = []
    for start, end in parts(walk):
        sure = [k for k in range(start, end) if clear(a, b, walk[k][:2], walk[k][2])]
        sides = {k: side(a, b, walk[k][:2]) for k in sure}
        i = 0
        while i < len(sure):
            here = sides[sure[i]]
            run = i  # the last sight of `here` before SIGHTS of the other side follow one another
            others = [j for j in range(i, len(sure)) if sides[sure[j]] != here]
            turn = next((j for j in others if j + SIGHTS <= len(sure)
                         and all(sides[sure[j + n]] != here for n in range(SIGHTS))), None)
            if turn is None:
                break
            run = turn - 1
            told = sure[turn + SIGHTS - 1]
            met = passes(a, b, walk, sure[run], told)
            if sum(way for _, way in met) * -here > 0:
                found.append((told, met[-1][0], -here))
            i = turn + SIGHTS - 1
    return found


def draw_walk(rng, a, b):
    walk, x, y = [], rng.randint(0, GRID), rng.randint(0, GRID)
    goal = rng.choice([(rng.randint(0, GRID), rng.randint(0, GRID)), ((a[0] + b[0]) // 2, (a[1] + b[1]) // 2), a, b])
    for _ in range(24):
        if rng.random() < 0.2:
            goal = rng.choice([(rng.randint(0, GRID), rng.randint(0, GRID)), a, b, ((a[0] + b[0]) // 2, (a[1] + b[1]) // 2)])
        pace = rng.choice([2, 6, 12])
        x = max(0, min(GRID, x + max(-pace, min(pace, goal[0] - x)) + rng.randint(-2, 2)))
        y = max(0, min(GRID, y + max(-pace, min(pace, goal[1] - y)) + rng.randint(-2, 2)))
        if rng.random() < 0.05:
            x, y = rng.randint(0, GRID), rng.randint(0, GRID)
        walk.append((x, y, rng.choice([1, 2, 3, 5]), rng.choice([1, 1, 1, 2, 5, 20, 20, 21, 30]) if rng.random() < 0.3 else 1))
    return walk


def main():
    rng = random.Random(11)
    print("// clang-format off")
    print("/* Made by make_crossing_table.py. x, y, reach, tenths of a second since the sight before; told, happened, way. */")
    print("struct crossing_row {\n    int line[4], walk[24][4], count, crossings[12][3];\n};")
    print("static const struct crossing_row crossing_rows[] = {")
    for _ in range(240):
        a = b = (0, 0)
        while a == b:
            a, b = ((rng.randint(8, 56), rng.randint(8, 56)) for _ in range(2))
            if rng.random() < 0.3:
                b = rng.choice([(a[0], b[1]), (b[0], a[1])])
        walk = draw_walk(rng, a, b)
        found = crossings(a, b, walk)
        steps = ", ".join("{%d, %d, %d, %d}" % s for s in walk)
        told = ", ".join("{%d, %d, %d}" % c for c in found) or "{0}"
        print(f"    {{{{{a[0]}, {a[1]}, {b[0]}, {b[1]}}}, {{{steps}}}, {len(found)}, {{{told}}}}},")
    print("};")


if __name__ == "__main__":
    main()
