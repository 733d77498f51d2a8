#!/usr/bin/env bash
# Half an hour at full load: do memory and descriptors stay flat? An explorer with nine panes, a batch run of every view and
# a recorder watch programs that start, files that come and go, connections, and a disk and CPUs that are never idle. Writes
# docs/soak.md and fails if something grew. As root; `make soak` installs what it needs.
#
#   tools/soak.sh PROGRAM [MINUTES]
set -euo pipefail

cd "$(dirname "$0")/.."
program=$(realpath "${1:?"usage: $0 PROGRAM [MINUTES]"}")
minutes=${2:-30}
# The explorer's history is full after ten minutes; what it holds then, and what is in use while a sample is taken, goes up and
# down. So the middle samples of the second and of the last third are compared.
third=$((minutes / 3))
work=$(mktemp -d /var/tmp/soak.XXXXXX)
load=() subjects=() names=()
cleanup() {
    kill "${subjects[@]}" 2>/dev/null || true
    # The load's own children as well: each is the head of a group.
    for pid in "${load[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

run() { # COMMAND… in a group of its own, behind everything else that wants a CPU
    setsid nice -n 19 "$@" >/dev/null 2>&1 &
    load+=($!)
}
again() { # SCRIPT, over and over
    run sh -c "cd '$work'; while :; do $1; done"
}
start_load() {
    mkdir "$work/site"
    head -c 2000000 /dev/urandom >"$work/site/page"
    run fio --name=fio --filename="$work/data" --size=128M --rw=randrw --bs=4k --direct=1 --ioengine=psync \
        --rate_iops=500 --time_based --runtime=$((minutes * 60 + 60))
    run python3 -m http.server 8099 --bind 127.0.0.1 --directory "$work/site"
    # A name, a process and a connection that nobody has seen before, each time: what is kept by key shows itself.
    again 'curl -s -o /dev/null "http://127.0.0.1:8099/page?$$" || sleep 0.2'
    # shellcheck disable=SC2016 # its own shell counts
    again 'i=$((i + 1)); echo x >"new-$i"; cat "new-$i" >/dev/null; rm "new-$i"'
    again 'tar -C /usr -cf - include share/perl 2>/dev/null | gzip -1 >archive; cat archive >/dev/null'
    again 'ls -lR /usr/lib /proc/[0-9]*/task >/dev/null 2>&1'
    # More than an interval keeps, from the first minute on: what a burst makes somebody allocate is not taken for growth later.
    printf '%s\n' 'import os' 'for i in range(100000):' '    try: os.close(os.open(f"none-{i}", 0))' '    except OSError: pass' \
        >"$work/burst.py"
    # shellcheck disable=SC2016 # its own shell counts
    again 'python3 burst.py; for i in $(seq 300); do /bin/true; done; sleep 15'
}

# Programs that are in the kernel. Those of the one that asks are among them each time.
programs() {
    "$program" bps --json -n 1 | python3 -c 'import json, sys; print(sum(len(f["rows"]) for f in json.load(sys.stdin)["frames"]))'
}

watch() { # NAME PID
    names+=("$1") subjects+=("$2")
}
start_subjects() {
    local panes=biotop,tcptop,runqlat,cachetop,opensnoop,execsnoop,filelife,syscount,tcplife all
    all=$("$program" list --json | python3 -c 'import json, sys; print(*(v["name"] for v in json.load(sys.stdin)["views"]), sep=",")')
    # An explorer wants a terminal.
    mkfifo "$work/keys"
    script -qfec "stty rows 60 cols 200; exec '$program' $panes" /dev/null <"$work/keys" >/dev/null 2>&1 &
    exec 3>"$work/keys"
    sleep 3
    watch "explorer, nine panes" "$(pgrep -nf "^$program $panes")"
    "$program" "$all" --ndjson >/dev/null 2>"$work/errors" &
    watch "batch, every view" $!
    "$program" record -o "$work/soak.rec" "$panes" 2>>"$work/errors" &
    watch "recorder, nine views" $!
}

# What it has allocated. Maps and rings of the kernel that it has mapped are of a fixed size, but the pages of a ring count as
# resident only once they were read.
resident() { # PID, kB
    sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}
descriptors() {
    find "/proc/$1/fd" -mindepth 1 | wc -l
}
cpu() { # PID, seconds
    local ns=0 each
    for each in /proc/"$1"/task/*/schedstat; do ns=$((ns + $(cut -d' ' -f1 "$each"))); done
    echo $((ns / 1000000000))
}

# What each had, by third.
declare -A samples
keep() { # NAME VALUE
    samples[$1]+="$2 "
}
middle() { # NAME
    tr ' ' '\n' <<<"${samples[$1]}" | grep . | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}
look() { # MINUTE
    local at pid kb fds line period=first
    [ "$1" -le "$third" ] || period=second
    [ "$1" -le $((2 * third)) ] || period=last
    line="| $1 | $(cut -d' ' -f1 /proc/loadavg)"
    for at in "${!subjects[@]}"; do
        pid=${subjects[at]}
        kb=$(resident "$pid") fds=$(descriptors "$pid")
        line+=" | $((kb / 1024)) | $fds | $(cpu "$pid")"
        keep "$period memory of $at" "$kb"
        keep "$period descriptors of $at" "$fds"
    done
    echo "$line |"
}

before=$(programs)
start_load
start_subjects
{
    echo "# Half an hour at full load"
    echo
    echo "Written by \`make soak\` on Linux $(uname -r), $(nproc) CPUs: allocated memory, descriptors and CPU seconds so far of"
    echo "programs that watch new programs, files and connections all the time, with a disk and CPUs that are never idle."
    echo
    heading="| minute | load" line="|---|---"
    for name in "${names[@]}"; do
        heading+=" | $name, MiB | descriptors | CPU, s" line+="|---|---|---"
    done
    echo "$heading |"
    echo "$line|"
    for minute in $(seq "$minutes"); do
        sleep 60
        look "$minute"
    done
    echo
    failed=
    for at in "${!subjects[@]}"; do
        was=$(middle "second memory of $at") is=$(middle "last memory of $at")
        had=$(middle "second descriptors of $at") has=$(middle "last descriptors of $at")
        echo "- ${names[at]}: $((was / 1024)) MiB and $had descriptors in the second third, $((is / 1024)) MiB and $has in the last."
        # A twentieth is what an allocator may keep to itself; a few files of /proc may be open for a moment.
        [ "$is" -le $((was + was / 20 + 1024)) ] && [ "$has" -le $((had + 3)) ] || failed=yes
        kill -INT "${subjects[at]}"
    done
    sleep 5
    after=$(programs)
    echo "- BPF programs in the kernel before and after: $before and $after."
    if [ -n "$failed" ] || [ "$before" != "$after" ]; then
        echo "- **Not flat.**"
    else
        echo "- Flat."
    fi
} | tee "$work/soak.md"
cat "$work/errors" >&2
cp "$work/soak.md" docs/soak.md
! grep -q 'Not flat' docs/soak.md
