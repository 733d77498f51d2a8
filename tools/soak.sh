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
# What may be allocated late: the explorer's history fills for minutes, so growth is looked for in the second half.
half=$((minutes / 2))
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

declare -A at_half most least_fds most_fds
look() { # MINUTE
    local at pid kb fds line
    line="| $1 | $(cut -d' ' -f1 /proc/loadavg)"
    for at in "${!subjects[@]}"; do
        pid=${subjects[at]}
        kb=$(resident "$pid") fds=$(descriptors "$pid")
        line+=" | $((kb / 1024)) | $fds | $(cpu "$pid")"
        if [ "$1" = "$half" ]; then
            at_half[$at]=$kb most[$at]=$kb least_fds[$at]=$fds most_fds[$at]=$fds
        elif [ "$1" -gt "$half" ]; then
            [ "$kb" -le "${most[$at]}" ] || most[$at]=$kb
            [ "$fds" -le "${most_fds[$at]}" ] || most_fds[$at]=$fds
            [ "$fds" -ge "${least_fds[$at]}" ] || least_fds[$at]=$fds
        fi
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
        grown=$((most[$at] - at_half[$at]))
        echo "- ${names[at]}: from minute $half on at most $grown KiB more, ${least_fds[$at]} to ${most_fds[$at]} descriptors."
        # A twentieth is what an allocator may keep to itself; a dozen files of /proc may be open for a moment.
        [ "$grown" -le $((at_half[$at] / 20 + 1024)) ] && [ $((most_fds[$at] - least_fds[$at])) -le 12 ] || failed=yes
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
