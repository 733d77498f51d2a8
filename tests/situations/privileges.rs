//! What batch mode may still do once it runs, who may run it, and whose the files are that it writes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use crate::support::batch::{command, document, end_by, frames, run, stderr};
use crate::support::rights::{BPF, Copy, DAC_READ_SEARCH, FILES, KILL, PERFMON, SYS_ADMIN, assert_narrow};
use crate::support::{NOBODY, begin, eventually, kill, scratch, wait};

/// A run that writes lines, and how to read them.
struct Lines {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Lines {
    fn start(mut command: Command) -> Lines {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Lines { child, lines }
    }

    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }

    fn frame(&mut self) -> Value {
        loop {
            let line = self.next();
            if line["type"] == "frame" {
                assert_eq!(line["status"], "ok", "{line}");
                return line;
            }
        }
    }

    fn end(mut self) {
        kill(self.child.id(), libc::SIGINT);
        assert_eq!(wait(&mut self.child).code(), Some(0));
    }
}

fn words(words: &[String], args: &[&str]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(args);
    command
}

#[test]
fn root_keeps_only_what_reading_takes() {
    let _alone = begin();
    // What switches the measurement on again is CAP_SYS_ADMIN; who does not want that does without.
    for (overhead, more) in [("sampled", SYS_ADMIN), ("always", 0), ("off", 0)] {
        let mut command = command(&["biotop,syscount,execsnoop", "--ndjson", "-d", "0.2"]);
        command.env("BCC_TOP_OVERHEAD", overhead);
        let mut run = Lines::start(command);
        run.frame();
        let reads = DAC_READ_SEARCH | more;
        assert_narrow(run.child.id(), true, |name| if name.starts_with("view-") { reads } else { 0 });
        // It still reads: two rounds of all views.
        (0..6).for_each(|_| drop(run.frame()));
        run.end();
    }
}

#[test]
fn what_is_measured_now_and_then_still_is() {
    let _alone = begin();
    let mut run = Lines::start(command(&["syscount", "--ndjson", "-d", "0.5"]));
    // On for a second, off for nine, and on again: with what was kept.
    let measured: Vec<bool> = (0..25).map(|_| !run.frame()["cost"]["bpf_ns"].is_null()).collect();
    let changes = measured.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(measured[0] && changes >= 2, "{measured:?}");
    run.end();
}

#[test]
fn timers_of_cpus_that_come_take_perfmon() {
    let _alone = begin();
    let mut run = Lines::start(command(&["runqlen", "--ndjson", "-d", "0.2"]));
    run.frame();
    let reads = DAC_READ_SEARCH | SYS_ADMIN | PERFMON;
    assert_narrow(run.child.id(), true, |name| if name.starts_with("view-") { reads } else { 0 });
    run.end();
}

#[test]
fn an_ordinary_user_with_two_capabilities_keeps_none_of_them() {
    let _alone = begin();
    let (plain, with_file) = (Copy::with(0), Copy::with(BPF | PERFMON));
    for words_of in [plain.as_user(&["bpf", "perfmon"]), with_file.as_user(&[])] {
        let mut run = Lines::start(words(&words_of, &["biotop,syscount", "--ndjson", "-d", "0.2"]));
        let frame = run.frame();
        // Statistics are for CAP_SYS_ADMIN: the cost is not known, and not 0.
        assert!(frame["cost"]["bpf_ns"].is_null(), "{frame}");
        assert_narrow(run.child.id(), false, |_| 0);
        (0..4).for_each(|_| drop(run.frame()));
        run.end();
    }
    // With one more, groups have names, and that one stays.
    let mut run = Lines::start(words(
        &plain.as_user(&["bpf", "perfmon", "dac_read_search"]),
        &["biotop,syscount", "--ndjson", "-d", "0.2"],
    ));
    run.frame();
    assert_narrow(run.child.id(), false, |name| if name.starts_with("view-") { DAC_READ_SEARCH } else { 0 });
    run.end();
}

#[test]
fn an_ordinary_user_without_them_is_told() {
    let _alone = begin();
    let copy = Copy::with(0);
    for (capabilities, missing) in
        [(&[][..], "CAP_BPF, CAP_PERFMON"), (&["bpf"], "CAP_PERFMON"), (&["perfmon"], "CAP_BPF")]
    {
        let output = words(&copy.as_user(capabilities), &["biotop", "-b", "-n", "1"]).output().unwrap();
        let text = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{text}");
        assert!(text.contains(&format!("missing   {missing} ")), "{text}");
    }
}

/// A file that may read everything must not read for everybody.
#[test]
fn files_that_users_name_are_opened_with_their_own_rights() {
    let _alone = begin();
    let copy = Copy::with(BPF | PERFMON | DAC_READ_SEARCH);
    let secret = copy.dir.path().join("secret");
    fs::write(&secret, "root:$6$secret\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let path = secret.to_str().unwrap();
    let attempts: [&[&str]; 6] = [
        &["replay", path, "--json"],
        &["biotop", "--json", "--config", path],
        &["config", "--check", path],
        &["biotop", "--json", "--theme", path],
        &["biotop", "--json", "-d", "0.1", "--btf", path],
        &["biotop", "--json", "-d", "0.1", "--log-file", path],
    ];
    for args in attempts {
        let output = words(&copy.as_user(&[]), args).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        assert!(!said.contains("$6$"), "{args:?}: {said}");
        assert!(said.contains("ermission denied") || args.contains(&"--theme"), "{args:?}: {said}");
    }
}

#[test]
fn a_command_has_what_the_program_was_given_and_can_still_be_ended() {
    let _alone = begin();
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let of = |text: &str, name: &str| text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    let output = run(&["execsnoop", "-b", "--quiet", "--", "cat", "/proc/self/status"]);
    let (code, text) = (output.status.code(), stderr(&output));
    assert_eq!(code, Some(0), "{text}");
    for name in ["CapPrm:", "CapBnd:", "NoNewPrivs:"] {
        assert_eq!(of(&text, name), of(&own, name), "{text}");
    }
    // Under sudo it is another user's process, which takes CAP_KILL to end.
    let mut child = command(&["execsnoop", "--ndjson", "-d", "0.2", "--", "sleep", "1000"]);
    let id = NOBODY.to_string();
    let mut run = Lines::start({
        child.env("SUDO_UID", &id).env("SUDO_GID", &id).stderr(Stdio::inherit());
        child
    });
    run.frame();
    let pid = run.child.id();
    let children = || fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let all = || fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let sleeps: Vec<String> = all()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(sleeps.len(), 1, "the command: {}", children());
    let reads = DAC_READ_SEARCH | SYS_ADMIN;
    assert_narrow(pid, true, |name| if name.starts_with("view-") { reads } else { KILL });
    end_by(&mut run.child, libc::SIGTERM);
    let gone = || !fs::exists(format!("/proc/{}", sleeps[0])).unwrap();
    eventually("the command has ended", gone);
}

/// In a folder that root may write to only with the rights that were given up, and only as the caller's.
#[test]
fn under_sudo_files_are_the_callers_in_their_own_folder() {
    let _alone = begin();
    let dir = scratch();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let at = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let id = NOBODY.to_string();
    let sudo = |args: &[&str]| -> Output {
        command(args).env("SUDO_UID", &id).env("SUDO_GID", &id).current_dir(&home).output().unwrap()
    };
    let (one, two, three, log) = (at("one.json"), at("two.rec"), at("three.rec"), at("log"));
    let runs: [&[&str]; 3] = [
        &["runqlat", "--json", "-d", "0.1", "-o", &one, "--log-file", &log, "-v"],
        &["record", "runqlat", "-d", "0.1", "-n", "2", "-o", &two],
        &["runqlat", "-b", "-d", "0.1", "-n", "2", "--record", &three],
    ];
    for args in runs {
        let output = sudo(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    }
    let output = sudo(&["replay", &two, "--json", "-o", &at("four.json")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut names: Vec<String> =
        fs::read_dir(&home).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["four.json", "log", "one.json", "three.rec", "two.rec"]);
    for name in names {
        let found = fs::symlink_metadata(home.join(&name)).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (NOBODY, NOBODY, 0o600), "{name}");
    }
    // While it writes, that is all it may do with files.
    let mut child = command(&["runqlat", "-d", "0.2", "--ndjson", "-o", &at("five")]);
    let mut child = child.env("SUDO_UID", &id).env("SUDO_GID", &id).spawn().unwrap();
    eventually("it writes", || fs::metadata(home.join("five.part")).is_ok_and(|part| part.len() > 2000));
    let reads = DAC_READ_SEARCH | SYS_ADMIN;
    assert_narrow(child.id(), true, |name| if name.starts_with("view-") { reads } else { FILES });
    assert_eq!(end_by(&mut child, libc::SIGINT).0, 0);
    assert_eq!(fs::metadata(home.join("five")).unwrap().uid(), NOBODY);
}

#[test]
fn doctor_finds_out_with_what_it_has() {
    let _alone = begin();
    let copy = Copy::with(0);
    let output = words(&copy.as_user(&["bpf", "perfmon"]), &["doctor", "--json", "biotop"]).output().unwrap();
    let report = document(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["facts"]["tp_btf"], "yes", "{report}");
    assert!(report["facts"]["run_time_stats"].as_str().unwrap().starts_with("no"), "{report}");
    assert!(frames(&document(&run(&["biotop", "--json", "-d", "0.1"]))).len() == 1);
}
