//! Hosts as network namespaces: a worker moves into one of its own, where nobody else sends anything, so that the counters of
//! the namespace are the truth about its work.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;

use super::ok;

/// Programs that lay the cables, for [`super::Need::Program`].
pub const IP: &str = "/usr/sbin/ip";
/// See [`IP`].
pub const TC: &str = "/usr/sbin/tc";

/// Moves this process, which has one thread, into a network namespace of its own with a loopback device.
pub fn isolate() {
    // SAFETY: no memory is involved.
    ok("unshare", unsafe { libc::unshare(libc::CLONE_NEWNET) });
    ip("link set lo up");
}

/// Joins this namespace to a host that never answers: a cable `v0` (10.7.0.1 and fd07::1) whose other end nobody reads, with the
/// hardware address of `10.7.0.2` and `fd07::2` known, so that all that is sent there is lost.
pub fn join_deaf() {
    let _ = Command::new("modprobe").arg("veth").status();
    ip("link add v0 type veth peer name v1");
    // Nobody answers at the other end: it has no address.
    std::fs::write("/proc/sys/net/ipv6/conf/v1/disable_ipv6", "1").expect("IPv6 is off at the other end");
    ip("address add 10.7.0.1/24 dev v0");
    ip("-6 address add fd07::1/64 dev v0 nodad");
    ip("link set v0 up");
    ip("link set v1 up");
    ip("neigh replace 10.7.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
    ip("-6 neigh replace fd07::2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
}

/// Two hosts that talk to each other over a cable: 10.7.0.1 at `v0` of the near one, 10.7.0.2 at `v1` of the far one. A process with one
/// thread is on one of them at a time; its sockets stay where they were made.
pub struct Hosts {
    near: File,
    far: File,
}

impl Hosts {
    /// Makes them; this process is on the near one, which is the namespace that it was in.
    pub fn join() -> Hosts {
        let here = || File::open("/proc/self/ns/net").expect("a namespace");
        let near = here();
        isolate();
        let hosts = Hosts { near, far: here() };
        hosts.go_near();
        let _ = Command::new("modprobe").arg("veth").status();
        ip("link add v0 type veth peer name v1");
        ip(&format!("link set v1 netns /proc/{}/fd/{}", std::process::id(), hosts.far.as_raw_fd()));
        // Who is where is known to both: nobody has to ask.
        for (go, host) in [(Hosts::go_near as fn(&Hosts), 1), (Hosts::go_far, 2)] {
            go(&hosts);
            let (end, other) = (host - 1, 3 - host);
            ip(&format!("link set v{end} address 02:00:00:00:00:0{host}"));
            ip(&format!("address add 10.7.0.{host}/24 dev v{end}"));
            ip(&format!("link set v{end} up"));
            ip(&format!("neigh replace 10.7.0.{other} lladdr 02:00:00:00:00:0{other} dev v{end} nud permanent"));
        }
        hosts.go_near();
        hosts
    }

    /// From now on this process is on the near host.
    pub fn go_near(&self) {
        enter(&self.near);
    }

    /// From now on this process is on the far host.
    pub fn go_far(&self) {
        enter(&self.far);
    }
}

fn enter(namespace: &File) {
    // SAFETY: an open descriptor of a namespace.
    ok("setns", unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) });
}

/// What the near host sends goes to an address that the far one does not have, and is lost.
pub fn misdirect() {
    ip("neigh replace 10.7.0.2 lladdr 02:00:00:00:00:09 dev v0 nud permanent");
}

/// Has this host lose so many of a hundred packets that it sends over the cable; `false` where the kernel has no netem.
pub fn lose(device: &str, percent: u32) -> bool {
    let _ = Command::new("modprobe").arg("sch_netem").status();
    let words = format!("qdisc replace dev {device} root netem loss {percent}%");
    Command::new(TC).args(words.split(' ')).status().expect("tc runs").success()
}

/// Has the loopback device keep each packet for so long; `false` where the kernel has no netem.
pub fn delay(ms: u32) -> bool {
    let _ = Command::new("modprobe").arg("sch_netem").status();
    let words = format!("qdisc replace dev lo root netem delay {ms}ms");
    Command::new(TC).args(words.split(' ')).status().expect("tc runs").success()
}

/// Runs `ip WORDS`.
///
/// # Panics
/// If it fails.
fn ip(words: &str) {
    let status = Command::new(IP).args(words.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {words}: {status}");
}

/// A counter of this process's network namespace, as `Tcp`, `RetransSegs` or `TcpExt`, `ListenDrops`.
///
/// # Panics
/// If the kernel has no such counter.
pub fn counter(group: &str, name: &str) -> u64 {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/net/{file}")).expect("counters");
    let text = read("snmp") + &read("netstat");
    let lines: Vec<&str> = text.lines().collect();
    // Each group is a line of names and a line of numbers.
    let found = lines.chunks_exact(2).find_map(|pair| {
        let rest = |line: &'_ str| line.strip_prefix(group)?.strip_prefix(": ").map(str::to_owned);
        let (names, numbers) = (rest(pair[0])?, rest(pair[1])?);
        let at = names.split(' ').position(|known| known == name)?;
        numbers.split(' ').nth(at)?.parse().ok()
    });
    found.unwrap_or_else(|| panic!("there is no counter {group} {name}"))
}

/// Inode number of this process's network namespace.
pub fn namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/net").expect("a namespace").ino()
}

/// From now on the kernel throws away what arrives at this socket, so that the other end has to send it again.
pub fn deafen(stream: &std::net::TcpStream) {
    // `ret 0`: nothing of a segment is kept.
    let mut filter = libc::sock_filter { code: 6, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut filter };
    let (at, size) = ((&raw const program).cast(), size_of::<libc::sock_fprog>() as libc::socklen_t);
    // SAFETY: an open socket and a program of one instruction, which the kernel copies.
    let done = unsafe { libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, at, size) };
    ok("filter", done);
}

/// Closes without a FIN.
pub fn abort(stream: std::net::TcpStream) {
    let now = libc::linger { l_onoff: 1, l_linger: 0 };
    let (at, size) = ((&raw const now).cast(), size_of::<libc::linger>() as libc::socklen_t);
    // SAFETY: an open socket and a value of the size that is given.
    ok("linger", unsafe { libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, at, size) });
}
