//! Capabilities of threads: what each may still do, and when it does.
//!
//! Capabilities belong to threads, and a thread begins with those of the thread that started it. So what is needed
//! later is kept by few threads, and is in force only while it is used. That stops mistakes, such as a path opened
//! with more rights than its user has; it does not stop somebody who runs code of theirs in this process.
//!
//! Nothing is given up before [`plan`]: tests of single parts run as they always did.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel, sync_channel};

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

/// What opening a view may take: programs and events; type information of modules, and `perf_event_paranoid` above 2;
/// tracefs; addresses of symbols; locked memory before 5.11; files and memory of other processes.
pub const LOAD: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::SYSLOG)
    .union(CapabilitySet::SYS_RESOURCE)
    .union(CapabilitySet::SYS_PTRACE);

/// What reading a view that is open may take; which of it does, each view knows.
const READ: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::DAC_READ_SEARCH);

/// What finding the files of libraries that processes have mapped, and attaching to them, may take (perf_uprobe_event_init).
pub const SEARCH: CapabilitySet = CapabilitySet::PERFMON
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::SYS_PTRACE);

/// What root needs for files in the folders of who called sudo, which are to belong to them.
pub const FILES: CapabilitySet = CapabilitySet::CHOWN.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::FOWNER);

/// What a run will do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purpose {
    /// It opens views of the kernel.
    pub live: bool,
    /// Views are opened, and opened again with other settings, until the end.
    pub more_views: bool,
    /// Files are still made or named after the start.
    pub files: bool,
    /// There is a command that has to be told to end.
    pub command: bool,
}

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It starts the others.
    Starter,
    /// It opens views.
    Loader,
    /// It finds files that views which are open are to watch as well.
    Searcher,
    /// It does nothing of this.
    Bystander,
}

/// What is kept, by what it is kept for.
#[derive(Clone, Copy, Debug)]
struct Plan {
    load: CapabilitySet,
    others: CapabilitySet,
    always: CapabilitySet,
    more_views: bool,
}

static PLAN: OnceLock<Plan> = OnceLock::new();

impl Plan {
    fn new(purpose: Purpose, root: bool, hidden: bool) -> Plan {
        let pick = |wanted: bool, set: CapabilitySet| if wanted { set } else { CapabilitySet::empty() };
        Plan {
            load: pick(purpose.live, LOAD),
            others: pick(purpose.files && root, FILES) | pick(purpose.command && root, CapabilitySet::KILL),
            always: pick(purpose.live && hidden, CapabilitySet::SYS_PTRACE),
            more_views: purpose.more_views,
        }
    }

    fn permits(&self, role: Role) -> CapabilitySet {
        self.always
            | match role {
                Role::Starter => self.load | self.others,
                Role::Loader => self.load,
                Role::Searcher => self.load & SEARCH,
                Role::Bystander => self.others,
            }
    }
}

/// Says what this run will do; from here on [`narrow`] gives up what that does not need.
pub fn plan(purpose: Purpose) {
    let root = rustix::process::geteuid().is_root();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // A second call is a second run in the same process, which only tests do.
    let _ = PLAN.set(Plan::new(purpose, root, hides_processes(&mounts)));
}

/// Whether /proc shows processes of others only to who may trace them (`hidepid`).
fn hides_processes(mountinfo: &str) -> bool {
    mountinfo.lines().filter(|line| line.split(' ').nth(4) == Some("/proc")).any(|line| {
        let options = line.rsplit(' ').next().unwrap_or_default().split(',');
        let mut hidepid = options.filter_map(|option| option.strip_prefix("hidepid="));
        hidepid.any(|how| !matches!(how, "0" | "off"))
    })
}

/// At the start of the program: an ordinary user's file with capabilities reads the configuration and whatever else a
/// user names with that user's rights, and not with these.
pub fn begin() {
    if !rustix::process::geteuid().is_root() {
        in_force(CapabilitySet::empty());
    }
}

/// What this thread may use if it asks for it.
pub fn permitted() -> Option<CapabilitySet> {
    capabilities(None).ok().map(|sets| sets.permitted)
}

/// This thread, and those that it starts, keep what `role` needs; nothing of it is in force, and nothing that they
/// execute gets more.
pub fn narrow(role: Role) {
    if let Some(plan) = PLAN.get() {
        keep(plan.permits(role), plan.always);
    }
}

/// This thread has opened its view: it keeps `always` in force, and `sometimes` for a moment each. In the explorer it
/// may have to open it again, and keeps what that takes.
pub fn attached(always: CapabilitySet, sometimes: CapabilitySet) {
    let Some(plan) = PLAN.get() else { return };
    let again = if plan.more_views { plan.load } else { CapabilitySet::empty() };
    keep(plan.always | again | ((always | sometimes) & READ), plan.always | always);
}

/// Runs `work` with these capabilities in force, as far as this thread has them.
pub fn raised<T>(with: CapabilitySet, work: impl FnOnce() -> T) -> T {
    changed(|sets| sets.effective | (with & sets.permitted), work)
}

/// Runs `work`, which touches what a user named, with no capabilities in force unless that user is root.
pub fn as_user<T>(work: impl FnOnce() -> T) -> T {
    let root = rustix::process::geteuid().is_root();
    changed(|sets| if root { sets.effective } else { CapabilitySet::empty() }, work)
}

fn changed<T>(to: impl FnOnce(&CapabilitySets) -> CapabilitySet, work: impl FnOnce() -> T) -> T {
    /// Puts them back, also when the work panics.
    struct Before(Option<CapabilitySet>);
    impl Drop for Before {
        fn drop(&mut self) {
            self.0.into_iter().for_each(in_force);
        }
    }
    let before = capabilities(None).ok().and_then(|sets| {
        let wanted = to(&sets);
        (wanted != sets.effective).then(|| {
            in_force(wanted);
            sets.effective
        })
    });
    let _before = Before(before);
    work()
}

fn in_force(effective: CapabilitySet) {
    let Ok(sets) = capabilities(None) else { return };
    set(CapabilitySets { effective: effective & sets.permitted, ..sets });
}

fn keep(permitted: CapabilitySet, effective: CapabilitySet) {
    let Ok(sets) = capabilities(None) else { return };
    tell("no_new_privs", set_no_new_privs(true));
    tell("the ambient set", clear_ambient_capability_set());
    if sets.permitted.contains(CapabilitySet::SETPCAP) {
        raised(CapabilitySet::SETPCAP, empty_bounding_set);
    }
    let permitted = sets.permitted & permitted;
    set(CapabilitySets { effective: permitted & effective, permitted, inheritable: CapabilitySet::empty() });
}

/// What a program that is executed could get at most. The first number that is none (EINVAL) is the end.
fn empty_bounding_set() {
    let all = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    for one in all {
        if remove_capability_from_bounding_set(one).is_err() {
            break;
        }
    }
}

fn set(sets: CapabilitySets) {
    tell("capabilities", set_capabilities(None, sets));
}

/// Less is never refused, but by a sandbox around us, which then is what limits us.
fn tell(what: &str, result: rustix::io::Result<()>) {
    if let Err(error) = result {
        log::warn!("{what} cannot be given up: {error}");
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that keeps what opening views takes, so that no other thread needs it. It ends with this.
#[derive(Clone, Debug)]
pub struct Keeper {
    jobs: Sender<Job>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// If there is none to be had.
    pub fn start() -> std::io::Result<Keeper> {
        let (jobs, inbox) = channel::<Job>();
        std::thread::Builder::new().name("rights".to_owned()).spawn(move || {
            narrow(Role::Loader);
            inbox.into_iter().for_each(|job| job());
        })?;
        Ok(Keeper { jobs })
    }

    /// Has that thread do this, which must be quick, and waits for it: what it starts has its capabilities. `None`
    /// if it ended, which only a bug does.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (tell, done) = sync_channel(1);
        let job = move || drop(tell.send(work()));
        self.jobs.send(Box::new(job)).ok()?;
        done.recv().ok()
    }

    /// Has a thread with these capabilities do this, and waits for it.
    pub fn run_long<T: Send + 'static>(&self, name: &str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let named = std::thread::Builder::new().name(name.to_owned());
        self.run(move || named.spawn(work).ok())??.join().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Purpose = Purpose { live: true, more_views: true, files: true, command: true };

    #[test]
    fn who_does_not_open_views_keeps_nothing_of_what_that_takes() {
        let plan = Plan::new(LIVE, true, false);
        assert_eq!(plan.permits(Role::Bystander), FILES | CapabilitySet::KILL);
        assert_eq!(plan.permits(Role::Loader), LOAD);
        assert!(plan.permits(Role::Starter).contains(LOAD | FILES));
        let user = Plan::new(LIVE, false, false);
        assert_eq!(user.permits(Role::Bystander), CapabilitySet::empty());
        let replay = Plan::new(Purpose { live: false, ..Purpose::default() }, true, true);
        assert_eq!(replay.permits(Role::Starter), CapabilitySet::empty());
    }

    #[test]
    fn processes_that_are_hidden_take_a_capability_to_be_seen() {
        let mount = |options: &str| {
            format!("22 1 0:20 / /sys rw - sysfs sysfs rw\n23 1 0:21 / /proc rw - proc proc {options}\n")
        };
        assert!(hides_processes(&mount("rw,hidepid=2")) && hides_processes(&mount("rw,gid=4,hidepid=invisible")));
        assert!(!hides_processes(&mount("rw")) && !hides_processes(&mount("rw,hidepid=0")));
        assert!(!hides_processes(&mount("rw,hidepid=off")) && !hides_processes(""));
        let hidden = Plan::new(LIVE, false, true);
        assert_eq!(hidden.permits(Role::Bystander), CapabilitySet::SYS_PTRACE);
    }

    #[test]
    fn what_is_raised_is_put_back() {
        let Ok(before) = capabilities(None) else { return };
        in_force(CapabilitySet::empty());
        let inside = raised(CapabilitySet::BPF, || capabilities(None).unwrap().effective);
        assert_eq!(inside, before.permitted & CapabilitySet::BPF);
        assert_eq!(capabilities(None).unwrap().effective, CapabilitySet::empty());
        let panics = || raised(CapabilitySet::BPF, || panic!("on purpose"));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(capabilities(None).unwrap().effective, CapabilitySet::empty());
        in_force(before.effective);
    }

    #[test]
    fn the_keeper_does_what_it_is_told() {
        let keeper = Keeper::start().unwrap();
        assert_eq!(keeper.run(|| std::thread::current().name().map(str::to_owned)), Some(Some("rights".to_owned())));
        assert_eq!(keeper.run_long("doctor", || 7), Some(7));
    }
}
