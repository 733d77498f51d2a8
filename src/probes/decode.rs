//! From flat bytes to rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv6Addr;

use foldhash::fast::FixedState;

use super::layout::{Field, Layout, Role, Words};
use super::reader::RawRows;
use crate::frame::accumulate::larger;
use crate::frame::{Agg, Histogram, Kind, Table, Value};
use crate::views::{signals, syscalls};

/// Numbers to names; what is not known stays null.
pub trait Resolve {
    /// Name of a disk.
    fn disk(&mut self, dev: u32) -> &[u8];
    /// Name of a user.
    fn user(&mut self, uid: u32) -> &[u8];
    /// Path of a cgroup.
    fn cgroup(&mut self, id: u64) -> Option<&[u8]>;
    /// Container of a process or cgroup.
    fn container(&mut self, pid: Option<u32>, cgroup: Option<u64>) -> Option<&[u8]>;
}

/// Makes rows of what a reader read. Entries that differ only by CPU become one row.
pub fn decode(layout: &Layout, kind: Kind, raw: &mut RawRows, names: &mut dyn Resolve) -> (Table, Vec<Histogram>) {
    let shard = layout.fields.iter().find(|f| f.role == Role::Shard);
    blank_shards(raw, shard, layout.key_size);
    let mut table = Table::new(layout.schema.clone());
    table.reserve(raw.count);
    let mut rows = Decoder { kind, ..Decoder::new(layout, names, table) };
    let mut known: HashMap<&[u8], usize, FixedState> = HashMap::default();
    for index in 0..raw.count {
        let key = raw.keys.get(index * layout.key_size..(index + 1) * layout.key_size).unwrap_or_default();
        let value = raw.values.get(index * layout.value_size..(index + 1) * layout.value_size).unwrap_or_default();
        let same = match shard {
            _ if !raw.keyed => (index > 0).then_some(0),
            Some(_) => known.get(key).copied(),
            None => None,
        };
        match same {
            Some(row) => rows.merge(row, value),
            None => {
                if shard.is_some() {
                    known.insert(key, rows.table.len());
                }
                rows.push(key, value);
            }
        }
    }
    (rows.table, rows.histograms)
}

fn blank_shards(raw: &mut RawRows, shard: Option<&Field>, key_size: usize) {
    let Some(shard) = shard else { return };
    for key in raw.keys.chunks_exact_mut(key_size.max(1)).take(raw.count) {
        key[shard.offset..shard.offset + shard.size].fill(0);
    }
}

/// Rows in the making.
struct Decoder<'a> {
    layout: &'a Layout,
    kind: Kind,
    names: &'a mut dyn Resolve,
    table: Table,
    histograms: Vec<Histogram>,
    /// The row in the making; kept for its memory.
    cells: Vec<Value>,
    /// Addresses written already: a host has many connections and few addresses.
    addresses: HashMap<[u8; 16], Value, FixedState>,
    /// What the wall clock is ahead of the clock of events, ns.
    wall_offset: u64,
}

/// Appends one record of a ring to `table`, whose columns are those of the layout.
pub fn push_event(layout: &Layout, record: &[u8], wall_offset: u64, table: &mut Table, names: &mut dyn Resolve) {
    let mut decoder = Decoder { wall_offset, ..Decoder::new(layout, names, std::mem::take(table)) };
    decoder.push(&[], record);
    *table = decoder.table;
}

/// A time of day, UTC, to the millisecond.
struct Clock(u64);

/// What the kernel prints behind the last frame of a stack.
const NO_FRAME: &[u8] = b";0x0";

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.0 / 1_000_000;
        let (seconds, day) = (ms / 1000, 86_400);
        let of_day = seconds % day;
        write!(f, "{:02}:{:02}:{:02}.{:03}", of_day / 3600, of_day / 60 % 60, of_day % 60, ms % 1000)
    }
}

impl<'a> Decoder<'a> {
    fn new(layout: &'a Layout, names: &'a mut dyn Resolve, table: Table) -> Decoder<'a> {
        let (histograms, cells) = (vec![], vec![]);
        let kind = Kind::Table;
        Decoder { layout, kind, names, table, histograms, cells, addresses: HashMap::default(), wall_offset: 0 }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        let layout = self.layout;
        let extra = layout.extra;
        let mut cells = std::mem::take(&mut self.cells);
        cells.clear();
        cells.resize(layout.schema.columns.len(), Value::Null);
        let (mut pid, mut cgroup, mut args_len) = (None, None, 0);
        for field in &layout.fields {
            let bytes = bytes_of(field, if field.in_key { key } else { value });
            let cell = match field.role {
                Role::Args(words) => self.args(bytes.get(..args_len).unwrap_or(bytes), words),
                Role::Path => self.path(bytes.get(..args_len).unwrap_or(bytes)),
                role => self.cell(role, bytes),
            };
            let id = cell.as_u64();
            match field.role {
                // The first one: others are its relatives.
                Role::Pid => pid = pid.or(id.map(|pid| pid as u32)),
                Role::ArgsLen => args_len = number(bytes) as usize,
                Role::Time => {
                    if let (Some(column), Some(time)) = (extra.clock, id) {
                        cells[column] = self.table.intern_display(Clock(time.wrapping_add(self.wall_offset)));
                    }
                }
                Role::Cgroup => cgroup = id,
                Role::Uid => {
                    let user = id.map(|uid| self.names.user(uid as u32));
                    set_text(&mut self.table, &mut cells, extra.user, user);
                }
                _ => {}
            }
            if let Some(column) = field.column {
                cells[column] = cell;
            }
        }
        if let (Some(_), Some(id)) = (extra.cgroup, cgroup) {
            set_text(&mut self.table, &mut cells, extra.cgroup, self.names.cgroup(id));
        }
        if extra.container.is_some() {
            let container = self.names.container(pid.filter(|&pid| pid != 0), cgroup);
            set_text(&mut self.table, &mut cells, extra.container, container);
        }
        self.table.push_cells(&cells);
        self.cells = cells;
        if self.kind == Kind::Histogram {
            let histogram = histogram(layout, value);
            set_count(layout, &mut self.table, self.histograms.len(), &histogram);
            self.histograms.push(histogram);
        }
    }

    /// Adds the value of another CPU into a row. Only numbers differ, so no name is looked up.
    fn merge(&mut self, row: usize, value: &[u8]) {
        for field in self.layout.fields.iter().filter(|f| !f.in_key) {
            let (Some(column), Role::Number { .. }) = (field.column, field.role) else { continue };
            let theirs = self.cell(field.role, bytes_of(field, value));
            let ours = self.table.cell(row, column);
            self.table.row_mut(row)[column] = match self.layout.schema.columns[column].agg {
                Agg::Sum => ours.plus(theirs),
                Agg::Max => larger(ours, theirs),
                _ => ours,
            };
        }
        if self.kind == Kind::Histogram {
            self.histograms[row].merge(&histogram(self.layout, value));
            set_count(self.layout, &mut self.table, row, &self.histograms[row]);
        }
    }

    fn cell(&mut self, role: Role, bytes: &[u8]) -> Value {
        match role {
            Role::Histogram | Role::Shard | Role::ArgsLen => Value::Null,
            Role::ExitCode if number(bytes) == u64::from(u32::MAX) => Value::Null,
            Role::Signal => match bytes {
                [0] | [] => Value::Null,
                [signal, ..] => self.table.intern(signals::name(*signal).as_bytes()),
            },
            Role::Optional if bytes.iter().all(|&byte| byte == 0xff) => Value::Null,
            Role::Ret if signed(bytes) == i64::from(i32::MIN) => Value::Null,
            Role::Ret | Role::Number { signed: true } => Value::Int(signed(bytes)),
            Role::NonZero if number(bytes) == 0 => Value::Null,
            Role::Pid | Role::Uid if number(bytes) == u64::from(u32::MAX) => Value::Null,
            Role::Cgroup | Role::Disk if number(bytes) == 0 => Value::Null,
            Role::Disk => self.table.intern(self.names.disk(number(bytes) as u32)),
            Role::Comm | Role::Text => self.text(bytes),
            Role::Frames => {
                let end = bytes.windows(NO_FRAME.len()).position(|window| window == NO_FRAME);
                self.text(&bytes[..end.unwrap_or(bytes.len())])
            }
            Role::Syscall => match (number(bytes), syscalls::name(number(bytes))) {
                (_, Some(name)) => self.table.intern(name.as_bytes()),
                (unknown, None) if unknown == u64::from(u32::MAX) => Value::Null,
                (unknown, None) => self.table.intern_display(unknown),
            },
            Role::Word(words) => match words.get(number(bytes) as usize) {
                Some(word) => self.table.intern(word.as_bytes()),
                None => self.table.intern_display(number(bytes)),
            },
            Role::Named(at) => self.name(at, number(bytes)),
            Role::Letter if bytes.first() == Some(&0) => Value::Null,
            Role::Letter => self.table.intern(&bytes[..bytes.len().min(1)]),
            Role::Ip => self.ip(bytes),
            _ => Value::Uint(number(bytes)),
        }
    }

    fn text(&mut self, bytes: &[u8]) -> Value {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        if end == 0 { Value::Null } else { self.table.intern(&bytes[..end]) }
    }

    fn name(&mut self, at: usize, value: u64) -> Value {
        match self.layout.names.get(at).and_then(|names| names.get(value)) {
            Some(name) => self.table.intern(name.as_bytes()),
            None if value == u64::from(u32::MAX) => Value::Null,
            None => self.table.intern_display(value),
        }
    }

    /// The strings, with a blank between two. The last NUL ends the last one.
    fn args(&mut self, bytes: &[u8], words: Words) -> Value {
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        if bytes.is_empty() {
            return Value::Null;
        }
        let most = words.most.map_or(usize::MAX, |most| most as usize);
        let mut strings = bytes.split(|&byte| byte == 0);
        // It only refuses a NUL, which is between them.
        let quote = |word| {
            if words.quoted {
                shlex::bytes::try_quote(word).unwrap_or(Cow::Borrowed(word))
            } else {
                Cow::Borrowed(word)
            }
        };
        let mut shown: Vec<Cow<'_, [u8]>> = strings.by_ref().take(most).map(quote).collect();
        if strings.next().is_some() {
            shown.push(Cow::Borrowed(b"..."));
        }
        self.table.intern(&shown.join(&b' '))
    }

    /// The names in their order, from the root if the last one is empty.
    fn path(&mut self, bytes: &[u8]) -> Value {
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        if bytes.is_empty() {
            return Value::Null;
        }
        let names: Vec<&[u8]> = bytes.rsplit(|&byte| byte == 0).collect();
        self.table.intern(&names.join(&b'/'))
    }

    /// Written straight into the table: 20,000 addresses a tick leave no time for a String each.
    fn ip(&mut self, bytes: &[u8]) -> Value {
        let Ok(octets) = <[u8; 16]>::try_from(bytes) else { return Value::Null };
        let table = &mut self.table;
        *self.addresses.entry(octets).or_insert_with(|| {
            let address = Ipv6Addr::from(octets);
            match address.to_ipv4_mapped() {
                Some(v4) => table.intern_display(v4),
                None => table.intern_display(address),
            }
        })
    }
}

/// The bytes of a field; fewer in an event that was given less room than its type has, and ends within its last field.
fn bytes_of<'v>(field: &Field, value: &'v [u8]) -> &'v [u8] {
    value.get(field.offset..value.len().min(field.offset + field.size)).unwrap_or_default()
}

fn set_text(table: &mut Table, cells: &mut [Value], column: Option<usize>, text: Option<&[u8]>) {
    if let (Some(column), Some(text)) = (column, text) {
        cells[column] = table.intern(text);
    }
}

fn number(bytes: &[u8]) -> u64 {
    // The sizes there are, so that no call copies a few bytes.
    match *bytes {
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a] => u64::from(a),
        _ => 0,
    }
}

fn signed(bytes: &[u8]) -> i64 {
    let shift = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    ((number(bytes) << shift) as i64) >> shift
}

/// The distribution in a value, with its sum and maximum from the fields of that name.
fn histogram(layout: &Layout, value: &[u8]) -> Histogram {
    let Some(field) = layout.fields.iter().find(|f| f.role == Role::Histogram) else { return Histogram::default() };
    let buckets: Vec<u64> = bytes_of(field, value).chunks_exact(4).map(number).collect();
    let of = |name: &str| {
        let column = layout.schema.index(name)?;
        let field = layout.fields.iter().find(|f| f.column == Some(column))?;
        Some(number(bytes_of(field, value)))
    };
    let max = of("max").filter(|_| buckets.iter().any(|&n| n > 0));
    Histogram { buckets, sum: of("sum").unwrap_or(0), max }
}

fn set_count(layout: &Layout, table: &mut Table, row: usize, histogram: &Histogram) {
    let count = histogram.count();
    if let Some(column) = layout.extra.count {
        table.row_mut(row)[column] = Value::Uint(count);
    }
    if let (0, Some(column)) = (count, layout.schema.index("max")) {
        table.row_mut(row)[column] = Value::Null; // the maximum of nothing is not 0
    }
}

#[cfg(test)]
mod tests;
