#!/usr/bin/env python3
"""What Python adds to the C calls, as Markdown tables; C and Python take turns, round by round.

    bench_python.py BENCH_PYTHON [ROUNDS]      BENCH_PYTHON: the program of bench_python.c
"""
import os
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
os.environ.setdefault("FOVEA_LIBRARY", str(BUILD / "libfovea.so"))
sys.path.insert(0, str(ROOT / "python"))
try:
    import cffi  # noqa: F401
    import numpy as np
except ImportError as missing:
    print(f"bench_python: {missing}: run scripts/setup check first", file=sys.stderr)
    sys.exit(77)
subprocess.run([sys.executable, str(ROOT / "python/build_cdef.py")], check=True, stdout=subprocess.DEVNULL)
import fovea  # noqa: E402

C = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 9
FRAMES, SECONDS, THREADS = 400, 3, 4
FAKE = "fake:boxes=5"
FRAME = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)


def c(what, model, number):
    return float(subprocess.run([C, what, model, str(number)], stdout=subprocess.PIPE, text=True, check=True).stdout)


def median_us(call, count=FRAMES):
    for _ in range(count // 10):
        call()
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return statistics.median(times)


def row(name, ours, theirs, goal, reached):
    print(f"| {name} | {ours} | {theirs} | {goal} | {'yes' if reached else 'no'} |", flush=True)


def of_document_000(model):
    """`process_frame` beside the same C call."""
    try:
        from fovea.realtime import VideoFrameProcessor
    except ImportError:
        return
    processor = VideoFrameProcessor(target_fps=30, max_latency_ms=200.0)
    yield "`VideoFrameProcessor.process_frame`, 5 boxes", "predict", lambda: processor.process_frame(FRAME, model, 0)


def calls():
    """The same call in C and in Python: medians of the rounds' differences."""
    print("| call, 1080p frame | Python adds | C alone | goal | reached |\n|---|---|---|---|---|")
    with fovea.Model(FAKE) as model, fovea.Stream(FAKE) as stream:
        def through():
            stream.put(FRAME)
            stream.get(10)

        rows = [("`Model.predict`, 5 boxes", "predict", lambda: model.predict(FRAME)),
                ("`Stream.put`, `Stream.get`, 5 boxes", "stream", through), *of_document_000(model)]
        for name, what, call in rows:
            rounds = [(c(what, FAKE, FRAMES), median_us(call)) for _ in range(ROUNDS)]
            added = statistics.median(python - alone for alone, python in rounds)
            alone = statistics.median(alone for alone, _ in rounds)
            row(name, f"{added / 1e3:.3f} ms", f"{alone / 1e3:.3f} ms", "≤ 0.1 ms", added <= 100)


def threads_fps(model):
    """Frames a second of four threads."""
    done, over = [0] * THREADS, threading.Event()

    def run(i):
        while not over.is_set():
            model.predict(FRAME)
            done[i] += 1

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    before, begin = sum(done), time.perf_counter()
    time.sleep(SECONDS)
    fps = (sum(done) - before) / (time.perf_counter() - begin)
    over.set()
    for thread in threads:
        thread.join()
    return fps


def throughput():
    path = fovea.find_model()
    shares, rates = [], []
    for _ in range(ROUNDS):
        before = c("threads", path, SECONDS)
        with fovea.Model(path, runners=2) as model:
            python = threads_fps(model)
        alone = (before + c("threads", path, SECONDS)) / 2
        shares.append(python / alone)
        rates.append((python, alone))
    share = statistics.median(shares)
    print("\n| throughput, the default model, 1080p | 4 Python threads on 2 runners | 2 C threads | goal | reached |\n|---|---|---|---|---|")
    row("frames a second", f"{statistics.median(rate for rate, _ in rates):.1f} ({100 * share:.1f} %)",
        f"{statistics.median(rate for _, rate in rates):.1f}", "≥ 92 %", share >= 0.92)


def copies():
    """Bytes that Python and numpy allocate at most while a frame of 6.2 MB goes through."""
    with fovea.Model(FAKE) as model, fovea.Stream(FAKE) as stream:
        for _ in range(3):
            model.predict(FRAME), stream.put(FRAME), stream.get(10)
        tracemalloc.start()
        for _ in range(20):
            model.predict(FRAME)
            stream.put(FRAME)
            stream.get(10)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    print("\n| memory | most that is allocated at a time | a frame | goal | reached |\n|---|---|---|---|---|")
    row("20 frames through both", f"{peak / 1e3:.0f} kB", f"{FRAME.nbytes / 1e3:.0f} kB", "no copy", peak < FRAME.nbytes / 20)


def import_seconds(code):
    """Of the processor: a busy machine or a cold disk is not what is asked."""
    done = subprocess.run([sys.executable, "-c", f"import time; t = time.process_time(); {code}; print(time.process_time() - t)"],
                          stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    return float(done.stdout)


def imports():
    rounds = [(import_seconds("import numpy"), import_seconds("import fovea")) for _ in range(2 * ROUNDS)]
    added = statistics.median(both - numpy for numpy, both in rounds)
    print("\n| import | fovea beside numpy | numpy alone | goal | reached |\n|---|---|---|---|---|")
    row("`import fovea`", f"{added:.3f} s", f"{statistics.median(numpy for numpy, _ in rounds):.3f} s", "≤ 0.05 s",
        added <= 0.05)


if __name__ == "__main__":
    calls()
    throughput()
    copies()
    imports()
    print(f"\nMedians of {ROUNDS} rounds ({2 * ROUNDS} of imports); C and Python take turns.")
