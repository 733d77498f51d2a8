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

#[cfg(test)]
mod tests {
    use crate::frame::{Kind, SettingValue, Value};
    use crate::probes::decode::{Resolve, decode};
    use crate::probes::layout::Layout;
    use crate::probes::object;
    use crate::probes::reader::RawRows;
    use crate::views::{Registry, View};

    struct Nobody;

    impl Resolve for Nobody {
        fn disk(&mut self, _: u32) -> &[u8] {
            b""
        }
        fn user(&mut self, _: u32) -> &[u8] {
            b""
        }
        fn cgroup(&mut self, _: u64) -> Option<&[u8]> {
            None
        }
        fn container(&mut self, _: Option<u32>, _: Option<u64>) -> Option<&[u8]> {
            None
        }
    }

    fn view() -> &'static View {
        Registry::get().find("softirqs").expect("a view of an array")
    }

    fn shown(word: &str) -> Layout {
        object::layout(view(), &[("show".to_owned(), SettingValue::Text(word.to_owned()))]).expect("a layout")
    }

    /// Entries of two CPUs, of a number that has a name and of one that has none; their first field is 1, 2, 3.
    fn raw(layout: &Layout) -> RawRows {
        let mut raw = RawRows { keyed: true, count: 3, ..RawRows::default() };
        for (number, cpu, first) in [(3u32, 0u32, 1u8), (3, 1, 2), (77, 1, 3)] {
            raw.keys.extend([number.to_ne_bytes(), cpu.to_ne_bytes()].concat());
            raw.values.push(first);
            raw.values.extend(vec![0; layout.value_size - 1]);
        }
        raw
    }

    #[test]
    fn numbers_are_rows_with_their_names_and_cpus_are_merged() {
        let layout = shown("total");
        let (table, _) = decode(&layout, Kind::Table, &mut raw(&layout), &mut Nobody);
        let column = |name| layout.schema.index(name).expect("a column");
        let rows: Vec<_> = (0..table.len())
            .map(|row| (table.text_at(row, column("softirq")), table.cell(row, column("count"))))
            .collect();
        assert_eq!(rows, [(Some(&b"net_rx"[..]), Value::Uint(3)), (Some(&b"77"[..]), Value::Uint(3))]);
        assert_eq!(layout.schema.index("cpu"), None);
    }

    #[test]
    fn each_cpu_has_a_row_where_it_is_asked_for() {
        let layout = shown("cpu");
        let (table, _) = decode(&layout, Kind::Table, &mut raw(&layout), &mut Nobody);
        let column = layout.schema.index("cpu").expect("a column");
        let cpus: Vec<_> = (0..table.len()).map(|row| table.cell(row, column)).collect();
        assert_eq!(cpus, [0, 1, 1].map(Value::Uint));
        assert!(layout.schema.key.contains(&column));
    }

    #[test]
    fn a_choice_may_have_another_shape() {
        let kind = |word: &str| view().decl.kind_with(&[("show".to_owned(), SettingValue::Text(word.to_owned()))]);
        assert_eq!([kind("total"), kind("cpu"), kind("distribution")], [Kind::Table, Kind::Table, Kind::Histogram]);
        assert!(shown("distribution").extra.count.is_some() && shown("total").extra.count.is_none());
    }
}
