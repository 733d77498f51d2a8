//! Writing what is held to a file: never over another one, never half, readable by its owner only.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossterm::event::KeyEvent;
use tui_input::Input;

use crate::export::Format;
use crate::frame::Frame;
use crate::privilege::rights::{FILES, raised};
use crate::privilege::{Invoker, give_to_invoker};

use super::app::App;
use super::message::Effect;
use super::overlay::{Overlay, edit};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The frame of the view that keys go to.
    View,
    /// The frames on the screen.
    Screen,
    /// All that is held of the views on the screen.
    History,
}

/// The open export line.
#[derive(Debug)]
pub struct Export {
    /// The path.
    pub input: Input,
    /// What is written.
    pub scope: Scope,
    /// How.
    pub format: Format,
    /// How large it is, once that is known, and whether that is an estimate.
    pub size: Option<(u64, bool)>,
}

/// Frames that are measured at most.
const SAMPLE: usize = 20;

/// Formats, in the order of the arrow keys.
const FORMATS: [Format; 4] = [Format::Json, Format::Ndjson, Format::Csv, Format::Text];

impl Export {
    /// An export of what is on the screen, the name filled in.
    pub fn new(app: &App) -> Export {
        let views: Vec<&str> = app.visible().map(|at| app.views[at].name.as_str()).collect();
        let wall =
            app.visible().filter_map(|at| app.views[at].shown.as_ref()).map(|shown| shown.source.time.wall_ns).max();
        let view = if let [one] = views.as_slice() { one } else { "dashboard" };
        let name = file_name(&app.options.host, view, wall.unwrap_or(0), "json");
        Export { input: Input::new(name), scope: Scope::Screen, format: Format::Json, size: None }
    }

    /// Where to.
    pub fn path(&self) -> String {
        self.input.value().trim().to_owned()
    }

    /// The frames that would be written.
    pub fn frames(&self, app: &App) -> Vec<Arc<Frame>> {
        let views = app.visible().map(|at| &app.views[at]);
        match self.scope {
            // The short first frame is for the screen only.
            Scope::View | Scope::Screen => {
                let here = app.current().map(|at| &app.views[at].name);
                let views = views.filter(|view| self.scope == Scope::Screen || Some(&view.name) == here);
                let shown = views.filter_map(|view| view.shown.as_ref());
                shown.filter(|shown| shown.at.is_some()).map(|shown| shown.frame.clone()).collect()
            }
            Scope::History => {
                let mut frames: Vec<Arc<Frame>> = views.flat_map(|view| view.history.iter().cloned()).collect();
                frames.sort_by_key(|frame| frame.time.mono_ns);
                frames
            }
        }
    }
}

/// `bcc-top-HOST-VIEW-YYYYMMDDTHHMMSSZ.ENDING`, with nothing in it that a shell or a path takes apart.
pub fn file_name(host: &str, view: &str, wall_ns: u64, ending: &str) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(wall_ns);
    let stamp: String = humantime::format_rfc3339_seconds(time).to_string().replace(['-', ':'], "");
    let plain = |text: &str| -> String {
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '.');
        text.chars().map(|c| if safe(c) { c } else { '_' }).take(100).collect()
    };
    format!("bcc-top-{}-{}-{stamp}.{ending}", plain(host), plain(view))
}

/// Writes `bytes` beside `path` and renames. An existing file, link or directory is left alone. Under sudo the file is
/// theirs who called it.
///
/// # Errors
/// What went wrong, in words for the user.
pub fn write(path: &str, bytes: &[u8]) -> Result<(String, u64), String> {
    raised(FILES, || write_raised(path, bytes, Invoker::from_env().as_ref()))
}

fn write_raised(path: &str, bytes: &[u8], invoker: Option<&Invoker>) -> Result<(String, u64), String> {
    let target = Path::new(path);
    let name = target.file_name().ok_or_else(|| format!("{path:?} is not a file name"))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if target.symlink_metadata().is_ok() {
        return Err(format!("{path} exists already"));
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    // A temporary file is made anew, for its owner only, and never through a link.
    let temp = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder);
    let mut temp = temp.map_err(|error| format!("{}: {error}", folder.display()))?;
    let written = temp.write_all(bytes).and_then(|()| temp.as_file().sync_all());
    let written = written.and_then(|()| give_to_invoker(temp.as_file(), invoker));
    written.map_err(|error| format!("{path}: {error}"))?;
    temp.persist_noclobber(target).map_err(|error| format!("{path}: {}", error.error))?;
    Ok((path.to_owned(), bytes.len() as u64))
}

impl App {
    pub(super) fn open_export(&mut self) {
        let export = Export::new(self);
        self.measure(&export);
        self.overlays.push(Overlay::Export(export));
    }

    fn measure(&mut self, export: &Export) {
        // Of a long history some frames say enough: the whole document would be made only to be counted.
        let frames = export.frames(self);
        let step = frames.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<Arc<Frame>> = frames.into_iter().step_by(step).collect();
        if !sample.is_empty() {
            self.effects.push(Effect::Measure(export.format, sample));
        }
    }

    pub(super) fn measured(&mut self, size: u64) {
        let Some(Overlay::Export(export)) = self.overlays.last() else { return };
        let count = export.frames(self).len() as u64;
        let step = count.div_ceil(SAMPLE as u64).max(1);
        let sample = count.div_ceil(step).max(1);
        if let Some(Overlay::Export(export)) = self.overlays.last_mut() {
            export.size = Some((size * count / sample, step > 1));
            self.dirty = true;
        }
    }

    pub(super) fn export_key(&mut self, mut export: Export, name: &str, key: &KeyEvent) {
        match name {
            "Esc" => return,
            "Tab" | "Shift-Tab" => {
                export.scope = match export.scope {
                    Scope::Screen => Scope::History,
                    Scope::History if self.visible().count() > 1 => Scope::View,
                    _ => Scope::Screen,
                };
                export.size = None;
                self.measure(&export);
            }
            "Up" | "Down" => {
                let at = FORMATS.iter().position(|&format| format == export.format).unwrap_or(0);
                let to = FORMATS[(at + if name == "Down" { 1 } else { FORMATS.len() - 1 }) % FORMATS.len()];
                let path = export.path();
                let stem = path.strip_suffix(export.format.ending()).and_then(|stem| stem.strip_suffix('.'));
                if let Some(stem) = stem {
                    export.input = Input::new(format!("{stem}.{}", to.ending()));
                }
                (export.format, export.size) = (to, None);
                self.measure(&export);
            }
            "Enter" if export.path().is_empty() => return self.keep(Overlay::Export(export), "a name is needed"),
            "Enter" if export.frames(self).is_empty() => return self.say("there is nothing to write yet"),
            "Enter" => {
                let frames = export.frames(self);
                self.effects.push(Effect::Export(export.path(), export.format, frames));
                return self.say("writing");
            }
            _ => {
                edit(&mut export.input, key);
            }
        }
        self.overlays.push(Overlay::Export(export));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_name_says_host_view_and_moment() {
        let name = file_name("web-07", "biotop", 1_795_346_031_000_000_000, "json");
        assert_eq!(name, "bcc-top-web-07-biotop-20261122T111351Z.json");
        assert!(!file_name("../../etc", "a b", 0, "csv").contains(['/', ' ']));
    }

    #[test]
    fn a_file_is_for_its_owner_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let path = path.to_str().unwrap();
        assert_eq!(write(path, b"{}").unwrap().1, 2);
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(path, b"other").unwrap_err().contains("exists"));
        assert_eq!(std::fs::read(path).unwrap(), b"{}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half written is left");
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("victim");
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(write(link.to_str().unwrap(), b"{}").is_err());
        assert!(!target.exists());
        assert!(write("", b"{}").is_err());
        if rustix::process::geteuid().is_root() {
            let owned = folder.path().join("owned.json");
            write_raised(owned.to_str().unwrap(), b"{}", Some(&Invoker { uid: 65534, gid: 65533 })).unwrap();
            let found = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&owned).unwrap());
            assert_eq!(found, 65534);
        }
    }
}
