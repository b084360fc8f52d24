"""Anything at any time from any thread: an exception of fovea's or a right answer, never a crash, a halt or an accounting gap."""
import os
import subprocess
import sys
import textwrap

import pytest
from places import CONFIG, match

PROGRAM = textwrap.dedent("""
    import faulthandler, os, random, sys, threading, time
    import numpy as np
    import fovea
    from fovea.realtime import *

    faulthandler.dump_traceback_later(80, exit=True)
    MATCH, CONFIG, SEED = os.environ["MATCH"], os.environ["CONFIG"], int(sys.argv[1])
    PICTURE = np.full((90, 160, 3), 90, np.uint8)
    UNTIL = time.monotonic() + 3
    wrong, counts = [], {"calls": 0, "refused": 0}
    find = lambda picture: [[10, 10, 50, 90, 0.9, 0]] if random.random() < 0.9 else 1 / 0

    def on_result(result):
        if random.random() < 0.1:
            raise ValueError("of the test")
        time.sleep(random.random() / 200)

    def attempt(call):
        counts["calls"] += 1
        try:
            return call()
        except (fovea.FoveaError, ZeroDivisionError) as reason:
            counts["refused"] += 1
            if isinstance(reason, fovea.InternalError):
                wrong.append(repr(reason))
        except BaseException as reason:
            wrong.append(repr(reason))

    def adds_up(stats):
        if stats and stats["total_frames"] != stats["delivered"] + sum(stats["dropped"].values()) + stats["failed"] + stats["waiting"]:
            wrong.append(f"{stats}")

    def uses(rng):
        reader, kind = AsyncVideoReader(MATCH, buffer_size=rng.choice([1, 30])), rng.choice(["fake:", "fake:sleep_ms=20", find])
        stream = VideoStreamProcessor(kind, target_fps=0, max_latency_ms=rng.choice([0, 50, 2000]))
        pipeline = OptimizedPipeline(model=kind if callable(kind) else "fake:labels=person")
        live = rng.choice([StreamProcessor, AdaptiveStreamProcessor])(pipeline, MATCH)
        return [reader.start, lambda: reader.get_frame(rng.random() / 50), reader.get_stats, reader.stop, reader.close,
                stream.start_processing, lambda: stream.add_frame(PICTURE.copy()), lambda: stream.add_frame(PICTURE.copy()),
                lambda: stream.get_result(rng.random() / 50), lambda: adds_up(stream.get_performance_stats()), stream.stop_processing,
                lambda: pipeline.process_frame(PICTURE), lambda: pipeline.process_batch([PICTURE] * 3), pipeline.get_metrics, pipeline.close,
                lambda: live.start(on_result), lambda: adds_up(live.get_stats()), live.stop, lambda: pipeline.set_homography(None)]

    def one(seed):
        rng = random.Random(seed)
        while time.monotonic() < UNTIL:
            table = uses(rng)
            begin = [table[0], table[5], table[15]]
            ends = [table[3], table[4], table[10], table[14], table[17]]
            others = [call for call in table if call not in ends]
            words = [rng.choice(others if rng.random() < 0.93 else ends) for _ in range(60)]
            threads = [threading.Thread(target=lambda part=words[i::3]: [attempt(call) for call in part]) for i in range(3)]
            for call in begin:
                attempt(call)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
                if thread.is_alive():
                    wrong.append("a thread hangs")
            if rng.random() < 0.5:  # else they are let go as they are
                for call in ends:
                    attempt(call)

    runs = [threading.Thread(target=one, args=(SEED * 10 + i,)) for i in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    print(counts["calls"] > 50, sorted(set(wrong))[:5])
""")


@pytest.mark.parametrize("seed", [1, 2])
def test_chaos(seed):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                          env={**os.environ, "MATCH": match(size="160x90"), "CONFIG": str(CONFIG)})
    assert (done.returncode, done.stdout) == (0, "True []\n"), done.stdout + done.stderr[-4000:]
