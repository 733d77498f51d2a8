#!/usr/bin/env bash
# Builds the release and its package twice, in two places that have little in common, and compares the bytes: what is
# committed, with the compiler that is here.
set -euo pipefail

cd "$(dirname "$0")/.."
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
commit=$(git rev-parse HEAD)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
registry=${CARGO_HOME:-$HOME/.cargo}/registry

# build PLACE UMASK ZONE LANGUAGE HOME: cargo's directory is another one too, with what was downloaded already.
build() {
    local place=$work/$1 cargo_home=$work/$5
    mkdir -p "$place" "$cargo_home"
    ln -s "$registry" "$cargo_home/registry"
    git archive "$commit" | tar -x -C "$place"
    (
        umask "$2"
        cd "$place"
        CARGO_HOME=$cargo_home RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} TZ=$3 LC_ALL=$4 tools/build.sh
        tools/release.sh target/*-linux-gnu/release/bcc-top
        TZ=$3 LC_ALL=$4 tools/deb.sh
    )
    (cd "$place/dist" && sha256sum -- *) >"$work/${1//\//-}.sums"
    # Before the second: two trees of objects are many gigabytes.
    mkdir -p "$work/kept/$1"
    mv "$place/dist" "$work/kept/$1"
    rm -rf "$place"
}

build one 022 UTC C.UTF-8 cargo
build another/and/deeper 077 Pacific/Auckland C some/other/home/of/cargo
cat "$work/one.sums"
if ! cmp "$work/one.sums" "$work/another-and-deeper.sums"; then
    cat "$work/another-and-deeper.sums"
    echo "the second build is another program" >&2
    exit 1
fi
echo "the same bytes twice"
