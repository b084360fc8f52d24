# shellcheck shell=bash
# A small world for the tests of scripts/setup: a copy of the scripts, tiny packages under the names of the real
# ones, their own lock file, and an index on loopback. Sourced; leaves $world, $deps and the functions below.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
world=$(mktemp -d)
deps=$world/project/.deps
python=$(command -v /usr/bin/python3 || command -v python3)
server=
unset FOVEA_OFFLINE

finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    if mountpoint -q "$deps" 2>/dev/null; then umount "$deps"; fi
    rm -rf "$world"
}
trap finish EXIT

die() { echo "FAILED: $*"; exit 1; }
skip() { echo "$*"; exit 77; }

make_project() { # the scripts with tiny packages and a model that needs no cutting
    mkdir -p "$world/project/models/labels" "$world/files"
    cp -r "$root/scripts" "$world/project/"
    cp "$root/models/labels/coco.txt" "$world/project/models/labels/"
    cp "$root/models/ssd_mobilenet_v2.int8.json" "$world/project/models/"
    echo "build bash" >"$world/project/scripts/packages.txt"
    cat >"$world/project/scripts/cut_ssd.py" <<'PY'
import pathlib, sys
folder = pathlib.Path(sys.argv[3])
folder.mkdir(parents=True)
for name in ("model.xml", "model.bin", "labels.txt", "card.json"):
    (folder / name).write_text("made of " + pathlib.Path(sys.argv[1]).read_text()[:20])
PY
    cat >"$world/project/scripts/quantise_ssd.py" <<'PY'
import pathlib, sys
pathlib.Path(sys.argv[3]).write_text("INT8 of " + pathlib.Path(sys.argv[1]).read_text())
PY
    "$python" "$here/tiny_packages.py" "$root/scripts/deps.lock" "$world/files" >"$world/project/scripts/deps.lock"
}

serve() { # serve [--cut BYTES] [--plain]: starts the index
    rm -f "$world/port" # the last one's, or it would be taken for this one's
    "$python" "$here/index_server.py" "$world/files" "$world/log" "$@" >"$world/port" &
    server=$!
    for _ in $(seq 100); do [ -s "$world/port" ] && break; sleep 0.05; done
    export PIP_INDEX_URL="http://127.0.0.1:$(cat "$world/port")/simple"
    export no_proxy=127.0.0.1
}

setup() { FOVEA_DEPS=$deps "$world/project/scripts/setup" "$@" >"$world/out" 2>&1; }
requests() { if [ -e "$world/log" ]; then wc -l <"$world/log"; else echo 0; fi; }
said() { grep -q -- "$1" "$world/out" || die "set-up did not say \"$1\", but: $(cat "$world/out")"; }
