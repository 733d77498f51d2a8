//! What `tcptop` must be right about: every byte, by whatever call it moves, at both ends.

use std::io::{IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use serde_json::{Value, json};

use crate::support::files::Pipe;
use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, ok, total};
use crate::test;

/// Bytes moved by each way of sending: odd, so that no rounding goes unseen.
const PART: usize = 1_000_003;
/// The ways of sending, in the order of [`send`].
const WAYS: usize = 5;
/// All that is sent on a connection.
const TOTAL: u64 = (PART * WAYS) as u64;
/// Bytes moved before the view is started, where a connection is older than it.
const EARLIER: usize = 10_007;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_byte_over_ipv4).every_way(),
    test!(every_byte_over_ipv6).every_way(),
    test!(every_byte_over_ipv4_in_ipv6_sockets),
    test!(port_7001_is_7001),
    test!(an_older_connection_is_counted_from_the_start_of_the_view).every_way(),
    test!(two_pairs_at_once_are_kept_apart),
    test!(connections_within_this_host_are_hidden_when_asked).every_way(),
    test!(only_ends_that_are_asked_for),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "receive" => receive(job),
        "send" => send(job),
        "alone" => alone(job),
        other => panic!("unknown work {other}"),
    }
}

/// Listens at the address of word 1, takes one connection, and `EARLIER` bytes if word 2 says so;
/// then, as a step of its own, everything until the end.
fn receive(job: &Job) {
    let listener = listen(job.word(1));
    job.step(&json!(listener.local_addr().expect("an address").port()));
    let (mut stream, _) = listener.accept().expect("a connection");
    if job.word(2) == "earlier" {
        stream.read_exact(&mut [0; EARLIER]).expect("received");
        job.step(&json!("connected"));
    }
    // Bytes that are only looked at are still to be received.
    let mut looked = [0; 100];
    for _ in 0..3 {
        assert!(stream.peek(&mut looked).expect("looked at") > 0);
    }
    let mut half = vec![0; PART * 2];
    stream.read_exact(&mut half).expect("received");
    let mut received = half.len() as u64;
    let (pipe, sink) = (Pipe::new(), std::fs::File::create("/dev/null").expect("/dev/null"));
    loop {
        let moved = pipe.fill(&stream, PART);
        if moved == 0 {
            break;
        }
        pipe.drain(&sink, moved);
        received += moved as u64;
    }
    drop(stream);
    job.last(&json!(received));
}

/// Connects to the address of word 1, sends in every way there is, closes.
fn send(job: &Job) {
    job.step(&json!("ready"));
    let mut stream = connect(job.word(1));
    if job.word(2) == "earlier" {
        stream.write_all(&[1; EARLIER]).expect("sent");
        job.step(&json!("connected"));
    }
    let bytes = vec![0x5a; PART];
    stream.write_all(&bytes).expect("write");
    send_all(&stream, &bytes);
    sendfile_all(&stream);
    splice_all(&stream, &bytes);
    writev_all(&mut stream, &bytes);
    drop(stream);
    job.last(&json!(TOTAL));
}

fn send_all(stream: &TcpStream, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of a slice.
        let sent = unsafe { libc::send(stream.as_raw_fd(), rest.as_ptr().cast(), rest.len(), libc::MSG_NOSIGNAL) };
        rest = &rest[usize::try_from(ok("send", sent as i64)).expect("a count")..];
    }
}

fn sendfile_all(stream: &TcpStream) {
    let file = tempfile::tempfile_in(crate::support::files::scratch()).expect("a file");
    file.set_len(PART as u64).expect("room");
    let mut at: libc::off_t = 0;
    while at < PART as libc::off_t {
        let left = PART - usize::try_from(at).expect("an offset");
        // SAFETY: two open descriptors and an offset that the call updates.
        let sent = unsafe { libc::sendfile(stream.as_raw_fd(), file.as_raw_fd(), &raw mut at, left) };
        assert!(ok("sendfile", sent as i64) > 0, "the file ended");
    }
}

fn splice_all(stream: &TcpStream, bytes: &[u8]) {
    let pipe = Pipe::new();
    for chunk in bytes.chunks(Pipe::SIZE) {
        pipe.write(chunk);
        pipe.drain(stream, chunk.len());
    }
}

fn writev_all(stream: &mut TcpStream, bytes: &[u8]) {
    let mut sent = 0;
    while sent < bytes.len() {
        let (head, tail) = bytes[sent..].split_at((bytes.len() - sent) / 3);
        sent += stream.write_vectored(&[IoSlice::new(head), IoSlice::new(tail)]).expect("writev");
    }
}

/// Rust leaves IPV6_V6ONLY as it is, so `::` takes IPv4 too, in IPv6 sockets.
fn listen(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().expect("an address");
    TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}

fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// Where the receiver listens, and how the sender calls that place.
struct Place {
    listen: &'static str,
    connect: &'static str,
    /// How both ends are shown: what `::ffff:` hides is IPv4.
    shown: &'static str,
    family: u32,
}

const V4: Place = Place { listen: "127.0.0.1", connect: "127.0.0.1", shown: "127.0.0.1", family: 4 };
const V6: Place = Place { listen: "[::1]", connect: "[::1]", shown: "::1", family: 6 };
const MAPPED: Place = Place { listen: "[::]", connect: "[::ffff:127.0.0.1]", shown: "127.0.0.1", family: 4 };

/// Two workers with a connection between them.
struct Pair {
    place: Place,
    port: u16,
    receiver: Worker,
    sender: Worker,
}

impl Pair {
    /// Workers that have not connected yet. Port 0: any.
    fn new(place: Place, port: u16, when: &str) -> Pair {
        let receiver = Worker::start("tcptop", &["receive", &format!("{}:{port}", place.listen), when]);
        let port = receiver.hello.as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let sender = Worker::start("tcptop", &["send", &format!("{}:{port}", place.connect), when]);
        Pair { place, port, receiver, sender }
    }

    fn order(&mut self) {
        self.receiver.order();
        self.sender.order();
    }

    /// Waits until both have closed; asserts that they did what they were to do.
    fn finish(&mut self) {
        assert_eq!(self.sender.answer(), TOTAL, "the sender did something else");
        assert_eq!(self.receiver.answer(), TOTAL, "the receiver did something else");
    }

    /// Asserts that both ends were counted to the byte, and on this connection only.
    fn check(&self, rows: &[Value]) {
        let port = u64::from(self.port);
        let sender = |row: &Value| is(row, "pid", self.sender.pid);
        let receiver = |row: &Value| is(row, "pid", self.receiver.pid);
        let to = |row: &Value| sender(row) && is(row, "rport", port) && self.is_shown(row);
        let from = |row: &Value| receiver(row) && is(row, "lport", port) && self.is_shown(row);
        let sums = |wanted: &dyn Fn(&Value) -> bool| (total(rows, "tx", wanted), total(rows, "rx", wanted));
        let own: Vec<&Value> = rows.iter().filter(|row| sender(row) || receiver(row)).collect();
        assert_eq!(sums(&sender), (TOTAL, 0), "tx and rx of the sender: {own:?}");
        assert_eq!(sums(&receiver), (0, TOTAL), "tx and rx of the receiver: {own:?}");
        assert_eq!(sums(&to), (TOTAL, 0), "by address, port {port}, of the sender: {own:?}");
        assert_eq!(sums(&from), (0, TOTAL), "by address, port {port}, of the receiver: {own:?}");
    }

    fn is_shown(&self, row: &Value) -> bool {
        let shown = |column: &str| row[column].as_str().and_then(|text| text.parse::<IpAddr>().ok());
        let address = self.place.shown.parse().ok();
        is(row, "family", self.place.family) && shown("laddr") == address && shown("raddr") == address
    }
}

/// A connection that is made while the view looks.
fn check_new(case: &Case, place: Place, port: u16) {
    let mut pair = Pair::new(place, port, "new");
    let watch = case.watch(&["tcptop"]);
    pair.order();
    pair.finish();
    watch.check(|rows| pair.check(rows));
}

fn every_byte_over_ipv4(case: &Case) {
    check_new(case, V4, 0);
}

fn every_byte_over_ipv6(case: &Case) {
    check_new(case, V6, 0);
}

fn every_byte_over_ipv4_in_ipv6_sockets(case: &Case) {
    check_new(case, MAPPED, 0);
}

fn port_7001_is_7001(case: &Case) {
    // 7001 is 22811 with its bytes the wrong way round.
    check_new(case, V4, 7001);
}

fn an_older_connection_is_counted_from_the_start_of_the_view(case: &Case) {
    let mut pair = Pair::new(V4, 0, "earlier");
    pair.order();
    assert_eq!((pair.sender.answer(), pair.receiver.answer()), ("connected".into(), "connected".into()));
    let watch = case.watch(&["tcptop"]);
    pair.order();
    pair.finish();
    watch.check(|rows| pair.check(rows));
}

fn two_pairs_at_once_are_kept_apart(case: &Case) {
    let mut pairs = [Pair::new(V4, 0, "new"), Pair::new(V6, 0, "new")];
    let watch = case.watch(&["tcptop"]);
    pairs.iter_mut().for_each(Pair::order);
    pairs.iter_mut().for_each(Pair::finish);
    watch.check(|rows| pairs.iter().for_each(|pair| pair.check(rows)));
}

/// Bytes of each connection of [`alone`].
const FEW: usize = 1009;

/// In a network namespace of its own, where 10.0.0.0/8 is this host too: a connection to 10.9.9.2 comes from 10.9.9.1, as the address of
/// the device. One from each to each, and one to 127.0.0.1.
fn alone(job: &Job) {
    crate::support::net::leave_network();
    // SAFETY: plain data, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    b"lo:1".iter().zip(&mut request.ifr_name).for_each(|(byte, to)| *to = *byte as libc::c_char);
    // SAFETY: as above.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_addr.s_addr = u32::from_ne_bytes([10, 9, 9, 1]);
    // SAFETY: an address of IPv4 has the size of this one.
    request.ifr_ifru.ifru_addr = unsafe { std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(address) };
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // SAFETY: the request is one of this call.
    ok("SIOCSIFADDR", unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFADDR as _, &raw const request) });
    job.step(&json!("ready"));
    for address in ["127.0.0.1", "10.9.9.1", "10.9.9.2"] {
        let listener = listen(&format!("{address}:7007"));
        let mut client = connect(&format!("{address}:7007"));
        let (mut server, peer) = listener.accept().expect("a connection");
        assert_eq!(peer.ip() == listener.local_addr().expect("an address").ip(), address != "10.9.9.2", "{peer}");
        client.write_all(&[1; FEW]).expect("sent");
        server.read_exact(&mut [0; FEW]).expect("received");
    }
    job.last(&json!("done"));
}

fn connections_within_this_host_are_hidden_when_asked(case: &Case) {
    let mut worker = Worker::start("tcptop", &["alone"]);
    let hidden = case.watch(&["tcptop", "--hide-loopback", "-p", &worker.pid.to_string()]);
    let all = case.watch_plain(&["tcptop", "-p", &worker.pid.to_string()]);
    worker.step();
    let sums = |rows: &[Value]| ["tx", "rx"].map(|column| total(rows, column, |_| true));
    hidden.check(|rows| {
        assert_eq!(sums(rows), [FEW as u64; 2], "{rows:?}");
        assert!(rows.iter().all(|row| row["laddr"] != row["raddr"] && row["laddr"] != "127.0.0.1"), "{rows:?}");
    });
    all.check(|rows| assert_eq!(sums(rows), [3 * FEW as u64; 2], "{rows:?}"));
}

fn only_ends_that_are_asked_for(case: &Case) {
    let mut worker = Worker::start("tcptop", &["alone"]);
    let pid = worker.pid.to_string();
    let watch = |args: &[&str]| case.watch(&[&["tcptop", "-p", &pid], args].concat());
    // Bytes sent and received, in connections. The client has the port as its remote one, the server as its local one.
    let watches = [
        (watch(&["--lport", "7007"]), 0, 3),
        (watch(&["--rport", "7,7007"]), 3, 0),
        (watch(&["--lport", "7008"]), 0, 0),
        (watch(&["--raddr", "10.9.9.2"]), 1, 0),
        (watch(&["--laddr", "10.0.0.0/8"]), 2, 2),
        (watch(&["--laddr", "10.9.9.1", "--raddr", "10.9.9.1"]), 1, 1),
        (watch(&["--family", "4"]), 3, 3),
        (watch(&["--family", "6"]), 0, 0),
    ];
    worker.step();
    for (number, (watch, tx, rx)) in watches.into_iter().enumerate() {
        watch.check(|rows| {
            let sums = ["tx", "rx"].map(|column| total(rows, column, |_| true) / FEW as u64);
            assert_eq!(sums, [tx, rx], "number {number}: {rows:?}");
        });
    }
}
