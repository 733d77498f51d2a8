#!/usr/bin/env bash
# Fuzzes what comes from the kernel and from files: make fuzz TIME=600 (seconds for each target), FUZZ=btf for one.
#
# A stable compiler is enough: the coverage that libFuzzer follows is an LLVM pass, whose names have not changed for years.
# `cargo fuzz run btf` works as well. What it finds goes to fuzz/artifacts; put it into fuzz/corpus once it is mended.
set -euo pipefail

cd "$(dirname "$0")/../fuzz"
targets=(btf decode filter recording config declaration)
[ -z "${FUZZ:-}" ] || read -ra targets <<<"${FUZZ//,/ }"
time=${TIME:-600}
host=$(rustc -vV | sed -n 's/^host: //p')
pass=(-Cpasses=sancov-module)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    pass+=("-Cllvm-args=-sanitizer-coverage-$option")
done
# One unit of code: the fuzzed library as a whole, so that the pass sees all of it.
# Not static as the program is: libFuzzer looks the functions that it hooks up in the C library.
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 ${pass[*]}" \
    cargo build --release --target "$host" --target-dir target

for target in "${targets[@]}"; do
    # The corpus of the tree is read; what is new goes beside it.
    mkdir -p "target/corpus/$target" artifacts
    more=()
    case $target in
    declaration) more=(../src/views) ;;
    config) more=(../themes) ;;
    esac
    "target/$host/release/$target" "target/corpus/$target" "corpus/$target" "${more[@]}" \
        -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 -max_len="${MAX_LEN:-20000}" \
        -artifact_prefix="artifacts/$target-" -print_final_stats=1
done
