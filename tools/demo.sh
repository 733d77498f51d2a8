#!/usr/bin/env bash
# Makes assets/demo.rec: what the overview shows of a loaded host. The load is fio, iperf3, a web server
# and its clients, an archiver, a nightly copy, and now and then too many tasks for the CPUs. As root;
# `make demo` installs what it needs.
#
#   tools/demo.sh PROGRAM [SECONDS]
#
# The load runs in a control group, and only that group is recorded; recorder and load are in UTS and
# network namespaces of their own. So the recording tells nothing of the machine it is made on.
set -euo pipefail

cd "$(dirname "$0")/.."
program=$(realpath "${1:?"usage: $0 PROGRAM [SECONDS]"}")
seconds=${2:-150}
most=$((300 * 1000))

if [ "${DEMO_INSIDE:-}" != yes ]; then
    DEMO_INSIDE=yes exec unshare --uts --net "$0" "$program" "$seconds"
fi
hostname web-07
ip link set lo up
ip address add 10.0.4.17/24 dev lo
ip address add 10.0.4.2/24 dev lo

work=$(mktemp -d /var/tmp/demo.XXXXXX)
chmod 755 "$work"
mkdir -m 777 "$work/backup" "$work/site" "$work/data"
group=$(findmnt -nt cgroup2 -o TARGET | head -n 1)/system.slice
made=
[ -d "$group" ] || made=yes
mkdir -p "$group/web"
cleanup() {
    disown -a
    xargs -r kill -KILL <"$group/web/cgroup.procs" 2>/dev/null || true
    sleep 0.5
    rmdir "$group/web" || true
    [ -z "$made" ] || rmdir "$group" || true
    rm -rf "$work"
}
trap cleanup EXIT

# Runs a command in the group as a user, in the background.
run() { # USER COMMAND…
    (
        # On hosts with both versions of control groups, containers are told by the older one.
        [ ! -e /sys/fs/cgroup/memory/tasks ] || echo "$BASHPID" >/sys/fs/cgroup/memory/tasks
        echo "$BASHPID" >"$group/web/cgroup.procs"
        user=$1
        shift
        cd "$work"
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ) >/dev/null 2>&1 &
}
# The same, again and again.
again() { # USER SCRIPT
    run "$1" sh -c "while :; do $2; done"
}

head -c 2000000 /dev/urandom >"$work/site/page"
run nobody fio --name=fio --directory=data --size=192M --rw=randrw --rwmixread=70 --bs=4k --direct=1 \
    --ioengine=psync --rate_iops=800 --time_based --runtime=$((seconds + 30))
run www-data python3 -m http.server 8080 --bind 10.0.4.17 --directory site
again nobody 'curl -s --interface 10.0.4.2 --limit-rate 6M -o /dev/null http://10.0.4.17:8080/page || sleep 1'
again nobody 'curl -s --interface 10.0.4.2 -o /dev/null http://10.0.4.17:8080/page; sleep 0.3'
run nobody iperf3 -s -B 10.0.4.17
again nobody 'sleep 12; iperf3 -c 10.0.4.17 -B 10.0.4.2 -t 20 -b 120M; sleep 18'
again backup 'tar -C /usr -cf - include share/perl 2>/dev/null | gzip -1 >backup/archive; sync backup/archive; sleep 3'
again backup 'sleep 25; dd if=data/fio.0.0 of=backup/copy bs=1M iflag=direct oflag=direct; rm -f backup/copy; sleep 20'
again nobody 'sleep 35; for i in 1 2 3 4 5; do timeout 8 gzip </dev/zero >/dev/null & done; wait; sleep 20'
sleep 4

"$program" record -o "$work/demo.rec" biotop,tcptop,runqlat,cachetop -n "$seconds" --cgroup /system.slice/web
size=$(stat -c %s "$work/demo.rec")
[ "$size" -le "$most" ] || {
    echo "the recording is $size bytes, $most are allowed" >&2
    exit 1
}
install -m 644 "$work/demo.rec" assets/demo.rec
echo "assets/demo.rec: $size bytes"
