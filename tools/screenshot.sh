#!/usr/bin/env bash
# Makes assets/screenshot.svg from the program's own screen, with fio, iperf3 and an archiver as load.
# As root; `make screenshot` installs what it needs.
set -euo pipefail

cd "$(dirname "$0")/.."
work=$(mktemp -d)
load=()
cleanup() {
    kill "${load[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --release --locked --example screenshot
fio --name=fio --filename="$work/file" --size=256M --rw=randrw --rwmixread=70 --bs=4k --direct=1 --ioengine=psync \
    --rate_iops=2000 --time_based --runtime=120 >/dev/null 2>&1 &
load+=($!)
iperf3 -s >/dev/null 2>&1 &
load+=($!)
(
    until iperf3 -c 127.0.0.1 -t 60 -b 400M >/dev/null 2>&1; do sleep 0.2; done
) &
load+=($!)
(
    while :; do
        tar -C /usr -cf - include 2>/dev/null | gzip -1 >"$work/archive" || true
    done
) &
load+=($!)
target=target/$(rustc -vV | sed -n 's/^host: //p')/release
"$target/examples/screenshot" assets/screenshot.svg 32 110 12 0 -- "$target/bcc-top"
"$target/examples/screenshot" assets/runqlat.svg 24 80 6 '' -- "$target/bcc-top" runqlat
echo "assets/screenshot.svg assets/runqlat.svg"
