#!/usr/bin/env python3
"""Makes football to track, with the truth: 22 players and 3 officials under a camera that pans and zooms.

    football.py FOLDER [--seed N] [--seconds 60] [--fps 10 25]

writes FOLDER/FPS/{wide,mid,near}/: det/det.txt and gt/gt.txt (MOT lines), gmc.txt (frame and the affine motion of the
picture), H.txt (frame and the homography metres to px, with the error of a calibration), pitch.txt (frame, id, metres),
ball_gt.txt (frame, px, metres, in the picture), ball_det.txt (frame, px, score), seqinfo.ini. A simulation: it says how
trackers bear pans, crossings and gaps, nothing about pictures.

Players hold a place in a formation that follows the ball, press it when they are near, and turn and brake as people do;
players in front hide those behind, who then get unsure boxes or none. The camera follows the ball as an operator would.
"""
import argparse
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 1920, 1080
LENGTH, ACROSS = 105.0, 68.0
STEP = 0.02  # seconds of a step of the simulation
STAND = np.array([52.5, -36.0, 19.0])  # of the camera
FORMATION = np.array([[4, 34], [17, 12], [15, 27], [15, 41], [17, 56], [33, 22], [30, 34], [33, 46], [46, 14], [49, 34], [46, 54]])
ROLES = {"wide": (1700, 0.85), "mid": (2300, 1.0), "near": (2900, 1.2)}  # focal length, pace


class Game:
    """Places of 25 people and a ball over time."""

    def __init__(self, rng, pace):
        self.rng, self.pace = rng, pace
        home = np.concatenate([FORMATION, [LENGTH, ACROSS] - FORMATION, [[50, 30], [45, -1], [60, ACROSS + 1]]]).astype(float)
        self.home, self.people = home, len(home)
        self.place = home + rng.normal(0, 3, home.shape)
        self.speed = np.zeros_like(home)
        self.roam = np.zeros_like(home)
        self.top = rng.uniform(6.5, 9.0, self.people)
        self.ball, self.ball_speed = np.array([52.5, 34, 0.1]), np.zeros(3)
        self.owner, self.until, self.since = 9, 1.0, 0.0
        self.middle = np.array([52.5, 34.0])  # of the game, where the formations go

    def kick(self):
        """The owner passes to somebody of the team, sometimes to nobody."""
        team = self.owner // 11 * 11
        mate = team + self.rng.integers(11)
        aim = self.place[mate] + 0.7 * self.speed[mate] + self.rng.normal(0, 1.5, 2)
        way = aim - self.ball[:2]
        far = np.linalg.norm(way) + 0.1
        fast = np.clip(5 + far, 8, 27)
        lift = 4.9 * far / fast * 0.7 if far > 22 and self.rng.random() < 0.5 else 0
        self.ball_speed = np.array([*(way / far * fast), lift])
        self.owner, self.since = -1, 0.0

    def move_ball(self):
        if self.owner >= 0:
            run = self.speed[self.owner]
            self.ball = np.array([*(self.place[self.owner] + 0.5 * run / (np.linalg.norm(run) + 0.5)), 0.11])
            self.until -= STEP
            if self.until < 0:
                self.kick()
            return
        self.since += STEP
        self.ball = self.ball + self.ball_speed * STEP
        self.ball_speed[:2] *= np.exp(-0.4 * STEP)
        self.ball_speed[2] -= 9.81 * STEP
        if self.ball[2] < 0.11:
            self.ball[2], self.ball_speed[2] = 0.11, max(-0.5 * self.ball_speed[2], 0)
        self.ball[:2] = np.clip(self.ball[:2], -1.5, [LENGTH + 1.5, ACROSS + 1.5])
        far = np.linalg.norm(self.place[:22] - self.ball[:2], axis=1)
        if self.since > 0.3 and far.min() < 1.1 and self.ball[2] < 2:
            self.owner, self.until = int(far.argmin()), self.rng.uniform(0.5, 2.5)

    def goals(self):
        """Where everybody wants to be, and how much."""
        goal = self.home + self.roam
        goal[:22] += (self.middle - [52.5, 34]) * [0.55, 0.5]
        goal[22] = self.middle + [6, -7]
        goal[23:, 0] = np.clip(self.middle[0] + [-6, 6], 0, LENGTH)
        haste = np.full(self.people, 0.25 * self.pace)
        far = np.linalg.norm(self.place[:22] - self.ball[:2], axis=1)
        for team in (0, 11):
            for rank, i in enumerate(team + np.argsort(far[team:team + 11])[:2]):
                goal[i] = self.ball[:2] + 0.4 * self.ball_speed[:2] + rank * self.roam[i] / 2
                haste[i] = 0.9 * self.pace
        if self.owner >= 0:  # it runs at the other goal
            goal[self.owner] = [LENGTH if self.owner < 11 else 0, 34 + self.roam[self.owner, 1]]
            haste[self.owner] = 0.1 * self.pace
        return goal, haste

    def move_people(self):
        goal, haste = self.goals()
        wish = (goal - self.place) * haste[:, None]
        wish *= np.minimum(1, self.top / (np.linalg.norm(wish, axis=1) + 1e-9))[:, None]
        push = 2.2 * (wish - self.speed)
        push *= np.minimum(1, 5.5 / (np.linalg.norm(push, axis=1) + 1e-9))[:, None]
        apart = self.place[:, None] - self.place[None]
        near = np.linalg.norm(apart, axis=2) + 9 * np.eye(self.people)
        push += 2.5 * (apart * ((near < 0.9) / near ** 2)[..., None]).sum(1)
        self.speed = self.speed + push * STEP
        self.place = self.place + self.speed * STEP
        self.place[23:, 1] = [-1, ACROSS + 1]

    def step(self, number):
        if number % 30 == 0:
            self.roam = 0.8 * self.roam + self.rng.normal(0, 1.5, self.roam.shape)
        self.middle = self.middle + 0.02 * (self.ball[:2] - self.middle)
        self.move_ball()
        self.move_people()


def play(rng, pace, steps):
    """Places of all, steps x 25 x 2, and of the ball, steps x 3."""
    game, people, ball = Game(rng, pace), [], []
    for number in range(steps):
        game.step(number)
        people.append(game.place.copy())
        ball.append(game.ball.copy())
    return np.array(people), np.array(ball)


def film(people, ball):
    """Pan and tilt of an operator who is after the ball, a little late and never abruptly."""
    aim, speed, turns = np.array([52.5, 30.0]), np.zeros(2), []
    for at, b in zip(people, ball):
        wish = 0.7 * b[:2] + 0.3 * at[:22].mean(0)
        wish[1] = 0.5 * wish[1] + 15
        speed = speed + (8 * (wish - aim) - 5 * speed) * STEP
        aim = aim + speed * STEP
        way = np.array([*aim, 0]) - STAND
        turns.append((np.arctan2(way[0], way[1]), np.arctan2(-way[2], np.hypot(way[0], way[1]))))
    return np.array(turns)


def camera(pan, tilt, focal):
    """3 x 4: metres x, y, z, 1 to px."""
    forward = np.array([np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), -np.sin(tilt)])
    right = np.array([np.cos(pan), -np.sin(pan), 0])
    rows = np.stack([right, np.cross(forward, right), forward])
    inner = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    return inner @ np.c_[rows, -rows @ STAND]


def see(matrix, points):
    seen = np.c_[points, np.ones(len(points))] @ matrix.T
    return seen[:, :-1] / seen[:, -1:], seen[:, -1]


def boxes_of(matrix, at, tall, speed, time_s):
    """Upright boxes around people and their distance from the camera."""
    foot, far = see(matrix, np.c_[at, np.zeros(len(at))])
    head, _ = see(matrix, np.c_[at, tall])
    high = foot[:, 1] - head[:, 1]
    broad = high * (0.36 + 0.02 * speed + 0.03 * np.sin(8 * time_s + np.arange(len(at))))
    return np.c_[foot[:, 0] - broad / 2, head[:, 1], foot[:, 0] + broad / 2, foot[:, 1]], far


def overlap(a, b):
    """Areas that boxes share, len(a) x len(b)."""
    corner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    return np.maximum(corner, 0).prod(2)


def area(boxes):
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)


def hidden(boxes, far, visible):
    """How much of each box somebody nearer hides."""
    share = overlap(boxes, boxes) / np.maximum(area(boxes), 1)[:, None]
    share[~((far[None] < far[:, None]) & visible[None])] = 0
    return share.max(1)


def detect(rng, boxes, hiding, visible):
    """What a detector of today finds: rows x1, y1, x2, y2, score; the best of those that overlap by 0.7."""
    found = []
    for box, hides in zip(boxes[visible], hiding[visible]):
        if rng.random() < 0.03 + (0.7 if hides > 0.7 else 0.25 * hides):
            continue
        size = np.tile(box[2:] - box[:2], 2) * [0.035, 0.02, 0.035, 0.02] * (1 + 2 * hides)
        score = rng.normal(0.87, 0.05) - 0.55 * hides - 0.15 * (rng.random() < 0.08)
        found.append([*(box + rng.normal(0, 1, 4) * size), np.clip(score, 0.05, 0.97)])
    for _ in range(rng.poisson(0.4)):  # nobody there
        high = rng.uniform(45, 140)
        x, y = rng.uniform(0, WIDTH - 60), rng.uniform(150, HEIGHT - 140)
        found.append([x, y, x + 0.4 * high, y + high, np.clip(rng.normal(0.3, 0.15), 0.1, 0.8)])
    kept = []
    for row in sorted(found, key=lambda row: -row[4]):
        box, others = np.array([row[:4]]), np.array([k[:4] for k in kept]).reshape(-1, 4)
        shared = overlap(box, others)[0]
        if not (shared > 0.7 * (area(box) + area(others) - shared)).any():
            kept.append(row)
    return kept


def motion(rng, before, now):
    """The affine map that 60 followed points of the ground would give, each 0.7 px off."""
    px = rng.uniform([0, 250], [WIDTH, HEIGHT], (60, 2))
    ground = np.c_[px, np.ones(60)] @ np.linalg.inv(before).T
    there = ground @ now.T
    there = there[:, :2] / there[:, 2:] + rng.normal(0, 0.7, (60, 2))
    return np.linalg.lstsq(np.c_[px, np.ones(60)], there, rcond=None)[0].T


def numbers(values, form):
    return " ".join(form % v for v in np.ravel(values))


class Files:
    """The files of one sequence."""

    def __init__(self, folder, names):
        for sub in ("gt", "det"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        self.open = {name: open(folder / name, "w", encoding="ascii") for name in names}

    def put(self, name, line):
        self.open[name].write(line + "\n")

    def close(self):
        for file in self.open.values():
            file.close()


def put_people(files, rng, number, k, people, matrix, tall):
    speed = np.linalg.norm(people[min(k + 1, len(people) - 1)] - people[max(k - 1, 0)], axis=1) / (2 * STEP)
    boxes, far = boxes_of(matrix, people[k], tall, speed, k * STEP)
    visible = ((boxes[:, 2:] > 10) & (boxes[:, :2] < [WIDTH - 10, HEIGHT - 10])).all(1)
    boxes = np.clip(boxes, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    visible &= ((boxes[:, 2:] - boxes[:, :2]) >= [6, 12]).all(1)
    hiding = hidden(boxes, far, visible)
    for i in np.flatnonzero(visible):
        x1, y1, x2, y2 = boxes[i]
        files.put("gt/gt.txt", f"{number},{i + 1},{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},1,1,{1 - hiding[i]:.2f}")
        files.put("pitch.txt", f"{number},{i + 1},{people[k, i, 0]:.3f},{people[k, i, 1]:.3f}")
    for x1, y1, x2, y2, score in detect(rng, boxes, hiding, visible):
        files.put("det/det.txt", f"{number},-1,{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},{score:.3f},-1,-1,-1")


def put_ball(files, rng, number, matrix, ball):
    (x, y), = see(matrix, ball[None])[0]
    inside = 0 < x < WIDTH and 0 < y < HEIGHT
    files.put("ball_gt.txt", f"{number},{x:.1f},{y:.1f},{ball[0]:.2f},{ball[1]:.2f},{ball[2]:.2f},{int(inside)}")
    if inside and rng.random() < 0.7:
        files.put("ball_det.txt", f"{number},{x + rng.normal(0, 1.5):.1f},{y + rng.normal(0, 1.5):.1f},"
                                  f"{np.clip(rng.normal(0.55, 0.2), 0.1, 0.95):.2f}")
    for _ in range(rng.poisson(0.25)):
        files.put("ball_det.txt", f"{number},{rng.uniform(0, WIDTH):.1f},{rng.uniform(0, HEIGHT):.1f},"
                                  f"{np.clip(rng.normal(0.25, 0.12), 0.1, 0.8):.2f}")


def write(folder, rng, fps, focal, people, ball, turns, rough):
    """One sequence at one rate."""
    files = Files(folder, ["gt/gt.txt", "det/det.txt", "gmc.txt", "H.txt", "pitch.txt", "ball_gt.txt", "ball_det.txt", "seqinfo.ini"])
    frames = range(0, len(people), round(1 / fps / STEP))
    tall, before = np.random.default_rng(3).uniform(1.7, 1.95, people.shape[1]), None
    for number, k in enumerate(frames, 1):
        pan, tilt = turns[k]
        matrix = camera(pan, tilt, focal)
        ground = matrix[:, [0, 1, 3]]
        wrong = rough * rng.normal(0, [3e-4, 3e-4, 0.002])
        known = camera(pan + wrong[0], tilt + wrong[1], focal * (1 + wrong[2]))[:, [0, 1, 3]]
        files.put("H.txt", f"{number} " + numbers(known / known[2, 2], "%.9g"))
        moved = np.eye(2, 3) if before is None else motion(rng, before, ground)
        files.put("gmc.txt", f"{number} " + numbers(moved, "%.7g"))
        before = ground
        put_people(files, rng, number, k, people, matrix, tall)
        put_ball(files, rng, number, matrix, ball[k])
    files.put("seqinfo.ini", f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={fps}\nseqLength={len(frames)}\n"
                             f"imWidth={WIDTH}\nimHeight={HEIGHT}\nimExt=.jpg")
    files.close()


def make(folder, seed=1, seconds=60, rates=(10, 25), rough=1.0):
    """All sequences; returns their folders by rate. `rough`: times the usual error of the homographies."""
    made = {fps: [] for fps in rates}
    for number, (name, (focal, pace)) in enumerate(ROLES.items()):
        people, ball = play(np.random.default_rng([seed, number]), pace, int(seconds / STEP))
        turns = film(people, ball)
        for fps in rates:
            made[fps].append(Path(folder) / str(fps) / name)
            write(made[fps][-1], np.random.default_rng([seed, number, fps]), fps, focal, people, ball, turns, rough)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--fps", type=int, nargs="+", default=[10, 25])
    parser.add_argument("--rough", type=float, default=1, help="times the usual error of the homographies")
    options = parser.parse_args()
    make(options.folder, options.seed, options.seconds, options.fps, options.rough)


if __name__ == "__main__":
    main()
