//! Writing the configuration: what `W` keeps goes into the file, and everything else in it stays as it is.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::ui::save::{Kept, ViewLayout};

use crate::privilege::Invoker;
use crate::privilege::rights::{FILES, raised};

use super::place::{LARGEST, Trust, folders_are_roots, load};
use super::view::SetValue;

/// To whom a written file belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// To this process.
    Us,
    /// To who called sudo, in a folder of theirs.
    Invoker {
        /// Their user.
        uid: u32,
        /// Their group.
        gid: u32,
    },
}

/// A file that is written when the user says so.
#[derive(Clone, Debug)]
pub struct Target {
    /// The file.
    pub path: PathBuf,
    /// Somebody named it.
    pub named: bool,
    /// The text that it starts with if it does not exist.
    pub base: String,
    /// Whose files are believed.
    pub trust: Trust,
    /// Who called sudo, if anybody did.
    pub invoker: Option<Invoker>,
}

impl Owner {
    /// Who owns what is kept in this folder: in folders that are not root's that is who called sudo, if anybody did.
    pub fn of_folder(folder: &Path, invoker: Option<&Invoker>) -> Owner {
        match invoker {
            Some(invoker) if !folders_are_roots(folder) => Owner::Invoker { uid: invoker.uid, gid: invoker.gid },
            _ => Owner::Us,
        }
    }
}

impl Target {
    /// In the folders of somebody else only they own what is written.
    fn owner(&self) -> Result<Owner, String> {
        if self.named && self.is_in_invokers_folder() {
            return Ok(Owner::of_folder(&self.path, self.invoker.as_ref()));
        }
        if self.trust.uid != 0 || self.named || folders_are_roots(&self.path) {
            return Ok(Owner::Us);
        }
        let invoker = self.invoker.as_ref().map(|invoker| Owner::Invoker { uid: invoker.uid, gid: invoker.gid });
        invoker.ok_or_else(|| format!("{} is in the folder of another user", self.path.display()))
    }

    fn is_in_invokers_folder(&self) -> bool {
        let folder = std::fs::canonicalize(&self.path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let owner = folder.and_then(|folder| rustix::fs::lstat(&folder).ok()).map(|stat| stat.st_uid);
        owner.is_some() && owner == self.invoker.as_ref().map(|invoker| invoker.uid)
    }
}

/// Puts what is kept into the file, which is made if there is none.
///
/// # Errors
/// What went wrong, in words for the user; the file is as it was.
pub fn save(target: &Target, kept: &Kept) -> Result<(), String> {
    raised(FILES, || save_raised(target, kept))
}

fn save_raised(target: &Target, kept: &Kept) -> Result<(), String> {
    let path = &target.path;
    let owner = target.owner()?;
    let told = |problem: String| format!("{}: {problem}", path.display());
    let text = load(path, target.named, LARGEST, target.trust).map_err(told)?;
    let text = text.map_or_else(|| target.base.clone(), |(text, _)| text);
    let text = edit(&text, kept).map_err(|problem| format!("{}: {problem}", path.display()))?;
    let mode = std::fs::metadata(path).map_or(0o600, |file| file.permissions().mode() & 0o755);
    replace(path, text.as_bytes(), mode, owner)
}

/// The text with what is kept; comments and everything else in it stay.
pub fn edit(text: &str, kept: &Kept) -> Result<String, String> {
    let mut doc: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        format!("line {line}: {}; not written", error.message().replace('\n', ", "))
    })?;
    if doc.is_empty() && !text.trim().is_empty() {
        // Comments alone stay above what is new.
        return Ok(format!("{}\n\n{}", text.trim_end(), edit("", kept)?));
    }
    let root: &mut dyn TableLike = doc.as_table_mut();
    kept.interval.into_iter().for_each(|interval| set(root, "interval", interval.as_secs_f64().into()));
    kept.theme.iter().for_each(|theme| set(root, "theme", theme.as_str().into()));
    kept.scroll.into_iter().for_each(|scroll| set(root, "scroll", scroll.into()));
    kept.raw.into_iter().for_each(|raw| set(root, "raw", raw.into()));
    if root.contains_key("favourites") || !kept.layout.favourites.is_empty() {
        set(root, "favourites", words(&kept.layout.favourites));
    }
    if kept.layout.panes.len() > 1 {
        let panes = words(&kept.layout.panes);
        set(folder(root, "dashboards", false)?, "default", panes);
    }
    let mut views: Vec<_> = kept.layout.views.iter().collect();
    views.sort_by_key(|(name, _)| *name);
    for (name, layout) in views {
        let there = root.get("views").and_then(|views| views.get(name)).is_some();
        if there || *layout != ViewLayout::default() {
            view(folder(folder(root, "views", true)?, name, false)?, layout)?;
        }
    }
    Ok(doc.to_string())
}

fn view(table: &mut dyn TableLike, layout: &ViewLayout) -> Result<(), String> {
    put(table, "sort", layout.sort.as_deref().map(Value::from));
    put(table, "columns", layout.columns.as_ref().map(|columns| words(columns)));
    put(table, "group", layout.group.as_deref().map(Value::from));
    put(table, "draw", layout.draw.map(|draw| draw.name().into()));
    put(table, "log_scale", layout.log_scale.map(Value::from));
    put(table, "hide_idle", layout.hide_idle.then_some(Value::from(true)));
    let widths = layout.widths.iter().map(|(name, width)| (name.clone(), i64::from(*width).into()));
    rows(table, "widths", widths.collect())?;
    let limits = layout.limits.iter().map(|limit| (limit.column.clone(), limit.to_string().into()));
    rows(table, "thresholds", limits.collect())?;
    let value = |value: &crate::frame::SettingValue| match SetValue::from(value) {
        SetValue::Switch(on) => on.into(),
        SetValue::Number(number) => number.into(),
        SetValue::Word(word) => word.into(),
    };
    rows(table, "set", layout.settings.iter().map(|(name, set)| (name.clone(), value(set))).collect())
}

fn words(list: &[String]) -> Value {
    Value::Array(list.iter().map(String::as_str).collect::<Array>())
}

/// The table of this name, made if there is none.
fn folder<'a>(table: &'a mut dyn TableLike, name: &str, implicit: bool) -> Result<&'a mut dyn TableLike, String> {
    if table.get(name).is_none() {
        let mut new = Table::new();
        new.set_implicit(implicit);
        table.insert(name, Item::Table(new));
    }
    let item = table.get_mut(name).and_then(Item::as_table_like_mut);
    item.ok_or_else(|| format!("{name} is not a table; not written"))
}

/// Makes the table `name` hold just these.
fn rows(table: &mut dyn TableLike, name: &str, mut rows: Vec<(String, Value)>) -> Result<(), String> {
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let Some(item) = table.get_mut(name) else {
        if !rows.is_empty() {
            table.insert(name, Item::Value(Value::InlineTable(rows.into_iter().collect::<InlineTable>())));
        }
        return Ok(());
    };
    let inner = item.as_table_like_mut().ok_or_else(|| format!("{name} is not a table; not written"))?;
    let gone = inner.iter().map(|(name, _)| name.to_owned()).filter(|name| rows.iter().all(|(known, _)| known != name));
    for name in gone.collect::<Vec<_>>() {
        put(inner, &name, None);
    }
    rows.into_iter().for_each(|(name, value)| set(inner, &name, value));
    Ok(())
}

fn put(table: &mut dyn TableLike, name: &str, value: Option<Value>) {
    match value {
        Some(value) => set(table, name, value),
        None => remove(table, name),
    }
}

/// Sets a value; what stands around it stays, and one that says the same is left as it is written.
fn set(table: &mut dyn TableLike, name: &str, value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) if same(old, &value) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    let plain = |value: &Value| format!("x = {}", value.clone().decorated(" ", "")).parse::<toml::Table>().ok();
    let (a, b) = (plain(a), plain(b));
    a.is_some() && a == b
}

/// Removes a value; a comment above it moves to what comes next.
fn remove(table: &mut dyn TableLike, name: &str) {
    let above = table.key(name).and_then(|key| key.leaf_decor().prefix()?.as_str().map(str::to_owned));
    let next = table.iter().skip_while(|(known, _)| *known != name).nth(1).map(|(next, _)| next.to_owned());
    table.remove(name);
    let Some(above) = above.filter(|above| above.contains('#')) else { return };
    if let Some(mut next) = next.and_then(|next| table.key_mut(&next)) {
        let own = next.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
        next.leaf_decor_mut().set_prefix(above + &own);
    }
}

/// Replaces a file in one step, through links of ours; folders on the way are made.
///
/// # Errors
/// What went wrong, in words; the file is as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32, owner: Owner) -> Result<(), String> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().ok_or_else(|| format!("{} is not a file name", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let told = |at: &Path, error: std::io::Error| format!("{}: {error}", at.display());
    // All further steps are in this very folder, whatever becomes of its name.
    let dir = make_folder(folder, owner)?;
    let part = PathBuf::from(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, &part, flags, Mode::RUSR | Mode::WUSR);
    let mut file = File::from(file.map_err(|error| told(folder, error.into()))?);
    let written = (|| {
        file.write_all(bytes)?;
        own(&file, owner)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        rustix::fs::renameat(&dir, &part, &dir, name)?;
        Ok(())
    })();
    written.map_err(|error: std::io::Error| {
        // It may not be there; then there is nothing to clear away.
        let _ = rustix::fs::unlinkat(&dir, &part, AtFlags::empty());
        told(&path, error)
    })
}

fn own(file: impl AsFd, owner: Owner) -> std::io::Result<()> {
    match owner {
        Owner::Us => Ok(()),
        Owner::Invoker { uid, gid } => {
            Ok(rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
        }
    }
}

/// Opens a folder; those on the way that are missing are made, for their owner only. In folders of who called sudo root
/// follows no link, and makes nothing where they may not.
///
/// # Errors
/// What went wrong, in words.
pub fn make_folder(folder: &Path, owner: Owner) -> Result<OwnedFd, String> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let told = |at: &Path, error: std::io::Error| format!("{}: {error}", at.display());
    let Owner::Invoker { uid, .. } = owner else {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| told(folder, error))?;
        return rustix::fs::open(folder, flags, Mode::empty()).map_err(|error| told(folder, error.into()));
    };
    let there = folder.ancestors().find(|at| at.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
    let mut dir = rustix::fs::open(there, flags, Mode::empty()).map_err(|error| told(there, error.into()))?;
    if !rustix::fs::fstat(&dir).is_ok_and(|stat| stat.st_uid == uid) {
        return Err(format!("{}: the folder does not belong to who called sudo", there.display()));
    }
    for name in folder.strip_prefix(there).unwrap_or(Path::new("")).components() {
        let make = || {
            rustix::fs::mkdirat(&dir, name.as_os_str(), Mode::RWXU)?;
            let made = rustix::fs::openat(&dir, name.as_os_str(), flags, Mode::empty())?;
            own(&made, owner)?;
            Ok(made)
        };
        dir = make().map_err(|error| told(folder, error))?;
    }
    Ok(dir)
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;
