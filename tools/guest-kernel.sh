#!/usr/bin/env bash
# Fetches a Debian kernel for the guests and prints the directory it was unpacked to.
#
#   tools/guest-kernel.sh 5.10|6.1|6.12|7.2
#
# Exits with 3 if this kernel is not to be had from here: no package source, or the suite has gone from it.
# The packages come from the Debian mirror that this machine is configured for, under another suite,
# with apt directories of our own: nothing of the machine's apt is changed. What was fetched once
# is kept in the cache and used again; remove the directory to fetch anew.
set -euo pipefail

series=${1:?"usage: $0 5.10|6.1|6.12|7.2"}
case $series in
5.10) suite=bullseye ;;
6.1) suite=bookworm ;;
6.12) suite=trixie ;;
7.2) suite=sid ;;
*)
    echo "$0: no Debian suite known for kernel $series" >&2
    exit 2
    ;;
esac

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/bcc-top/guests
dir=$cache/$series
# What tests may need, with what these modules need. One that a kernel has built in is not found, and not missed.
modules="virtio_pci virtio_blk virtio_console loop mq_deadline xfs btrfs nfs nfsv3 nfsv4 nfsd veth sch_netem"

say() { echo "guest $series: $*" >&2; }

# URI of the configured Debian archive, or of its security part with -security as the argument.
configured() {
    local kind=$1 codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # apt expands these
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v kind="$kind" -v codename="$codename" '
            BEGIN { split(codename " stable oldstable testing unstable sid", names); for (n in names) wanted[names[n] kind] }
            $3 == "main" && $2 in wanted { print $1; exit }'
}

write_apt() {
    local apt=$1 archive security keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    archive=$(configured "")
    security=$(configured -security)
    if [ -z "$archive" ] || [ ! -e "$keyring" ]; then
        say "NO DEBIAN PACKAGE SOURCE (main) OR NO debian-archive-keyring on this machine: $suite cannot be fetched"
        exit 3
    fi
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
    : >"$apt/status"
    echo "deb [signed-by=$keyring] $archive $suite main" >"$apt/sources.list"
    if [ "$suite" != sid ] && [ -n "$security" ]; then
        echo "deb [signed-by=$keyring] $security $suite-security main" >>"$apt/sources.list"
    fi
    cat >"$apt/apt.conf" <<END
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "$apt/parts";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
END
}

# Signatures are always checked. Only their date is not when it is all that is wrong: suites that are
# no longer maintained, and mirrors that stand still, keep a Release file past its date.
update() {
    local log=$1/update.log
    if apt-get update -o APT::Update::Error-Mode=any >"$log" 2>&1; then return; fi
    if grep -q 'is expired' "$log"; then
        say "$(grep -m1 'is expired' "$log"); using it all the same, the signature holds"
        if apt-get update -o APT::Update::Error-Mode=any -o Acquire::Check-Valid-Until=false >"$log" 2>&1; then return; fi
    fi
    cat "$log" >&2
    say "THE SUITE $suite IS NOT ON THE CONFIGURED MIRROR (any more), so this kernel cannot be tested here"
    exit 3
}

# The newest cloud kernel of the series. In sid, where a series lives for weeks, another one will do.
newest() {
    local names pick
    names=$(apt-cache search --names-only '^linux-(image|binary)-[0-9].*-cloud-amd64$' | sed 's/ .*//' | sort -V)
    pick=$(grep -E "^linux-(image|binary)-${series//./[.]}[.]" <<<"$names" | grep -v unsigned | tail -n 1 || true)
    if [ -z "$pick" ] && [ "$suite" = sid ]; then
        pick=$(tail -n 1 <<<"$names")
        [ -z "$pick" ] || say "SID HAS NO $series ANY MORE: taking $pick instead"
    fi
    if [ -z "$pick" ]; then
        say "THE SUITE $suite HAS NO CLOUD KERNEL $series (any more), so this kernel cannot be tested here"
        exit 3
    fi
    pick=${pick#linux-image-}
    pick=${pick#linux-binary-}
    # Newer packages are split: image is then an empty one that depends on the others.
    if grep -qx "linux-binary-$pick" <<<"$names"; then
        echo "linux-binary-$pick linux-modules-$pick"
    else
        echo "linux-image-$pick"
    fi
}

unpack_module() {
    case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -dcq "$1" ;;
    *) cat "$1" ;;
    esac >"$2"
}

# Adds a module and those that it needs. The names of files use - or _ as they like.
declare -A added
add_module() {
    local name=${1//-/_} file dep deps
    [ -z "${added[$name]:-}" ] || return 0
    added[$name]=1
    file=$(find "$2" -name "${name//_/[-_]}.ko*" | head -n 1)
    [ -n "$file" ] || return 0
    unpack_module "$file" "$3/$name.ko"
    deps=$(tr '\0' '\n' <"$3/$name.ko" | sed -n 's/^depends=//p')
    for dep in ${deps//,/ }; do
        add_module "$dep" "$2" "$3"
    done
}

fetch() {
    local work=$1 packages package version module
    write_apt "$work/apt"
    export APT_CONFIG=$work/apt/apt.conf
    update "$work/apt"
    packages=$(newest)
    say "fetching $packages"
    # shellcheck disable=SC2086 # one or two names
    (cd "$work" && apt-get download $packages >/dev/null)
    version=${packages%% *}
    version=${version#linux-*-}
    mkdir -p "$work/out/modules"
    for package in "$work"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" --wildcards './boot/vmlinuz*' './lib/modules' './usr/lib/modules' 2>/dev/null || true
        # shellcheck disable=SC2016 # dpkg-deb expands these
        dpkg-deb --show --showformat='${Package} ${Version}\n' "$package" >>"$work/out/package"
    done
    find "$work/boot" "$work/usr/lib/modules" -maxdepth 2 -name 'vmlinuz*' -exec cp {} "$work/out/vmlinuz" \; 2>/dev/null || true
    echo "$version" >"$work/out/version"
    echo "$modules" >"$work/out/asked"
    for module in $modules; do
        add_module "$module" "$work" "$work/out/modules"
    done
    if [ ! -s "$work/out/vmlinuz" ] || [ ! -e "$work/out/modules/virtio_blk.ko" ]; then
        say "$packages did not hold what was expected"
        exit 1
    fi
}

# Two guests may want the same one.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
# What was fetched for another list of modules lacks some.
if [ ! -e "$dir/vmlinuz" ] || [ "$(cat "$dir/asked" 2>/dev/null)" != "$modules" ]; then
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch "$work"
    rm -rf "$dir"
    mv "$work/out" "$dir"
fi
say "kernel $(cat "$dir/version")"
echo "$dir"
