#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing. Nothing missing: done at once.
set -euo pipefail

# Any version of clang and llvm-strip will do, see build.rs.
enough() {
    case $1 in
    clang-*) compgen -c | grep -qxE 'clang(-[0-9]+)?' ;;
    llvm-*) compgen -c | grep -qxE 'llvm-strip(-[0-9]+)?' ;;
    *) false ;;
    esac
}

missing=()
for package in "$@"; do
    if enough "$package"; then continue; fi
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "no apt-get here; what is needed is what Debian calls: ${missing[*]}" >&2
    exit 0
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
echo "installing ${missing[*]}" >&2
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}
# A machine that has never updated its lists cannot find the packages: then update and try again.
install 2>/dev/null || { "${as_root[@]}" apt-get update -q >/dev/null && install; }
