//! What the kernel's refusals mean to a user.

use std::path::Path;

use super::btf::Btf;
use super::facts;
use super::guard;
use super::plan::{Failure, Program};
use super::{libbpf_log, libraries, sys};
use crate::frame::{Reason, ReasonClass};

/// Why a try did not work.
pub(super) enum Refusal {
    /// One program: another alternative may do.
    Program(Failure),
    /// The whole object.
    View(Reason),
}

pub(super) fn view_refused(class: ReasonClass, message: String) -> Refusal {
    Refusal::View(Reason { class, message, remedy: remedy(class).to_owned() })
}

/// What a setting names is not there.
pub fn wrong_setting(message: String) -> Reason {
    Reason { class: ReasonClass::TargetMissing, message, remedy: "change the setting, then retry".to_owned() }
}

/// Why a map of our own cannot be had.
pub fn map_refused(what: &str, error: &std::io::Error) -> Reason {
    let class = map_refusal_class(error.raw_os_error().unwrap_or(0));
    Reason { class, message: format!("{what} cannot be created: {error}"), remedy: remedy(class).to_owned() }
}

pub(super) fn map_refusal_class(errno: i32) -> ReasonClass {
    match errno {
        libc::EPERM | libc::ENOMEM => ReasonClass::Memlock,
        _ => ReasonClass::SymbolMissing,
    }
}

pub(super) fn load_class(errno: &std::io::Error, log: &str) -> ReasonClass {
    // The verifier's own EACCES arrives as EPERM too (`errno_of`); only it leaves a verdict.
    let verdict = libbpf_log::verifier_verdict(log).is_some();
    match errno.raw_os_error() {
        Some(libc::EPERM) if !verdict && lockdown() => ReasonClass::Lockdown,
        Some(libc::EPERM) if !verdict => ReasonClass::ProgTypeDenied,
        _ if log.contains("failed to find kernel BTF type ID") => ReasonClass::SymbolMissing,
        // The file that tells of lockdown may not be mounted, but nothing else hides these helpers.
        _ if refused_helper(log).is_some_and(reads_memory) => ReasonClass::Lockdown,
        _ if refused_helper(log).is_some() => ReasonClass::SymbolMissing,
        _ if verdict => ReasonClass::Verifier,
        _ => ReasonClass::SymbolMissing,
    }
}

/// The helper that the verifier does not offer to this program: as `bpf_sock_from_file#162`, or `unknown#162` where it does
/// not even know the name.
fn refused_helper(log: &str) -> Option<&str> {
    let verdict = libbpf_log::verifier_verdict(log)?;
    let words = ["unknown func ", "invalid func ", "cannot use helper "];
    let helper = words.iter().find_map(|words| verdict.split_once(words)).map(|(_, helper)| helper)?;
    helper.split(' ').next()
}

/// Under lockdown the helpers that read kernel memory are hidden: bpf_tracing_func_proto() then knows none of them.
fn reads_memory(helper: &str) -> bool {
    helper.starts_with("bpf_probe_read")
}

pub(super) fn load_failure(program: &Program, errno: &std::io::Error, log: &str) -> Failure {
    let class = load_class(errno, log);
    let result = match class {
        ReasonClass::ProgTypeDenied => "refused (EPERM)".to_owned(),
        ReasonClass::Lockdown => match refused_helper(log) {
            Some(helper) => format!("kernel lockdown forbids {helper}"),
            None => "refused by kernel lockdown (EPERM)".to_owned(),
        },
        ReasonClass::Verifier => {
            log::warn!("{}: rejected by the verifier\n{log}", program.name);
            format!("rejected by the verifier: {}", libbpf_log::verifier_verdict(log).unwrap_or("no log"))
        }
        _ => match refused_helper(log) {
            Some(helper) => format!("needs the helper {helper}, which this kernel lacks"),
            None => format!("does not load: {errno}"),
        },
    };
    if class == ReasonClass::ProgTypeDenied && matches!(program.kind.as_str(), "fentry" | "fexit") {
        facts::remember_refused("fentry", &result);
        facts::remember_refused("fexit", &result);
    }
    Failure { program: program.name.clone(), result, class }
}

/// A program that was refused because the kernel's structures are not laid out as it expects: in names, where the verifier
/// only speaks of an unknown function, which libbpf puts where a relocation has no answer.
pub(super) fn layout_failure(program: &Program, object: &[u8], kernel: &Path, log: &str) -> Option<Failure> {
    if !log.contains("failed to resolve CO-RE relocation") {
        return None;
    }
    let bytes = sys::FileBytes::open(kernel).ok()?;
    let faults = guard::faults(object, &Btf::parse(&bytes).ok()?).ok()?;
    let faults: Vec<String> = faults.iter().filter(|f| f.program == program.name).map(guard::Fault::words).collect();
    if faults.is_empty() {
        return None;
    }
    let result = format!("this kernel is laid out differently: {}", faults.join(", "));
    Some(Failure { program: program.name.clone(), result, class: ReasonClass::SymbolMissing })
}

pub(super) fn attach_failure(program: &Program, error: &libbpf_rs::Error) -> Failure {
    let errno = errno_of(error);
    let (class, result) = match errno {
        libc::EPERM if lockdown() => (ReasonClass::Lockdown, "refused by kernel lockdown (EPERM)".to_owned()),
        libc::EPERM => (ReasonClass::ProgTypeDenied, "refused (EPERM)".to_owned()),
        libc::EACCES => (ReasonClass::PerfParanoid, "not permitted (EACCES)".to_owned()),
        libc::ENOENT | libc::ESRCH => (ReasonClass::SymbolMissing, "no such function in this kernel".to_owned()),
        libc::EBUSY | libc::EINVAL => {
            (ReasonClass::SymbolMissing, "in this kernel, but cannot be traced (inlined or not traceable)".to_owned())
        }
        sys::ENOTSUPP => (ReasonClass::SymbolMissing, "this kernel cannot trace it (ENOTSUPP)".to_owned()),
        _ => (ReasonClass::SymbolMissing, format!("does not attach: {}", std::io::Error::from_raw_os_error(errno))),
    };
    Failure { program: program.name.clone(), result, class }
}

/// libbpf looks a module's functions up in type information that it has to get from the kernel, which gives it to
/// CAP_SYS_ADMIN only (bpf_btf_get_fd_by_id).
pub(super) fn bind_failure(program: &Program, error: &libbpf_rs::Error) -> Failure {
    let errno = std::io::Error::from_raw_os_error(errno_of(error));
    let result = format!("not found ({errno}): functions of a module take CAP_SYS_ADMIN");
    Failure { program: program.name.clone(), result, class: ReasonClass::SymbolMissing }
}

/// A timer of a CPU that cannot be opened.
pub(super) fn sampling_failure(program: &Program, error: &std::io::Error) -> Failure {
    let (class, result) = match error.raw_os_error() {
        Some(libc::EPERM) if lockdown() => (ReasonClass::Lockdown, "refused by kernel lockdown (EPERM)".to_owned()),
        Some(libc::EPERM | libc::EACCES) => {
            let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
            let level = level.trim();
            (ReasonClass::PerfParanoid, format!("kernel.perf_event_paranoid = {level} does not permit it ({error})"))
        }
        Some(libc::ENOENT | libc::ENOSYS | libc::EOPNOTSUPP) => {
            (ReasonClass::SymbolMissing, format!("this kernel has no such event ({error})"))
        }
        _ => (ReasonClass::SymbolMissing, format!("does not attach: {error}")),
    };
    Failure { program: program.name.clone(), result, class }
}

/// What to do about a class of causes.
pub fn remedy(class: ReasonClass) -> &'static str {
    match class {
        ReasonClass::NoPrivilege => "run it with sudo, or give the file the capabilities that `bcc-top doctor` names",
        ReasonClass::Lockdown => "boot without lockdown=confidentiality; integrity mode is enough",
        ReasonClass::ProgTypeDenied => "this kernel or a security module refuses that program type; ask who set it up",
        ReasonClass::PerfParanoid => "set kernel.perf_event_paranoid to 2 or less, or run it as root",
        ReasonClass::NoBtf => "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or name its BTF with --btf FILE",
        ReasonClass::SymbolMissing => "use another kernel, or another view; `bcc-top doctor` lists what runs here",
        ReasonClass::NoKprobes => {
            "use a kernel built with CONFIG_KPROBES=y, or another view; `bcc-top doctor` lists what runs here"
        }
        ReasonClass::NoFentry => {
            "use a kernel with BPF trampolines, or another view; `bcc-top doctor` lists what runs here"
        }
        ReasonClass::NoTracefs => "mount -t tracefs nodev /sys/kernel/tracing",
        ReasonClass::ModuleMissing => "load the module, then retry",
        ReasonClass::TargetMissing => "name the library with --lib PATH",
        ReasonClass::Verifier => "this is our bug: please report it with the log",
        ReasonClass::Overhead => "allow more with --max-overhead, or watch less",
        ReasonClass::Memlock => "raise the limit: ulimit -l unlimited",
    }
}

/// No library of which a hook could be attached.
pub(super) fn library_failure(program: &Program, error: &libraries::Error) -> Failure {
    let errno = match error {
        libraries::Error::Refused { error, .. } => error.raw_os_error(),
        libraries::Error::NotFound(_) => None,
    };
    let (class, result) = match errno {
        // CAP_PERFMON is not enough (perf_uprobe_event_init).
        Some(libc::EPERM | libc::EACCES) if crate::privilege::Missing::admin() => {
            (ReasonClass::NoPrivilege, "hooks in user space take CAP_SYS_ADMIN".to_owned())
        }
        Some(libc::EPERM) if lockdown() => (ReasonClass::Lockdown, "refused by kernel lockdown (EPERM)".to_owned()),
        Some(libc::EPERM) => (ReasonClass::ProgTypeDenied, error.to_string()),
        _ => (ReasonClass::TargetMissing, error.to_string()),
    };
    Failure { program: program.name.clone(), result, class }
}

/// Without the capabilities, every refusal has that one cause.
pub(super) fn no_rights(reason: Reason) -> Reason {
    let Some(missing) = crate::privilege::Missing::check() else { return reason };
    Reason { class: ReasonClass::NoPrivilege, ..missing.reason(Path::new("bcc-top")) }
}

fn lockdown() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|text| text.contains("[confidentiality]"))
}

pub(super) fn errno_of(error: &libbpf_rs::Error) -> i32 {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(errno) = error.downcast_ref::<std::io::Error>().and_then(|e| e.raw_os_error()) {
            return errno;
        }
        source = error.source();
    }
    match error.kind() {
        libbpf_rs::ErrorKind::PermissionDenied => libc::EPERM,
        libbpf_rs::ErrorKind::NotFound => libc::ENOENT,
        _ => libc::EINVAL,
    }
}
