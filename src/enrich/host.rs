//! The machine that the numbers come from.

/// The machine that the numbers come from, as headers of exports name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Host {
    /// Its name; the node name, not resolved.
    pub hostname: String,
    /// Release of the kernel: `6.1.0-56-amd64`.
    pub kernel: String,
    /// Machine: `x86_64`.
    pub arch: String,
    /// CPUs that are online.
    pub cpus: u32,
    /// Identity of this boot; `null` where the kernel does not tell.
    pub boot_id: Option<String>,
}

impl Host {
    /// The machine this runs on.
    pub fn read() -> Host {
        let uname = rustix::system::uname();
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Host {
            hostname: uname.nodename().to_string_lossy().into_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
            arch: uname.machine().to_string_lossy().into_owned(),
            cpus: online(&std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default()),
            boot_id: boot_id.map(|id| id.trim().to_owned()),
        }
    }
}

/// CPUs in a list such as `0-3,8`; at least the one that asks.
///
/// The number of CPUs that this process may use is something else: the views see the whole host.
fn online(list: &str) -> u32 {
    let count = |range: &str| -> Option<u32> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.saturating_add(1))
    };
    list.trim().split(',').filter_map(count).sum::<u32>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_from_the_kernels_list() {
        assert_eq!(online("0-3,8\n"), 5);
        assert_eq!(online("0"), 1);
        assert_eq!(online(""), 1);
        assert_eq!(online("3-1,x"), 1);
    }

    #[test]
    fn this_host_is_described() {
        let host = Host::read();
        assert_eq!(host.kernel, std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs").trim());
        assert!(host.cpus >= 1 && !host.arch.is_empty());
        assert_eq!(host.boot_id.map(|id| id.len()), Some(36));
    }
}
