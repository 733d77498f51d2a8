#!/usr/bin/env bash
# Licences, banned crates and sources of everything in Cargo.lock, by deny.toml. Installs cargo-deny if it is missing.
set -euo pipefail

cd "$(dirname "$0")/.."
version=0.20.2
if ! cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny $version" >&2
    # Not from here: the program's own flags are for a static program.
    (cd / && CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version "$version" --locked --debug --quiet)
fi
cargo deny --locked check licenses bans sources
