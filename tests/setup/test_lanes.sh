#!/usr/bin/env bash
# scripts/check runs groups beside each other, integration in two shares, what needs the build folder for itself last,
# and what failed once more.
. "$(dirname "$0")/world.sh"
tools=${FOVEA_DEPS:-$root/.deps}
[ -x "$tools/venv/bin/python" ] || skip "the Python packages of the tests are not set up"
project=$world/project
mkdir -p "$project/tests"/{chaos,golden,integration,browser}
cp -r "$root/scripts" "$project/"
cat >"$project/meson.build" <<'M'
project('tiny', 'c')
test('good', find_program('sh'), args: ['-c', 'true'], suite: 'unit')
M
cat >"$project/both.py" <<'P'
import os, time
from pathlib import Path

AT = Path(os.environ["AT"])


def meet(mine, other):
    """Ends well only while the other one runs."""
    (AT / mine).touch()
    until = time.monotonic() + 60
    while not (AT / other).exists():
        assert time.monotonic() < until, f"{mine} waited for {other} in vain"
        time.sleep(0.05)


def all_are_over(*names):
    assert all((AT / name).exists() for name in names)
P
write() { printf 'from both import *\n\n\ndef test_it():\n    %s\n    (AT / "%s.over").touch()\n' "$2" "$1" >"$project/tests/$3"; }
plainly='os.environ.get("FOVEA_SANITIZED") or' # the lanes of sanitizer builds are others
write chaos "$plainly meet(\"chaos\", \"golden\")" chaos/test_chaos.py
write golden "$plainly meet(\"golden\", \"chaos\")" golden/test_golden.py
write one 'meet("one", "two")' integration/test_one.py
write two 'meet("two", "one")' integration/test_two.py
write install 'all_are_over("chaos.over", "golden.over", "one.over", "two.over")' integration/test_install.py
write browser 'all_are_over("install.over"); first = not (AT / "again").exists(); (AT / "again").touch(); assert not first' browser/test_browser.py
meson setup "$project/build" "$project" >/dev/null || skip "meson or a compiler is missing"
check() {
    rm -rf "$world/at" && mkdir "$world/at"
    AT=$world/at PYTHONPATH=$project FOVEA_BUILD=$project/build FOVEA_DEPS=$tools "$project/scripts/check" "$@" >"$world/out" 2>&1
}

check unit chaos golden integration browser || die "$(cat "$world/out")"
[ "$(tail -n 1 "$world/out")" = "7 passed, 0 failed" ] || die "the last line is: $(tail -n 1 "$world/out")"
said "once more, alone: browser: test_browser::test_it: passed"

check --sanitize || die "$(cat "$world/out")"
[ "$(tail -n 1 "$world/out")" = "5 passed, 0 failed" ] || die "the last line is: $(tail -n 1 "$world/out")"
