//! What the typedef names of units.h mean.

use super::super::btf::{Kind as BtfKind, Type};
use super::super::words::SOFTIRQS;
use super::{Role, Words};
use crate::frame::{Agg, Type as ColumnType, Unit};

/// How a field is decoded, how its values add up, and what its column is.
pub(super) fn meaning(typedef: Option<&str>, ty: Type<'_>) -> (Role, Agg, ColumnType, Option<Unit>) {
    use ColumnType::{Int, Text};
    let number = Role::Number { signed: ty.resolved().is_signed() };
    if ty.resolved().kind() == BtfKind::Enum {
        return (Role::Named(0), Agg::Last, Text, None);
    }
    match typedef.unwrap_or_default() {
        "tgid_t" => (Role::Pid, Agg::Last, Int, Some(Unit::Id)),
        "comm_t" => (Role::Comm, Agg::Last, Text, None),
        "uid_num_t" => (Role::Uid, Agg::Last, Int, Some(Unit::Id)),
        "cgroup_id_t" => (Role::Cgroup, Agg::Last, Int, Some(Unit::Id)),
        "disk_t" => (Role::Disk, Agg::Last, Text, None),
        "letter_t" => (Role::Letter, Agg::Last, Text, None),
        "ip_t" => (Role::Ip, Agg::Last, Text, None),
        "softirq_t" => (Role::Word(SOFTIRQS), Agg::Last, Text, None),
        "port_t" => (Role::NonZero, Agg::Last, Int, Some(Unit::Id)),
        "ns_inum_t" => (Role::NonZero, Agg::Last, Int, Some(Unit::Id)),
        "ip_version_t" | "cpu_t" | "irq_t" | "object_id_t" => (number, Agg::Last, Int, Some(Unit::Id)),
        "cpu_shard_t" => (Role::Shard, Agg::Last, Int, None),
        "bytes_t" => (number, Agg::Sum, Int, Some(Unit::Bytes)),
        "pages_t" => (number, Agg::Sum, Int, Some(Unit::Pages)),
        "ns_sum_t" => (number, Agg::Sum, Int, Some(Unit::Ns)),
        "ns_max_t" => (number, Agg::Max, Int, Some(Unit::Ns)),
        "count_max_t" => (number, Agg::Max, Int, Some(Unit::Count)),
        "count_or_none_t" => (Role::Optional, Agg::Sum, Int, Some(Unit::Count)),
        "ns_sum_or_none_t" => (Role::Optional, Agg::Sum, Int, Some(Unit::Ns)),
        "event_time_t" => (Role::Time, Agg::Key, Int, Some(Unit::Ns)),
        "text_t" => (Role::Text, Agg::Last, Text, None),
        "frames_t" => (Role::Frames, Agg::Last, Text, None),
        "text_len_t" => (Role::ArgsLen, Agg::Last, Int, None),
        "args_t" => (Role::Args(Words::default()), Agg::Last, Text, None),
        "exit_code_t" => (Role::ExitCode, Agg::Last, Int, Some(Unit::Id)),
        "signal_t" => (Role::Signal, Agg::Last, Text, None),
        "syscall_t" => (Role::Syscall, Agg::Last, Text, None),
        "path_names_t" => (Role::Path, Agg::Last, Text, None),
        "fd_t" => (Role::Optional, Agg::Last, Int, Some(Unit::Id)),
        "ret_t" => (Role::Ret, Agg::Last, Int, Some(Unit::Id)),
        "tid_t" | "flag_t" | "errno_t" | "bits_t" | "tcp_seq_t" | "named_pid_t" => {
            (number, Agg::Last, Int, Some(Unit::Id))
        }
        "position_t" => (Role::Optional, Agg::Last, Int, Some(Unit::Bytes)),
        "ns_t" => (number, Agg::Last, Int, Some(Unit::Ns)),
        "ns_or_none_t" => (Role::Optional, Agg::Last, Int, Some(Unit::Ns)),
        "ino_number_t" => (Role::Wide, Agg::Last, Int, Some(Unit::Id)),
        "sector_no_t" => (Role::Optional, Agg::Last, Int, Some(Unit::Id)),
        "log2_ns_t" => (Role::Histogram, Agg::Last, Int, Some(Unit::Ns)),
        "bytes_max_t" => (number, Agg::Max, Int, Some(Unit::Bytes)),
        "log2_bytes_t" => (Role::Histogram, Agg::Last, Int, Some(Unit::Bytes)),
        _ => (number, Agg::Sum, Int, Some(Unit::Count)),
    }
}
