#!/usr/bin/env bash
# Builds one of the test programs in tests/ and prints where the binary is.
#
#   tools/test-binary.sh truth
set -euo pipefail

name=${1:?"usage: $0 NAME"}
cd "$(dirname "$0")/.."
cargo test --locked --test "$name" --no-run --message-format=json |
    sed -n "s/.*\"name\":\"$name\".*\"executable\":\"\([^\"]*\)\".*/\1/p" | tail -n 1
