#!/usr/bin/env bash
# The truth tests in a guest for each of the named kernels, with the program in dist/.
#
#   tools/guests.sh 5.10 6.1 6.12 7.2
set -euo pipefail

cd "$(dirname "$0")/.."
[ $# -gt 0 ] || exit 0
binary=$(tools/test-binary.sh truth)
failed=()
for kernel in "$@"; do
    tools/guest.sh "$kernel" dist/bcc-top "$binary" || failed+=("$kernel")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED on ${failed[*]}" >&2
    exit 1
fi
echo "all well on $*"
