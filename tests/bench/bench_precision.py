#!/usr/bin/env python3
"""The default model in f32, in the device's own half precision and in INT8: median inference, as a Markdown table.

    bench_precision.py FOVEA

The forms take turns, so that a busy moment of the machine falls on all of them.
"""
import json
import os
import statistics
import subprocess
import sys

ROUNDS, FRAMES, WARM = 5, 90, 20
FORMS = {"f32": (["--precision", "fp32"], {}),
         "auto without INT8": ([], {"REALTIME_OPTIMIZATION_LEVEL": "medium"}),
         "INT8": ([], {"REALTIME_OPTIMIZATION_LEVEL": "high"})}


def inference_ms(fovea, words, extra, threads):
    """Milliseconds of each frame's inference, the first ones left out."""
    source = f"pattern:frames={FRAMES},width=640,height=360"
    done = subprocess.run([fovea, "predict", source, "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **extra, "CPU_THREADS_NUM": str(threads)}, text=True, check=True)
    return [json.loads(line)["timings_ms"]["inference"] for line in done.stdout.splitlines()][WARM:]


def main():
    fovea = sys.argv[1]
    print("| threads | f32 | auto without INT8 | INT8 | INT8 is faster than auto by | goal | reached |\n|---|---|---|---|---|---|---|")
    for threads in (1, 2):
        times = {name: [] for name in FORMS}
        for _ in range(ROUNDS):
            for name, (words, extra) in FORMS.items():
                times[name].append(statistics.median(inference_ms(fovea, words, extra, threads)))
        f32, half, int8 = (statistics.median(times[name]) for name in FORMS)
        print(f"| {threads} | {f32:.2f} ms | {half:.2f} ms | {int8:.2f} ms | {half / int8:.2f} × | ≥ 1.4 × | "
              f"{'yes' if half / int8 >= 1.4 else 'no'} |", flush=True)
    print("\nMedians of 5 rounds of 70 frames; where the processor has no instructions for 8 bits, INT8 is not taken.")


if __name__ == "__main__":
    main()
