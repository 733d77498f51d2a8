//! What a map holds, as its definition in C says.

use super::{Raw, Role, meaning};
use crate::frame::{Agg, Type as ColumnType, Unit};
use crate::probes::btf::{Btf, Kind as BtfKind, Type};

/// The number of an entry of a per-CPU array and its CPU, as the reader writes them.
pub(super) const ARRAY_KEY_SIZE: usize = 8;

/// Key and value type of a map as declared in C: `__type(key, K)` makes members that point to them. A ring has no key.
pub(super) fn map_types<'b>(btf: &'b Btf<'b>, map: &str) -> Option<(Option<Type<'b>>, Type<'b>)> {
    let maps = btf.find(BtfKind::Datasec, ".maps")?;
    let names = [map.to_owned(), format!("{map}__0"), format!("{map}__x2"), format!("{map}__xn")];
    let var = maps.members().find(|m| names.iter().any(|n| n == m.name))?;
    let def = maps.member_type(&var)?.resolved();
    let pointee = |name: &str| {
        let member = def.members().find(|m| m.name == name)?;
        def.member_type(&member)?.target()
    };
    Some((pointee("key"), pointee("value")?))
}

/// Whether the map holds one value for each CPU, and so one row.
pub(super) fn is_one_value(btf: &Btf<'_>, map: &str) -> bool {
    has_map(btf, map, "__x2")
}

/// Whether it is a per-CPU array with a row for each number.
pub(super) fn is_array(btf: &Btf<'_>, map: &str) -> bool {
    has_map(btf, map, "__xn")
}

fn has_map(btf: &Btf<'_>, map: &str, suffix: &str) -> bool {
    let maps = btf.find(BtfKind::Datasec, ".maps");
    maps.is_some_and(|maps| maps.members().any(|m| m.name.strip_suffix(suffix) == Some(map)))
}

/// The key of a per-CPU array: its number, called like its type, and the CPU.
pub(super) fn array_key(number: Type<'_>) -> [Raw; 2] {
    let typedef = number.typedef_name();
    let (role, _, ty, unit) = meaning(typedef, number);
    let name = typedef.unwrap_or_default().trim_end_matches("_t").to_owned();
    let raw = |name, offset, role, ty, unit| Raw { name, in_key: true, offset, size: 4, role, agg: Agg::Key, ty, unit };
    [raw(name, 0, role, ty, unit), raw("_cpu".to_owned(), 4, Role::Shard, ColumnType::Int, Some(Unit::Id))]
}
