"""What `pattern:football` says about its frames, against a camera of our own and against the picture itself."""
import os
import subprocess

import numpy as np
import pytest

WIDTH, HEIGHT, FRAMES, FPS = 960, 540, 120, 5


def table(path, delimiter=","):
    return np.loadtxt(path, delimiter=delimiter, ndmin=2)


@pytest.fixture(scope="module")
def match(tmp_path_factory):
    """Folder of a match of 24 s with its pixels."""
    folder = tmp_path_factory.mktemp("football")
    url = f"pattern:football?size={WIDTH}x{HEIGHT}&fps={FPS}&seed=4"
    subprocess.run([os.environ["FOVEA_WRITE_FOOTBALL"], url, str(FRAMES), str(folder), "--yuv"], check=True, timeout=120)
    return folder


def camera_matrix(row):
    """3x4 from camera.txt: x right, y down, z into the picture."""
    pan, tilt, focal, *position = row[1:]
    forward = np.array([np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), -np.sin(tilt)])
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turn = np.stack([right, down, forward])
    inside = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    return inside @ np.column_stack([turn, -turn @ position])


@pytest.fixture(scope="module")
def cameras(match):
    return [camera_matrix(row) for row in table(match / "camera.txt")]


def project(matrix, points):
    """Points of N x 3 (a camera) or N x 2 (a homography) to px."""
    out = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return out[:, :2] / out[:, 2:], out[:, 2]


def planes(match, number):
    """Luma, Cb, Cr of a frame (from 0) as floats."""
    luma, chroma = WIDTH * HEIGHT, (WIDTH // 2) * (HEIGHT // 2)
    data = np.fromfile(match / "frames.yuv", np.uint8, luma + 2 * chroma, offset=number * (luma + 2 * chroma))
    half = (HEIGHT // 2, WIDTH // 2)
    return (data[:luma].reshape(HEIGHT, WIDTH).astype(float), data[luma:luma + chroma].reshape(half).astype(float),
            data[luma + chroma:].reshape(half).astype(float))


def boxes_of(match, number):
    rows = table(match / "gt/gt.txt")
    return rows[rows[:, 0] == number + 1]


def test_homography_is_the_cameras(match, cameras):
    maps = table(match / "H.txt", " ")
    points = np.random.default_rng(1).uniform([0, 0], [105, 68], (200, 2))
    for row, camera in zip(maps, cameras):
        ours, depth = project(camera, np.column_stack([points, np.zeros(200)]))
        theirs, told_depth = project(row[1:].reshape(3, 3), points)
        front = depth > 5
        assert np.abs(ours - theirs)[front].max() < 1e-4
        assert np.abs(depth - told_depth).max() < 1e-6


def test_motion_is_that_of_the_ground(match):
    maps, motions = table(match / "H.txt", " ")[:, 1:], table(match / "motion.txt", " ")[:, 1:]
    assert np.array_equal(motions[0], np.eye(3).ravel())
    for before, now, motion in zip(maps, maps[1:], motions[1:]):
        moved, now = (m / np.linalg.norm(m) for m in (motion.reshape(3, 3) @ before.reshape(3, 3), now.reshape(3, 3)))
        assert min(np.abs(moved - now).max(), np.abs(moved + now).max()) < 1e-9


def test_boxes_stand_where_the_people_stand(match, cameras):
    people = {int(row.split(",")[0]): float(row.split(",")[4]) for row in (match / "people.txt").read_text().split()}
    boxes, ground = table(match / "gt/gt.txt"), table(match / "pitch.txt")
    assert np.array_equal(boxes[:, :2], ground[:, :2])
    assert len(people) == 25 and len(boxes) > FRAMES * 10
    feet_error, top_error, middle_error = [], [], []
    for box, spot in zip(boxes, ground):
        x, y, w, h = box[2:6]
        if x < 1 or y < 1 or x + w > WIDTH - 1 or y + h > HEIGHT - 1:
            continue
        height = people[int(box[1])]
        (foot, head), depth = project(cameras[int(box[0]) - 1], np.array([[*spot[2:4], 0], [*spot[2:4], height]]))
        metre = (foot[1] - head[1]) / height
        assert depth.min() > 0
        feet_error.append((y + h - foot[1]) / metre)
        top_error.append((y - head[1]) / metre)
        middle_error.append((x + w / 2 - foot[0]) / metre)
    for errors, most, mean in ((feet_error, 0.5, 0.1), (top_error, 0.35, 0.12), (middle_error, 0.6, 0.1)):
        assert np.abs(errors).max() < most
        assert abs(np.mean(errors)) < mean


def test_ball_is_where_it_is_said_to_be(match, cameras):
    balls = table(match / "ball_gt.txt")
    assert balls[:, 6].mean() > 0.95
    brighter = []
    for row, camera in zip(balls, cameras):
        (px,), _ = project(camera, row[None, 3:6])
        assert np.abs(px - row[1:3]).max() < 0.06
        x, y, number = *np.round(px - 0.5).astype(int), int(row[0]) - 1
        hidden = [b for b in boxes_of(match, number) if b[2] - 3 < x < b[2] + b[4] + 3 and b[3] - 3 < y < b[3] + b[5] + 3]
        if row[6] and not hidden and 20 < x < WIDTH - 20 and 20 < y < HEIGHT - 20:
            luma = planes(match, number)[0]
            brighter.append(luma[y, x] - np.median(luma[y - 12:y + 13, x - 12:x + 13]))
    assert len(brighter) > 20
    assert np.median(brighter) > 50


def lines():
    """Points of white lines away from crossings, each with a step across it: N x 2 and N x 2."""
    along = np.linspace(3, 49, 150)
    angle = np.linspace(0.2, 2.9, 80)
    yield np.column_stack([np.full(60, 52.5), np.linspace(3, 22, 60)]), np.tile([1, 0], (60, 1))
    yield np.column_stack([along, np.full(150, 68)]), np.tile([0, 1], (150, 1))
    yield np.column_stack([along + 53, np.full(150, 68)]), np.tile([0, 1], (150, 1))
    yield np.array([52.5, 34]) + 9.15 * np.column_stack([np.cos(angle), np.sin(angle)]), np.column_stack(
        [np.cos(angle), np.sin(angle)])
    for x, way in ((0, 1), (105, -1)):
        yield np.column_stack([np.full(60, x + way * 16.5), np.linspace(15, 26, 60)]), np.tile([1, 0], (60, 1))
        yield np.column_stack([x + way * np.linspace(6, 16, 60), np.full(60, 34 + 20.16)]), np.tile([0, 1], (60, 1))


def sample(plane, px):
    """Bilinear, at px from the picture's corner."""
    x, y = px[:, 0] - 0.5, px[:, 1] - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0
    return ((plane[y0, x0] * (1 - fx) + plane[y0, x0 + 1] * fx) * (1 - fy) +
            (plane[y0 + 1, x0] * (1 - fx) + plane[y0 + 1, x0 + 1] * fx) * fy)


def test_lines_are_drawn_where_the_homography_says(match):
    maps, seen = table(match / "H.txt", " ")[:, 1:].reshape(-1, 3, 3), 0
    for number in range(0, FRAMES, 6):
        luma = planes(match, number)[0]
        for points, across in lines():
            on, depth = project(maps[number], points)
            off = [project(maps[number], points + side * 0.9 * across)[0] for side in (-1, 1)]
            good = (depth > 0) & np.all([(p > 3).all(1) & (p < [WIDTH - 3, HEIGHT - 3]).all(1) for p in [on, *off]], axis=0)
            for box in boxes_of(match, number):    # people, and their shadows at their right
                good &= ~((on[:, 0] > box[2] - 30) & (on[:, 0] < box[2] + box[4] + 50) & (on[:, 1] > box[3] - 20) &
                          (on[:, 1] < box[3] + box[5] + 20))
            if good.sum() < 15:
                continue
            sides = [sample(luma, p[good]).mean() for p in off]
            assert sample(luma, on[good]).mean() > max(sides) + 8, number
            seen += 1
    assert seen > 30


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_teams_differ_in_colour(tmp_path, seed):
    match, url = tmp_path, f"pattern:football?size={WIDTH}x{HEIGHT}&fps=2&seed={seed}&zoom=2"
    subprocess.run([os.environ["FOVEA_WRITE_FOOTBALL"], url, "60", str(match), "--yuv"], check=True, timeout=120)
    people = [row.split(",") for row in (match / "people.txt").read_text().split()]
    side = {int(p[0]): int(p[1]) for p in people if p[2] == "player"}
    shirts = {0: [], 1: []}
    for number in range(60):
        _, cb, cr = planes(match, number)
        for _, who, x, y, w, h, _, _, shown in boxes_of(match, number):
            if int(who) in side and shown > 0.97 and x > 0 and x + w < WIDTH:
                part = np.s_[int(y + 0.22 * h) // 2:int(y + 0.42 * h) // 2 + 1, int(x + 0.4 * w) // 2:int(x + 0.6 * w) // 2 + 1]
                shirts[side[int(who)]].append((cb[part].mean(), cr[part].mean()))
    means = [np.mean(shirts[team], axis=0) for team in (0, 1)]
    assert min(len(shirts[0]), len(shirts[1])) > 20
    assert np.linalg.norm(means[0] - means[1]) > 25
    for team in (0, 1):
        ours, theirs = (np.linalg.norm(np.array(shirts[team]) - means[k], axis=1) for k in (team, 1 - team))
        assert np.mean(ours < theirs) > 0.95


def test_what_stands_still_moves_as_the_camera_says(match):
    """The picture before, carried along by the motion, is this picture where nobody is."""
    motions, better = table(match / "motion.txt", " ")[:, 1:].reshape(-1, 3, 3), []
    grid = np.stack(np.meshgrid(np.arange(8, WIDTH - 8, 4) + 0.5, np.arange(8, HEIGHT - 8, 4) + 0.5), -1).reshape(-1, 2)
    for number in range(5, FRAMES, 9):
        before, now = planes(match, number - 1)[0], planes(match, number)[0]
        was, _ = project(np.linalg.inv(motions[number]), grid)
        good = (was > 2).all(1) & (was < [WIDTH - 2, HEIGHT - 2]).all(1)
        shift = np.linalg.norm(was - grid, axis=1)[good].mean()
        if shift < 4:
            continue
        value = sample(now, grid[good])
        better.append(np.abs(value - sample(before, grid[good])).mean() / np.abs(value - sample(before, was[good])).mean())
    assert len(better) >= 3
    assert np.median(better) > 2


def test_speeds_are_those_of_the_positions(tmp_path):
    subprocess.run([os.environ["FOVEA_WRITE_FOOTBALL"], "pattern:football?size=640x360&fps=50&zoom=1.5", "500", str(tmp_path)],
                   check=True, timeout=120)
    rows, checked = table(tmp_path / "pitch.txt"), 0
    if not len(rows):
        pytest.fail("nobody is seen")
    for who in range(1, 26):
        mine = rows[rows[:, 1] == who]
        near = np.flatnonzero(np.diff(mine[:, 0]) == 1)
        speed = (mine[near + 1, 2:4] - mine[near, 2:4]) * 50
        if len(near):
            assert np.abs(speed - mine[near + 1, 4:6]).max() < 0.4
            checked += len(near)
    assert checked > 100


def overlap(one, others):
    """Intersection over union of a box with many, as x, y, width, height."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    return both / (np.prod(one[2:]) + np.prod(others[:, 2:], axis=1) - both)


def test_what_a_detector_sees(match):
    """Most people in sight are found, near their box; false ones are few and unsure."""
    boxes, seen = table(match / "gt/gt.txt"), table(match / "det/det.txt")
    found, shift, false = [], [], []
    for number in range(1, FRAMES + 1):
        mine, theirs = boxes[boxes[:, 0] == number], seen[seen[:, 0] == number]
        assert np.all(np.diff(theirs[:, 6]) <= 0)
        for box in mine[mine[:, 8] > 0.97]:
            overlaps = overlap(box[2:6], theirs[:, 2:6])
            found.append(overlaps.max() > 0.5)
            if found[-1]:
                got = theirs[overlaps.argmax()]
                shift.append((got[2:6] - box[2:6]) / box[[4, 5, 4, 5]])
        false += [row[6] for row in theirs if overlap(row[2:6], mine[:, 2:6]).max() < 0.2]
    shift = np.array(shift)
    assert 0.94 < np.mean(found) < 0.995
    assert 0.025 < shift[:, 0].std() < 0.05 and 0.012 < shift[:, 1].std() < 0.025 and np.abs(shift.mean(axis=0)).max() < 0.01
    assert 0.15 < len(false) / FRAMES < 0.6 and np.mean(false) < 0.4


def test_what_is_seen_of_ball_and_pitch(match):
    balls, seen = table(match / "ball_gt.txt"), table(match / "ball_det.txt")
    near = [np.abs(seen[seen[:, 0] == row[0], 1:3] - row[1:3]).max(axis=1).min(initial=1e9) < 5 for row in balls if row[6]]
    assert 0.6 < np.mean(near) < 0.85
    true, told = (table(match / name, " ")[:, 1:].reshape(-1, 3, 3) for name in ("H.txt", "H_seen.txt"))
    errors = []
    for a, b in zip(true, told):
        middle = np.linalg.inv(a) @ [WIDTH / 2, HEIGHT / 2, 1]
        px, _ = project(b, (middle[:2] / middle[2])[None])
        errors.append(px[0] - [WIDTH / 2, HEIGHT / 2])
    focal = table(match / "camera.txt")[:, 3].mean()
    assert np.allclose(np.std(errors, axis=0), 3e-4 * focal, rtol=0.3)
