//! Views that cannot run: what is missing is named, the exit code says so, documents are whole.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::batch::{command, document, frames, run, stderr};
use crate::support::{BIN, begin};

/// Asserts that every frame is of a view that cannot run for this reason.
#[track_caller]
fn assert_all_unavailable(output: &Output, classes: &[&str]) -> Value {
    let document = document(output);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(output));
    assert!(!frames(&document).is_empty());
    for frame in frames(&document) {
        assert_eq!(frame["status"], "unavailable", "{frame}");
        let class = frame["reason"]["class"].as_str().expect("a class");
        assert!(classes.contains(&class), "{class}: {}", frame["reason"]);
        assert!(!frame["reason"]["remedy"].as_str().expect("a remedy").is_empty());
    }
    document
}

#[test]
fn type_information_that_is_none_is_named() {
    let _alone = begin();
    let dir = tempfile::tempdir().unwrap();
    let (empty, rubbish) = (dir.path().join("empty"), dir.path().join("rubbish"));
    fs::write(&empty, "").unwrap();
    fs::write(&rubbish, "\x7fELF and then something else, longer than a header".repeat(10)).unwrap();
    for file in [&empty, &rubbish, &dir.path().join("missing")] {
        let path = file.to_str().unwrap();
        let output = run(&["biotop,runqlat", "--json", "-d", "0.1", "--btf", path]);
        let document = assert_all_unavailable(&output, &["no_btf"]);
        assert_eq!(frames(&document).len(), 2);
        let text = stderr(&output);
        assert_eq!(text.lines().count(), 2, "one line for each view: {text}");
        assert!(text.lines().all(|line| line.contains(path)), "{text}");
        // The kernel may well have it: what is wrong is the file that was asked for.
        assert!(!text.contains("this kernel has no"), "{text}");
        let text = stderr(&run(&["biotop", "-b", "-n", "1", "--btf", path]));
        assert!(text.starts_with("bcc-top: biotop cannot run: ") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn a_field_that_this_kernel_does_not_have_is_named() {
    let _alone = begin();
    let dir = tempfile::tempdir().unwrap();
    let kernel = dir.path().join("kernel");
    let mut bytes = fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let name = b"\0on_cpu\0";
    let place = bytes.windows(name.len()).position(|window| window == name).expect("task_struct has it");
    bytes[place + 1] = b'x';
    fs::write(&kernel, bytes).unwrap();
    let output = run(&["runqlat", "--json", "-d", "0.1", "--btf", kernel.to_str().unwrap()]);
    assert_all_unavailable(&output, &["symbol_missing"]);
    let text = stderr(&output);
    assert!(text.contains("laid out differently: field task_struct.on_cpu missing"), "{text}");
}

#[test]
fn a_kernel_without_type_information_is_named() {
    let _alone = begin();
    let script = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"";
    let hidden = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh", BIN]).args(args).stdin(Stdio::null());
        command.output().expect("unshare of util-linux")
    };
    let output = hidden(&["--json", "-d", "0.1"]);
    assert_all_unavailable(&output, &["no_btf"]);
    assert!(stderr(&output).contains("/sys/kernel/btf/vmlinux"), "{}", stderr(&output));
    let output = hidden(&["biotop", "-b"]);
    assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(4), 1), "{}", stderr(&output));
    assert!(stderr(&output).contains("--btf FILE"), "{}", stderr(&output));
    let output = hidden(&["doctor", "--json", "biotop"]);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(4), "{report}");
    assert_eq!(
        (&report["views"][0]["status"], &report["views"][0]["reason"]["class"]),
        (&"no".into(), &"no_btf".into())
    );
}

/// Programs see the ids of the first pid namespace; in another one the same number is somebody else, who would be watched in silence.
#[test]
fn an_id_of_another_pid_namespace_is_refused() {
    let _alone = begin();
    let inside = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-p", "-f", "--mount-proc", BIN]).args(args).args(["--json", "-d", "0.1"]).stdin(Stdio::null());
        command.output().expect("unshare of util-linux")
    };
    for asked in [
        &["opensnoop", "-p", "1"],
        &["opensnoop", "--tid", "1"],
        &["execsnoop", "--ppid", "1"],
        &["syscount", "--ppid", "1"],
    ] {
        let output = inside(asked);
        let (code, text) = (output.status.code(), stderr(&output));
        assert_ne!(code, Some(0), "{asked:?}: {text}");
        assert!(text.contains("1 is a process id of this pid namespace"), "{asked:?}: {text}");
    }
    let output = inside(&["opensnoop"]);
    assert_eq!(output.status.code(), Some(0), "without an id it runs there too: {}", stderr(&output));
}

/// A kind of hook that this kernel refuses for `biotop`; none if it takes them all.
pub fn refused_kind() -> Option<&'static str> {
    let cannot = |kind: &&str| {
        let output = run(&["biotop", "--json", "-d", "0.1", "--hook", kind]);
        assert!(matches!(output.status.code(), Some(0 | 4)), "{}", stderr(&output));
        output.status.code() == Some(4)
    };
    ["fentry", "kprobe"].into_iter().find(cannot)
}

#[test]
fn a_hook_that_is_forced_and_refused_is_exit_4() {
    let _alone = begin();
    // Without a kind that is refused there is still an alternative that does not exist.
    let forced = refused_kind().unwrap_or("submit=9");
    let output = run(&["biotop", "--json", "-d", "0.1", "--hook", forced]);
    let text = stderr(&output);
    let classes = ["prog_type_denied", "no_fentry", "no_kprobes", "no_tracefs", "symbol_missing", "target_missing"];
    assert_all_unavailable(&output, &classes);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("submit"), "it names the purpose: {text}");
    assert!(forced.contains('=') || text.contains(&format!("{forced}/blk_account_io_start")), "and the hook: {text}");
    // An alternative that does not exist is as good as one that is refused.
    let output = run(&["biotop", "--json", "-d", "0.1", "--hook", "submit=9"]);
    assert_all_unavailable(&output, &classes);
    assert!(stderr(&output).contains("submit"), "{}", stderr(&output));
    // The others go on without it, and still whoever insisted on a hook is told by the exit code.
    let output = run(&["biotop,runqlat", "--json", "-d", "0.1", "--hook", forced]);
    let document = document(&output);
    let status: Vec<&Value> = frames(&document).iter().map(|frame| &frame["status"]).collect();
    assert_eq!(output.status.code(), Some(4), "{status:?}");
    assert!(status.contains(&&"unavailable".into()), "{status:?}");
}

#[test]
fn a_view_that_cannot_run_does_not_keep_others_from_running() {
    let _alone = begin();
    // A process that is not there any more is no reason; a cgroup that is not there is.
    let output = run(&["biotop", "--json", "-d", "0.1", "--cgroup", "/no/such/group"]);
    assert_all_unavailable(&output, &["target_missing"]);
    assert!(stderr(&output).contains("/no/such/group"), "{}", stderr(&output));
}

#[test]
fn two_at_once_both_work() {
    let _alone = begin();
    let args = ["--json", "-d", "0.2", "-n", "3"];
    let (one, other) = (command(&args).spawn().unwrap(), command(&args).spawn().unwrap());
    for child in [one, other] {
        let output = child.wait_with_output().unwrap();
        let document = document(&output);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        let ok = frames(&document).iter().filter(|frame| frame["status"] == "ok").count();
        assert_eq!((ok, frames(&document).len() % 3), (frames(&document).len(), 0), "{document}");
    }
}
