#!/usr/bin/env bash
# Packs dist/bcc-top with its manual pages and completions as dist/bcc-top_VERSION_ARCH.deb. Asks nothing of the host
# it is installed on: the program is one static file.
set -euo pipefail

cd "$(dirname "$0")/.."
program=dist/bcc-top
# Whoever packs: what is installed is for everybody to read.
umask 022
version=$("$program" --version | awk '{print $2}')
arch=$(dpkg --print-architecture)
# The same commit gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
doc=$root/usr/share/doc/bcc-top

# A field of the copyright file: a blank line of the text is a dot there.
indented() { sed -e 's/[[:space:]]*$//' -e 's/^/ /' -e 's/^ $/ ./' "$@"; }

# What is linked into the program, each with its licence as it declares it: cargo knows those of crates.
copyright() {
    cat <<HEAD
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: bcc-top
Comment: The program is linked statically with libbpf (LGPL-2.1 or BSD-2-Clause), libelf (LGPL-3+ or GPL-2+),
 zlib (Zlib), zstd (BSD-3-Clause or GPL-2), the C library (LGPL-2.1+), and these crates:
 .
HEAD
    # Of the program, not of what builds or tests it; a path of this machine stands behind the names of some.
    cargo tree --locked --edges normal --prefix none --format '{p}: {l}' |
        sed -e 's/ (\/[^)]*)//' -e 's/ (proc-macro)//' -e 's/ (\*)$//' | grep -v '^bcc-top ' | LC_ALL=C sort -u | indented
    cat <<FILES

Files: *
Copyright: the bcc-top authors
License: Apache-2.0 or Expat

Files: src/bpf/*
Copyright: the bcc-top authors
License: GPL-2 or BSD-3-clause
Comment: What the program loads into the kernel.

License: Apache-2.0
 On Debian systems it is in /usr/share/common-licenses/Apache-2.0.

License: GPL-2
 On Debian systems it is in /usr/share/common-licenses/GPL-2.

License: BSD-3-clause
 Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 following conditions are met: redistributions of source code must retain the above copyright notice, this list of
 conditions and the following disclaimer; redistributions in binary form must reproduce them in the documentation or
 other materials provided with the distribution; neither the name of the copyright holder nor the names of its
 contributors may be used to endorse or promote products derived from this software without specific prior written
 permission.
 .
 THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
 INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
 SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
 SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
 WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
 OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

License: Expat
$(indented LICENSE-MIT)
FILES
}

install -D -m 755 "$program" "$root/usr/bin/bcc-top"
install -d -m 755 "$root/usr/share/man/man1" "$root/usr/share/lintian/overrides" "$doc" "$root/DEBIAN"
"$program" man --dir "$root/usr/share/man/man1"
chmod 644 "$root"/usr/share/man/man1/*
gzip -9n "$root"/usr/share/man/man1/*
"$program" completions bash | install -D -m 644 /dev/stdin "$root/usr/share/bash-completion/completions/bcc-top"
"$program" completions zsh | install -D -m 644 /dev/stdin "$root/usr/share/zsh/vendor-completions/_bcc-top"
"$program" completions fish | install -D -m 644 /dev/stdin "$root/usr/share/fish/vendor_completions.d/bcc-top.fish"
copyright | install -m 644 /dev/stdin "$doc/copyright"
gzip -9nc CHANGELOG.md | install -m 644 /dev/stdin "$doc/CHANGELOG.md.gz"
gzip -9nc <<CHANGELOG | install -m 644 /dev/stdin "$doc/changelog.gz"
bcc-top ($version) unstable; urgency=medium

  * What is new is in CHANGELOG.md.

 -- the bcc-top authors <bcc-top@localhost>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
# It is one static file on purpose, the same one on every host, which a position-independent one without libraries looks
# strange for; and the project has no address yet.
install -m 644 /dev/stdin "$root/usr/share/lintian/overrides/bcc-top" <<OVERRIDES
bcc-top: statically-linked-binary [usr/bin/bcc-top]
bcc-top: shared-library-lacks-prerequisites [usr/bin/bcc-top]
bcc-top: embedded-library zlib [usr/bin/bcc-top]
bcc-top: bogus-mail-host Maintainer bcc-top@localhost
bcc-top: bogus-mail-host-in-debian-changelog *
OVERRIDES
cat >"$root/DEBIAN/control" <<CONTROL
Package: bcc-top
Version: $version
Architecture: $arch
Maintainer: the bcc-top authors <bcc-top@localhost>
Installed-Size: $(du -k --apparent-size -s "$root/usr" | cut -f1)
Section: admin
Priority: optional
Description: live views of what the kernel does
 Tables, histograms and event logs from eBPF programs, in the terminal or as
 JSON: block I/O, TCP, the page cache, run queues, processes and more. One
 static program; needs Linux 5.10 or newer with BTF, no compiler and no kernel
 headers.
CONTROL
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$root" "dist/bcc-top_${version}_$arch.deb"
