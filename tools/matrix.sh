#!/usr/bin/env bash
# The kernel matrix: the truth tests on this host and in guests, with the program in dist/.
#
#   tools/matrix.sh                      every cell; writes docs/kernels.md
#   KERNEL=6.1 VIEW=biotop tools/matrix.sh   one cell, one view (or several: a,b); cells are `host`, the kernels and `lockdown`
#
# Reports, logs and matrix.json are left in target/matrix. Where there is no QEMU or no package source, guests are skipped,
# loudly; with CI set that is a failure.
set -euo pipefail

cd "$(dirname "$0")/.."
out=target/matrix
guests=(5.10 6.1 6.12 7.2 lockdown)
# As many guests at once as there are pairs of CPUs, each having two.
at_once=${MATRIX_JOBS:-$((($(nproc) + 1) / 2 + 1))}
filter=()
[ -z "${VIEW:-}" ] || filter=("${VIEW//,/::,}::")
failed=()
skipped=()
report=$out/host.jsonl

say() { echo "matrix: $*"; }

on_host() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    rm -f "$report"
    "${as_root[@]}" env BCC_TOP_BIN="$PWD/dist/bcc-top" BCC_TOP_REPORT="$PWD/$report" \
        BCC_TOP_KERNEL_PACKAGE="$(uname -r)" "$binary" --test-threads=1 "${filter[@]}" || failed+=(host)
}

# One guest, in the background: its output goes to its log.
in_guest() {
    local cell=$1 code=0 begun=$SECONDS memory=1024
    # Room for a hundred thousand processes, in one guest, where this machine has it.
    [ "$cell" != 6.12 ] || [ "$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -lt 14 ] || memory=7000
    GUEST_MEMORY=$memory GUEST_REPORT=$out/$cell.jsonl GUEST_ARGS="--test-threads=1 ${filter[*]}" \
        tools/guest.sh "$cell" dist/bcc-top "$binary" >"$out/$cell.log" 2>&1 || code=$?
    say "$cell: $(grep -E '^test result|^guest .* (ONCE MORE|FAILED)' "$out/$cell.log" | tr '\n' ' ')($((SECONDS - begun)) s)"
    return "$code"
}

# Whether guests can run here at all.
can_emulate() {
    command -v qemu-system-x86_64 >/dev/null || { say "NO QEMU ON THIS MACHINE (qemu-system-x86)"; return 1; }
}

# KVM only where a guest really comes up under it: /dev/kvm may open, and guests then hang silently.
choose_accel() {
    GUEST_ACCEL=tcg
    if [ -w /dev/kvm ] && GUEST_ACCEL=kvm GUEST_BOOT_DEADLINE=10 GUEST_TRIES=1 tools/guest.sh "$1" >/dev/null 2>&1; then
        GUEST_ACCEL=kvm
    fi
    export GUEST_ACCEL
    say "guests run under $GUEST_ACCEL, $at_once at once"
}

finish_one() {
    local pid cell code=0
    wait -n -p pid "${!running[@]}" || code=$?
    cell=${running[$pid]}
    unset "running[$pid]"
    case $code in
    0) ;;
    3) skipped+=("$cell") && tail -n 3 "$out/$cell.log" ;;
    *) failed+=("$cell") && cat "$out/$cell.log" ;;
    esac
}

in_guests() {
    local cell
    declare -A running=()
    choose_accel "$1"
    for cell in "$@"; do
        [ "${#running[@]}" -lt "$at_once" ] || finish_one
        in_guest "$cell" &
        running[$!]=$cell
    done
    while [ "${#running[@]}" -gt 0 ]; do
        finish_one
    done
}

# Only a whole run may rewrite the page; and not for the sake of its date alone.
publish() {
    "$binary" --matrix "$out"
    [ -z "${KERNEL:-}${VIEW:-}" ] && [ ${#failed[@]} -eq 0 ] && [ ${#skipped[@]} -eq 0 ] || return 0
    if ! cmp -s <(grep -v '^As of' docs/kernels.md 2>/dev/null) <(grep -v '^As of' "$out/kernels.md"); then
        cp "$out/kernels.md" docs/kernels.md
        say "docs/kernels.md is new"
    fi
}

binary=$(tools/test-binary.sh truth)
mkdir -p "$out"
rm -f "$out"/*.jsonl "$out"/*.log
case ${KERNEL:-all} in
all) on_host && wanted=("${guests[@]}") ;;
host) on_host && wanted=() ;;
*) wanted=("$KERNEL") ;;
esac
if [ ${#wanted[@]} -gt 0 ]; then
    if can_emulate; then in_guests "${wanted[@]}"; else skipped+=("${wanted[@]}"); fi
fi
publish
if [ ${#skipped[@]} -gt 0 ]; then
    say "SKIPPED: ${skipped[*]}. Nothing is known about them."
    [ -z "${CI:-}" ] || failed+=("${skipped[@]}")
fi
if [ ${#failed[@]} -gt 0 ]; then
    say "FAILED: ${failed[*]}"
    exit 1
fi
say "all that ran is well"
