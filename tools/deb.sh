#!/usr/bin/env bash
# Packs dist/bcc-top with its manual pages and completions as dist/bcc-top_VERSION_ARCH.deb. Asks nothing of the host
# it is installed on: the program is one static file.
set -euo pipefail

cd "$(dirname "$0")/.."
program=dist/bcc-top
version=$("$program" --version | awk '{print $2}')
arch=$(dpkg --print-architecture)
# The same commit gives the same package.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 755 "$program" "$root/usr/bin/bcc-top"
install -d -m 755 "$root/usr/share/man/man1" "$root/usr/share/doc/bcc-top" "$root/DEBIAN"
"$program" man --dir "$root/usr/share/man/man1"
chmod 644 "$root"/usr/share/man/man1/*
gzip -9n "$root"/usr/share/man/man1/*
"$program" completions bash | install -D -m 644 /dev/stdin "$root/usr/share/bash-completion/completions/bcc-top"
"$program" completions zsh | install -D -m 644 /dev/stdin "$root/usr/share/zsh/vendor-completions/_bcc-top"
"$program" completions fish | install -D -m 644 /dev/stdin "$root/usr/share/fish/vendor_completions.d/bcc-top.fish"
cat LICENSE-APACHE LICENSE-MIT | install -m 644 /dev/stdin "$root/usr/share/doc/bcc-top/copyright"
gzip -9nc CHANGELOG.md | install -m 644 /dev/stdin "$root/usr/share/doc/bcc-top/changelog.gz"
cat >"$root/DEBIAN/control" <<CONTROL
Package: bcc-top
Version: $version
Architecture: $arch
Maintainer: the bcc-top authors <bcc-top@localhost>
Installed-Size: $(du -k --apparent-size -s "$root/usr" | cut -f1)
Section: admin
Priority: optional
Description: live views of what the kernel does
 Tables, histograms and event logs from eBPF programs, in the terminal or as JSON:
 block I/O, TCP, the page cache, run queues, processes and more. One static program;
 needs Linux 5.10 or newer with BTF, no compiler and no kernel headers.
CONTROL
dpkg-deb --root-owner-group --build "$root" "dist/bcc-top_${version}_$arch.deb"
