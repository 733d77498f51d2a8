//! What of ours the kernel holds: programs and maps that outlive the process that loaded them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use bcc_top::probes::object;
use bcc_top::views::Registry;
use libbpf_rs::ObjectBuilder;
use libbpf_rs::query::{LinkInfoIter, MapInfoIter, ProgInfoIter};

/// How long after the end of the process something of ours may be left: freeing waits for grace
/// periods of the kernel.
const LIMIT: Duration = Duration::from_secs(2);

/// One object of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Id {
    Program(u32),
    Map(u32),
    Link(u32),
}

/// What the kernel held before the program was started.
pub struct Before {
    known: HashSet<Id>,
    programs: HashSet<String>,
    maps: HashSet<String>,
}

impl Before {
    /// Takes the inventory.
    pub fn look() -> Before {
        let (mut programs, mut maps) = (HashSet::new(), HashSet::new());
        maps.extend(["barrier", "barrier_inner"].map(String::from));
        for view in Registry::get().views() {
            programs.extend(object::programs(view).expect("its programs").into_iter().map(|p| kernel_name(&p.name)));
            let open = ObjectBuilder::default().name(&view.decl.name).expect("a name").open_memory(view.object.bytes());
            let open = open.expect("the object of a view");
            maps.extend(open.maps().map(|map| kernel_name(&map.name().to_string_lossy())));
        }
        assert!(programs.len() > 3 && maps.contains("lost"), "{programs:?} {maps:?}");
        let mut before = Before { known: HashSet::new(), programs, maps };
        before.known = before.ours().into_keys().collect();
        before
    }

    /// Whether something of ours appeared since.
    pub fn has_new(&self) -> bool {
        self.ours().keys().any(|id| !self.known.contains(id))
    }

    /// Asserts that what the program had in the kernel is gone within the limit. Only to be called
    /// when the program has ended. Another one may run at the same time: what a living process
    /// holds is not ours, nor is what appears from now on.
    ///
    /// # Panics
    /// With the names of what is left.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let until = Instant::now() + LIMIT;
        let mut left = self.ours();
        left.retain(|id, _| !self.known.contains(id));
        loop {
            let (now, held) = (self.ours(), held());
            left.retain(|id, _| now.contains_key(id) && !held.contains(id));
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "still in the kernel {LIMIT:?} after the end: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything in the kernel that has one of our names, and links of such programs.
    fn ours(&self) -> HashMap<Id, String> {
        let mut ours = HashMap::new();
        for program in ProgInfoIter::default() {
            let name = program.name.to_string_lossy().into_owned();
            if self.programs.contains(&name) {
                ours.insert(Id::Program(program.id), name);
            }
        }
        for map in MapInfoIter::default() {
            let name = map.name.to_string_lossy().into_owned();
            if self.maps.contains(&name) {
                ours.insert(Id::Map(map.id), name);
            }
        }
        for link in LinkInfoIter::default() {
            if let Some(name) = ours.get(&Id::Program(link.prog_id)) {
                ours.insert(Id::Link(link.id), format!("link of {name}"));
            }
        }
        ours
    }
}

/// The kernel keeps 15 bytes of a name.
fn kernel_name(name: &str) -> String {
    name.chars().take(15).collect()
}

/// What living processes hold by a descriptor.
fn held() -> HashSet<Id> {
    let mut held = HashSet::new();
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let descriptors = processes.filter_map(|process| fs::read_dir(process.path().join("fd")).ok()).flatten().flatten();
    for fd in descriptors {
        let bpf = fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().contains("bpf"));
        let Some(number) = fd.path().file_name().map(ToOwned::to_owned).filter(|_| bpf) else { continue };
        let info = fd.path().parent().and_then(|dir| dir.parent()).map(|p| p.join("fdinfo").join(number));
        let text = info.and_then(|info| fs::read_to_string(info).ok()).unwrap_or_default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let Ok(id) = value.trim().parse() else { continue };
            match key {
                "prog_id" => held.insert(Id::Program(id)),
                "map_id" => held.insert(Id::Map(id)),
                "link_id" => held.insert(Id::Link(id)),
                _ => false,
            };
        }
    }
    held
}
