//! Every declaration fits its program, and says what users need. Needs no rights.

use bcc_top::frame::{Agg, Kind, SettingValue, Unit};
use bcc_top::probes::object;
use bcc_top::views::Registry;
use bcc_top::views::proof::{KERNELS, RESTRICTIONS};

/// Names of flags that every view has: a setting of that name could not be reached.
const COMMON_FLAGS: &[&str] = &[
    "interval",
    "count",
    "duration",
    "batch",
    "json",
    "ndjson",
    "csv",
    "sort",
    "reverse",
    "rows",
    "pid",
    "comm",
    "cgroup",
    "filter",
    "columns",
    "since-start",
    "per-second",
    "set",
    "hook",
    "strict",
    "theme",
    "ascii",
    "color",
    "slow",
    "no-mouse",
    "log-file",
    "quiet",
    "config",
    "glyphs",
    "view",
    "btf",
    "lib",
    "max-overhead",
    "record",
    "redact",
    "version",
    "help",
    "tree",
];

#[test]
fn declared_columns_exist_in_the_program_and_are_explained() {
    for view in Registry::get().views() {
        let decl = &view.decl;
        let mut settings = vec![vec![]];
        if let Some((name, set)) = decl.group_by() {
            let choice =
                |c: &bcc_top::views::SettingChoice| vec![(name.to_owned(), SettingValue::Text(c.name.clone()))];
            settings.extend(set.choices.iter().map(choice));
        }
        let mut known = std::collections::HashSet::new();
        for settings in settings {
            let layout = object::layout(view, &settings).unwrap_or_else(|e| panic!("{}: {e}", decl.name));
            for column in &layout.schema.columns {
                assert!(!column.help.is_empty(), "{}.{} is not explained", decl.name, column.name);
                known.insert(column.name.clone());
            }
            assert!(layout.schema.sort.is_some(), "{} has no sort column", decl.name);
            let one_row = layout.schema.key.is_empty() && layout.fields.iter().all(|field| !field.in_key);
            assert!(decl.kind != Kind::Counters || one_row, "{}: counters are one row, without a key", decl.name);
            let keyed = layout.schema.columns.iter().any(|c| c.agg == Agg::Key);
            assert!(keyed != layout.schema.key.is_empty(), "{}: key {:?}", decl.name, layout.schema.key);
        }
        for name in decl.col.keys() {
            assert!(known.contains(name), "{}: [col.{name}] is no column of the program", decl.name);
        }
        if let Some(name) = &decl.latency {
            let layout = object::layout(view, &[]).unwrap_or_else(|e| panic!("{}: {e}", decl.name));
            let unit = layout.schema.index(name).and_then(|column| layout.schema.columns[column].unit);
            assert_eq!((decl.kind, unit), (Kind::Events, Some(Unit::Ns)), "{}: the latency {name}", decl.name);
        }
        for name in &decl.totals {
            assert!(known.contains(name), "{}: the total {name} is no column", decl.name);
        }
    }
}

/// Without it the whole view cannot be told from one that has keys: see `Layout::new`.
#[test]
fn counters_in_a_map_with_keys_are_refused() {
    let view = Registry::get().find("cachestat").expect("a view of counters");
    let keyed = Registry::get().find("cachetop").expect("a view of the same program with keys");
    assert_eq!((view.decl.kind, &view.decl.program), (Kind::Counters, &Some("cachetop".to_owned())));
    let mut decl = view.decl.clone();
    decl.map.clone_from(&keyed.decl.map);
    let wrong = bcc_top::views::View { decl, object: view.object };
    let error = object::layout(&wrong, &[]).expect_err("a map with keys");
    assert!(error.contains("PERCPU_VALUE_HALVES"), "{error}");
}

#[test]
fn settings_do_not_hide_common_flags_and_are_in_the_program() {
    for view in Registry::get().views() {
        for (name, set) in &view.decl.set {
            let taken = COMMON_FLAGS.contains(&name.replace('_', "-").as_str());
            // Of a view that has libraries, the flag is this setting.
            assert_eq!(taken, set.library, "{}: --{name} is taken", view.decl.name);
            assert!(!set.library || name == "lib", "{}: {name} would have to be called lib", view.decl.name);
            assert!(!set.help.is_empty(), "{}: {name} is not explained", view.decl.name);
            let mut shaping = view.decl.col.values().flat_map(|column| column.quoted.iter().chain(&column.most));
            assert_eq!(
                shaping.any(|shaping| shaping == name),
                set.shown,
                "{}: {name} and how rows are shown",
                view.decl.name
            );
        }
    }
}

/// What a shared program does not know is a mistake in the declaration, and nothing else would tell.
#[test]
fn what_is_declared_for_a_shared_program_is_in_it() {
    for view in Registry::get().views() {
        let (name, decl) = (&view.decl.name, &view.decl);
        let programs = object::programs(view).unwrap_or_else(|e| panic!("{name}: {e}"));
        for target in decl.targets.values() {
            let used = programs.iter().any(|p| p.bound && p.target == *target);
            assert!(used, "{name}: no hook is attached to {target}");
        }
        let constants = object::constants(view).unwrap_or_else(|e| panic!("{name}: {e}"));
        let defaults = decl.set.iter().filter(|(_, set)| {
            let filter = set.network || set.disk || set.list.is_some() || set.pattern || set.mount;
            filter || set.default.is_some() || set.time.is_some()
        });
        for constant in decl.constants.keys().chain(defaults.map(|(name, _)| name)) {
            assert!(constants.contains(constant), "{name}: {constant} is no constant of the program");
        }
        for (set, _) in decl.set.iter().filter(|(_, set)| set.directory) {
            let known = bcc_top::enrich::directory_filters(set).iter().all(|filter| constants.contains(filter));
            assert!(known, "{name}: the program cannot be narrowed to {set}");
        }
        for (name, set) in &decl.set {
            let value = set.default.as_ref().map(|default| bcc_top::views::settings::value(set, default));
            assert!(value.is_none_or(|value| value.is_ok()), "{name}: its default is not one of its values");
        }
        let unknown = decl.positionals.iter().find(|name| !decl.set.contains_key(*name));
        assert_eq!(unknown, None, "{name}: a positional that is no setting");
    }
}

/// A hook in user space names a library that is declared, and every one that is declared is watched.
#[test]
fn hooks_in_user_space_name_declared_libraries() {
    for view in Registry::get().views() {
        let name = &view.decl.name;
        let programs = object::programs(view).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut used = std::collections::HashSet::new();
        for program in programs.iter().filter(|p| p.kind.contains("uprobe") || p.kind.contains("uretprobe")) {
            let target = program.user_function();
            let (library, function) =
                target.unwrap_or_else(|| panic!("{name}: {} names no LIBRARY:FUNCTION", program.name));
            assert!(
                view.decl.libraries.contains_key(library) && !function.is_empty(),
                "{name}: {library} is not declared"
            );
            used.insert(library.to_owned());
        }
        for (library, decl) in &view.decl.libraries {
            assert!(used.contains(library), "{name}: no hook is in {library}");
            assert!(!decl.files.is_empty() && !decl.what.is_empty(), "{name}: {library} has no files");
        }
    }
}

#[test]
fn every_hook_has_a_purpose_that_is_told() {
    for view in Registry::get().views() {
        let purposes = object::programs(view).unwrap_or_else(|e| panic!("{}: {e}", view.decl.name));
        for program in purposes.iter().filter(|p| p.hook != "follow") {
            assert!(view.decl.hooks.contains_key(&program.hook), "{}: {} is not told", view.decl.name, program.hook);
        }
        for hook in view.decl.hooks.keys() {
            assert!(purposes.iter().any(|p| p.hook == *hook), "{}: no program for {hook}", view.decl.name);
        }
    }
}

/// Whatever is proven on no kernel of the matrix is dead code: nobody knows whether it is right.
#[test]
fn every_alternative_is_proven_on_a_kernel_that_we_test() {
    for view in Registry::get().views() {
        let name = &view.decl.name;
        let programs = object::programs(view).unwrap_or_else(|e| panic!("{name}: {e}"));
        let told = view.decl.unproven.is_some();
        for program in programs.iter().filter(|p| p.hook != "follow" && !told) {
            let proven = KERNELS.iter().any(|kernel| view.decl.is_proven(&program.hook, program.number, kernel));
            assert!(proven, "{name}: {}={} is proven on no kernel", program.hook, program.number);
        }
        for (hook, decl) in &view.decl.hooks {
            for (number, kernels) in &decl.proven {
                let exists = programs.iter().any(|p| p.hook == *hook && p.number.to_string() == *number);
                assert!(exists, "{name}: {hook}={number} is proven, and is not in the program");
                let unknown = kernels.iter().find(|kernel| !KERNELS.contains(&kernel.as_str()));
                assert_eq!(unknown, None, "{name}: {hook}={number} is proven on a kernel that we do not test");
            }
        }
    }
}

/// A view that lacks a hook on a kernel must be declared not to run there, and one that is declared so must lack one.
#[test]
fn where_a_view_cannot_run_is_declared() {
    for view in Registry::get().views() {
        let name = &view.decl.name;
        let programs = object::programs(view).unwrap_or_else(|e| panic!("{name}: {e}"));
        for cell in view.decl.unavailable.keys() {
            let known = KERNELS.iter().chain(RESTRICTIONS).any(|known| known == cell);
            assert!(known, "{name}: {cell} is no kernel or restriction that we test");
        }
        for kernel in KERNELS {
            let works = |hook: &String| {
                let mut alternatives = programs.iter().filter(|p| p.hook == *hook);
                alternatives.any(|p| p.optional || view.decl.is_proven(hook, p.number, kernel))
            };
            // What is only loaded with a setting is refused with it, and the view runs without.
            let always = view.decl.hooks.iter().filter(|(_, decl)| decl.when.is_none());
            let lacks = always.map(|(hook, _)| hook).find(|hook| !works(hook));
            let declared = view.decl.unavailable.contains_key(*kernel);
            assert_eq!(lacks.is_some(), declared, "{name} on {kernel}: hook lacking: {lacks:?}, declared: {declared}");
        }
    }
}

#[test]
fn every_view_has_a_truth_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for view in Registry::get().views() {
        let name = view.decl.program.as_deref().unwrap_or(&view.decl.name);
        assert!(root.join(format!("tests/truth/{name}.rs")).exists(), "{} is not tested", view.decl.name);
    }
}

/// Where `unsafe` may be, and for what; the compiler holds everything else to `deny(unsafe_code)`.
const UNSAFE: &[(&str, &str)] = &[
    ("src/probes/", "libbpf and bpf(2)"),
    ("src/command.rs", "what a child does between fork and exec"),
    ("src/enrich/cgroup.rs", "open_by_handle_at"),
    ("src/memory.rs", "mallopt"),
];

#[test]
fn unsafe_is_at_the_boundaries_only_and_says_why() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = std::collections::BTreeSet::new();
    for path in sources(&root.join("src")) {
        let name = path.strip_prefix(root).expect("below it").to_str().expect("text").to_owned();
        let text = std::fs::read_to_string(&path).expect("a source");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_unsafe(line)) {
            let allowed = UNSAFE.iter().find(|(place, _)| name.starts_with(place));
            let (place, _) = allowed.unwrap_or_else(|| panic!("{name}:{}: unsafe is not for here: {line}", at + 1));
            found.insert(*place);
            // Clippy asks for it right above each block; this also holds for `impl` and for code that it does not see.
            let reason = lines[at.saturating_sub(6)..at].iter().any(|above| above.contains("// SAFETY:"));
            assert!(reason, "{name}:{}: unsafe without its reason: {line}", at + 1);
        }
    }
    let unused = UNSAFE.iter().find(|(place, _)| !found.contains(place));
    assert_eq!(unused, None, "nothing is unsafe there any more");
    for (file, rule) in [("src/lib.rs", "#![deny(unsafe_code)]"), ("src/main.rs", "#![forbid(unsafe_code)]")] {
        assert!(std::fs::read_to_string(root.join(file)).expect("a source").contains(rule), "{file} lacks {rule}");
    }
}

fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![];
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type().expect("a type").is_dir() {
            true => all.extend(sources(&entry.path())),
            false if entry.path().extension().is_some_and(|end| end == "rs") => all.push(entry.path()),
            false => {}
        }
    }
    all
}

#[test]
fn views_that_say_so_can_count_one_event_in_n() {
    for view in Registry::get().views().iter().filter(|view| view.decl.sampled) {
        let decl = &view.decl;
        let constants = object::constants(view).unwrap_or_else(|e| panic!("{}: {e}", decl.name));
        assert!(constants.contains("filter_sampled"), "{}: its program never asks is_sampled()", decl.name);
        assert!(decl.kind != Kind::Events, "{}: an event that is left out is a gap in the log", decl.name);
    }
}
