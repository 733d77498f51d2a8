//! The real binary, as far as it needs no kernel: what it prints, where, and how it exits.

use std::fs;
use std::io::pipe;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_bcc-top");
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/schema.json");

/// An account without rights, as which the program runs where it must have none.
const NOBODY: u32 = 65534;

fn run(args: &[&str]) -> Output {
    Command::new(BIN).args(args).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The text on standard output of a run that must succeed and say nothing else.
fn printed(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
    stdout(&output)
}

/// Checks a document against the stored schema.
fn valid(name: &str, text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let root: Value = serde_json::from_str(&fs::read_to_string(SCHEMA).unwrap()).unwrap();
    let schema = json!({ "$ref": format!("#/$defs/{name}"), "$defs": root["$defs"] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    document
}

fn views() -> Vec<Value> {
    valid("List", &printed(&["list", "--json"]))["views"].as_array().unwrap().clone()
}

/// The name of a view whose rows are processes.
fn a_view() -> String {
    let views = views();
    let view = views.iter().find(|view| view["kind"] == "table").expect("there are tables");
    view["name"].as_str().unwrap().to_owned()
}

/// A copy of the binary that everybody can reach, in a directory where everybody can write.
struct Unprivileged {
    dir: tempfile::TempDir,
}

impl Unprivileged {
    fn new() -> Unprivileged {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        fs::copy(BIN, dir.path().join("bcc-top")).unwrap();
        fs::set_permissions(dir.path().join("bcc-top"), fs::Permissions::from_mode(0o755)).unwrap();
        Unprivileged { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(self.path("bcc-top"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().unwrap()
    }
}

#[test]
fn every_view_is_listed_and_explained() {
    let text = printed(&["list"]);
    for view in views() {
        let (name, question) = (view["name"].as_str().unwrap(), view["question"].as_str().unwrap());
        assert!(text.contains(name) && text.contains(question), "{name}");
        let explained = printed(&["explain", name]);
        for part in ["\nColumns\n", "\nHooks\n", "\nCannot see\n", question] {
            assert!(explained.contains(part), "{name}: {part}");
        }
        let help = printed(&[name, "--help"]);
        assert!(help.contains(question) && help.contains("Cannot see:"), "{name}");
    }
}

#[test]
fn a_group_is_a_part_of_the_list() {
    let all = views();
    let group = all[0]["group"].as_str().unwrap();
    let some = valid("List", &printed(&["list", "--json", "--group", group]));
    let expected: Vec<&Value> = all.iter().filter(|view| view["group"] == group).collect();
    assert_eq!(some["views"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_schema_is_the_stored_one() {
    assert_eq!(printed(&["schema"]), fs::read_to_string(SCHEMA).unwrap());
}

#[test]
fn version_and_help_are_printed() {
    assert_eq!(printed(&["-V"]), format!("bcc-top {}\n", env!("CARGO_PKG_VERSION")));
    assert!(printed(&["--help"]).contains("--ndjson"));
    assert!(printed(&["list", "--help"]).contains("--group"));
    assert_eq!(printed(&["help"]), printed(&["--help"]));
    assert_eq!(printed(&["help", "list"]), printed(&["list", "--help"]));
}

#[test]
fn pages_for_man_are_written_where_asked_and_through_no_link() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let again = || run(&["man", "--dir", pages.to_str().unwrap()]);
    assert_eq!(again().status.code(), Some(0));
    assert_eq!(fs::read_dir(&pages).unwrap().count(), views().len() + 1);
    // Again, over those that are there; but not over what a link leads to.
    assert_eq!(again().status.code(), Some(0));
    let (victim, page) = (dir.path().join("victim"), pages.join("bcc-top.1"));
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(&page).unwrap();
    std::os::unix::fs::symlink(&victim, &page).unwrap();
    assert_eq!(again().status.code(), Some(5));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn wrong_usage_is_one_line_that_helps() {
    let name = a_view();
    let name = name.as_str();
    let mistyped = &format!("{name}x");
    let cases: &[(&[&str], &str)] = &[
        (&[mistyped], name),
        (&["explain", mistyped], name),
        (&["doctor", mistyped], name),
        (&["list", "--group", "storag"], "storage"),
        (&[name, "--jsn"], "--json"),
        (&[name, "--json", "--sort", "pidd"], "pid"),
        (&[name, "--json", "--columns", "pid,pidd"], "pid"),
        (&[name, "--json", "--filter", "pid>x"], "plain number"),
        (&[name, "--json", "--set", "pit=1"], "pid"),
        (&[name, "--json", "--hook", "fentri"], "fentry"),
        (&[name, "--json", "-d", "0"], "0.1"),
        (&[name, "--json", "-n", "0"], "from 1"),
        (&[name, "--csv", "--json"], "--json"),
        (&[name, "--json", "--theme", "drak"], "did you mean dark"),
        (&["--csv"], "one view"),
        (&["record", name], "-o FILE"),
        (&["record", name, "-o", "x", "--json"], "bcc-top replay"),
        (&[name, "-b", "-o", "x", "--record", "x"], "same file"),
        (&["list", "more"], "more"),
    ];
    for (args, help) in cases {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
        assert!(text.starts_with("bcc-top: ") && text.contains(help), "{args:?}: {text}");
    }
}

#[test]
fn called_by_the_name_of_a_view_it_is_that_view() {
    let name = a_view();
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join(&name);
    symlink(BIN, &link).unwrap();
    let output = Command::new(&link).arg("--help").output().unwrap();
    assert_eq!(stdout(&output), printed(&[&name, "--help"]));
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
    for args in [&["list"][..], &["list", "--json"], &["schema"], &["--help"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = Command::new(BIN).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(BIN).args(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{args:?}");
    }
}

#[test]
fn without_privilege_it_says_what_is_missing() {
    let nobody = Unprivileged::new();
    let name = a_view();
    let output = nobody.run(&[&name, "-b"]);
    let text = stderr(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{text}");
    assert!(text.starts_with("bcc-top: live views need permission to load BPF programs.\n"), "{text}");
    let setcap = format!("+ep {}    for good", nobody.path("bcc-top").display());
    assert!(text.contains("CAP_BPF, CAP_PERFMON") && text.contains(&setcap), "{text}");
}

#[test]
fn without_privilege_documents_are_still_complete() {
    let nobody = Unprivileged::new();
    let name = a_view();
    let unavailable = |document: &Value| {
        let frames = document["frames"].as_array().unwrap();
        assert!(!frames.is_empty());
        for frame in frames {
            assert_eq!((&frame["status"], &frame["reason"]["class"]), (&"unavailable".into(), &"no_privilege".into()));
        }
    };
    let output = nobody.run(&[&name, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    unavailable(&valid("Document", &stdout(&output)));

    let output = nobody.run(&["--json", "-o", "out.json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    unavailable(&valid("Document", &fs::read_to_string(nobody.path("out.json")).unwrap()));
    assert_eq!(fs::metadata(nobody.path("out.json")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!nobody.path("out.json.part").exists());

    let output = nobody.run(&[&name, "--ndjson"]);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(3), 2));
    valid("Header", lines[0]);
    valid("FrameLine", lines[1]);
}

#[test]
fn without_privilege_everything_else_works() {
    let nobody = Unprivileged::new();
    let name = a_view();
    for args in [&["list"][..], &["schema"], &["explain", &name], &[&name, "--help"]] {
        assert_eq!(nobody.run(args).status.code(), Some(0), "{args:?}");
    }
    let output = nobody.run(&["doctor", "--json", &name]);
    let document = valid("DoctorDocument", &stdout(&output));
    assert_eq!((output.status.code(), &document["views"][0]["status"]), (Some(3), &"no".into()));
    assert_eq!(document["views"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_cannot_be_written_is_exit_5() {
    let nobody = Unprivileged::new();
    let name = a_view();
    let output = nobody.run(&[&name, "--json", "-o", "/no/such/dir/file"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let output = nobody.run(&[&name, "--json", "-o", "/dev/null"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(!Path::new("/dev/null.part").exists());
}
