//! Pieces of work that programs are measured under. Each returns the wall time of one operation, ns.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A piece of work.
pub type Work = fn() -> f64;

fn pin() {
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(0);
    rustix::thread::sched_setaffinity(None, &cpus).expect("CPU 0 is there");
}

fn each(times: usize, mut operation: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..times).for_each(|_| operation());
    begun.elapsed().as_nanos() as f64 / times as f64
}

/// A round trip between two threads of one CPU: two switches.
pub fn ping_pong() -> f64 {
    let (mut a_read, mut a_write) = std::io::pipe().expect("a pipe");
    let (mut b_read, mut b_write) = std::io::pipe().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pin();
            let mut byte = [0];
            while a_read.read(&mut byte).is_ok_and(|n| n == 1) {
                if b_write.write_all(&byte).is_err() {
                    return;
                }
            }
        });
        let sender = scope.spawn(move || {
            pin();
            let mut byte = [1];
            each(50_000, || {
                a_write.write_all(&byte).expect("the other end is there");
                b_read.read_exact(&mut byte).expect("the other end is there");
            })
        });
        sender.join().expect("it does not panic")
    })
}

/// The cheapest system call.
pub fn system_calls() -> f64 {
    each(300_000, || {
        std::hint::black_box(rustix::process::getppid());
    })
}

/// A file opened and closed.
pub fn opens() -> f64 {
    each(50_000, || drop(File::open("/dev/null").expect("it is there")))
}

/// A program started and waited for.
pub fn execs() -> f64 {
    each(200, || {
        let status = Command::new("/bin/true").stdin(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()));
    })
}

/// A datagram over loopback: a network soft interrupt.
pub fn datagrams() -> f64 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let here = socket.local_addr().expect("it is bound");
    let mut byte = [0];
    each(50_000, || {
        socket.send_to(&byte, here).expect("loopback takes it");
        socket.recv(&mut byte).expect("it has arrived");
    })
}

/// A block read past the page cache: an interrupt of the disk.
pub fn disk_reads() -> f64 {
    let path = std::env::temp_dir().join(format!("bcc-top-bench-{}", std::process::id()));
    std::fs::write(&path, vec![7u8; 1 << 20]).expect("there is room");
    let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(&path).expect("direct I/O");
    File::open(&path).and_then(|file| file.sync_all()).expect("the disk takes it");
    // Direct I/O wants aligned memory: take an aligned part of a bigger buffer.
    let mut buffer = vec![0u8; 8192];
    let start = buffer.as_ptr().align_offset(4096);
    let mut at = 0;
    let time = each(2_000, || {
        file.read_exact_at(&mut buffer[start..start + 4096], at % (1 << 20)).expect("it was written");
        at += 4096;
    });
    let _ = std::fs::remove_file(path);
    time
}
