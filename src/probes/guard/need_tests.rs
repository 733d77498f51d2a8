use super::super::testing;
use super::*;

/// What the kernel `types` says to the object `local`, by type id, way and kind.
fn ask(local: &testing::Types, kernel: &testing::Types, type_id: u32, access: &str, kind: Kind) -> (String, Answer) {
    let (local, kernel) = (local.write(), kernel.write());
    let local = Btf::parse(&local).expect("well-formed");
    let kernel = Btf::parse(&kernel).expect("well-formed");
    let reloc = Reloc { section: "x", insn: 0, type_id, access, kind };
    let need = Need::read(&reloc, &local).expect("a way");
    let types = Types::of(&kernel, &HashSet::from([need.type_name()]));
    (need.words(), need.ask(&types))
}

const MISSING: Answer = Answer::Lacking(Lack::Missing);
const RETYPED: Answer = Answer::Lacking(Lack::Retyped);

#[test]
fn the_essential_name_is_that_of_libbpf() {
    for (name, essence) in [
        ("task_struct", "task_struct"),
        ("task_struct___old", "task_struct"),
        ("a___b___c", "a___b"),
        ("a____b", "a____b"),
        ("___b", "___b"),
        ("a___", "a___"),
        ("a__b", "a__b"),
        ("", ""),
    ] {
        assert_eq!(essential(name), essence, "{name}");
    }
}

#[test]
fn a_way_through_anonymous_members_and_arrays_is_told_in_names() {
    let mut local = testing::Types::default();
    let int = local.int(4, false);
    let array = local.array(int, 2);
    let anonymous = local.structure("", &[("pad", int), ("slots", array)]);
    let outer = local.structure("outer___new", &[("", anonymous)]);
    // The kernel has the array on top, and longer.
    let mut kernel = testing::Types::default();
    let int = kernel.int(4, true);
    let long = kernel.array(int, 3);
    kernel.structure("outer", &[("slots", long)]);
    let words = "field outer.slots".to_owned();
    assert_eq!(ask(&local, &kernel, outer, "0:0:1:1", Kind::FieldOffset), (words.clone(), Answer::Known));
    assert_eq!(ask(&local, &kernel, outer, "0:0:0", Kind::FieldOffset).1, MISSING);
    assert_eq!(ask(&local, &kernel, outer, "0:0:0", Kind::FieldExists).1, Answer::Value(0));
    // And the other way round: on top here, in an anonymous member there, but too short.
    let mut kernel = testing::Types::default();
    let int = kernel.int(4, false);
    let short = kernel.array(int, 1);
    let anonymous = kernel.structure("", &[("slots", short)]);
    kernel.structure("outer", &[("", anonymous)]);
    assert_eq!(ask(&local, &kernel, outer, "0:0:1:1", Kind::FieldOffset), (words, MISSING));
    assert_eq!(ask(&local, &kernel, outer, "0:0:1:0", Kind::FieldOffset).1, Answer::Known);
}

#[test]
fn a_field_of_another_type_does_not_pass_for_it() {
    let mut local = testing::Types::default();
    let int = local.int(4, false);
    let pointer = local.pointer(int);
    let ty = local.structure("s", &[("flags", int), ("next", pointer)]);
    let kernel = |size, signed, as_struct: bool| {
        let mut kernel = testing::Types::default();
        let int = kernel.int(size, signed);
        let flags = if as_struct { kernel.structure("f", &[("f", int)]) } else { kernel.typedef("flags_t", int) };
        kernel.structure("s", &[("flags", flags)]);
        kernel
    };
    let flags = |kernel: &testing::Types, kind| ask(&local, kernel, ty, "0:0", kind).1;
    assert_eq!(flags(&kernel(4, true, false), Kind::FieldOffset), Answer::Known);
    assert_eq!(flags(&kernel(1, false, false), Kind::FieldOffset), Answer::Known, "extended with zeros");
    assert_eq!(flags(&kernel(1, true, false), Kind::FieldOffset), Answer::Resized);
    assert_eq!(flags(&kernel(1, true, false), Kind::FieldSize), Answer::Known);
    assert_eq!(flags(&kernel(4, false, true), Kind::FieldOffset), RETYPED);
    assert_eq!(flags(&kernel(4, false, true), Kind::FieldExists), Answer::Value(0));
    // Of two structs of that name the one that fits counts.
    let mut two = kernel(4, false, true);
    let int = two.int(4, false);
    two.structure("s___2", &[("flags", int)]);
    assert_eq!(flags(&two, Kind::FieldOffset), Answer::Known);
}

#[test]
fn values_and_types_are_found_without_their_flavour() {
    let mut local = testing::Types::default();
    let int = local.int(4, false);
    let op = local.enumeration("req_op___new", &[("A___new", 1), ("B___new", 2)]);
    let anonymous = local.structure("", &[("counter", int)]);
    let atomic = local.typedef("atomic_t", anonymous);
    let upid = local.structure("upid", &[]);
    let mut kernel = testing::Types::default();
    kernel.enumeration("req_op", &[("X", 6), ("B", u32::MAX)]);
    let int = kernel.int(4, true);
    let anonymous = kernel.structure("", &[("counter", int)]);
    kernel.typedef("atomic_t", anonymous);
    let ask = |id, access, kind| ask(&local, &kernel, id, access, kind);
    assert_eq!(ask(op, "0", Kind::EnumvalValue), ("value req_op.A".to_owned(), MISSING));
    assert_eq!(ask(op, "0", Kind::EnumvalExists).1, Answer::Value(0));
    assert_eq!(ask(op, "1", Kind::EnumvalValue).1, Answer::Value(u64::MAX));
    assert_eq!(ask(op, "1", Kind::EnumvalExists).1, Answer::Value(1));
    assert_eq!(ask(atomic, "0:0", Kind::FieldOffset), ("field atomic_t.counter".to_owned(), Answer::Known));
    assert_eq!(ask(upid, "0", Kind::TypeSize), ("type upid".to_owned(), MISSING));
    assert_eq!(ask(upid, "0", Kind::TypeExists).1, Answer::Value(0));
    assert_eq!(ask(atomic, "0", Kind::TypeExists).1, Answer::Value(1));
    assert_eq!(ask(upid, "0", Kind::TypeIdLocal).1, Answer::Known);
}

#[test]
fn a_way_to_nowhere_is_refused() {
    let mut local = testing::Types::default();
    let int = local.int(4, false);
    let ty = local.structure("s", &[("a", int)]);
    let bytes = local.write();
    let btf = Btf::parse(&bytes).expect("well-formed");
    let long = "0:".repeat(100) + "0";
    for (type_id, access, kind) in [
        (ty, "0:1", Kind::FieldOffset),
        (ty, "0:0:0", Kind::FieldOffset),
        (ty, "", Kind::FieldOffset),
        (ty, "0:x", Kind::FieldOffset),
        (ty, long.as_str(), Kind::FieldOffset),
        (ty, "0", Kind::EnumvalValue),
        (0, "0", Kind::TypeExists),
        (99, "0", Kind::TypeExists),
    ] {
        let reloc = Reloc { section: "x", insn: 0, type_id, access, kind };
        assert!(Need::read(&reloc, &btf).is_err(), "{type_id} {access}");
    }
}

#[test]
fn types_that_nest_in_circles_end() {
    let mut local = testing::Types::default();
    let int = local.int(4, false);
    let ty = local.structure("s", &[("a", int)]);
    let mut kernel = testing::Types::default();
    kernel.structure("s", &[("", 1), ("", 2)]);
    kernel.structure("", &[("", 1), ("", 2), ("", 3)]);
    kernel.array(3, 9);
    assert_eq!(ask(&local, &kernel, ty, "0:0", Kind::FieldOffset).1, MISSING);
}
