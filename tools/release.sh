#!/usr/bin/env bash
# Leaves a built program as dist/bcc-top and checks that it is one static file.
#
#   tools/release.sh target/HOST/release/bcc-top
set -euo pipefail

cd "$(dirname "$0")/.."
binary=${1:?"usage: $0 PROGRAM"}
most=$((12 * 1000 * 1000))

mkdir -p dist
install -m 755 "$binary" dist/bcc-top

fail() {
    echo "dist/bcc-top: $*" >&2
    exit 1
}
headers=$(readelf -W -l -d dist/bcc-top)
if grep -q INTERP <<<"$headers"; then fail "wants an interpreter"; fi
if grep -q '(NEEDED)' <<<"$headers"; then fail "wants shared libraries"; fi
readelf -h dist/bcc-top | grep -q 'Type: *DYN' || fail "cannot be placed anywhere in memory (no static-pie)"
if readelf -W -S dist/bcc-top | grep -q '\.symtab'; then fail "is not stripped"; fi
size=$(stat -c %s dist/bcc-top)
[ "$size" -le "$most" ] || fail "is $size bytes, $most are allowed"
echo "dist/bcc-top: static, stripped, $size bytes"
