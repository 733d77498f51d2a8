//! `-- COMMAND`: a process that is held before it becomes the command, until the views watch it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use tokio::sync::oneshot;

use crate::privilege::Invoker;
use crate::privilege::rights::{self, Role};

/// What became of the command: its exit status, or why it could not be run.
pub type Outcome = io::Result<ExitStatus>;

/// A process that waits before it becomes the command. Dropped without release, it exits.
#[derive(Debug)]
pub struct Held {
    /// Its process id, which is the command's.
    pub pid: u32,
    go: fs::File,
    outcome: oneshot::Receiver<Outcome>,
}

impl Held {
    /// Starts the process, as the user who called sudo if there is one.
    ///
    /// Its standard output becomes our standard error unless `own_stdout`, because ours carries data
    /// only.
    ///
    /// # Errors
    /// If there is no process to be had.
    pub fn start(argv: &[OsString], invoker: Option<Invoker>, own_stdout: bool) -> io::Result<Held> {
        let (program, args) = argv.split_first().ok_or_else(|| io::Error::other("no command is given"))?;
        let (pid_read, pid_write) = pipe()?;
        let (go_read, go_write) = pipe()?;
        let mut command = Command::new(program);
        command.args(args);
        if !own_stdout {
            command.stdout(Stdio::from(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?));
        }
        let gate = Gate {
            pid: pid_write.as_raw_fd(),
            go: go_read.as_raw_fd(),
            parents_go: go_write.as_raw_fd(),
            invoker: invoker.map(|invoker| (invoker, groups_of(invoker))),
        };
        // SAFETY: between fork and exec only async-signal-safe calls may be made; `Gate::pass` makes
        // plain system calls and does not allocate, and its descriptors are open in the child.
        unsafe { command.pre_exec(move || gate.pass()) };
        let (tell, outcome) = oneshot::channel();
        // `spawn` returns when the process has become the command, so it must wait elsewhere.
        thread::Builder::new().name("command".to_owned()).spawn(move || {
            let child = command.spawn();
            // The command has what we were given; we wait.
            rights::narrow(Role::Bystander);
            drop((pid_write, go_read));
            let _ = tell.send(child.and_then(|mut child| child.wait()));
        })?;
        let mut pid = [0; 4];
        fs::File::from(pid_read).read_exact(&mut pid)?;
        Ok(Held { pid: u32::from_ne_bytes(pid), go: fs::File::from(go_write), outcome })
    }

    /// Lets the process become the command; gives what will become of it.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn release(mut self) -> io::Result<oneshot::Receiver<Outcome>> {
        self.go.write_all(&[1])?;
        Ok(self.outcome)
    }
}

/// What the child does between fork and exec.
struct Gate {
    pid: i32,
    go: i32,
    parents_go: i32,
    invoker: Option<(Invoker, Vec<u32>)>,
}

impl Gate {
    fn pass(&self) -> io::Result<()> {
        let check = |result: i64| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
        // SAFETY: plain system calls on descriptors and memory that this process owns.
        unsafe {
            // With our copy of the other end open, the end of the parent would never be seen.
            libc::close(self.parents_go);
            let pid = libc::getpid().to_ne_bytes();
            check(libc::write(self.pid, pid.as_ptr().cast(), pid.len()) as i64)?;
            let mut go = 0u8;
            if libc::read(self.go, (&raw mut go).cast(), 1) != 1 {
                libc::_exit(125);
            }
            if let Some((invoker, groups)) = &self.invoker {
                check(libc::setgroups(groups.len(), groups.as_ptr()).into())?;
                check(libc::setgid(invoker.gid).into())?;
                check(libc::setuid(invoker.uid).into())?;
            }
        }
        Ok(())
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// The groups of a user by the files alone: initgroups would go through NSS, which a static binary
/// cannot.
fn groups_of(invoker: Invoker) -> Vec<u32> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    group_ids(&read("/etc/passwd"), &read("/etc/group"), invoker)
}

fn group_ids(passwd: &str, group: &str, invoker: Invoker) -> Vec<u32> {
    let mut ids = vec![invoker.gid];
    let uid = invoker.uid.to_string();
    let fields = |line: &'_ str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let user = passwd.lines().map(fields).find(|user| user.get(2) == Some(&uid));
    if let Some(name) = user.and_then(|user| user.into_iter().next()) {
        let member = |group: &Vec<String>| group.get(3).is_some_and(|list| list.split(',').any(|m| m == name));
        let groups = group.lines().map(fields).filter(member);
        ids.extend(groups.filter_map(|group| group.get(2)?.parse::<u32>().ok()));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Held {
        Held::start(&["sh".into(), "-c".into(), script.into()], None, false).unwrap()
    }

    #[test]
    fn the_command_runs_when_it_is_released_under_the_pid_that_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let held = start(&format!("echo $$ > {}; exit 3", file.display()));
        let pid = held.pid;
        assert!(!file.exists());
        let status = held.release().unwrap().blocking_recv().unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(fs::read_to_string(file).unwrap().trim(), pid.to_string());
    }

    #[test]
    fn a_command_that_is_never_released_never_runs() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ran");
        let Held { go, outcome, .. } = start(&format!("touch {}", file.display()));
        drop(go);
        assert_eq!(outcome.blocking_recv().unwrap().unwrap().code(), Some(125));
        assert!(!file.exists());
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error() {
        let held = Held::start(&["/no/such/program".into()], None, false).unwrap();
        let error = held.release().unwrap().blocking_recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn groups_are_those_of_the_files() {
        let passwd = "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n";
        let group = "root:x:0:\ndisk:x:6:bob,ann\nadm:x:4:annabel\nwheel:x:10:ann\n";
        assert_eq!(group_ids(passwd, group, Invoker { uid: 1000, gid: 1000 }), [1000, 6, 10]);
        assert_eq!(group_ids(passwd, group, Invoker { uid: 7, gid: 8 }), [8]);
    }
}
