//! What the terminal is: a serial line, light or dark.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};

/// Bits a second up to which a line is slow.
const SLOW: u32 = 115_200;

/// How long a terminal may think about its colour.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long after that its answer may still come.
const LATEST: Duration = Duration::from_secs(3);

/// Whether standard output is a serial line: by its name, else by the speed it is set to.
pub fn is_serial() -> bool {
    let out = stdout();
    let Ok(name) = rustix::termios::ttyname(out, Vec::new()) else { return false };
    let speed = rustix::termios::tcgetattr(out).ok().map(|line| line.output_speed());
    is_slow_line(&name.to_string_lossy(), speed)
}

fn is_slow_line(name: &str, speed: Option<u32>) -> bool {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    if ["ttyS", "ttyAMA", "hvc"].iter().any(|serial| name.starts_with(serial)) {
        return true;
    }
    // Pseudo-terminals and consoles have no speed; the one they report means nothing.
    let console = name.strip_prefix("tty").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let real = name.starts_with("tty") && !console;
    real && speed.is_some_and(|speed| speed > 0 && speed <= SLOW)
}

/// Whether a terminal erases with the ground that is set. What screen and the old hardware draw on does not.
pub fn erases_with_ground(term: &str, tmux: bool) -> bool {
    let screen = term.starts_with("screen") && !term.contains("bce") && !tmux;
    !(screen || term.starts_with("vt") || matches!(term, "ansi" | "dumb" | ""))
}

/// Whether the ground is light, as the environment says; `None`: it does not say.
pub fn light_by_env(value: Option<&str>) -> Option<bool> {
    let ground = value?.rsplit(';').next()?.parse::<u8>().ok()?;
    (ground < 16).then_some(matches!(ground, 7 | 9..=15))
}

/// Asks the terminal for the colour of its ground. It has to be in raw mode, and nobody else may read.
pub fn ask_light() -> Option<bool> {
    if !rustix::termios::isatty(stdin()) || !rustix::termios::isatty(stdout()) {
        return None;
    }
    rustix::io::write(stdout(), b"\x1b]11;?\x1b\\").ok()?;
    let until = Instant::now() + PATIENCE;
    let mut reply = Vec::new();
    while reply.len() < 64 {
        let left = until.saturating_duration_since(Instant::now());
        let input = stdin();
        let mut fds = [PollFd::new(&input, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        if left.is_zero() || !matches!(poll(&mut fds, Some(&wait)), Ok(n) if n > 0) {
            break;
        }
        let mut bytes = [0u8; 64];
        let read = rustix::io::read(stdin(), &mut bytes).ok().filter(|&n| n > 0)?;
        reply.extend_from_slice(&bytes[..read]);
        if reply.ends_with(b"\x07") || reply.ends_with(b"\x1b\\") {
            break;
        }
    }
    parse_light(&String::from_utf8_lossy(&reply))
}

/// An answer that comes after patience ended looks like keys: over a long line it would press `r`, `g` and `b`.
#[derive(Debug)]
pub struct LateReply {
    until: Option<Instant>,
    text: Option<String>,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the user's.
    No,
    /// It was part of the answer.
    Yes,
    /// The answer is complete: whether the ground is light.
    Light(Option<bool>),
}

impl LateReply {
    /// `asked`: an answer may still come.
    pub fn new(asked: bool, now: Instant) -> LateReply {
        LateReply { until: asked.then_some(now + LATEST), text: None }
    }

    /// Takes a key if it belongs to the answer: Alt-] begins one, a string terminator or the bell ends it.
    pub fn take(&mut self, key: &KeyEvent, now: Instant) -> Taken {
        if self.until.is_none_or(|until| now > until) {
            return Taken::No;
        }
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match (&mut self.text, key.code) {
            (None, KeyCode::Char(']')) if alt => {
                self.text = Some(String::new());
                Taken::Yes
            }
            (None, _) => Taken::No,
            (Some(text), KeyCode::Char(c)) if !(alt || control) && text.len() < 40 => {
                text.push(c);
                Taken::Yes
            }
            (Some(text), _) => {
                let light = parse_light(text);
                *self = LateReply { until: None, text: None };
                Taken::Light(light)
            }
        }
    }
}

/// Reads `rgb:RRRR/GGGG/BBBB`, any number of digits each.
fn parse_light(reply: &str) -> Option<bool> {
    let colors = reply.split("rgb:").nth(1)?;
    let part = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_hexdigit).take(4).collect();
        let most = 16f64.powi(digits.len() as i32) - 1.0;
        u32::from_str_radix(&digits, 16).ok().map(|n| (f64::from(n) / most * 255.0) as u8)
    };
    let mut parts = colors.split('/').map(part);
    let rgb = [parts.next()??, parts.next()??, parts.next()??];
    Some(super::theme::color::oklab(rgb)[0] > 0.6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_lines_are_slow_and_pseudo_terminals_are_not() {
        for (name, speed, slow) in [
            ("/dev/ttyS0", Some(4_000_000), true),
            ("/dev/ttyAMA0", None, true),
            ("/dev/hvc0", Some(0), true),
            ("/dev/ttyUSB0", Some(9600), true),
            ("/dev/ttyUSB0", Some(921_600), false),
            ("/dev/pts/3", Some(38_400), false),
            ("/dev/tty1", Some(38_400), false),
        ] {
            assert_eq!(is_slow_line(name, speed), slow, "{name} {speed:?}");
        }
    }

    #[test]
    fn not_every_terminal_erases_with_the_ground() {
        for (term, tmux, erases) in [
            ("xterm-256color", false, true),
            ("linux", false, true),
            ("tmux-256color", true, true),
            ("screen-256color", true, true),
            ("screen-256color", false, false),
            ("screen-256color-bce", false, true),
            ("vt220", false, false),
        ] {
            assert_eq!(erases_with_ground(term, tmux), erases, "{term}");
        }
    }

    #[test]
    fn a_late_answer_presses_no_keys() {
        let now = Instant::now();
        let key = |c: char, modifiers| KeyEvent::new(KeyCode::Char(c), modifiers);
        let mut late = LateReply::new(true, now);
        assert_eq!(late.take(&key('j', KeyModifiers::NONE), now), Taken::No);
        assert_eq!(late.take(&key(']', KeyModifiers::ALT), now), Taken::Yes);
        for c in "11;rgb:ffff/ffff/ffff".chars() {
            assert_eq!(late.take(&key(c, KeyModifiers::NONE), now), Taken::Yes);
        }
        assert_eq!(late.take(&key('\\', KeyModifiers::ALT), now), Taken::Light(Some(true)));
        assert_eq!(late.take(&key('q', KeyModifiers::NONE), now), Taken::No);
        let mut over = LateReply::new(true, now);
        assert_eq!(over.take(&key(']', KeyModifiers::ALT), now + LATEST * 2), Taken::No);
        assert_eq!(LateReply::new(false, now).take(&key(']', KeyModifiers::ALT), now), Taken::No);
    }

    #[test]
    fn the_ground_is_read_from_what_there_is() {
        assert_eq!(light_by_env(Some("0;15")), Some(true));
        assert_eq!(light_by_env(Some("15;default;0")), Some(false));
        assert_eq!(light_by_env(Some("15;default")), None);
        assert_eq!(light_by_env(None), None);
        assert_eq!(parse_light("\x1b]11;rgb:ffff/ffff/f0f0\x1b\\"), Some(true));
        assert_eq!(parse_light("\x1b]11;rgb:1e/1e/2e\x07"), Some(false));
        assert_eq!(parse_light("\x1b]11;rgb:zz/1e/2e\x07"), None);
        assert_eq!(parse_light("q"), None);
    }
}
