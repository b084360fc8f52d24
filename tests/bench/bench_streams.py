#!/usr/bin/env python3
"""Many sessions under a deadline, beside the bound. Prints Markdown.

    bench_streams.py [--seconds 60] [--minutes 10] [--quick] [ROW ...]

Rows: ten (10 sessions of 15 fps 720p, more than two cores can do), four (4 of them), overload (three times the bound),
slow (30 fps into a model of 5 fps for --minutes). The bound is what bench_inprocess gives as raw calls on pictures in
memory, with as many threads as workers, measured before and after each row. The load comes from `sessions`, a program
that speaks only the wire protocol; its own processor time is printed, as a part of one core.
"""
import argparse
import statistics

from bench_server import Server, bound, drive, reached, row, say

WARM = 6  # the form of the model follows the load within some seconds


def sessions(server, **options):
    return drive(server, "sessions", **{**options, "seconds": options["seconds"] + WARM}, warm=WARM)


def cpu(result):
    return f"{100 * result['own_cpu_s'] / (result['seconds'] + WARM):.0f} %"


def drops(result):
    return ", ".join(f"{count} {reason}" for reason, count in result["dropped"].items() if count) or "none"


def all_answered(result):
    """Every frame has a result, a drop with its reason, or an error: one answer each."""
    return result["unanswered"] == 0 and result["errors"] == 0


def beside_bound(run):
    """A run of the server with the bound before and after it: (result, bound's frames a second)."""
    before = bound("720p")[4]
    server = Server()
    try:
        result = run(server)
    finally:
        server.close()
    return result, statistics.mean([before, bound("720p")[4]])


def ten(options):
    r, most = beside_bound(lambda server: sessions(server, sessions=10, fps=15, seconds=options.seconds))
    mean = statistics.mean(r["fps_of_each"])
    low, high = (100 * (edge / mean - 1) if mean else 0 for edge in (min(r["fps_of_each"]), max(r["fps_of_each"])))
    offered = min(1, 150 / most)  # of the bound; a quicker machine is not overloaded by this row
    row("10 sessions × 15 fps 720p, best effort", f"{most:.1f}/s", f"{r['fps']:.1f}/s ({100 * r['fps'] / most:.1f} %)",
        "≥ 95 % of bound", reached(r["fps"] >= 0.95 * most * offered), cpu(r))
    row("… delivered p50, p99", "", f"{r['p50_ms']:.1f}, {r['p99_ms']:.1f} ms", "p99 ≤ 120 ms", reached(r["p99_ms"] <= 120), "")
    row("… shares of the sessions", "", f"{low:+.1f} … {high:+.1f} %", "within ± 10 %", reached(low >= -10 and high <= 10), "")
    row("… answers", "", f"{r['unanswered']} missing, {r['errors']} errors; dropped: {drops(r)}", "each frame one",
        reached(all_answered(r)), "")


def four(options):
    r, most = beside_bound(lambda server: sessions(server, sessions=4, fps=15, seconds=options.seconds))
    lost = sum(r["dropped"].values())
    row("4 sessions × 15 fps 720p", f"{most:.1f}/s", f"least {min(r['fps_of_each']):.2f} fps, {lost} dropped ({drops(r)})",
        "≥ 14.8 fps each, no drops", reached(min(r["fps_of_each"]) >= 14.8 and lost == 0 and all_answered(r)), cpu(r))
    row("… delivered p50, p99", "", f"{r['p50_ms']:.1f}, {r['p99_ms']:.1f} ms", "p99 ≤ 100 ms", reached(r["p99_ms"] <= 100), "")


def overload(options):
    count = min(128, round(3 * bound("720p")[4] / 15) or 1)
    r, most = beside_bound(lambda server: sessions(server, sessions=count, fps=15, seconds=options.seconds))
    wasted = 100 * r["wasted_s"] / max(r["inference_s"], 1e-9)
    row(f"3 × overload: {count} sessions × 15 fps, {options.seconds} s", f"{most:.1f}/s",
        f"{r['fps']:.1f}/s; p50 {r['p50_ms']:.1f}, p99 {r['p99_ms']:.1f} ms", "p99 ≤ 200 ms", reached(r["p99_ms"] <= 200), cpu(r))
    row("… inference spent on frames that were late", "", f"{wasted:.2f} % ({r['late']} frames)", "< 2 %", reached(wasted < 2), "")
    row("… answers", "", f"{r['unanswered']} missing, {r['errors']} errors; dropped: {drops(r)}", "each frame one",
        reached(all_answered(r)), "")


def slow(options):
    parts = min(32, max(2, round(options.minutes)))
    server = Server(model="fake:sleep_ms=200")
    try:
        r = sessions(server, sessions=1, fps=30, seconds=60 * options.minutes, windows=parts, query="max_latency_ms=1000")
    finally:
        server.close()
    first, last = r["windows"][0], r["windows"][-1]
    aged, grown = last["mean_ms"] - first["mean_ms"], last["server_rss_mb"] - first["server_rss_mb"]
    row(f"30 fps into 5 fps, {options.minutes:g} min: age of the delivered frame", "",
        f"{first['mean_ms']:.1f} ms at first, {last['mean_ms']:.1f} at last ({aged:+.1f})", "within 20 ms", reached(abs(aged) <= 20), cpu(r))
    row("… memory of the server", "", f"{first['server_rss_mb']:.1f} MB at first, {last['server_rss_mb']:.1f} at last", "flat (± 2 MB)",
        reached(abs(grown) <= 2), "")
    row("… answers", "", f"{r['unanswered']} missing, {r['errors']} errors; dropped: {drops(r)}", "each frame one",
        reached(all_answered(r)), "")


ROWS = {"ten": ten, "four": four, "overload": overload, "slow": slow}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10, help="of the row `slow`")
    parser.add_argument("--quick", action="store_true", help="some seconds each: to try the script")
    parser.add_argument("row", nargs="*", choices=[[], *ROWS], help="only these rows")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.minutes = 6, 0.2
    row("what", "bound", "fovea", "goal", "reached", "load's own CPU")
    row(*["---"] * 6)
    for name in options.row or ROWS:
        say(f"streams: {name}")
        ROWS[name](options)


if __name__ == "__main__":
    main()
