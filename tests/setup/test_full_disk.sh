#!/usr/bin/env bash
# A full disk under .deps ends with a sentence that says so, leaves nothing that counts as whole, and heals.
. "$(dirname "$0")/world.sh"
make_project
mkdir -p "$deps"
mount -t tmpfs -o size=64k tmpfs "$deps" 2>/dev/null || skip "mounting a small disk is not permitted here"
serve

if setup build; then die "it was content with a full disk"; fi
said "needs 700 MB in .* MB free"
said "free some space"

# The disk fills up in the middle of a download.
if FOVEA_DEPS=$deps "$python" "$world/project/scripts/fetch.py" get clips >"$world/out" 2>&1; then
    die "a file larger than the disk was fetched"
fi
said "No space left on device; free some space"
if grep -q Traceback "$world/out"; then die "it showed a traceback"; fi
if FOVEA_DEPS=$deps "$python" "$world/project/scripts/fetch.py" check clips; then die "half a file counted as whole"; fi

mount -o remount,size=64m "$deps"
FOVEA_DEPS=$deps "$python" "$world/project/scripts/fetch.py" unpack clips || die "it did not go on when there was space"
FOVEA_DEPS=$deps "$python" "$world/project/scripts/fetch.py" check clips || die "the file is not whole"
