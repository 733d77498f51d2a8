#!/usr/bin/env bash
# Makes the pictures of docs/tour.md: the program's own screens over the recording that ships in it, so that
# they can be made anywhere, without rights. `make tour`.
set -euo pipefail

cd "$(dirname "$0")/.."
cargo build --release --locked --bin bcc-top --example screenshot
target=target/$(rustc -vV | sed -n 's/^host: //p')/release
mkdir -p assets/tour

# NAME ROWS COLS KEYS: the screen after the first twenty seconds and these keys.
picture() {
    "$target/examples/screenshot" "assets/tour/$1.svg" "$2" "$3" 20 "$4" -- "$target/bcc-top" demo &
}
picture dashboard 30 100 ''
picture table 24 80 4
picture filter 24 80 '4/user=backup hits>100'
picture histogram 28 90 3
picture detail 30 80 $'4 \r'
picture timeline 24 80 '4 [[[['
wait
picture picker 24 80 v
picture palette 24 80 ':the'
picture columns 24 80 4c
picture explain 28 90 4i
picture settings 24 80 S
picture help 24 80 '4?'
wait
echo "assets/tour: $(du -sh assets/tour | cut -f 1)"
