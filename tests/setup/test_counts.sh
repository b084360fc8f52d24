#!/usr/bin/env bash
# scripts/check counts what passed, failed and was skipped, says which, and fails when a required group was skipped.
. "$(dirname "$0")/world.sh"
project=$world/project
mkdir -p "$project/tests"
cp -r "$root/scripts" "$project/"
cat >"$project/meson.build" <<'M'
project('tiny', 'c')
sh = find_program('sh')
test('good', sh, args: ['-c', 'true'], suite: 'unit')
test('bad', sh, args: ['-c', 'echo the reason; exit 1'], suite: 'contract')
test('late', sh, args: ['-c', 'test -e "$WORLD/late" || { touch "$WORLD/late"; exit 1; }'], suite: 'net')
test('broken', sh, args: ['-c', 'test -e "$WORLD/broken" && exit; touch "$WORLD/broken"; echo "ERROR: AddressSanitizer: leaks"; exit 1'], suite: 'media')
test('killed', sh, args: ['-c', 'test -e "$WORLD/killed" && exit; touch "$WORLD/killed"; kill -SEGV $$'], suite: 'media')
test('absent', sh, args: ['-c', 'echo no data here; exit 77'], suite: 'golden')
M
printf '# comment\nunit\ngolden   # wanted\nunit/good\n' >"$project/tests/required.txt"
meson setup "$project/build" "$project" >/dev/null || skip "meson or a compiler is missing"
check() { WORLD=$world FOVEA_BUILD=$project/build FOVEA_DEPS=$deps "$project/scripts/check" "$@" >"$world/out" 2>&1; }

check unit || die "a good group failed: $(cat "$world/out")"
[ "$(tail -n 1 "$world/out")" = "1 passed, 0 failed" ] || die "the last line is: $(tail -n 1 "$world/out")"

if check unit contract golden; then die "a failing test did not fail the run"; fi
[ "$(tail -n 1 "$world/out")" = "1 passed, 1 failed, 1 skipped" ] || die "the last line is: $(tail -n 1 "$world/out")"
said "FAILED contract: bad"
said "the reason"
said "skipped: golden (the whole group)"
said "no data here"

if check --required unit golden; then die "a required group was skipped and nothing failed"; fi
said "FAILED required: golden"
if grep -q "FAILED required: unit" "$world/out"; then die "a group that ran was called skipped"; fi

check net || die "a test that passes alone failed the run: $(cat "$world/out")"
[ "$(tail -n 1 "$world/out")" = "1 passed, 0 failed" ] || die "the last line is: $(tail -n 1 "$world/out")"
said "FAILED net: late"
said "once more, alone: net: late: passed"

if check media; then die "what a sanitizer reports and a crash were forgiven"; fi
[ "$(tail -n 1 "$world/out")" = "0 passed, 2 failed" ] || die "the last line is: $(tail -n 1 "$world/out")"
if grep -q "once more" "$world/out"; then die "a defect was run again"; fi
