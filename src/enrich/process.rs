//! All about one process, for the page that shows its details.

use std::time::{Duration, SystemTime};

use procfs::process::{Process, Stat};

use super::{container, user};

/// Ancestors shown at most; a chain this long is no longer read by anyone.
const MAX_PARENTS: usize = 32;

/// What `/proc` tells of a process. Text is raw: who shows it must remove control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its pid.
    pub pid: u32,
    /// Its name.
    pub comm: String,
    /// Its arguments; empty for kernel threads.
    pub cmdline: Vec<String>,
    /// Its owner, the effective user.
    pub user: String,
    /// Its control group: of the v2 hierarchy, or of v1 where only that names one.
    pub cgroup: Option<String>,
    /// The container it runs in.
    pub container: Option<String>,
    /// Its ancestors, the parent first.
    pub parents: Vec<(u32, String)>,
    /// When it was started.
    pub started: Option<SystemTime>,
}

/// What is known of `pid`, or `None` if there is no such process (any more).
///
/// Reads several files: to be called from a thread that does not draw.
pub fn facts(pid: u32) -> Option<ProcessFacts> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok()?;
    let groups = std::fs::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The owner of /proc/PID is root for processes that may not be dumped; status tells the truth.
    let uid = process.status().map(|status| status.euid).or_else(|_| process.uid());
    let mut users = user::Users::new("/etc/passwd");
    Some(ProcessFacts {
        pid,
        comm: stat.comm.clone(),
        cmdline: process.cmdline().unwrap_or_default(),
        user: uid.map(|uid| text(users.name(uid, std::time::Instant::now()))).unwrap_or_default(),
        cgroup: container::path_of_process(&groups).map(text),
        container: container::of_process(&groups).map(|id| text(&id)),
        parents: parents(&stat),
        started: started(&stat),
    })
}

fn parents(stat: &Stat) -> Vec<(u32, String)> {
    let mut parents = Vec::new();
    let mut next = stat.ppid;
    while next > 0 && parents.len() < MAX_PARENTS {
        let Ok(stat) = Process::new(next).and_then(|parent| parent.stat()) else { break };
        parents.push((stat.pid.unsigned_abs(), stat.comm));
        next = stat.ppid;
    }
    parents
}

/// Boot time is in whole seconds, so this is too.
fn started(stat: &Stat) -> Option<SystemTime> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: u64 = text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())?;
    let hertz = rustix::param::clock_ticks_per_second().max(1);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(boot.checked_add(stat.starttime / hertz)?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_child_of_this_process_is_described() {
        // The kernel lets the parent go on before the arguments of the child can be read; a child that
        // answers has them.
        let mut command = std::process::Command::new("cat");
        command.args(["-u", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("cat runs");
        child.stdin.as_mut().expect("a pipe").write_all(b"?").expect("written");
        child.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("answered");
        let facts = facts(child.id());
        child.kill().expect("killed");
        child.wait().expect("reaped");
        let facts = facts.expect("it ran");
        assert_eq!((facts.pid, facts.comm.as_str()), (child.id(), "cat"));
        assert_eq!(facts.cmdline, ["cat", "-u", "-"]);
        assert_eq!(facts.parents.first().map(|parent| parent.0), Some(std::process::id()));
        let age = SystemTime::now().duration_since(facts.started.expect("a time")).unwrap_or_default();
        assert!(age < Duration::from_secs(60), "started {age:?} ago");
    }

    #[test]
    fn a_process_that_is_gone_has_no_facts() {
        assert_eq!(facts(u32::MAX), None);
        assert_eq!(facts(0), None);
    }
}
