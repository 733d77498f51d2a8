//! User numbers to names, from `/etc/passwd` alone.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bounded::Bounded;

const RECHECK: Duration = Duration::from_secs(5);
/// A larger file is a directory service's dump: its tail stays numbers.
const MAX_FILE: u64 = 16 << 20;

/// Names of users. What `/etc/passwd` does not know stays a number: asking LDAP and the like goes
/// through NSS, which a static binary must not load.
pub struct Users {
    file: PathBuf,
    /// Inode, mtime and size of the file when it was read: `vipw` renames, `useradd` too.
    version: Option<(u64, i64, i64, u64)>,
    checked: Option<Instant>,
    named: HashMap<u32, Box<[u8]>>,
    numbers: Bounded<u32, Box<[u8]>>,
}

impl Users {
    /// Names from `file`: `/etc/passwd`.
    pub fn new(file: impl Into<PathBuf>) -> Users {
        Users { file: file.into(), version: None, checked: None, named: HashMap::new(), numbers: Bounded::new(4096) }
    }

    /// The name of `uid`, else the number.
    pub fn name(&mut self, uid: u32, now: Instant) -> &[u8] {
        if self.checked.is_none_or(|checked| now.saturating_duration_since(checked) >= RECHECK) {
            self.checked = Some(now);
            self.refresh();
        }
        if !self.named.contains_key(&uid) && self.numbers.get(uid).is_none() {
            self.numbers.insert(uid, uid.to_string().into_bytes().into());
        }
        match self.named.get(&uid) {
            Some(name) => name,
            None => self.numbers.get(uid).map_or(b"", |number| number),
        }
    }

    fn refresh(&mut self) {
        let meta = std::fs::metadata(&self.file).ok();
        let version = meta.map(|m| (m.ino(), m.mtime(), m.mtime_nsec(), m.size()));
        if version == self.version && version.is_some() {
            return;
        }
        self.version = version;
        self.named = match version {
            Some((.., size)) if size <= MAX_FILE => parse(&std::fs::read(&self.file).unwrap_or_default()),
            _ => HashMap::new(),
        };
    }
}

/// `name:password:uid:…`, a line each; the first name of a number wins, as getpwuid does it.
fn parse(text: &[u8]) -> HashMap<u32, Box<[u8]>> {
    let mut named = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':');
        let (Some(name), Some(_), Some(uid)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let uid = std::str::from_utf8(uid).ok().and_then(|uid| uid.parse().ok());
        // Lines that begin with + or - are NIS compatibility, not users.
        if let (Some(uid), Some(b'!'..=b'~'), false) = (uid, name.first(), matches!(name.first(), Some(b'+' | b'-'))) {
            named.entry(uid).or_insert_with(|| name.into());
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        toor:x:0:0::/root:/bin/sh\n+nis:x:7:7::/:\nbroken line\npostgres:x:113:120::/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn names_come_from_the_file_and_the_rest_stays_a_number() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("passwd");
        std::fs::write(&file, PASSWD).expect("written");
        let mut users = Users::new(&file);
        let start = Instant::now();
        assert_eq!(users.name(0, start), b"root");
        assert_eq!(users.name(113, start), b"postgres");
        assert_eq!(users.name(7, start), b"7");
        assert_eq!(users.name(1000, start), b"1000");
        std::fs::write(&file, format!("{PASSWD}ada:x:1000:1000::/home/ada:/bin/sh\n")).expect("written");
        assert_eq!(users.name(1000, start + RECHECK), b"ada", "a user added meanwhile");
    }

    #[test]
    fn without_a_file_every_user_is_a_number() {
        assert_eq!(Users::new("/nonexistent/passwd").name(0, Instant::now()), b"0");
    }
}
