//! The caches of one sampler.

use std::time::{Duration, Instant};

use super::bounded::Bounded;
use super::cgroup::{Found, Hierarchy};
use super::{container, disk, user};

/// What is known of a process is looked at again after this time: pids are reused, exec renames.
const RECHECK: Duration = Duration::from_secs(2);
/// The last rows of a process that ended are shown with its name for this time.
const LINGER: Duration = Duration::from_secs(10);
/// A group that was not found is looked for again after so many ticks.
const RETRY_TICKS: u64 = 10;

/// Names for the numbers that programs report; one for each sampler thread.
///
/// What may be asked for a great many different keys, and costs a look into `/proc`, is limited for
/// each tick by [`Names::begin_tick`]: beyond that `None` is returned, and a later tick knows.
pub struct Names {
    now: Instant,
    tick: u64,
    budget: usize,
    disks: disk::Disks,
    users: user::Users,
    processes: Bounded<u32, Process>,
    groups: Bounded<u64, Group>,
    hierarchy: Option<Hierarchy>,
    /// When the hierarchy was last walked, where handles are refused, or looked for.
    walked: Option<u64>,
}

/// What is remembered of a pid.
#[derive(Default)]
struct Process {
    /// Start time, field 22 of stat: another one means another process. 0: nobody has this pid.
    start: u64,
    comm: Box<[u8]>,
    /// `None`: not asked yet.
    container: Option<Option<Box<[u8]>>>,
    checked: Option<Instant>,
    seen: Option<Instant>,
}

/// What is remembered of a control group.
struct Group {
    path: Option<Box<[u8]>>,
    container: Option<Box<[u8]>>,
    tick: u64,
}

impl Default for Names {
    fn default() -> Names {
        Names::new()
    }
}

impl Names {
    /// Empty caches.
    pub fn new() -> Names {
        Names {
            now: Instant::now(),
            tick: 0,
            budget: 0,
            disks: disk::Disks::new("/sys/dev/block"),
            users: user::Users::new("/etc/passwd"),
            processes: Bounded::new(16_384),
            groups: Bounded::new(8_192),
            hierarchy: None,
            walked: None,
        }
    }

    /// A new interval, in which at most `budget` processes and groups are looked up anew.
    pub fn begin_tick(&mut self, budget: usize) {
        self.begin_tick_at(budget, Instant::now());
    }

    fn begin_tick_at(&mut self, budget: usize, now: Instant) {
        self.budget = budget;
        self.tick += 1;
        self.now = now;
    }

    /// The name of a disk, by the kernel's number: `major << 20 | minor`.
    pub fn disk(&mut self, dev: u32) -> &[u8] {
        self.disks.name(dev, self.now)
    }

    /// The name of a user, else the number.
    pub fn user(&mut self, uid: u32) -> &[u8] {
        self.users.name(uid, self.now)
    }

    /// The name of a process, also for a while after it ended.
    pub fn comm(&mut self, pid: u32) -> Option<&[u8]> {
        self.check_process(pid);
        self.processes.get(pid).filter(|process| process.start != 0).map(|process| &*process.comm)
    }

    /// The path of a control group, by its v2 id, as in `/proc/PID/cgroup`.
    pub fn cgroup_path(&mut self, id: u64) -> Option<&[u8]> {
        self.check_group(id);
        self.groups.get(id)?.path.as_deref()
    }

    /// The container of a control group; where the v2 hierarchy names none, that of the process:
    /// on hybrid hosts only the v1 hierarchies may name it.
    pub fn container(&mut self, pid: Option<u32>, cgroup: Option<u64>) -> Option<&[u8]> {
        if let Some(id) = cgroup {
            self.check_group(id);
        }
        let by_group = cgroup.filter(|&id| self.groups.get(id).is_some_and(|group| group.container.is_some()));
        match (by_group, pid) {
            (Some(id), _) => self.groups.get(id)?.container.as_deref(),
            (None, Some(pid)) => self.process_container(pid),
            (None, None) => None,
        }
    }

    fn process_container(&mut self, pid: u32) -> Option<&[u8]> {
        self.check_process(pid);
        let unasked = self.processes.get(pid).is_some_and(|process| process.start != 0 && process.container.is_none());
        if unasked && self.spend() {
            let groups = std::fs::read(format!("/proc/{pid}/cgroup"));
            if let (Ok(text), Some(process)) = (groups, self.processes.get(pid)) {
                process.container = Some(container::of_process(&text).map(Vec::into_boxed_slice));
            }
        }
        self.processes.get(pid)?.container.as_ref()?.as_deref()
    }

    /// Takes one look-up from the budget of this tick.
    fn spend(&mut self) -> bool {
        let left = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        left
    }

    /// Makes the entry of `pid` fresh, as far as the budget allows.
    fn check_process(&mut self, pid: u32) {
        let now = self.now;
        let age = |then: Option<Instant>| then.map(|then| now.saturating_duration_since(then));
        let fresh = self.processes.get(pid).is_some_and(|process| age(process.checked).is_some_and(|a| a < RECHECK));
        if fresh || pid == 0 || !self.spend() {
            return;
        }
        let found = std::fs::read(format!("/proc/{pid}/stat")).ok().as_deref().and_then(parse_stat);
        let old = self.processes.get(pid);
        let entry = match (found, old) {
            (Some((start, comm)), Some(old)) if old.start == start => {
                // The same process may have called exec or been moved to another group.
                old.comm = comm;
                old.container = None;
                (old.checked, old.seen) = (Some(now), Some(now));
                return;
            }
            (Some((start, comm)), _) => Process { start, comm, container: None, checked: Some(now), seen: Some(now) },
            (None, Some(old)) if old.start != 0 && age(old.seen).is_some_and(|age| age < LINGER) => {
                old.checked = Some(now);
                return;
            }
            (None, _) => Process { checked: Some(now), ..Process::default() },
        };
        self.processes.insert(pid, entry);
    }

    /// Makes the entry of the group `id` known, as far as the budget allows.
    ///
    /// A v2 group cannot be renamed and its id is not used again, so what is found stays.
    fn check_group(&mut self, id: u64) {
        let tick = self.tick;
        let known = self.groups.get(id).is_some_and(|group| group.path.is_some() || tick - group.tick < RETRY_TICKS);
        if known || !self.spend() {
            return;
        }
        let may_walk = self.walked.is_none_or(|walked| tick - walked >= RETRY_TICKS);
        if self.hierarchy.is_none() && may_walk {
            self.hierarchy = Hierarchy::open();
            self.walked = self.hierarchy.is_none().then_some(tick);
        }
        let path = match self.hierarchy.as_mut().map(|hierarchy| hierarchy.by_handle(id)) {
            Some(Found::Path(path)) => Some(path),
            Some(Found::Refused) if may_walk => {
                self.walked = Some(tick);
                let groups = self.hierarchy.as_ref().map(Hierarchy::walk).unwrap_or_default();
                for (id, path) in groups {
                    self.insert_group(id, Some(path));
                }
                self.groups.get(id).and_then(|group| group.path.as_deref().map(<[u8]>::to_vec))
            }
            _ => None,
        };
        self.insert_group(id, path);
    }

    fn insert_group(&mut self, id: u64, path: Option<Vec<u8>>) {
        let container = path.as_deref().and_then(container::of_path).map(Vec::into_boxed_slice);
        self.groups.insert(id, Group { path: path.map(Vec::into_boxed_slice), container, tick: self.tick });
    }
}

/// Start time and name of a process. The name may hold spaces and brackets: it ends at the last `)`.
fn parse_stat(text: &[u8]) -> Option<(u64, Box<[u8]>)> {
    let open = text.iter().position(|&byte| byte == b'(')?;
    let close = text.iter().rposition(|&byte| byte == b')')?;
    let comm = text.get(open + 1..close)?;
    // The field after the name is the third, starttime the 22nd.
    let start = text.get(close + 2..)?.split(|&byte| byte == b' ').nth(22 - 3)?;
    Some((std::str::from_utf8(start).ok()?.parse().ok()?, comm.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new();
        names.begin_tick(100);
        names
    }

    #[test]
    fn stat_is_read_whatever_the_name() {
        let text =
            b"812 (a) (b c) S 1 812 812 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200 18446744073709551615";
        assert_eq!(parse_stat(text), Some((98765, (*b"a) (b c").into())));
        assert_eq!(parse_stat(b"812 (x"), None);
        assert_eq!(parse_stat(b")("), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn a_process_is_named_until_a_while_after_its_end() {
        let mut names = names();
        let start = names.now;
        let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("sleep runs");
        let pid = child.id();
        assert_eq!(names.comm(pid), Some(&b"sleep"[..]));
        child.kill().expect("killed");
        child.wait().expect("reaped");
        names.begin_tick_at(100, start + RECHECK);
        assert_eq!(names.comm(pid), Some(&b"sleep"[..]), "its last rows");
        names.begin_tick_at(100, start + LINGER * 2);
        assert_eq!(names.comm(pid), None);
    }

    #[test]
    fn a_reused_pid_gets_its_new_name_and_no_old_container() {
        let mut names = names();
        let pid = std::process::id();
        let other = Process {
            start: 1,
            comm: (*b"former").into(),
            container: Some(Some((*b"0123456789ab").into())),
            checked: Some(names.now),
            seen: Some(names.now),
        };
        names.processes.insert(pid, other);
        assert_eq!(names.comm(pid), Some(&b"former"[..]), "within a tick it is not asked again");
        names.begin_tick_at(100, names.now + RECHECK);
        assert_ne!(names.comm(pid), Some(&b"former"[..]));
        assert_ne!(names.container(Some(pid), None), Some(&b"0123456789ab"[..]));
    }

    #[test]
    fn the_budget_bounds_the_look_ups_of_a_tick() {
        let mut names = names();
        names.begin_tick(1);
        assert!(names.comm(1).is_some());
        assert!(names.comm(std::process::id()).is_none(), "the budget is spent");
        assert!(names.comm(1).is_some(), "what is known costs nothing");
        names.begin_tick(1);
        assert!(names.comm(std::process::id()).is_some(), "a later tick knows");
    }

    #[test]
    fn the_own_group_is_found_and_a_missing_one_is_not() {
        let mut names = names();
        let hierarchy = Hierarchy::open().expect("a cgroup2 mount");
        let (id, path) = hierarchy.walk().pop().expect("at least the root");
        assert_eq!(names.cgroup_path(id), Some(&*path));
        assert_eq!(names.cgroup_path(u64::MAX - 7), None);
        assert_eq!(names.container(None, Some(u64::MAX - 7)), None);
    }

    #[test]
    fn a_group_of_a_container_names_it_and_needs_no_process() {
        let mut names = names();
        let id = "7be92808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605";
        names.insert_group(42, Some(format!("/system.slice/docker-{id}.scope").into_bytes()));
        assert_eq!(names.container(None, Some(42)), Some(&b"7be92808767a"[..]));
        assert_eq!(names.container(Some(1), Some(42)), Some(&b"7be92808767a"[..]));
    }

    #[test]
    fn disks_and_users_of_this_machine_have_names() {
        let mut names = names();
        assert_eq!(names.user(0), b"root");
        // Any disk of the machine will do; the number in `dev` is what the kernel's programs read.
        let disk = std::fs::read_dir("/sys/block").expect("sysfs").flatten().next().expect("a disk");
        let text = std::fs::read_to_string(disk.path().join("dev")).expect("its number");
        let (major, minor) = text.trim().split_once(':').expect("MAJ:MIN");
        let dev = major.parse::<u32>().expect("a number") << 20 | minor.parse::<u32>().expect("a number");
        assert_eq!(names.disk(dev), disk.file_name().as_encoded_bytes());
    }
}
