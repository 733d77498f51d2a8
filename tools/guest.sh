#!/usr/bin/env bash
# Boots a Debian kernel in QEMU and runs test binaries in it.
#
#   tools/guest.sh KERNEL [BCC_TOP TEST…]
#
# KERNEL is one that tools/guest-kernel.sh knows. BCC_TOP is the program, TEST… are static test binaries;
# without them the guest only boots, and leaves its BTF as KERNEL.btf in the cache. GUEST_ARGS are
# arguments for the tests, GUEST_DEADLINE (seconds) bounds one try.
set -euo pipefail

series=${1:?"usage: $0 KERNEL [BCC_TOP TEST…]"}
shift
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/bcc-top/guests
boot_deadline=180
deadline=${GUEST_DEADLINE:-600}

kernel=$("$here/guest-kernel.sh" "$series")
work=$(mktemp -d "${TMPDIR:-/tmp}/guest-$series.XXXXXX")
qemu=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { echo "guest $series: $*" >&2; }

make_initramfs() {
    local root=$work/root
    mkdir -p "$root/bin" "$root/tests"
    cp "$here/../tests/guest/init" "$root/init"
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp -r "$kernel/modules" "$kernel/load" "$root/"
    echo "${GUEST_ARGS:---test-threads=1}" >"$root/arguments"
    if [ $# -gt 0 ]; then
        strip -o "$root/bin/bcc-top" "$1"
        shift
        for test in "$@"; do
            strip -o "$root/tests/$(basename "$test" | sed 's/-[0-9a-f]*$//')" "$test"
        done
    fi
    (cd "$root" && find . | cpio --quiet -o -H newc --owner=0:0 >"$work/initramfs")
}

make_disks() {
    truncate -s 512M "$work/ext4" "$work/scratch" "$work/xfs" "$work/btrfs"
    mkfs.ext4 -q -F "$work/ext4"
    # Without features that are newer than the oldest kernel here.
    mkfs.xfs -q -f -m bigtime=0,inobtcount=0 -i nrext64=0 "$work/xfs"
    mkfs.btrfs -q -f "$work/btrfs" >/dev/null
}

# no_timer_check: the check fails now and then where the emulation is starved.
start() {
    : >"$work/results"
    : >"$work/btf"
    qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off -m 1024 -smp 2 \
        -nodefaults -no-user-config -no-reboot -display none -monitor "pipe:$work/monitor" -serial "file:$work/console" \
        -kernel "$kernel/vmlinuz" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet no_timer_check panic=-1 oops=panic" \
        -drive "file=$work/ext4,format=raw,if=none,id=ext4,cache=unsafe" -device virtio-blk-pci,drive=ext4 \
        -drive "file=$work/scratch,format=raw,if=none,id=scratch,cache=unsafe" -device virtio-blk-pci,drive=scratch \
        -drive "file=$work/xfs,format=raw,if=none,id=xfs,cache=unsafe" -device virtio-blk-pci,drive=xfs \
        -drive "file=$work/btrfs,format=raw,if=none,id=btrfs,cache=unsafe" -device virtio-blk-pci,drive=btrfs \
        -device virtio-serial-pci \
        -chardev "file,id=results,path=$work/results" -device virtserialport,chardev=results,name=results \
        -chardev "file,id=btf,path=$work/btf" -device virtserialport,chardev=btf,name=btf &
    qemu=$!
}

stop() {
    kill "$qemu" 2>/dev/null || true
    wait "$qemu" 2>/dev/null || true
    qemu=
}

# Until the guest has said that it is up; a guest that died or takes too long did not boot.
booted() {
    local until=$((SECONDS + boot_deadline))
    until grep -q '^booted' "$work/results"; do
        if [ "$SECONDS" -ge "$until" ] || ! kill -0 "$qemu" 2>/dev/null; then return 1; fi
        sleep 0.2
    done
}

# Boots and waits for the end: 1 if it did not boot, 2 if it hung, 3 if the kernel died.
attempt() {
    local begun=$SECONDS
    start
    if ! booted; then
        say "did not boot"
        tail -n 20 "$work/console" >&2 || true
        stop
        return 1
    fi
    tail -n +1 -f --pid="$qemu" "$work/results" &
    local show=$!
    while kill -0 "$qemu" 2>/dev/null; do
        if [ $((SECONDS - begun)) -ge "$deadline" ]; then
            say "hangs: not done after $deadline s"
            where_it_stands
            tail -n 60 "$work/console" >&2 || true
            stop
            return 2
        fi
        sleep 0.2
    done
    wait "$qemu" || true
    qemu=
    wait "$show" || true
    if ! grep -q '^exit ' "$work/results"; then
        say "ended without a result"
        tail -n 60 "$work/console" >&2 || true
        return 3
    fi
}

# What each CPU executes: a kernel address (ffffffff…) twice at the same place is a kernel that hangs.
where_it_stands() {
    local look
    for look in 1 2; do
        echo "info registers -a" >"$work/monitor.in"
        timeout 2 cat "$work/monitor.out" | tr -d '\r' | grep -E '^CPU#|RIP=' | sed "s/^/look $look: /" >&2 || true
    done
}

make_initramfs "$@"
make_disks
mkfifo "$work/monitor.in" "$work/monitor.out"
# Emulated CPUs now and then execute kernel text that another one is patching (an int3 that is gone
# already): the kernel dies, or hangs with a lock held. One more try, told loudly.
if ! attempt; then
    say "ONCE MORE"
    attempt || exit 1
fi

if [ -s "$work/btf" ]; then
    cp "$work/btf" "$cache/$series.btf.new"
    mv "$cache/$series.btf.new" "$cache/$series.btf"
fi
code=$(tr -d '\r' <"$work/results" | sed -n 's/^exit //p' | tail -n 1)
if [ "$code" -ne 0 ]; then
    say "FAILED ($code)"
fi
exit "$code"
