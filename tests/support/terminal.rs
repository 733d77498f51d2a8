//! The program in a real pseudo-terminal, with vt100 as the terminal: what a user would see.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::termios::{Termios, tcgetattr};

/// How long a screen may take to show what it should; generous, as the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

struct Shown {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
    /// Nothing is read: a terminal that takes no bytes.
    stuck: bool,
}

/// A running program and its screen.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    before: Termios,
}

impl Terminal {
    /// Starts `program` with a terminal of this size and an environment that does not depend on
    /// the caller's; `env` adds to it.
    pub fn start(program: &str, args: &[&str], rows: u16, cols: u16, env: &[(&str, &str)]) -> Terminal {
        Terminal::spawn(Command::new(program).args(args), rows, cols, env)
    }

    /// As [`Terminal::start`], for a command that needs more said about it.
    pub fn spawn(command: Command, rows: u16, cols: u16, env: &[(&str, &str)]) -> Terminal {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, cols)).expect("a size");
        let before = tcgetattr(&pty).expect("its settings");
        let mut command = command.env_clear();
        for (name, value) in
            [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]
        {
            command = command.env(name, value);
        }
        for (name, value) in env {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).expect("the program starts");
        let parser = vt100::Parser::new(rows, cols, 0);
        let shown =
            Arc::new((Mutex::new(Shown { parser, bytes: vec![], closed: false, stuck: false }), Condvar::new()));
        let pty = Arc::new(pty);
        let (reader, writer) = (pty.clone(), shown.clone());
        std::thread::spawn(move || read_all(&reader, &writer));
        Terminal { pty, child, shown, before }
    }

    /// The process id of the program.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub fn send(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the program reads its terminal");
    }

    /// Changes the size of the terminal and of the screen that shows it.
    pub fn resize(&self, rows: u16, cols: u16) {
        self.lock().parser.screen_mut().set_size(rows, cols);
        self.pty.resize(Size::new(rows, cols)).expect("a size");
    }

    /// Stops taking bytes from the program, as a terminal does whose line is slow or gone.
    pub fn stop_reading(&self) {
        self.lock().stuck = true;
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.lock().parser.screen().contents()
    }

    /// The screen with colours.
    pub fn screen(&self) -> vt100::Screen {
        self.lock().parser.screen().clone()
    }

    /// Every byte that the program sent so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Waits until the screen shows something.
    ///
    /// # Panics
    /// With the screen, if it does not within [`PATIENCE`].
    pub fn wait_for(&self, what: &str, shows: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().expect("no reader panicked");
        while !shows(shown.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let screen = || shown.parser.screen().contents();
            assert!(!left.is_zero() && !shown.closed, "the screen never showed {what}:\n{}", screen());
            shown = changed.wait_timeout(shown, left).expect("no reader panicked").0;
        }
    }

    /// Waits until the screen shows this text.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    /// With the screen, if it does not within [`PATIENCE`].
    pub fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the program has ended and all that it sent was read, then asserts that the
    /// terminal is as it was: main screen, cursor, no mouse, no marks around pasted text, and the
    /// settings of the line.
    #[track_caller]
    pub fn assert_restored(&mut self) {
        self.wait_exit();
        self.assert_line_restored();
        let shown = self.all_read(PATIENCE);
        assert!(shown.closed, "its terminal is still open");
        let screen = shown.parser.screen();
        let tail = String::from_utf8_lossy(&shown.bytes[shown.bytes.len().saturating_sub(200)..]).into_owned();
        assert!(!screen.alternate_screen(), "the other screen is left on: {tail:?}");
        assert!(!screen.hide_cursor(), "the cursor is left hidden: {tail:?}");
        assert!(screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None, "the mouse is left on: {tail:?}");
        assert!(!screen.bracketed_paste(), "marks around pasted text are left on: {tail:?}");
    }

    /// Asserts that the settings of the line are as they were.
    #[track_caller]
    pub fn assert_line_restored(&self) {
        let after = tcgetattr(&*self.pty).expect("its settings");
        let modes = |t: &Termios| (t.input_modes, t.output_modes, t.control_modes, t.local_modes);
        assert_eq!(modes(&after), modes(&self.before), "the settings of the line");
    }

    /// The exit code, `128 + signal` as a shell gives it, once all that the program sent was read as well. A child of it may
    /// keep the terminal open.
    pub fn exit_code(&mut self) -> i32 {
        let status = self.wait_exit();
        drop(self.all_read(Duration::from_secs(2)));
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }

    /// Waits until its side of the terminal is closed, or nobody reads any more.
    fn all_read(&self, patience: Duration) -> std::sync::MutexGuard<'_, Shown> {
        let wait = self.shown.1.wait_timeout_while(self.lock(), patience, |shown| !shown.closed && !shown.stuck);
        wait.expect("no reader panicked").0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.0.lock().expect("no reader panicked")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_all(pty: &Pty, shown: &(Mutex<Shown>, Condvar)) {
    let mut buffer = [0; 16384];
    loop {
        match shown.0.lock() {
            Ok(shared) if !shared.stuck => {}
            Ok(_) => return shown.1.notify_all(),
            Err(_) => return,
        }
        let read = (&*pty).read(&mut buffer);
        let Ok(mut shared) = shown.0.lock() else { return };
        match read {
            Ok(n) if n > 0 => {
                shared.parser.process(&buffer[..n]);
                shared.bytes.extend_from_slice(&buffer[..n]);
            }
            // EIO: the program has closed its side.
            _ => shared.closed = true,
        }
        shown.1.notify_all();
        if shared.closed {
            return;
        }
    }
}
