//! Columns from BTF: the fields of a map's key and value, their meaning by typedef name.

mod defaults;
mod maps;
mod meaning;

use std::sync::Arc;

use defaults::{default_help, default_label, default_widths};
use maps::{ARRAY_KEY_SIZE, array_key, is_array, is_one_value, map_types};
use meaning::meaning;

use super::btf::{Btf, Kind as BtfKind, Type};
use super::names::Names;
use crate::frame::{Agg, Align, Column, Formula, Kind, Schema, SettingValue, Type as ColumnType, Unit};
use crate::views::settings::number_given;
use crate::views::{ColumnDecl, SettingChoice, ViewDecl};

/// How the bytes of a field become a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A whole number.
    Number {
        /// Whether it may be negative.
        signed: bool,
    },
    /// A whole number; 0 is unknown.
    NonZero,
    /// A process id; all ones is unknown.
    Pid,
    /// A NUL-terminated name.
    Comm,
    /// A user id; all ones is unknown; fills `user` too.
    Uid,
    /// A cgroup id, 0 unknown; fills `cgroup` and `container` too.
    Cgroup,
    /// A kernel dev_t, 0 unknown; shown by name.
    Disk,
    /// A number with a name of its own.
    Word(&'static [&'static str]),
    /// One letter.
    Letter,
    /// An IPv6 or v4-mapped address.
    Ip,
    /// Counts by power of two.
    Histogram,
    /// Splits a key by CPU; merged away.
    Shard,
    /// When an event happened, `CLOCK_MONOTONIC`; fills `clock` too.
    Time,
    /// NUL-terminated text.
    Text,
    /// Bytes used of the arguments that follow.
    ArgsLen,
    /// Strings, each with its NUL.
    Args(Words),
    /// What a call returned; the least number is unknown.
    Ret,
    /// What a process gave to exit; all ones is unknown.
    ExitCode,
    /// A signal by number, 0 none.
    Signal,
    /// A number; all ones is unknown.
    Optional,
    /// A number that may use all 64 bits.
    Wide,
    /// A system call by number; all ones is unknown.
    Syscall,
    /// Functions with a semicolon between them; what follows an address 0 is nothing.
    Frames,
    /// Names on the way up from a file, each with its NUL.
    Path,
    /// A value of an enum, by name; all ones is unknown. Where its names are in [`Layout::names`].
    Named(usize),
}

/// How strings become one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// As many of them as are shown; all without.
    pub most: Option<u64>,
    /// Whether they are quoted as a shell wants them.
    pub quoted: bool,
}

/// One field of the key or value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its bytes are in the key rather than in the value.
    pub in_key: bool,
    /// Offset in key or value.
    pub offset: usize,
    /// Size, bytes.
    pub size: usize,
    /// Meaning.
    pub role: Role,
    /// Column it fills; `None` for those that fill none.
    pub column: Option<usize>,
}

impl Role {
    /// Whether its field fills a column of its own.
    fn is_column(self) -> bool {
        !matches!(self, Role::Histogram | Role::Shard | Role::ArgsLen)
    }
}

/// How raw bytes of one map become rows.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The columns.
    pub schema: Arc<Schema>,
    /// The fields, key first.
    pub fields: Vec<Field>,
    /// Size of a key, bytes.
    pub key_size: usize,
    /// Size of a value, bytes.
    pub value_size: usize,
    /// Columns filled from a user id, a cgroup id and a distribution.
    pub extra: Extra,
    /// Names of the values of enums.
    pub names: Vec<Names>,
}

/// Columns that come from other columns by look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Name of the user of `uid`.
    pub user: Option<usize>,
    /// Path of the cgroup of `cgroup_id`.
    pub cgroup: Option<usize>,
    /// Container of the process or cgroup.
    pub container: Option<usize>,
    /// Number of values in the distribution.
    pub count: Option<usize>,
    /// Wall-clock time of an event.
    pub clock: Option<usize>,
}

/// A field before it has a column.
struct Raw {
    name: String,
    in_key: bool,
    offset: usize,
    size: usize,
    role: Role,
    agg: Agg,
    ty: ColumnType,
    unit: Option<Unit>,
}

impl Raw {
    /// Whoever asks for the CPU gets what splits a key by it, as a column.
    fn show_cpu(&mut self) {
        (self.name, self.role, self.unit) = ("cpu".to_owned(), Role::Number { signed: false }, Some(Unit::Id));
    }
}

fn raw_fields(ty: Type<'_>, in_key: bool, raw: &mut Vec<Raw>, names: &mut Vec<Names>) {
    let ty = ty.resolved();
    for member in ty.members() {
        let Some(field) = ty.member_type(&member) else { continue };
        // An array of a unit (`log2_ns_t slots[64]`) has the meaning of its element.
        let unit_of = match field.kind() {
            BtfKind::Array => field.target().unwrap_or(field),
            _ => field,
        };
        let (mut role, mut agg, ty, unit) = meaning(field.typedef_name().or(unit_of.typedef_name()), unit_of);
        if member.name.starts_with('_') && !matches!(role, Role::Shard | Role::ArgsLen) {
            continue;
        }
        if in_key {
            agg = Agg::Key;
        }
        if let Role::Named(at) = &mut role {
            *at = names.len();
            names.push(Names::declared(unit_of.resolved()));
        }
        let name = if role == Role::Cgroup { "cgroup_id".to_owned() } else { member.name.to_owned() };
        let (offset, size) = (member.offset as usize, field.size());
        raw.push(Raw { name, in_key, offset, size, role, agg, ty, unit });
    }
}

impl Layout {
    /// The layout of the map called `map` (or of its halves) in the object with this BTF.
    ///
    /// # Errors
    /// A sentence if there is no such map or a declared column does not exist.
    pub fn new(btf: &Btf<'_>, decl: &ViewDecl, map: &str, choice: Option<&SettingChoice>) -> Result<Layout, String> {
        let (key, value) = map_types(btf, map).ok_or_else(|| format!("there is no map {map} with a value type"))?;
        if decl.kind == Kind::Counters && !is_one_value(btf, map) {
            return Err(format!("{map} is no PERCPU_VALUE_HALVES: counters are one row, without a key"));
        }
        let (mut raw, mut names) = (Vec::new(), Vec::new());
        if let Some(key) = key.filter(|key| key.resolved().kind() == BtfKind::Struct) {
            raw_fields(key, true, &mut raw, &mut names);
        }
        let mut key_size = key.map_or(0, |key| key.size());
        if let Some(key) = key.filter(|_| is_array(btf, map)) {
            raw.extend(array_key(key));
            key_size = ARRAY_KEY_SIZE;
        }
        raw_fields(value, false, &mut raw, &mut names);
        if let Some(choice) = choice {
            if choice.key.iter().any(|key| key == "cpu") {
                raw.iter_mut().filter(|r| r.role == Role::Shard).for_each(Raw::show_cpu);
            }
            // One key struct serves several groupings: those not asked for are zero.
            let kept = |r: &Raw| !r.in_key || r.role == Role::Shard || choice.key.iter().any(|k| is_named(r, k));
            let single = decl.kind == Kind::Events && !decl.counts_events(Some(choice));
            let optional = |r: &Raw| r.role == Role::Comm && !r.in_key && !single;
            let shown = |r: &Raw| !optional(r) || choice.columns.contains(&r.name);
            raw.retain(|r| kept(r) && shown(r));
        }
        if decl.kind == Kind::Events && !decl.counts_events(choice) {
            // An event happens once: its time and whose it is tell it from all others.
            raw.iter_mut().filter(|r| matches!(r.name.as_str(), "pid" | "tid")).for_each(|r| r.agg = Agg::Key);
        }
        let layout = Builder { decl, choice, raw }.build(key_size, value.size())?;
        Ok(Layout { names, ..layout })
    }

    /// Shows the columns that a setting asks for. Those that none asks for are left away from the end of a value, with the length of
    /// their text before them.
    pub fn fit(&mut self, decl: &ViewDecl, settings: &[(String, SettingValue)]) {
        let filled = |column: &Column| decl.is_column_filled(&column.name, settings);
        let idle = |field: &Field| field.column.is_some_and(|at| filled(&self.schema.columns[at]) == Some(false));
        if let Some(first) = self.fields.iter().position(idle) {
            let length = first.checked_sub(1).filter(|&before| self.fields[before].role == Role::ArgsLen);
            self.value_size = self.fields[length.unwrap_or(first)].offset;
        }
        for column in &mut Arc::make_mut(&mut self.schema).columns {
            column.visible |= filled(column) == Some(true);
        }
        for field in &mut self.fields {
            let column = field.column.and_then(|at| decl.col.get(&self.schema.columns[at].name));
            if let (Role::Args(words), Some(column)) = (&mut field.role, column) {
                words.most = column.most.as_ref().and_then(|name| number_given(settings, name));
                words.quoted = column.quoted.as_ref().is_some_and(|name| decl.holds(name, settings));
            }
        }
    }

    /// Takes the names of enums from the kernel, where it has them.
    pub fn name(&mut self, kernel: &Btf<'_>) {
        self.names.iter_mut().for_each(|names| names.found(kernel));
    }
}

fn is_named(raw: &Raw, name: &str) -> bool {
    raw.name == name || (raw.role == Role::Cgroup && name == "cgroup")
}

struct Builder<'a> {
    decl: &'a ViewDecl,
    choice: Option<&'a SettingChoice>,
    raw: Vec<Raw>,
}

impl Builder<'_> {
    fn build(self, key_size: usize, value_size: usize) -> Result<Layout, String> {
        let mut columns: Vec<Column> = Vec::new();
        for raw in &self.raw {
            if raw.role.is_column() {
                let mut column = self.column(&raw.name, raw.ty, raw.unit, raw.agg);
                column.wide = matches!(raw.role, Role::Cgroup | Role::Wide);
                columns.push(column);
            }
            for (name, agg) in self.extras(raw) {
                columns.push(match name {
                    "count" => self.column(name, ColumnType::Int, Some(Unit::Count), Agg::Sum),
                    _ => self.column(name, ColumnType::Text, None, agg),
                });
            }
        }
        if self.raw.iter().any(|r| r.role == Role::Pid) && !columns.iter().any(|c| c.name == "container") {
            columns.push(self.column("container", ColumnType::Text, None, Agg::Last));
        }
        self.declared(&mut columns);
        self.order(&mut columns)?;
        let index = |name: &str| columns.iter().position(|c| c.name == name);
        let fields = self.raw.iter().map(|r| {
            let column = if r.role.is_column() { index(&r.name) } else { None };
            Field { in_key: r.in_key, offset: r.offset, size: r.size, role: r.role, column }
        });
        let fields = fields.collect();
        let extra = Extra {
            user: index("user"),
            cgroup: index("cgroup"),
            container: index("container"),
            clock: index("clock"),
            count: if self.decl.kind_of(self.choice) == Kind::Histogram { index("count") } else { None },
        };
        let schema = Arc::new(self.schema(columns)?);
        Ok(Layout { schema, fields, key_size, value_size, extra, names: vec![] })
    }

    /// Columns that a field brings besides its own.
    fn extras(&self, raw: &Raw) -> Vec<(&'static str, Agg)> {
        match raw.role {
            Role::Uid => vec![("user", Agg::Last)],
            Role::Cgroup => vec![("cgroup", Agg::Last), ("container", Agg::Last)],
            Role::Histogram => vec![("count", Agg::Sum)],
            Role::Time => vec![("clock", Agg::Last)],
            _ => vec![],
        }
    }

    /// Columns that only the declaration knows: of the post hook, and derived ones.
    fn declared(&self, columns: &mut Vec<Column>) {
        let post = self.decl.col.iter().filter(|(_, c)| c.post);
        for (name, decl) in post {
            let agg = if decl.gauge { Agg::Last } else { Agg::Sum };
            columns.push(self.column(name, ColumnType::Int, decl.unit.or(Some(Unit::Count)), agg));
        }
        for (name, decl) in &self.decl.col {
            let mut sources = decl.mean.iter().chain(&decl.share).flatten();
            // What is counted has columns that single events do not have, and one map others than the other.
            let own = self.decl.kind == Kind::Events || self.decl.stands_alone(self.choice);
            if own && !sources.all(|name| columns.iter().any(|c| c.name == *name)) {
                continue;
            }
            if let Some([sum, _]) = &decl.mean {
                let unit = columns.iter().find(|c| c.name == *sum).and_then(|c| c.unit);
                columns.push(self.column(name, ColumnType::Int, unit, Agg::Last));
            } else if decl.share.is_some() {
                columns.push(self.column(name, ColumnType::Float, Some(Unit::Ratio), Agg::Last));
            }
        }
    }

    /// The shown ones first, in their order; then the formulas can name columns by number.
    fn order(&self, columns: &mut [Column]) -> Result<(), String> {
        let mut shown: Vec<&str> = Vec::new();
        if let Some(choice) = self.choice {
            shown.extend(choice.key.iter().chain(&choice.columns).map(String::as_str));
        }
        if !self.decl.stands_alone(self.choice) {
            shown.extend(self.decl.columns.iter().map(String::as_str));
        }
        if let Some(unknown) = shown.iter().find(|name| !columns.iter().any(|c| c.name == **name)) {
            return Err(format!("the declared column {unknown} does not exist"));
        }
        let place = |c: &Column| shown.iter().position(|name| *name == c.name).unwrap_or(usize::MAX);
        columns.sort_by_key(place);
        for column in columns.iter_mut() {
            column.visible = shown.contains(&column.name.as_str());
        }
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let find = |name: &String| {
            names.iter().position(|n| n == name).ok_or_else(|| format!("the column {name} does not exist"))
        };
        for column in columns.iter_mut() {
            let Some(decl) = self.decl.col.get(&column.name) else { continue };
            if let Some([sum, count]) = &decl.mean {
                column.agg = Agg::Formula(Formula::Mean { sum: find(sum)?, count: find(count)? });
            } else if let Some([part, rest]) = &decl.share {
                column.agg = Agg::Formula(Formula::Share { part: find(part)?, rest: find(rest)? });
            }
        }
        Ok(())
    }

    fn schema(&self, columns: Vec<Column>) -> Result<Schema, String> {
        let find = |name: &str| columns.iter().position(|c| c.name == name);
        let key = match self.choice {
            Some(choice) if !choice.key.is_empty() => choice.key.iter().filter_map(|name| find(name)).collect(),
            None if !self.decl.key.is_empty() => self.decl.key.iter().filter_map(|name| find(name)).collect(),
            _ => (0..columns.len()).filter(|&i| columns[i].agg == Agg::Key).collect(),
        };
        let totals = self.decl.totals.iter().filter_map(|name| find(name)).collect();
        let sort = self.choice.and_then(|choice| choice.sort.as_ref()).unwrap_or(&self.decl.sort);
        let (name, descending) = match sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (sort.as_str(), false),
        };
        let sort = find(name).ok_or_else(|| format!("the sort column {name} does not exist"))?;
        Ok(Schema { key, totals, sort: Some((sort, descending)), columns })
    }

    fn column(&self, name: &str, ty: ColumnType, unit: Option<Unit>, agg: Agg) -> Column {
        let none = ColumnDecl::default();
        let decl = self.decl.col.get(name).unwrap_or(&none);
        let label = decl.label.clone().unwrap_or_else(|| default_label(name));
        let (min_width, ideal_width) = default_widths(name, ty, unit);
        Column {
            name: name.to_owned(),
            bcc: decl.bcc.clone().unwrap_or_else(|| label.clone()),
            label,
            help: if decl.help.is_empty() { default_help(name).to_owned() } else { decl.help.clone() },
            ty,
            unit,
            agg,
            min_width,
            ideal_width: decl.width.unwrap_or(ideal_width),
            align: if ty == ColumnType::Text { Align::Left } else { Align::Right },
            priority: decl.priority.unwrap_or(if agg == Agg::Key { 1 } else { 5 }),
            visible: false,
            cut_middle: name == "cgroup" || name == "path",
            wide: false,
        }
    }
}
