#!/bin/sh
# libfuzzer.sh NAME [SECONDS]: coverage-guided run of fuzz_NAME.c with clang, ASan and UBSan. What it finds
# goes to build-fuzz/NAME; keep what is worth it in corpus/NAME.
set -eu
cd "$(dirname "$0")/../.."
name=$1
seconds=${2:-60}
build=build-fuzz/meson
out=build-fuzz/$name
mkdir -p "$out/corpus"
[ -f $build/build.ninja ] || CC=clang meson setup $build -Db_sanitize=address,undefined -Db_lundef=false \
    --buildtype=debugoptimized -Dc_args="-fsanitize=fuzzer-no-link -fno-sanitize-recover=all" >build-fuzz/setup.log
ninja -C $build --quiet "tests/fuzz/fuzz_$name"
exec "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=16384 -artifact_prefix="$out/" \
    -print_final_stats=1 "$out/corpus" "tests/fuzz/corpus/$name"
