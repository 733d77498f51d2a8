#!/usr/bin/env bash
# Measures the program beside libbpf-tools and keeps the result in docs/performance.md. As root.
set -euo pipefail

cd "$(dirname "$0")/.."
binary=$(cargo bench --locked --bench bench --no-run --message-format=json |
    sed -n 's/.*"name":"bench".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
result=$("${as_root[@]}" "$binary")
{
    echo "# Performance"
    echo
    echo "Written by \`make bench\` on Linux $(uname -r), $(nproc) CPUs. Times are of one machine at one moment: compare"
    echo "the columns of one table, not these numbers with others."
    echo
    echo "$result"
} | tee docs/performance.md
