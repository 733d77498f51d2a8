#!/usr/bin/env bash
# Builds the truth tests and prints where the binary is.
set -euo pipefail

cd "$(dirname "$0")/.."
cargo test --locked --test truth --no-run --message-format=json |
    sed -n 's/.*"name":"truth".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
