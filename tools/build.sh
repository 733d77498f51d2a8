#!/usr/bin/env bash
# Builds the program. The same source gives the same bytes wherever it lies: paths of this machine are not told in it.
set -euo pipefail

cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
# Later ones win: the tree may lie in the home directory, and cargo's directory in the tree.
flags=
for map in "$PWD=." "${CARGO_HOME:-$HOME/.cargo}=cargo"; do
    flags+="${flags:+, }'--remap-path-prefix=$map'"
done
# Added to what .cargo/config.toml says; RUSTFLAGS would replace it.
cargo build --release --locked --config "target.$target.rustflags=[$flags]"
