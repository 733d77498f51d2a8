//! How columns look of which the declaration says nothing.

use crate::frame::{Type as ColumnType, Unit};

pub(super) fn default_label(name: &str) -> String {
    match name {
        "latency_max" => "MAX".to_owned(),
        _ => name.to_uppercase(),
    }
}

pub(super) fn default_help(name: &str) -> &'static str {
    match name {
        "user" => "name of the user, else the number",
        "clock" => "when it happened, UTC",
        "uid" => "number of the user",
        "cgroup" => "cgroup v2 path",
        "cgroup_id" => "cgroup v2 id",
        "container" => "container, from the cgroup path of v2 or v1",
        _ => "",
    }
}

pub(super) fn default_widths(name: &str, ty: ColumnType, unit: Option<Unit>) -> (u16, u16) {
    match (name, ty, unit) {
        ("pid" | "tid" | "ppid", ..) => (5, 8),
        ("clock", ..) => (12, 12),
        ("ret" | "code", ..) => (3, 4),
        ("signal", ..) => (7, 9),
        ("comm", ..) => (6, 16),
        ("rw", ..) => (1, 1),
        ("disk", ..) => (4, 10),
        ("laddr" | "raddr", ..) => (9, 18),
        ("lport" | "rport", ..) => (5, 5),
        ("family", ..) => (2, 2),
        ("user", ..) => (4, 10),
        ("cgroup", ..) => (8, 30),
        ("container", ..) => (6, 12),
        (_, _, Some(Unit::Ratio)) => (4, 6),
        (_, _, Some(Unit::Count | Unit::Pages)) => (5, 8),
        (_, _, Some(Unit::Id)) => (5, 11),
        (_, ColumnType::Text, _) => (6, 16),
        _ => (6, 9),
    }
}
