use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

const NOBODY: u32 = 65534;

struct World {
    dir: tempfile::TempDir,
    env: HashMap<&'static str, PathBuf>,
    invoker: bool,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let env = [("HOME", dir.path().join("home"))].into();
        World { dir, env, invoker: false }
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn find(&self, flag: Option<&Path>) -> Result<Found, String> {
        let env = |name: &str| self.env.get(name).map(|path| path.clone().into_os_string());
        let uid = rustix::process::geteuid().as_raw();
        let invoker = self.invoker.then(|| (NOBODY, self.dir.path().join("ann")));
        find(flag, &Surroundings { env: &env, uid, invoker, system: self.dir.path().join("etc") })
    }

    fn found(&self) -> (Option<Source>, Vec<String>) {
        let found = self.find(None).unwrap();
        (found.file.map(|(_, source)| source), found.problems)
    }
}

#[test]
fn the_first_that_there_is_wins() {
    let mut world = World::new();
    assert_eq!(world.found(), (None, vec![]));
    world.write("etc/config.toml", "interval = 5");
    assert_eq!(world.found(), (Some(Source::System), vec![]));
    world.write("home/.config/bcc-top/config.toml", "interval = 4");
    assert_eq!(world.find(None).unwrap().parsed.config.interval, 4.0);
    let xdg = world.write("xdg/bcc-top/config.toml", "interval = 3");
    world.env.insert("XDG_CONFIG_HOME", world.dir.path().join("xdg"));
    assert_eq!(world.find(None).unwrap().file, Some((xdg, Source::User)));
    let named = world.write("named.toml", "interval = 2");
    world.env.insert("BCC_TOP_CONFIG", named);
    assert_eq!(world.find(None).unwrap().parsed.config.interval, 2.0);
    let flag = world.write("flag.toml", "interval = 1.5");
    let found = world.find(Some(&flag)).unwrap();
    assert_eq!((found.parsed.config.interval, found.target), (1.5, Some(flag)));
}

#[test]
fn a_named_file_that_is_not_there_is_told() {
    let mut world = World::new();
    world.write("etc/config.toml", "interval = 5");
    assert!(world.find(Some(Path::new("/no/such/file"))).is_err());
    world.env.insert("BCC_TOP_CONFIG", "/no/such/file".into());
    let (source, problems) = world.found();
    assert_eq!((source, problems.len()), (None, 1));
}

#[test]
fn what_is_for_the_host_is_where_a_file_of_ones_own_starts() {
    let world = World::new();
    world.write("etc/config.toml", "interval = 5");
    let found = world.find(None).unwrap();
    assert_eq!(found.target, Some(world.dir.path().join("home/.config/bcc-top/config.toml")));
    assert_eq!(found.text, "interval = 5");
}

#[test]
fn only_plain_files_that_are_not_everybodys_are_read() {
    let world = World::new();
    let path = world.write("home/.config/bcc-top/config.toml", "interval = 4");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(world.found().1[0].contains("everybody may write it"));
    fs::write(&path, "x".repeat(300 << 10)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(world.found().1[0].contains("larger than 256 KiB"));
    fs::write(&path, b"a = \"\xff\"").unwrap();
    assert!(world.found().1[0].contains("UTF-8"));
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert!(world.found().1[0].contains("not a plain file"), "and it does not wait for a writer");
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert!(world.found().1[0].contains("not a plain file"));
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
    assert_eq!(world.found().1.len(), 1, "a link to itself");
    assert!(world.find(Some(Path::new("/dev/null"))).is_err());
}

#[test]
fn under_sudo_the_file_of_who_called_is_read_if_root_has_none() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut world = World::new();
    world.invoker = true;
    let path = world.write("ann/.config/bcc-top/config.toml", "theme = \"dark\"\nsave_state = true\n");
    let home = world.dir.path().join("ann");
    for folder in [&home, &home.join(".config"), &home.join(".config/bcc-top"), &path] {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    world.write("etc/config.toml", "theme = \"light\"");
    let found = world.find(None).unwrap();
    assert_eq!((found.file, found.foreign), (Some((path.clone(), Source::Invoker)), true));
    assert_eq!((found.parsed.config.theme.as_str(), found.parsed.config.save_state), ("dark", false));
    assert_eq!(found.parsed.problems.len(), 1);

    // Somebody else's file, or one that everybody may write, is not believed.
    chown(&path, Some(1234), None).unwrap();
    let (source, problems) = world.found();
    assert_eq!(source, Some(Source::System));
    assert!(problems[0].contains("belongs to user 1234"), "{problems:?}");
    chown(&path, Some(NOBODY), None).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
    assert_eq!(world.found().0, Some(Source::System));

    // A link does not make root tell what only root may read.
    let secret = world.write("secret", "theme = \"mono\"");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&secret, &path).unwrap();
    let (source, problems) = world.found();
    assert_eq!(source, Some(Source::System));
    assert!(problems[0].contains("not everybody may read"), "{problems:?}");

    // Root's own comes before it.
    world.write("home/.config/bcc-top/config.toml", "theme = \"mono\"");
    assert_eq!(world.found().0, Some(Source::User));
}
