#!/usr/bin/env python3
"""Chaos: a real server, clients that come, break and go, and what is left when they are gone.

    .deps/venv/bin/python tests/chaos/chaos.py [--minutes 5] [--seed N] [--keep FOLDER]

Every actor_*.py beside this file plays. In the end: memory and descriptors flat after the warm-up, no stream or room left over,
every frame accounted for (in = delivered + dropped by reason + failed, and as many as the clients counted), /readyz fine,
a clean exit. Prints a table of what happened; exits 1 with the findings, if any.
"""
from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from actor import BROKEN, actors  # noqa: E402
from world import DEFECT, Finding, World, check_sums  # noqa: E402

MIB = 1 << 20
WARM_UP = 150   # seconds of a play below which memory says nothing
MEMORY_GROWTH = 1.10   # last quarter beside the second, and
MEMORY_SLACK = 16 * MIB  # what the arenas of an allocator differ by from minute to minute (measured over 9 minutes: 53 to 63 MiB)


def play(world: World, seconds: float) -> list[dict]:
    """All actors for so long; the server's size once a second."""
    cast = [kind(world, number) for kind in actors() for number in range(kind.many)]
    for one in cast:
        one.start()
    sizes, end, told = [], time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < end and world.process.poll() is None:
        time.sleep(1)
        sizes.append(world.size())
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"  {(end - told) / 60:.0f} minutes left, {sizes[-1]['memory'] / MIB:.0f} MiB, "
                  f"{sizes[-1]['descriptors']} descriptors, {len(world.findings)} findings", flush=True)
    world.stopping.set()
    for one in cast:
        one.join(world.limit(60))
        if one.is_alive():
            world.find(f"{one.name} did not come to an end: it waits for the server")
    return sizes


def check_memory(world: World, sizes: list[dict]) -> None:
    if os.environ.get("FOVEA_SANITIZED") or len(sizes) < WARM_UP:
        print("  memory: not judged")  # a sanitizer keeps what was freed; buffers grow to their size at first
        return
    quarter = len(sizes) // 4
    early = statistics.median(one["memory"] for one in sizes[quarter:2 * quarter])
    late = statistics.median(one["memory"] for one in sizes[-quarter:])
    print(f"  memory: {early / MIB:.1f} MiB in the second quarter, {late / MIB:.1f} MiB in the last")
    if late > early * MEMORY_GROWTH + MEMORY_SLACK:
        world.find(f"memory grew from {early / MIB:.1f} to {late / MIB:.1f} MiB")


def check_works(world: World) -> None:
    try:
        world.works()
    except (Finding, *BROKEN) as finding:
        world.find(f"at the end: {finding}")


def check_left(world: World, before: dict) -> None:
    """Streams, rooms, descriptors and threads go when their clients are gone."""
    def left():
        streams = world.get("/api/v1/realtime/video/streams").json()
        return [*(streams["streams"] if isinstance(streams, dict) else streams), *world.get("/api/cameras").json()["cameras"]]
    try:
        world.wait(lambda: world.stats()["waiting"] == 0, 30, "an answer for every frame")
        world.wait(lambda: not [one for one in left() if one.get("state") != "ended"], 30, "the end of every stream")
        # one connection is ours, and one descriptor may be opened only when first needed
        world.wait(lambda: world.size()["descriptors"] <= before["descriptors"] + 2, 30, "the end of every descriptor")
        world.wait(lambda: world.size()["threads"] <= before["threads"] + 2, 30, "the end of every thread")
    except Finding as finding:
        world.find(f"{finding}: {world.size()} now, {before} before, left: {left()}")


def check_accounts(world: World) -> None:
    """The server's sums, its labels beside the sum, and the clients' counts beside the labels."""
    total = check_sums(world.stats(), "all streams together")
    labels = {label: sum(outcomes.values()) for label, outcomes in world.frames_by_label().items()}
    print(f"  frames: {total} in, by room: " + ", ".join(f"{label} {n}/{world.sent[label]}" for label, n in sorted(labels.items()) if n))
    if sum(labels.values()) != total:
        world.find(f"/metrics has {sum(labels.values())} frames, the statistics have {total}")
    for label, number in labels.items():
        sent = world.sent[label]
        if label in world.exact and number != sent:
            world.find(f"{label}: {sent} pictures were sent, {number} are accounted for")
        if number > sent and label not in world.uncounted:
            world.find(f"{label}: {number} frames of {sent} that were sent")


def judge(world: World, before: dict, sizes: list[dict]) -> None:
    if world.process.poll() is not None:
        world.find(f"the server ended by itself with {world.process.returncode}")
        return
    check_memory(world, sizes)
    check_works(world)
    check_left(world, before)
    try:
        check_accounts(world)
    except Finding as finding:
        world.find(str(finding))
    ready = world.get("/readyz")
    if ready.status_code != 200:
        world.find(f"/readyz: {ready.status_code} {ready.text}")
    metrics = world.get("/metrics").text
    print("  " + ", ".join(line for line in metrics.splitlines() if line.startswith(("fovea_lost_runs", "fovea_fallbacks"))))
    code = world.stop_server()
    if code != 0:
        world.find(f"the server ended with {code}")


def run(minutes: float, seed: int, folder: Path) -> list[str]:
    """The findings of one play."""
    world = World(folder, seed, [kind.settings() for kind in actors()])
    print(f"chaos: {minutes:g} minutes, seed {seed}, log {world.log}", flush=True)
    try:
        world.wait(lambda: world.size()["threads"] > 1, 10, "its threads")
        before = world.size()
        judge(world, before, play(world, minutes * 60))
    except Finding as finding:
        world.find(str(finding))
    finally:
        world.kill()
    if DEFECT.search(world.log.read_text(errors="replace")):
        world.find(f"a sanitizer spoke:\n{world.log.read_text(errors='replace')[-6000:]}")
    print("  " + ", ".join(f"{what} {number}" for what, number in sorted(world.episodes.items())))
    paces = [pace for _, pace in world.paces] or [1]
    print(f"  machine: a moment of processor time took {statistics.median(paces):.1f} times as long, {max(paces):.1f} times at most")
    for what, seconds in sorted(world.times.items()):
        print(f"  {what}: {len(seconds)} times, median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")
    return world.findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, help="folder for the server's log; else it is thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fovea-chaos-") as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        findings = run(options.minutes, options.seed, folder)
    print(f"{len(findings)} findings" + "".join(f"\n  {one}" for one in findings))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
