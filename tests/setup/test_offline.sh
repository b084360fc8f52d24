#!/usr/bin/env bash
# Offline, set-up asks nobody and lists everything that is missing, with what to do; complete, it is content.
. "$(dirname "$0")/world.sh"
make_project
serve

if FOVEA_OFFLINE=1 setup check; then die "it was content with an empty folder"; fi
said "FOVEA_OFFLINE is set, and these are missing"
for what in "OpenVINO 2026.4.1" "LiteRT 2.3.0" "SSD MobileNetV2" "swagger-ui" "demo clip" "test pictures" "Python packages"; do
    said "  - .*$what"
done
said "scripts/setup check once with a network"
[ "$(requests)" = 0 ] || die "it used the network"

setup demo || die "the run with a network failed: $(cat "$world/out")"
FOVEA_OFFLINE=1 setup demo || die "offline, it missed something that is there: $(cat "$world/out")"
