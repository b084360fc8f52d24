#!/usr/bin/env bash
# A first run fetches everything, a second one fetches nothing and is quick and quiet.
. "$(dirname "$0")/world.sh"
make_project
serve

setup demo || die "the first run failed: $(cat "$world/out")"
for file in openvino/lib/libopenvino_c.so.2641 openvino/include/openvino/c/openvino.h \
    onnxruntime/lib/libonnxruntime.so.1.31.1 onnxruntime/licenses/LICENSE \
    litert/lib/libLiteRt.so litert/licenses/LICENSE models/ssd_mobilenet_v2/model.xml \
    models/ssd_mobilenet_v2/model.bin models/ssd_mobilenet_v2/model_int8.xml media/bikes.mp4 swagger-ui/swagger-ui.css; do
    [ -s "$deps/$file" ] || die "$file is not there"
done
if find "$deps" -name '*.part' | grep -q .; then die "half a file was left behind"; fi
if ls "$deps"/cache/openpibo* "$deps"/cache/scikit* "$deps"/cache/ai_edge* 2>/dev/null; then die "the rest of a package was kept"; fi

before=$(requests)
began=$(date +%s%N)
setup demo || die "the second run failed: $(cat "$world/out")"
took=$((($(date +%s%N) - began) / 1000000))
[ "$(requests)" = "$before" ] || die "the second run fetched something"
[ ! -s "$world/out" ] || die "the second run said: $(cat "$world/out")"
[ "$took" -lt 5000 ] || die "the second run took $took ms"
