#!/usr/bin/env bash
# All tests but the truth, which needs the machine for itself. Those that load BPF programs run as root.
set -euo pipefail

cd "$(dirname "$0")/.."
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

rooted=()
plain=(--lib --bins)
for test in tests/*.rs tests/*/main.rs; do
    name=$(basename "${test%/main.rs}" .rs)
    if [ "$name" = truth ]; then
        continue
    elif head -n 3 "$test" | grep -q 'Needs root'; then
        rooted+=("$name")
    else
        plain+=(--test "$name")
    fi
done
cargo test --locked "${plain[@]}"
for name in "${rooted[@]}"; do
    binary=$(tools/test-binary.sh "$name")
    "${as_root[@]}" "$binary"
done
