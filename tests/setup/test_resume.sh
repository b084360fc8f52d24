#!/usr/bin/env bash
# A download that broke off goes on where it stopped; one that cannot go on starts again.
. "$(dirname "$0")/world.sh"
make_project
serve --cut 150000
setup build || die "broken downloads were not resumed: $(cat "$world/out")"
grep -q "openvino.* 150000$" "$world/log" || die "openvino was not resumed at byte 150000: $(cat "$world/log")"
kill "$server"

# A run that was killed in the middle leaves a part that the next run uses.
rm -rf "$deps" "$world/log"
mkdir -p "$deps/cache"
wheel=$(cd "$world/files" && ls openvino-*"-cp$("$python" -c 'import sys; print("%d%d" % sys.version_info[:2])')-"*"$(uname -m)"*)
head -c 70000 "$world/files/$wheel" >"$deps/cache/$wheel.part"
serve
setup build || die "the part of a killed run was not used: $(cat "$world/out")"
grep -q "openvino.* 70000$" "$world/log" || die "it did not go on at byte 70000: $(cat "$world/log")"
kill "$server"

# A proxy without ranges: the file is fetched again from its start.
rm -rf "$deps"
mkdir -p "$deps/cache"
head -c 70000 "$world/files/$wheel" >"$deps/cache/$wheel.part"
serve --plain
setup build || die "a server without ranges broke set-up: $(cat "$world/out")"
kill "$server"

# Nobody answers: a plain sentence, no Python traceback.
rm -rf "$deps"
if setup build; then die "it was content without a server"; fi
said "could not fetch .*Connection refused.*run the same command again"
if grep -q Traceback "$world/out"; then die "it showed a traceback"; fi
