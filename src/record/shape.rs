//! Lines as they are read: what [`crate::export::shape`] writes, with everything that may be
//! missing optional, and a limit on everything that repeats. Unknown keys are ignored.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::limits;
use crate::enrich::host::Host;
use crate::frame::text::clean_str;
use crate::frame::{Cost, Lost, ProgramCost, SettingValue};

/// A word that names something, cleaned and of bounded length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(pub String);

/// A sentence, cleaned and of bounded length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(pub String);

fn cleaned(text: &str, limit: usize) -> String {
    let end = text.char_indices().nth(limit).map_or(text.len(), |(at, _)| at);
    clean_str(&text[..end]).into_owned()
}

impl Name {
    /// Cleans `text`.
    pub fn of(text: &str) -> Name {
        Name(cleaned(text, limits::NAME))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        Ok(Name::of(&Text::deserialize(from)?.0))
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Message, D::Error> {
        Ok(Message(cleaned(&Text::deserialize(from)?.0, limits::MESSAGE)))
    }
}

/// Text, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// At most `MAX` of something; more is an error before it is memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Few<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Self {
        Few(Vec::new())
    }
}

struct FewVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for FewVisitor<T, MAX> {
    type Value = Few<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MAX {
                return Err(A::Error::custom(format_args!("a list of more than {MAX}")));
            }
            items.push(item);
        }
        Ok(Few(items))
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(FewVisitor(PhantomData))
    }
}

/// A map in its order, with at most [`limits::NAMES`] entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs<T>(pub Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Pairs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            if pairs.len() == limits::NAMES {
                return Err(A::Error::custom(format_args!("an object with more than {} fields", limits::NAMES)));
            }
            pairs.push((name, value));
        }
        Ok(Pairs(pairs))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PairsVisitor(PhantomData))
    }
}

/// The value of a setting.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// Off.
    Null(()),
    /// On or off.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A word.
    Text(Name),
    /// Something that this version does not know.
    Other(IgnoredAny),
}

impl From<Setting> for SettingValue {
    fn from(setting: Setting) -> SettingValue {
        match setting {
            Setting::Null(()) => SettingValue::Null,
            Setting::Bool(on) => SettingValue::Bool(on),
            Setting::Int(n) => SettingValue::Int(n),
            Setting::Text(Name(word)) => SettingValue::Text(word),
            Setting::Other(_) => SettingValue::Text("?".to_owned()),
        }
    }
}

/// When an interval ended.
#[derive(Deserialize)]
pub struct Time<'a> {
    /// RFC 3339.
    #[serde(borrow)]
    pub wall: Cow<'a, str>,
    /// `CLOCK_MONOTONIC`, ns.
    pub mono_ns: u64,
}

/// Which interval it is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Counts from 0.
    pub index: u64,
    /// The length asked for.
    pub asked_ns: u64,
    /// The real length.
    pub real_ns: u64,
    /// How the numbers are accumulated.
    pub mode: Name,
}

/// What says which sort of line this is, and the little that finding a frame needs.
#[derive(Deserialize)]
pub struct Probe<'a> {
    /// `header`, `frame`, or something later.
    #[serde(rename = "type", default)]
    pub tag: Option<Name>,
    /// Name of the view.
    #[serde(default)]
    pub view: Option<Name>,
    /// When it ended.
    #[serde(default, borrow)]
    pub time: Option<Time<'a>>,
    /// Which interval it is.
    #[serde(default)]
    pub interval: Interval,
    /// The host, of a header.
    #[serde(default)]
    pub host: Option<HostShape>,
}

/// The host that a recording comes from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct HostShape {
    hostname: String,
    kernel: String,
    arch: String,
    cpus: u32,
    boot_id: Option<String>,
}

impl From<HostShape> for Host {
    fn from(shape: HostShape) -> Host {
        let name = |text: &str| Name::of(text).0;
        Host {
            hostname: name(&shape.hostname),
            kernel: name(&shape.kernel),
            arch: name(&shape.arch),
            cpus: shape.cpus,
            boot_id: shape.boot_id.as_deref().map(name),
        }
    }
}

/// A hook in use.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Hook {
    /// What the view needs it for.
    pub purpose: Name,
    /// Number of the alternative; recordings of early versions do not have it.
    #[serde(default)]
    pub alternative: u32,
    /// Kind.
    pub kind: Name,
    /// Function or tracepoint.
    pub target: Name,
}

/// One column.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Column {
    /// Name of the field.
    pub name: Name,
    /// Type of the values.
    #[serde(rename = "type", default)]
    pub ty: Name,
    /// Unit of the values.
    #[serde(default)]
    pub unit: Option<Name>,
}

/// Why a view did not run.
#[derive(Deserialize)]
pub struct Reason {
    /// Class.
    #[serde(default)]
    pub class: Name,
    /// What was wrong.
    #[serde(default)]
    pub message: Message,
    /// What to do.
    #[serde(default)]
    pub remedy: Message,
}

/// A frame, its rows still text: their columns may stand behind them.
#[derive(Deserialize)]
pub struct FrameLine<'a> {
    /// Name of the view.
    pub view: Name,
    /// Shape of the data.
    pub kind: Name,
    /// `ok`, `partial` or `unavailable`.
    #[serde(default)]
    pub status: Name,
    /// Why not `ok`.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// When it ended.
    #[serde(borrow)]
    pub time: Time<'a>,
    /// Which interval it is.
    #[serde(default)]
    pub interval: Interval,
    /// Settings in force.
    #[serde(default)]
    pub settings: Pairs<Setting>,
    /// Hooks in use.
    #[serde(default)]
    pub hooks: Few<Hook, { limits::NAMES }>,
    /// Columns that name a row.
    #[serde(default)]
    pub key: Few<Name, { limits::NAMES }>,
    /// Every field of a row.
    #[serde(default)]
    pub columns: Few<Column, { limits::NAMES }>,
    /// Rows.
    #[serde(default, borrow)]
    pub rows: Option<&'a RawValue>,
    /// Distributions.
    #[serde(default, borrow)]
    pub histograms: Option<&'a RawValue>,
    /// Sums; their names only, as they are summed again.
    #[serde(default)]
    pub totals: Pairs<IgnoredAny>,
    /// What was not seen.
    #[serde(default)]
    pub lost: LostShape,
    /// What it cost.
    #[serde(default)]
    pub cost: CostShape,
}

/// As [`Lost`]; what a file does not have was not counted.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct LostShape {
    events: u64,
    map_full: u64,
    stacks: u64,
    intervals: u64,
    late_ns: u64,
    unattributed: u64,
    truncated: u64,
    missed: u64,
}

impl From<LostShape> for Lost {
    fn from(shape: LostShape) -> Lost {
        let LostShape { events, map_full, stacks, intervals, late_ns, unattributed, truncated, missed } = shape;
        Lost { events, map_full, stacks, intervals, late_ns, unattributed, truncated, missed }
    }
}

/// As [`ProgramCost`].
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProgramShape {
    name: Name,
    kind: Name,
    target: Name,
    ns: u64,
    runs: u64,
}

impl From<ProgramShape> for ProgramCost {
    fn from(shape: ProgramShape) -> ProgramCost {
        let ProgramShape { name, kind, target, ns, runs } = shape;
        ProgramCost { name: name.0, kind: kind.0, target: target.0, ns, runs }
    }
}

/// As [`Cost`].
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct CostShape {
    self_cpu_ns: u64,
    bpf_ns: Option<u64>,
    bpf_runs: Option<u64>,
    map_bytes: u64,
    map_entries: u64,
    map_capacity: u64,
    sampled: Option<u32>,
    programs: Few<ProgramShape, { limits::NAMES }>,
}

impl From<CostShape> for Cost {
    fn from(shape: CostShape) -> Cost {
        let CostShape { self_cpu_ns, bpf_ns, bpf_runs, map_bytes, map_entries, map_capacity, sampled, programs } =
            shape;
        let programs = programs.0.into_iter().map(ProgramCost::from).collect();
        Cost { self_cpu_ns, bpf_ns, bpf_runs, map_bytes, map_entries, map_capacity, sampled, programs }
    }
}
