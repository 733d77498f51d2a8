#!/usr/bin/env bash
# Boots a Debian kernel in QEMU and runs the truth tests in it.
#
#   tools/guest.sh CELL [BCC_TOP TEST]
#
# CELL is a kernel that tools/guest-kernel.sh knows, or `lockdown`. BCC_TOP is the program, TEST the static test binary;
# without them the guest only boots, and leaves its BTF as CELL.btf in the cache. The environment:
#
#   GUEST_ARGS        arguments of the tests
#   GUEST_ROOT        directory whose files the guest has too; its /tests/run is run instead of the tests
#   GUEST_REPORT      file that gets what the tests report, a line of JSON each
#   GUEST_ACCEL       tcg or kvm
#   GUEST_DEADLINE    seconds that one try may take; GUEST_BOOT_DEADLINE for the boot alone, GUEST_QUIET without a word
#   GUEST_MEMORY      MiB that it has
#   GUEST_TRIES       how often a guest that does not come up, hangs or dies is started
#
# Exits with 3 if the kernel is not to be had.
set -euo pipefail

cell=${1:?"usage: $0 CELL [BCC_TOP TEST]"}
shift
series=$cell
append=
if [ "$cell" = lockdown ]; then
    series=6.12
    append=lockdown=confidentiality
fi
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/bcc-top/guests
accel=${GUEST_ACCEL:-tcg}
boot_deadline=${GUEST_BOOT_DEADLINE:-180}
deadline=${GUEST_DEADLINE:-2700}
# A kernel that hangs says nothing more. The longest test is a crowd of processes.
quiet=${GUEST_QUIET:-420}

kernel=$("$here/guest-kernel.sh" "$series")
work=$(mktemp -d "${TMPDIR:-/tmp}/guest-$cell.XXXXXX")
qemu=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { echo "guest $cell: $*" >&2; }

# A program with the libraries it is linked against, as `ldd` finds them here.
add_program() {
    local root=$1 file=$2 library
    install -D -m 755 "$file" "$root$file"
    { ldd "$file" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
        [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
    done
}

make_initramfs() {
    local root=$work/root version file
    version=$(cat "$kernel/version")
    mkdir -p "$root/bin" "$root/tests" "$root/lib/modules/$version"
    cp "$here/../tests/guest/init" "$root/init"
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$kernel"/modules/*.ko "$root/lib/modules/$version/"
    depmod -b "$root" "$version" 2>/dev/null
    {
        echo "export BCC_TOP_CELL=$cell BCC_TOP_MACHINE=$accel"
        echo "export BCC_TOP_KERNEL_PACKAGE='$(grep -v meta "$kernel/package" | head -n 1)'"
    } >"$root/environment"
    echo "${GUEST_ARGS:---test-threads=1}" >"$root/arguments"
    if [ $# -gt 0 ]; then
        strip -o "$root/bin/bcc-top" "$1"
        strip -o "$root/tests/truth" "$2"
        "$2" --files | while read -r file; do
            add_program "$root" "$file"
        done
    fi
    [ -z "${GUEST_ROOT:-}" ] || cp -a "$GUEST_ROOT/." "$root/"
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
    # One thread for both CPUs: with two, a CPU may go on executing an int3 that the other one has long patched away
    # (kprobes, trampolines, static keys), and takes the same exception for ever.
    local machine=(-accel "tcg,thread=single" -cpu "max,la57=off") disk port drives=() ports=()
    [ "$accel" != kvm ] || machine=(-accel kvm -cpu host)
    for disk in ext4 scratch xfs btrfs; do
        drives+=(-drive "file=$work/$disk,format=raw,if=none,id=$disk,cache=unsafe" -device "virtio-blk-pci,drive=$disk")
    done
    for port in results report btf; do
        : >"$work/$port"
        ports+=(-chardev "file,id=$port,path=$work/$port" -device "virtserialport,chardev=$port,name=$port")
    done
    qemu-system-x86_64 "${machine[@]}" -m "${GUEST_MEMORY:-1024}" -smp 2 \
        -nodefaults -no-user-config -no-reboot -display none -monitor "pipe:$work/monitor" -serial "file:$work/console" \
        -kernel "$kernel/vmlinuz" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet no_timer_check panic=-1 oops=panic $append" \
        "${drives[@]}" -device virtio-serial-pci "${ports[@]}" &
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
        say "did not boot within $boot_deadline s"
        tail -n 20 "$work/console" >&2 || true
        stop
        return 1
    fi
    tail -n +1 -f --pid="$qemu" "$work/results" &
    local show=$! spoken=$SECONDS said=0 size
    while kill -0 "$qemu" 2>/dev/null; do
        size=$(stat -c %s "$work/results")
        [ "$size" -eq "$said" ] || spoken=$SECONDS said=$size
        if [ $((SECONDS - spoken)) -ge "$quiet" ] || [ $((SECONDS - begun)) -ge "$deadline" ]; then
            say "hangs: not done after $((SECONDS - begun)) s, its last word $((SECONDS - spoken)) s ago"
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

# A guest that does not come up, hangs or dies is told loudly, and tried once more.
run() {
    local try
    for ((try = ${GUEST_TRIES:-2}; try > 0; try--)); do
        if attempt; then return; fi
        [ "$try" -eq 1 ] || say "ONCE MORE"
    done
    exit 1
}

make_initramfs "$@"
make_disks
mkfifo "$work/monitor.in" "$work/monitor.out"
run
if [ -s "$work/btf" ]; then
    cp "$work/btf" "$cache/$cell.btf.new"
    mv "$cache/$cell.btf.new" "$cache/$cell.btf"
fi
[ -z "${GUEST_REPORT:-}" ] || cp "$work/report" "$GUEST_REPORT"
code=$(tr -d '\r' <"$work/results" | sed -n 's/^exit //p' | tail -n 1)
if [ "$code" -ne 0 ]; then
    say "FAILED ($code)"
fi
exit "$code"
