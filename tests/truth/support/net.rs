//! TCP work that is known to the byte: workers that listen, and workers that connect to them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::fs::MetadataExt;

use serde_json::{Value, json};

use super::{Job, Worker, eventually, in_guest, monotonic, ok};

/// What a client sends on its connection of this number: no two are alike.
pub fn sent(number: usize) -> u64 {
    1001 + 7 * number as u64
}

/// What the server answers on it.
pub fn answered(number: usize) -> u64 {
    17 + 3 * number as u64
}

/// Connections of a burst, as fast as they go.
pub fn burst() -> usize {
    if in_guest() { 60 } else { 1_000 }
}

/// Where a server listens, how clients call that place, and how both ends are shown.
#[derive(Clone)]
pub struct Place {
    /// Address and port that the server binds; port 0 is any.
    pub listen: String,
    /// Address that clients connect to.
    pub connect: &'static str,
    /// How the client's address is shown.
    pub client: &'static str,
    /// How the server's address is shown.
    pub server: String,
    /// 4 or 6.
    pub family: u32,
}

/// Port 7001, which is 22811 with its bytes the wrong way round, at an address of 127.7.0.0/16 that one test has to itself.
pub fn v4(address: &'static str) -> Place {
    let listen = format!("{address}:7001");
    Place { listen, connect: address, client: "127.0.0.1", server: address.to_owned(), family: 4 }
}

/// IPv6.
pub fn v6() -> Place {
    Place { listen: "[::1]:0".into(), connect: "[::1]", client: "::1", server: "::1".into(), family: 6 }
}

/// IPv4 in IPv6 sockets.
pub fn mapped() -> Place {
    let (connect, here) = ("[::ffff:127.0.0.1]", "127.0.0.1");
    Place { listen: "[::]:0".into(), connect, client: here, server: here.into(), family: 4 }
}

/// A server, and a client that has not connected yet.
pub struct Pair {
    /// Where they meet.
    pub place: Place,
    /// The server's port.
    pub port: u16,
    /// Who accepts.
    pub server: Worker,
    /// Who connects.
    pub client: Worker,
}

/// A connection as its client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The client's port.
    pub port: u64,
    /// How long connect took, ns.
    pub connect: u64,
    /// From then until the close, ns.
    pub life: u64,
}

impl Pair {
    /// Workers of the test of `view`, for `count` connections one after the other; `how` is a word for both.
    pub fn new(view: &str, place: Place, count: usize, how: &str) -> Pair {
        let server = Worker::start(view, &["serve", &place.listen, &count.to_string(), how]);
        let port = server.hello.as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let address = format!("{}:{port}", place.connect);
        let client = Worker::start(view, &["call", &address, &count.to_string(), how]);
        Pair { place, port, server, client }
    }

    /// Lets both begin.
    pub fn order(&mut self) {
        self.server.order();
        self.client.order();
    }

    /// What the client saw, when both are done. The server saw the same ports.
    pub fn finish(&mut self) -> Vec<Call> {
        let calls: Vec<Call> = triples(&self.client.answer());
        let ports: Vec<u64> = serde_json::from_value(self.server.answer()).expect("ports");
        assert_eq!(calls.iter().map(|call| call.port).collect::<Vec<_>>(), ports, "the workers met someone else");
        calls
    }

    /// Both.
    pub fn run(&mut self) -> Vec<Call> {
        self.order();
        self.finish()
    }

    /// Whether the ends of a row are those of this pair, seen from the client or from the server.
    pub fn is_shown(&self, row: &Value, of_client: bool, client_port: u64) -> bool {
        let client = (json!(self.place.client), json!(client_port));
        let server = (json!(self.place.server), json!(self.port));
        let (local, remote) = if of_client { (client, server) } else { (server, client) };
        row["family"] == json!(self.place.family)
            && (&row["laddr"], &row["lport"]) == (&local.0, &local.1)
            && (&row["raddr"], &row["rport"]) == (&remote.0, &remote.1)
    }
}

fn triples(answer: &Value) -> Vec<Call> {
    let calls: Vec<[u64; 3]> = serde_json::from_value(answer.clone()).unwrap_or_else(|e| panic!("{e}: {answer}"));
    calls.into_iter().map(|[port, connect, life]| Call { port, connect, life }).collect()
}

/// What these workers do; `false` if it is other work.
pub fn work(job: &Job) -> bool {
    match job.word(0) {
        "serve" => serve(job),
        "call" => call(job),
        "refused" => refused(job),
        "alone" => alone(job),
        _ => false,
    }
}

/// Listens at word 1 and takes as many connections as word 2 says. With the word `older`, the first is taken in a step of
/// its own, so that a view may start while it is open.
fn serve(job: &Job) -> bool {
    let listener = listen(job.word(1));
    let count = job.count(2);
    job.step(&json!(port_of(&listener)));
    let mut ports = Vec::new();
    let mut taken = (job.word(3) == "older").then(|| {
        let (mut stream, peer) = take(&listener, 1);
        receive(&mut stream, 100);
        job.step(&json!("open"));
        (stream, peer)
    });
    for number in 0..count {
        let (mut stream, peer) = taken.take().unwrap_or_else(|| take(&listener, number));
        receive(&mut stream, sent(number) - already(job, number));
        stream.write_all(&vec![2; answered(number) as usize]).expect("sent");
        assert_eq!(stream.read(&mut [0; 1]).expect("the end"), 0, "more than was to come");
        ports.push(peer.port());
    }
    job.last(&json!(ports))
}

/// Bytes that were sent before the view was there.
fn already(job: &Job, number: usize) -> u64 {
    if job.word(3) == "older" && number == 0 { 100 } else { 0 }
}

/// Connects to word 1 as often as word 2 says. With the word `lent`, a child process has each connection too, and closes it last.
fn call(job: &Job) -> bool {
    let count = job.count(2);
    job.step(&json!("ready"));
    let mut calls = Vec::new();
    let mut open = (job.word(3) == "older").then(|| {
        let mut stream = connect(job.word(1));
        stream.write_all(&[1; 100]).expect("sent");
        job.step(&json!("open"));
        stream
    });
    for number in 0..count {
        let begun = monotonic();
        let mut stream = open.take().unwrap_or_else(|| connect(job.word(1)));
        let connected = monotonic();
        stream.write_all(&vec![1; (sent(number) - already(job, number)) as usize]).expect("sent");
        receive(&mut stream, answered(number));
        let port = u64::from(stream.local_addr().expect("an address").port());
        let closing = monotonic();
        if job.word(3) == "lent" {
            close_by_child(stream)
        } else {
            drop(stream)
        }
        calls.push([port, connected - begun, closing - connected]);
    }
    job.last(&json!(calls))
}

/// The child is the last to have it open, and ends.
fn close_by_child(stream: TcpStream) {
    let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    // SAFETY: a worker has one thread, so the child may go on; it ends without running anything else.
    let child = unsafe { libc::fork() };
    if ok("fork", child) == 0 {
        drop(ours);
        let _ = theirs.read(&mut [0; 1]);
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) }
    }
    drop(stream);
    ours.write_all(b"x").expect("the child lives");
    // SAFETY: our child, whose status nobody wants.
    ok("waitpid", unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) });
}

/// Connects to word 1 as often as word 2 says, where nobody listens.
fn refused(job: &Job) -> bool {
    job.step(&json!("ready"));
    for _ in 0..job.count(2) {
        let error = TcpStream::connect(job.word(1)).expect_err("nobody listens there");
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
    }
    job.last(&json!("done"))
}

/// In a network namespace of its own, whose number it says: both ends of as many connections as word 1 says.
fn alone(job: &Job) -> bool {
    leave_network();
    let listener = listen("127.0.0.1:0");
    job.step(&json!(std::fs::metadata("/proc/self/ns/net").expect("a namespace").st_ino()));
    let address = listener.local_addr().expect("an address").to_string();
    let mut ports = Vec::new();
    for number in 0..job.count(1) {
        let mut stream = connect(&address);
        let (mut theirs, peer) = take(&listener, number);
        stream.write_all(&vec![1; sent(number) as usize]).expect("sent");
        receive(&mut theirs, sent(number));
        ports.push(peer.port());
    }
    job.last(&json!(ports))
}

/// Puts this process, which has one thread, into a network namespace of its own, with 127.0.0.1.
pub fn leave_network() {
    // SAFETY: takes flags.
    ok("unshare", unsafe { libc::unshare(libc::CLONE_NEWNET) });
    bring_up_loopback();
}

/// So that a network namespace has 127.0.0.1.
pub fn bring_up_loopback() {
    // SAFETY: plain data, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // SAFETY: the request is one of this call.
    ok("SIOCSIFFLAGS", unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) });
}

/// By accept4, as std does, and every other one by accept.
fn take(listener: &TcpListener, number: usize) -> (TcpStream, SocketAddr) {
    if number.is_multiple_of(2) {
        return listener.accept().expect("a connection");
    }
    // SAFETY: an open descriptor; no address is asked for. What comes back is nobody else's.
    let stream = TcpStream::from(unsafe {
        let fd = libc::accept(listener.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut());
        OwnedFd::from_raw_fd(RawFd::try_from(ok("accept", fd)).expect("a descriptor"))
    });
    let peer = stream.peer_addr().expect("an address");
    (stream, peer)
}

fn receive(stream: &mut TcpStream, bytes: u64) {
    stream.read_exact(&mut vec![0; bytes as usize]).expect("received");
}

/// Rust leaves IPV6_V6ONLY as it is, so `::` takes IPv4 too, in IPv6 sockets.
pub fn listen(address: &str) -> TcpListener {
    TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// The port of a listener.
pub fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("an address").port()
}

/// Connects and waits for it.
pub fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// A listener whose queue holds one connection and is full, with that connection: no further SYN is answered.
pub fn full(address: &str) -> (TcpListener, TcpStream) {
    let listener = listen(address);
    // SAFETY: an open descriptor; to listen once more changes the length of the queue.
    ok("listen", unsafe { libc::listen(listener.as_raw_fd(), 0) });
    let first = connect(&listener.local_addr().expect("an address").to_string());
    eventually("the queue is full", || tcp_info(&listener).tcpi_unacked == 1);
    (listener, first)
}

/// Begins to connect and does not wait.
pub fn begin_connect(to: SocketAddr) -> TcpStream {
    let SocketAddr::V4(to) = to else { panic!("{to} is not IPv4") };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
        sin_zero: [0; 8],
    };
    let size = size_of_val(&address) as libc::socklen_t;
    // SAFETY: a new descriptor that is nobody else's, and an address of its own size.
    unsafe {
        let fd = ok("socket", libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0));
        let stream = TcpStream::from(OwnedFd::from_raw_fd(RawFd::try_from(fd).expect("a descriptor")));
        let begun = libc::connect(stream.as_raw_fd(), (&raw const address).cast(), size);
        assert_eq!((begun, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EINPROGRESS)));
        stream
    }
}

/// Limits how often a SYN is sent again.
pub fn limit_syns(stream: &TcpStream, count: libc::c_int) {
    let size = size_of_val(&count) as libc::socklen_t;
    // SAFETY: a number and its size.
    let set = unsafe {
        libc::setsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_SYNCNT, (&raw const count).cast(), size)
    };
    ok("TCP_SYNCNT", set);
}

/// What the kernel tells of a socket: of a listener, `tcpi_unacked` is the length of its queue.
pub fn tcp_info(socket: &impl AsRawFd) -> libc::tcp_info {
    // SAFETY: plain numbers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of_val(&info) as libc::socklen_t;
    // SAFETY: room and its size.
    ok("TCP_INFO", unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut size)
    });
    info
}
