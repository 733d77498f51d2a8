//! What is written for programs, as Rust types: the published schema is generated from them.

use humantime::format_rfc3339_nanos;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::{Duration, UNIX_EPOCH};

use super::Shown;
use super::cells::{Pairs, Rows, Settings};
use crate::doctor::DoctorDocument;
use crate::enrich::host::Host;
use crate::frame::{
    Agg, Cost, Frame, Histogram, Hook, Kind, Lost, Mode, Percentile, Reason, Status, Table, Type, Unit,
};
use crate::views::{Group, ViewDecl};

/// Everything that bcc-top writes for programs.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Output<'a> {
    /// `--json`.
    Document(Document<'a>),
    /// First line of `--ndjson`.
    Header(Header<'a>),
    /// Any other line of `--ndjson`.
    Frame(Box<FrameLine<'a>>),
    /// `list --json`.
    List(List<'a>),
    /// `doctor --json`.
    Doctor(DoctorDocument),
}

/// The program that wrote it.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub struct Tool {
    /// `bcc-top`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// This program.
pub const TOOL: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The version of this format.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub enum Version {
    /// Within this version things are only added.
    #[serde(rename = "bcc-top/1")]
    One,
}

/// `--json`: every frame of a run, also of a failed one.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    /// Version of this format.
    pub schema: Version,
    /// The program that wrote it.
    pub tool: Tool,
    /// The host it ran on.
    pub host: &'a Host,
    /// Frames in the order they were written.
    pub frames: Vec<FrameLine<'a>>,
}

/// Says which sort of line this is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeaderTag {
    /// The header.
    Header,
}

/// First line of `--ndjson`, written when every view is attached or known to be unavailable.
#[derive(Serialize, JsonSchema)]
pub struct Header<'a> {
    /// Always `header`.
    #[serde(rename = "type")]
    pub tag: HeaderTag,
    /// Version of this format.
    pub schema: Version,
    /// The program that wrote it.
    pub tool: Tool,
    /// The host it ran on.
    pub host: &'a Host,
}

/// Says which sort of line this is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FrameTag {
    /// A frame.
    Frame,
}

/// Whether the view delivers.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusWord {
    /// Every required hook is attached.
    Ok,
    /// It runs, but an optional hook is missing.
    Partial,
    /// It does not run.
    Unavailable,
}

/// When the interval ended.
#[derive(Serialize, JsonSchema)]
pub struct Time {
    /// RFC 3339, UTC.
    pub wall: String,
    /// `CLOCK_MONOTONIC`, ns.
    pub mono_ns: u64,
}

/// Which interval a frame covers.
#[derive(Serialize, JsonSchema)]
pub struct Interval {
    /// Counts from 0 since the view was started.
    pub index: u64,
    /// The length that was asked for, ns.
    pub asked_ns: u64,
    /// The real length, ns.
    pub real_ns: u64,
    /// How the numbers are accumulated.
    pub mode: Mode,
}

/// What one field of a row is.
#[derive(Serialize, JsonSchema)]
pub struct ColumnShape<'a> {
    /// Name of the field.
    pub name: &'a str,
    /// `int` values that may exceed 2^53 are written as strings.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Unit of the values, null for text.
    pub unit: Option<Unit>,
}

/// All that one view produced in one interval.
#[derive(Serialize, JsonSchema)]
pub struct FrameLine<'a> {
    /// Always `frame`.
    #[serde(rename = "type")]
    pub tag: FrameTag,
    /// Name of the view.
    pub view: &'a str,
    /// Shape of the data.
    pub kind: Kind,
    /// Whether the view delivers.
    pub status: StatusWord,
    /// Why not, unless the status is `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a Reason>,
    /// When the interval ended.
    pub time: Time,
    /// Which interval it is.
    pub interval: Interval,
    /// Settings in force.
    pub settings: Settings<'a>,
    /// Hooks in use.
    pub hooks: &'a [Hook],
    /// The columns that name a row across frames.
    pub key: Vec<&'a str>,
    /// Every field of a row.
    pub columns: Vec<ColumnShape<'a>>,
    /// Rows in sort order. Left out for histograms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows<'a>>,
    /// Distributions. Left out for other kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histograms: Option<Vec<HistogramShape<'a>>>,
    /// Sums of additive columns over all rows that pass the display filter, also those that `--rows` cut.
    pub totals: Pairs<'a>,
    /// What was not seen.
    pub lost: Lost,
    /// What it cost.
    pub cost: Cost,
}

/// One distribution by powers of two.
#[derive(Serialize, JsonSchema)]
pub struct HistogramShape<'a> {
    /// What it is the distribution of: empty for everything.
    pub key: Pairs<'a>,
    /// What else is known of the key: a name, a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Pairs<'a>>,
    /// Unit of the values.
    pub unit: Option<Unit>,
    /// Number of values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The largest, exact; null if it is not recorded.
    pub max: Option<u64>,
    /// Bounds and estimate of the median; null if there is no value.
    pub p50: Option<Percentile>,
    /// Bounds and estimate; null if there is no value.
    pub p90: Option<Percentile>,
    /// Bounds and estimate; null if there is no value.
    pub p99: Option<Percentile>,
    /// From the first to the last bucket in use.
    pub buckets: Vec<Bucket>,
}

/// Values from `lo` to `hi`, both included.
#[derive(Serialize, JsonSchema)]
pub struct Bucket {
    /// Smallest value.
    pub lo: u64,
    /// Largest value.
    pub hi: u64,
    /// How many there were.
    pub count: u64,
}

/// `list --json`.
#[derive(Serialize, JsonSchema)]
pub struct List<'a> {
    /// Version of this format.
    pub schema: Version,
    /// By group and name.
    pub views: Vec<ListedView<'a>>,
}

/// One view there is.
#[derive(Serialize, JsonSchema)]
pub struct ListedView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Other names it answers to.
    pub aliases: &'a [String],
    /// Where it stands in menus.
    pub group: Group,
    /// Shape of its data.
    pub kind: Kind,
    /// The question it answers.
    pub question: &'a str,
    /// Why nobody has shown that its numbers are right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// The header of a stream from this host.
    pub fn new(host: &'a Host) -> Header<'a> {
        Header { tag: HeaderTag::Header, schema: Version::One, tool: TOOL, host }
    }
}

impl<'a> From<&'a ViewDecl> for ListedView<'a> {
    fn from(decl: &'a ViewDecl) -> ListedView<'a> {
        ListedView {
            name: &decl.name,
            aliases: &decl.aliases,
            group: decl.group,
            kind: decl.kind,
            question: &decl.question,
            unproven: decl.unproven.as_deref(),
        }
    }
}

impl<'a> From<&'a Shown> for FrameLine<'a> {
    fn from(shown: &'a Shown) -> FrameLine<'a> {
        let frame = &shown.frame;
        let schema = &frame.table.schema;
        let histogram = frame.kind == Kind::Histogram;
        FrameLine {
            tag: FrameTag::Frame,
            view: &frame.view,
            kind: frame.kind,
            status: match frame.status {
                Status::Ok => StatusWord::Ok,
                Status::Partial(_) => StatusWord::Partial,
                Status::Unavailable(_) => StatusWord::Unavailable,
            },
            reason: frame.status.reason(),
            time: Time { wall: wall(frame), mono_ns: frame.time.mono_ns },
            interval: Interval {
                index: frame.interval.index,
                asked_ns: frame.interval.asked_ns,
                real_ns: frame.interval.real_ns,
                mode: frame.interval.mode,
            },
            settings: Settings(&frame.settings),
            hooks: &frame.hooks,
            key: schema.key.iter().map(|&column| schema.columns[column].name.as_str()).collect(),
            columns: columns(frame),
            rows: (!histogram).then_some(Rows(&frame.table)),
            histograms: histogram.then(|| histograms(frame)),
            totals: Pairs::values(&shown.totals),
            lost: frame.lost,
            cost: frame.cost.clone(),
        }
    }
}

/// The end of the interval in RFC 3339 with nanoseconds.
pub(super) fn wall(frame: &Frame) -> String {
    format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(frame.time.wall_ns)).to_string()
}

fn columns(frame: &Frame) -> Vec<ColumnShape<'_>> {
    let per_second = frame.interval.mode == Mode::PerSecond;
    let columns = frame.table.schema.columns.iter();
    columns
        .map(|column| {
            // A count per second is a fraction.
            let fraction = per_second && column.agg == Agg::Sum;
            let ty = if fraction { Type::Float } else { column.ty };
            ColumnShape { name: &column.name, ty, unit: column.unit }
        })
        .collect()
}

fn histograms(frame: &Frame) -> Vec<HistogramShape<'_>> {
    let unit = value_unit(&frame.table);
    let attributes = attribute_columns(&frame.table);
    let shape = |(row, histogram): (usize, &'_ Histogram)| HistogramShape {
        key: Pairs::cells(&frame.table, row, frame.table.schema.key.clone()),
        attributes: (!attributes.is_empty()).then(|| Pairs::cells(&frame.table, row, attributes.clone())),
        unit,
        count: histogram.count(),
        sum: histogram.sum,
        max: histogram.max,
        p50: histogram.percentile(0.50),
        p90: histogram.percentile(0.90),
        p99: histogram.percentile(0.99),
        buckets: buckets(histogram),
    };
    frame.histograms.iter().enumerate().map(shape).collect()
}

/// The unit of the values of a distribution: that of their sum or maximum.
pub(super) fn value_unit(table: &Table) -> Option<Unit> {
    let unit = |name: &str| table.schema.index(name).and_then(|column| table.schema.columns[column].unit);
    unit("max").or_else(|| unit("sum"))
}

/// Columns of a row of distributions that say more about its key.
fn attribute_columns(table: &Table) -> Vec<usize> {
    let schema = &table.schema;
    let attribute = |&column: &usize| !schema.key.contains(&column) && schema.columns[column].ty == Type::Text;
    (0..schema.columns.len()).filter(attribute).collect()
}

/// From the first to the last bucket in use.
pub(super) fn buckets(histogram: &Histogram) -> Vec<Bucket> {
    let Some((first, last)) = histogram.used() else { return Vec::new() };
    let bucket = |i: usize| Bucket { lo: Histogram::lo(i), hi: Histogram::hi(i), count: histogram.buckets[i] };
    (first..=last).map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use super::super::SCHEMA;
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_promised() {
        assert_eq!(serde_json::to_value(Version::One).unwrap(), SCHEMA);
    }
}
