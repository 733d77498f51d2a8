//! The log of everything but the explorer: lines on standard error, or in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use log::{LevelFilter, Log, Metadata, Record};

use super::options::LogOptions;
use super::say;
use crate::privilege::rights::{FILES, raised};
use crate::privilege::{Invoker, give_to_invoker};

struct Logger {
    level: LevelFilter,
    file: Option<Mutex<File>>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // One record is one line, whatever a library put into it.
        let message = record.args().to_string().replace(|c: char| c.is_control(), " ");
        let level = record.level().as_str().to_lowercase();
        match &self.file {
            Some(file) => {
                let time = humantime::format_rfc3339_millis(SystemTime::now());
                if let Ok(mut file) = file.lock() {
                    // There is nobody left to tell that the log cannot be written.
                    let _ = writeln!(file, "{time} {level} {}: {message}", record.target());
                }
            }
            None => say(&format!("{level}: {message}")),
        }
    }

    fn flush(&self) {}
}

/// The level that flags and `BCC_TOP_LOG` ask for, and what is wrong with the variable.
pub fn level(options: &LogOptions) -> (LevelFilter, Option<String>) {
    let default = if options.file.is_some() { LevelFilter::Info } else { LevelFilter::Error };
    if options.quiet {
        return (LevelFilter::Error, None);
    }
    match (options.verbose, options.env.as_deref().filter(|text| !text.is_empty())) {
        (0, Some(text)) => match text.parse() {
            Ok(level) => (level, None),
            Err(_) => {
                (default, Some(format!("BCC_TOP_LOG: `{text}` is not one of off, error, warn, info, debug, trace")))
            }
        },
        (0, None) => (default, None),
        (1, _) => (LevelFilter::Info, None),
        (2, _) => (LevelFilter::Debug, None),
        _ => (LevelFilter::Trace, None),
    }
}

/// Opens the file of `--log-file`: appended to, and never through a link. One that is made is for its owner only, who
/// under sudo is who called it.
///
/// # Errors
/// If it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    raised(FILES, || open_raised(path, Invoker::from_env().as_ref()))
}

fn open_raised(path: &Path, invoker: Option<&Invoker>) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600).custom_flags(no_follow);
    match options.clone().create_new(true).open(path) {
        Ok(file) => give_to_invoker(&file, invoker).map(|()| file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// Starts the log.
///
/// # Errors
/// If the file cannot be opened.
pub fn start(options: &LogOptions) -> io::Result<()> {
    let (level, warning) = level(options);
    let file = options.file.as_deref().map(open).transpose()?.map(Mutex::new);
    // It fails only if there is a logger already, which is then as good.
    if log::set_boxed_logger(Box::new(Logger { level, file })).is_ok() {
        log::set_max_level(level);
    }
    if let Some(warning) = warning {
        say(&warning);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_for_its_owner_only_and_no_link_is_followed() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("log"), dir.path().join("link"));
        writeln!(open_raised(&path, None).unwrap(), "one").unwrap();
        writeln!(open_raised(&path, None).unwrap(), "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        symlink(&path, &link).unwrap();
        assert!(open_raised(&link, None).is_err());
        symlink(dir.path().join("nothing"), dir.path().join("dangling")).unwrap();
        assert!(open_raised(&dir.path().join("dangling"), None).is_err());
        assert!(!dir.path().join("nothing").exists());
        if rustix::process::geteuid().is_root() {
            let owned = dir.path().join("owned");
            open_raised(&owned, Some(&Invoker { uid: 65534, gid: 65533 })).unwrap();
            let found = std::fs::metadata(&owned).unwrap();
            assert_eq!((found.uid(), found.gid()), (65534, 65533));
        }
    }

    #[test]
    fn flags_win_over_the_environment() {
        let of = |verbose, quiet, env: Option<&str>| {
            level(&LogOptions { file: None, verbose, quiet, env: env.map(str::to_owned) })
        };
        assert_eq!(of(0, false, None).0, LevelFilter::Error);
        assert_eq!(of(0, false, Some("debug")).0, LevelFilter::Debug);
        assert_eq!(of(1, false, Some("error")).0, LevelFilter::Info);
        assert_eq!(of(0, true, Some("trace")).0, LevelFilter::Error);
        assert!(of(0, false, Some("loud")).1.is_some());
    }
}
