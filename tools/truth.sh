#!/usr/bin/env bash
# The truth tests on this host, with the program in dist/. As root: they load BPF programs.
set -euo pipefail

cd "$(dirname "$0")/.."
binary=$(tools/test-binary.sh truth)
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" env BCC_TOP_BIN="$PWD/dist/bcc-top" "$binary" --test-threads=1 "$@"
