#!/bin/sh
# libfuzzer.sh NAME [SECONDS]: coverage-guided run of fuzz_NAME.c with clang, ASan and UBSan. What it finds
# goes to build-fuzz/; keep what is worth it in corpus/NAME.
set -eu
cd "$(dirname "$0")/../.."
name=$1
seconds=${2:-60}
out=build-fuzz/$name
mkdir -p "$out/corpus"
sources=$(sed -n '/libfuzzer:/,/\*\//p' "tests/fuzz/fuzz_$name.c" | sed 's|.*libfuzzer:||; s|^ \* ||; s|\*/.*||' | tr '\n' ' ')
# shellcheck disable=SC2086
clang -std=gnu11 -g -O1 -D_GNU_SOURCE '-DFOVEA_VERSION="fuzz"' -Iinclude -Isrc \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "tests/fuzz/fuzz_$name.c" -o "$out/fuzz" $sources
exec "$out/fuzz" -max_total_time="$seconds" -max_len=16384 -artifact_prefix="$out/" -print_final_stats=1 \
    "$out/corpus" "tests/fuzz/corpus/$name"
