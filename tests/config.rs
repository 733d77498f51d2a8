//! The configuration through the command line: where it is found, what is said of it, and what is made from the
//! same definitions: keys, completions, pages for man. No kernel is asked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const BIN: &str = env!("CARGO_BIN_EXE_bcc-top");
const NOBODY: u32 = 65534;

/// A home of its own for the program.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        World { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, program: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin");
        command.envs(env.iter().copied()).stdin(Stdio::null()).current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
        read(&self.command(Path::new(BIN), args, env).output().unwrap())
    }

    /// As somebody without rights: views are then only named, and frames say how they were asked for.
    fn frame(&self, args: &[&str], env: &[(&str, &str)]) -> (Value, String) {
        let copy = self.path("bcc-top");
        if !copy.exists() {
            fs::copy(BIN, &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut command = self.command(&copy, args, env);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        // While another test starts a process, that holds the copy open for writing for a moment.
        let output = (0..100).find_map(|_| match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(10));
                None
            }
            other => Some(other.unwrap()),
        });
        let (code, out, err) = read(&output.unwrap());
        assert_eq!(code, Some(3), "{err}");
        let document: Value = serde_json::from_str(&out).unwrap();
        (document["frames"][0].clone(), err)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn read(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const CONFIG: &str = "home/.config/bcc-top/config.toml";

#[test]
fn the_default_file_is_fine() {
    let world = World::new();
    let (code, text, _) = world.run(&["config", "--default"], &[]);
    assert_eq!(code, Some(0));
    let file = world.write("default.toml", &text);
    let (code, out, err) = world.run(&["config", "--check", file.to_str().unwrap()], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("fine"));
    assert_eq!(world.run(&["config", "--check"], &[]).0, Some(0), "without a file the defaults are");
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/config.schema.json");
    assert_eq!(world.run(&["config", "--schema"], &[]).1, fs::read_to_string(stored).unwrap());
}

#[test]
fn a_check_names_each_mistake_on_a_line() {
    let world = World::new();
    let path = world.write(CONFIG, "themme = \"dark\"\ntheme = \"drak\"\n[keys]\npickr = [\"v\"]\n");
    let (code, out, err) = world.run(&["config", "--check"], &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 3, "{err}");
    let says = |line: usize, near: &str| {
        let at = format!("bcc-top: {}, line {line}: ", path.display());
        assert!(lines.iter().any(|text| text.starts_with(&at) && text.contains(near)), "{near}: {err}");
    };
    says(1, "did you mean theme");
    says(2, "did you mean dark");
    says(4, "did you mean picker");
    let (code, _, err) = world.run(&["config", "--check", "none.toml"], &[]);
    assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
}

#[test]
fn flag_environment_and_file_win_in_this_order() {
    let world = World::new();
    let asked = |args: &[&str], env: &[(&str, &str)]| {
        let (frame, _) = world.frame(&[&["biotop", "--json"], args].concat(), env);
        frame["interval"]["asked_ns"].as_u64().unwrap() / 100_000_000
    };
    assert_eq!(asked(&[], &[]), 10);
    let path = world.write(CONFIG, "interval = 5");
    let named = world.write("named.toml", "interval = 4");
    let flag = world.write("flag.toml", "interval = 3");
    let for_all = |path: &Path| {
        path.ancestors().take_while(|p| *p != world.dir.path()).for_each(|p| {
            let mode = if p.is_dir() { 0o755 } else { 0o644 };
            fs::set_permissions(p, fs::Permissions::from_mode(mode)).unwrap();
        });
    };
    [&path, &named, &flag].into_iter().for_each(|path| for_all(path));
    assert_eq!(asked(&[], &[]), 50);
    let env = [("BCC_TOP_CONFIG", named.to_str().unwrap())];
    assert_eq!(asked(&[], &env), 40);
    let config = ["--config", flag.to_str().unwrap()];
    assert_eq!(asked(&config, &env), 30);
    let env = [env[0], ("BCC_TOP_INTERVAL", "2")];
    assert_eq!(asked(&config, &env), 20);
    assert_eq!(asked(&[&config[..], &["-d", "1.5"]].concat(), &env), 15);
}

#[test]
fn batch_mode_tells_mistakes_and_goes_on() {
    let world = World::new();
    let file = world.write("broken.toml", "interval = \"soon\"\nmouse = 3\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (frame, err) = world.frame(&["biotop", "--json", "--config", file.to_str().unwrap()], &[]);
    assert_eq!(frame["interval"]["asked_ns"], 1_000_000_000);
    for part in ["line 1: interval: takes a number", "line 2: mouse: takes true or false"] {
        assert!(err.contains(part), "{err}");
    }
    let (code, _, err) = world.run(&["biotop", "--json", "--config", "none.toml"], &[]);
    assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
    assert!(err.contains("none.toml"), "{err}");
}

#[test]
fn under_sudo_the_file_of_who_called_sets_looks_only() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let file = world.write("ann/.config/bcc-top/config.toml", "theme = \"dark\"\nsave_state = true\n");
    for path in file.ancestors().take_while(|path| *path != world.dir.path()) {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let ann = world.path("ann");
    let env =
        [("SUDO_UID", "65534"), ("SUDO_GID", "65534"), ("SUDO_USER", "nobody"), ("SUDO_HOME", ann.to_str().unwrap())];
    let (code, out, _) = world.run(&["config"], &env);
    assert_eq!(code, Some(0));
    assert!(out.starts_with(&format!("# {}\n", file.display())), "{out}");
    assert!(out.contains("theme = \"dark\"") && out.contains("save_state = false"), "{out}");
    assert!(out.contains("# wrong:") && out.contains("another user"), "{out}");
    // One of the folder's owner is not believed when somebody else asks, nor one that everybody may write.
    let (_, out, _) = world.run(&["config"], &[("SUDO_UID", "1234"), ("SUDO_GID", "1234"), env[3]]);
    assert!(out.contains("belongs to user 65534") && out.contains("theme = \"default\""), "{out}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o646)).unwrap();
    let (_, out, _) = world.run(&["config"], &env);
    assert!(out.contains("everybody may write it") && out.contains("theme = \"default\""), "{out}");
    // Root's own comes first.
    world.write(CONFIG, "theme = \"mono\"");
    assert!(world.run(&["config"], &env).1.contains("theme = \"mono\""));
}

#[test]
fn keys_are_those_in_effect() {
    let world = World::new();
    let line = |text: &str, name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line(&world.run(&["keys"], &[]).1, "picker ").contains(" v "));
    world.write(CONFIG, "[keys]\npicker = [\"o\", \"gh\"]\nunits = [\"o\"]\n");
    let (code, out, err) = world.run(&["keys"], &[]);
    assert_eq!(code, Some(0));
    assert!(line(&out, "picker ").contains(" o gh "), "{out}");
    assert!(line(&out, "idle ").contains(" - "), "{out}");
    assert!(err.contains("line 3: keys.units: `o` is bound to picker already"), "{err}");
    let (_, config, _) = world.run(&["keys", "--print-keys-config"], &[]);
    assert!(
        config.contains("\npicker = [\"o\", \"gh\"]\n") && config.contains("\n# help = [\"?\", \"F1\"]\n"),
        "{config}"
    );
    let file = world.write("keys.toml", &config);
    assert_eq!(world.run(&["config", "--check", file.to_str().unwrap()], &[]).0, Some(0));
}

#[test]
fn bash_completes_views_columns_and_processes() {
    let world = World::new();
    let (code, script, _) = world.run(&["completions", "bash"], &[]);
    assert_eq!(code, Some(0));
    world.write("script.bash", &script);
    symlink(BIN, world.path("bcc-top")).unwrap();
    let complete = |words: &[&str]| {
        let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let last = words.last().unwrap();
        let ask = format!(
            "PATH=$PWD:$PATH; source script.bash; COMP_WORDS=(bcc-top {list}); COMP_CWORD={}; COMP_TYPE=9; \
             _clap_complete_bcc_top bcc-top '{last}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len()
        );
        let (code, out, err) = read(&world.command(Path::new("bash"), &["-c", &ask], &[]).output().unwrap());
        assert_eq!((code, err.as_str()), (Some(0), ""));
        out.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["runqla"]), ["runqlat"]);
    assert_eq!(complete(&["tcptop", "-s", "rad"]), ["raddr"]);
    let me = std::process::id().to_string();
    assert!(complete(&["biotop", "-p", &me]).contains(&me));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = world.run(&["completions", shell], &[]);
        assert!(code == Some(0) && script.contains("BCC_TOP_COMPLETE"), "{shell}: {script}");
    }
    let (code, _, err) = world.run(&["completions", "tcsh"], &[]);
    assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
}

#[test]
fn there_is_a_page_for_the_program_and_for_each_view() {
    let world = World::new();
    let dir = world.path("man");
    assert_eq!(world.run(&["man", "--dir", dir.to_str().unwrap()], &[]).0, Some(0));
    let list: Value = serde_json::from_str(&world.run(&["list", "--json"], &[]).1).unwrap();
    let views = list["views"].as_array().unwrap();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), views.len() + 1);
    assert_eq!(fs::read_to_string(dir.join("bcc-top.1")).unwrap(), world.run(&["man"], &[]).1);
    for view in views {
        let name = view["name"].as_str().unwrap();
        let page = fs::read_to_string(dir.join(format!("bcc-top-{name}.1"))).unwrap();
        assert_eq!(page, world.run(&["man", name], &[]).1, "{name}");
    }
    assert_eq!(world.run(&["man", "--dir", "/proc/none"], &[]).0, Some(5));
    assert_eq!(world.run(&["man", "biotpo"], &[]).0, Some(2));
}

#[test]
fn a_link_with_a_name_or_another_name_of_a_view_is_that_view() {
    let world = World::new();
    let list: Value = serde_json::from_str(&world.run(&["list", "--json"], &[]).1).unwrap();
    for view in list["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let aliases = view["aliases"].as_array().unwrap().iter().filter_map(Value::as_str);
        for called in aliases.chain([name]) {
            let link = world.path(called);
            symlink(BIN, &link).unwrap();
            let help = |args: &[&str]| read(&world.command(&link, args, &[]).output().unwrap());
            let expected = world.run(&[name, "--help"], &[]).1;
            let shown = help(&["--help"]).1;
            assert_eq!(shown, expected, "{called}");
            assert_eq!(help(&["-h"]).0, Some(0), "{called}");
            // An interval and a count are BCC's, as numbers behind the name, unless its tool takes something else there.
            if !shown.contains("[INTERVAL [COUNT]]") {
                assert_eq!(help(&["x"]).0, Some(2), "{called}");
                continue;
            }
            let (code, _, err) = help(&["x", "3"]);
            assert!(code == Some(2) && err.contains("--interval"), "{called}: {err}");
            let (code, _, err) = help(&["5", "x"]);
            assert!(code == Some(2) && err.contains("--count"), "{called}: {err}");
        }
    }
}
