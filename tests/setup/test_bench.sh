#!/usr/bin/env bash
# scripts/bench goes on behind a benchmark that misses what it measures with, and --keep leaves its table as it was.
. "$(dirname "$0")/world.sh"
project=$world/project
mkdir -p "$project/docs"
cp -r "$root/scripts" "$project/"
cat >"$project/meson.build" <<'M'
project('tiny', 'c')
sh = find_program('sh')
benchmark('first', sh, args: ['-c', 'echo "no data here"; exit 77'])
benchmark('second', sh, args: ['-c', 'echo "a new number"'])
benchmark('third', sh, args: ['-c', 'echo "a third number"; exit 1'])
M
page=$project/docs/benchmarks.md
printf 'above\n<!-- measured: begin -->\n\n## first\n\nan old number\n\n## second\n\nanother\n\n<!-- measured: end -->\nbelow\n' >"$page"
meson setup "$project/build" "$project" >/dev/null || skip "meson or a compiler is missing"
bench() { FOVEA_BUILD=$project/build "$project/scripts/bench" "$@" >"$world/out" 2>&1; }

bench --keep first second || die "a skipped benchmark stopped the others: $(cat "$world/out")"
said "no data here"
[ "$(grep -E '^(above|below|## .*|.* number)$' "$page" | xargs)" = "above ## first an old number ## second a new number below" ] ||
    die "the page is: $(cat "$page")"

if bench --keep second third; then die "a failing benchmark did not fail the run"; fi
said "bench: third ended with 1"
if grep -q third "$page"; then die "the page has a benchmark that failed: $(cat "$page")"; fi
