//! Everything that anybody on the host can name has a hostile name, in every view: not one byte of it steers the terminal.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command as Plain, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bcc_top::views::Registry;
use pty_process::blocking::Command;

use crate::support::load::Load;
use crate::support::terminal::Terminal;
use crate::support::{BIN, begin, eventually, kill, scratch, take_signals};
use crate::{names::QUESTION, quit};

/// A title, a cleared screen, C1 controls, text that turns round, and the word by which it is found. Fits a comm.
const NAME: &[u8] = b"\x1b[2Jevil\x07\x9b\xe2\x80\xae\n";

/// The same for what takes more, and no line ends.
const LONG: &[u8] = b"\x1b]0;x\x07\x1b[2J\x1b[31m\xc2\x9b5n\x7f\x08\xe2\x80\xaeevil\t\xff\x0e";

/// Views that must have shown one of the names, or the test has tested nothing: they run everywhere, and the work below is theirs.
const SHOWN: [&str; 7] = ["biotop", "tcptop", "execsnoop", "opensnoop", "statsnoop", "exitsnoop", "killsnoop"];

fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(bytes)
}

/// A thread of a hostile name that opens, writes, looks at, runs, kills and removes things of such names until it is dropped.
struct Work {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Work {
    fn start(dir: PathBuf) -> Work {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = std::thread::spawn(move || {
            let name = std::ffi::CString::new(NAME).expect("no zero");
            // SAFETY: the name is a C string that outlives the call.
            unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let program = dir.join(os(LONG));
            fs::copy("/bin/true", &program).expect("a program");
            while !flag.load(Ordering::SeqCst) {
                Work::round(&dir, &program, &listener);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Work { stop, thread: Some(thread) }
    }

    fn round(dir: &std::path::Path, program: &std::path::Path, listener: &TcpListener) {
        let file = dir.join(os(b"\x1b[2Jevil\x9b\n\x07"));
        fs::write(&file, LONG).expect("a file");
        let _ = (fs::metadata(&file), fs::read(&file), fs::read(dir.join(os(LONG)).join("x")));
        fs::rename(&file, dir.join(os(b"evil\x1b[2J\r"))).expect("renamed");
        fs::remove_file(dir.join(os(b"evil\x1b[2J\r"))).expect("removed");
        let mut run = Plain::new(program);
        run.arg0(os(LONG)).arg(os(NAME)).arg(os(LONG)).stdin(Stdio::null());
        let mut child = run.spawn().expect("it runs");
        kill(child.id(), libc::SIGCONT);
        child.wait().expect("our own child");
        let client = TcpStream::connect(listener.local_addr().expect("its address"));
        let _ = (listener.accept(), client);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// A control group of a hostile name; removed when dropped, when its processes are gone.
struct Group(PathBuf);

impl Group {
    fn new() -> Group {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let v2 = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("a mount of cgroup v2");
        // The kernel refuses ends of lines here.
        let path = PathBuf::from(v2.split(' ').nth(4).expect("its place")).join(os(LONG));
        let _ = fs::remove_dir(&path);
        fs::create_dir(&path).expect("a cgroup");
        Group(path)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        eventually("the group is empty", || fs::remove_dir(&self.0).is_ok());
    }
}

/// The explorer where the host and root are called so too.
fn explorer(views: &str, dir: &std::path::Path) -> Terminal {
    let users = dir.join("passwd");
    fs::write(
        &users,
        [b"\x1b[2Jevil\x9b\x07:x:0:0::/root:/bin/sh\n".as_slice(), b"nobody:x:65534:65534::/:/bin/sh\n"].concat(),
    )
    .unwrap();
    let script = "mount --bind \"$1\" /etc/passwd && printf '\\033]0;x\\007\\233evil' >/proc/sys/kernel/hostname && \
                  shift && exec \"$@\"";
    let args = ["-u", "-m", "--propagation", "private", "sh", "-c", script, "sh"];
    let command = Command::new("unshare").args(args).arg(users).args([BIN, views, "-d", "0.5"]);
    // SAFETY: what it calls is async-signal-safe.
    Terminal::spawn(unsafe { command.pre_exec(take_signals) }, 70, 300, &[])
}

/// What may be sent: our own sequences, which are made of these introducers alone, and no other control character.
fn assert_harmless(views: &str, bytes: &[u8]) {
    let question = bytes.windows(QUESTION.len()).position(|window| window == QUESTION).expect("it is asked once");
    let bytes = [&bytes[..question], &bytes[question + QUESTION.len()..]].concat();
    let text = String::from_utf8(bytes).unwrap_or_else(|e| panic!("{views}: all of it is UTF-8: {e}"));
    let mut last = '\0';
    for (at, c) in text.char_indices() {
        let around = || text.get(at.saturating_sub(60)..).unwrap_or(&text).chars().take(120).collect::<String>();
        let own = matches!(c, '\x1b' | '\r' | '\n' | '\x08');
        assert!(!c.is_control() || own, "{views}: {c:?} got through: {:?}", around());
        assert!(bcc_top::frame::text::is_safe(c) || own, "{views}: {c:?} got through: {:?}", around());
        // CSI, character sets, and what saves the cursor; never OSC, DCS, APC or a reset.
        assert!(last != '\x1b' || "[()78=>MDE".contains(c), "{views}: ESC {c:?} got through: {:?}", around());
        last = c;
    }
    // Names have no brackets left that a sequence could have begun with.
    assert!(!text.contains("\x1b[2Jevil") && !text.contains("\x1b[5n") && !text.contains("\x1b[31mevil"), "{views}");
}

#[test]
fn no_view_sends_a_byte_of_a_hostile_name_that_steers() {
    let _alone = begin();
    let dir = scratch();
    let group = Group::new();
    let mut load = Load::start(NAME.split(|&b| b == b'\n').next().unwrap(), dir.path());
    fs::write(group.0.join("cgroup.procs"), load.pid.to_string()).expect("moved");
    load.busy();
    let work = Work::start(dir.path().to_path_buf());
    let names: Vec<&str> = Registry::get().views().iter().map(|view| view.decl.name.as_str()).collect();
    let mut shown: Vec<&str> = vec![];
    for views in names.chunks(9) {
        let list = views.join(",");
        let terminal = explorer(&list, dir.path());
        terminal.wait_for_text("LIVE");
        for (at, view) in views.iter().enumerate() {
            if views.len() > 1 {
                terminal.send(&(at + 1).to_string());
            }
            let must = SHOWN.contains(view);
            if must {
                terminal.send("/evil\r");
                terminal.wait_for(&format!("a name in {view}"), |screen| {
                    screen.contents().lines().any(|line| line.contains("evil") && !line.contains("filter"))
                });
                shown.push(view);
            }
            // The page of a row has every column, control group and user among them.
            let seen = terminal.bytes().len();
            terminal.send("j\r");
            eventually("some of it is drawn", || terminal.bytes().len() > seen + 200);
            std::thread::sleep(Duration::from_millis(600));
            // What follows an Esc at once is a key with Alt.
            terminal.send("\x1b");
            std::thread::sleep(Duration::from_millis(200));
            terminal.wait_for(&format!("the rows of {view}"), |screen| !screen.contents().contains("Esc back"));
            if must {
                terminal.send("/\x15\r");
            }
        }
        // The log has messages with names in them.
        terminal.send("!");
        terminal.wait_for_text("log");
        terminal.send("!");
        let bytes = terminal.bytes();
        assert_harmless(&list, &bytes);
        quit(terminal);
    }
    drop(work);
    drop(load);
    assert_eq!(shown.len(), SHOWN.len(), "{shown:?}");
}
