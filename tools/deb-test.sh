#!/usr/bin/env bash
# Installs the package in dist/ with dpkg in a root of its own, boots that root in a guest, and runs what was installed.
# Then removes it again: nothing may be left.
#
#   tools/deb-test.sh [CELL]
#
# The guest has no dpkg: the host's installs into the guest's root, which is what an installer does too.
set -euo pipefail

cd "$(dirname "$0")/.."
cell=${1:-6.12}
packages=(dist/bcc-top_*_"$(dpkg --print-architecture)".deb)
package=${packages[-1]}
work=$(mktemp -d "${TMPDIR:-/tmp}/deb-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

fail() {
    echo "deb-test: $*" >&2
    exit 1
}
# dpkg as it is on a system that has nothing else; only root may give files to root.
on_root() { dpkg --root="$root" --log="$work/log" --force-not-root,script-chrootless,bad-path "$@"; }
# What is there but dpkg's own notes and folders.
files() { (cd "$root" && find . -path ./var/lib/dpkg -prune -o ! -type d -print | LC_ALL=C sort); }

if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning "$package" || fail "lintian complains"
else
    echo "deb-test: no lintian here" >&2
fi
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/tests" "$root/etc"
touch "$root/var/lib/dpkg/status"
before=$(files)
on_root --install "$package"
on_root --verify bcc-top || fail "what was installed is not what was packed"
[ "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${db:Status-Status}' bcc-top)" = installed ] || fail "not installed"
install -m 755 tests/guest/package "$root/tests/run"
code=0
GUEST_ROOT=$root GUEST_DEADLINE=${GUEST_DEADLINE:-600} tools/guest.sh "$cell" || code=$?
[ "$code" -eq 0 ] || fail "guest $cell: $code"
rm "$root/tests/run"
on_root --purge bcc-top
[ "$(files)" = "$before" ] || fail "left behind: $(files)"
echo "deb-test: installed, run on $cell, and removed"
