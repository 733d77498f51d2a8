//! `-b`: what the BCC tool prints, a block per interval.

use std::io::{self, Write};

use super::lines::Lines;
use super::shape::{buckets, value_unit, wall};
use super::{Exporter, Shown};
use crate::enrich::host::Host;
use crate::frame::text::{clean, width};
use crate::frame::{Agg, Align, Column, Frame, Histogram, Interval, Kind, Mode, Reason, Status, Table, Unit, Value};

/// Stars of a full bar, as BCC's.
const STARS: u64 = 40;

pub(super) struct Text<W> {
    out: W,
    blocks: usize,
    lines: Lines,
    /// The view and heads of the stream of events that the last block belongs to.
    stream: Option<(String, Vec<String>)>,
}

impl<W: Write> Text<W> {
    pub fn new(out: W) -> Text<W> {
        Text { out, blocks: 0, lines: Lines::default(), stream: None }
    }
}

impl<W: Write + Send> Exporter for Text<W> {
    fn begin(&mut self, _: &Host) -> io::Result<()> {
        Ok(())
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        let frame = &shown.frame;
        if frame.kind == Kind::Events && !matches!(frame.status, Status::Unavailable(_)) {
            self.lines.interrupt();
            return self.events(frame);
        }
        self.stream = None;
        let mut block = String::new();
        // A blank line is between two heads.
        let mut head = |block: &mut String| {
            if self.blocks > 0 {
                block.push('\n');
            }
            self.blocks += 1;
        };
        if frame.kind == Kind::Counters && !matches!(frame.status, Status::Unavailable(_)) {
            let (lines, begun) = self.lines.line(frame);
            if begun {
                head(&mut block);
            }
            block.push_str(&lines);
        } else {
            head(&mut block);
            self.lines.interrupt();
            block.push_str(&title(frame));
            match frame.kind {
                Kind::Histogram => distributions(&mut block, frame),
                Kind::Table | Kind::Counters | Kind::Events => table(&mut block, frame),
            }
        }
        // One write for a block: another program's lines do not end up inside it.
        self.out.write_all(block.as_bytes())?;
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Text<W> {
    /// Single events are lines under one head, as they come: an interval is nothing that a reader of a log looks for.
    fn events(&mut self, frame: &Frame) -> io::Result<()> {
        let schema = &frame.table.schema;
        let shown: Vec<usize> = (0..schema.columns.len()).filter(|&column| schema.columns[column].visible).collect();
        let styles: Vec<Style> = shown.iter().map(|&column| Style::of(&schema.columns[column], frame)).collect();
        let heads: Vec<String> = styles.iter().map(|style| style.head.clone()).collect();
        let mut block = String::new();
        let stream = Some((frame.view.to_string(), heads));
        if self.stream != stream {
            block.push_str(if self.blocks > 0 { "\n" } else { "" });
            block.push_str(&title(frame));
            let heads = stream.iter().flat_map(|(_, heads)| heads);
            event(&mut block, frame, &shown, &styles, heads.cloned());
            self.stream = stream;
            self.blocks += 1;
        }
        for row in 0..frame.table.len() {
            let cells = shown.iter().zip(&styles);
            let cells = cells.map(|(&column, style)| style.cell(&frame.table, frame.table.cell(row, column)));
            event(&mut block, frame, &shown, &styles, cells);
        }
        if frame.lost.total() > 0 {
            block.push_str(&format!("# {} events were lost\n", frame.lost.total()));
        }
        self.out.write_all(block.as_bytes())?;
        self.out.flush()
    }
}

/// One line of a log. Its columns have widths that do not depend on what comes later.
fn event(block: &mut String, frame: &Frame, shown: &[usize], styles: &[Style], cells: impl Iterator<Item = String>) {
    let mut text = String::new();
    for ((&column, style), cell) in shown.iter().zip(styles).zip(cells) {
        let column = &frame.table.schema.columns[column];
        let room = usize::from(column.ideal_width).max(width(&style.head));
        let padding = " ".repeat(room.saturating_sub(width(&cell)));
        let space = if text.is_empty() { "" } else { " " };
        match column.align {
            Align::Left => text.extend([space, &cell, &padding]),
            Align::Right => text.extend([space, &padding, &cell]),
        }
    }
    block.push_str(text.trim_end());
    block.push('\n');
}

/// Time, view, mode, and everything that makes the numbers of this block doubtful.
pub(super) fn title(frame: &Frame) -> String {
    let wall = wall(frame);
    let seconds = wall.split('.').next().unwrap_or(&wall);
    let mode = frame.interval.mode.label();
    let length = frame.interval.real_ns as f64 / 1e9;
    let mut title = match frame.kind {
        Kind::Events => return format!("{seconds}Z {}  events{}\n", frame.view, doubt(frame)),
        _ => format!("{seconds}Z {}  {mode}, {length:.1} s", frame.view),
    };
    if frame.lost.total() > 0 {
        title.push_str(&format!("  lost {}", frame.lost.total()));
    }
    if let Some(one_in) = frame.cost.sampled {
        title.push_str(&format!("  ~ one event in {one_in} counted"));
    }
    title.push_str(&doubt(frame));
    title.push('\n');
    title
}

fn doubt(frame: &Frame) -> String {
    let told = |reason: &Reason| format!("  {}: {}", frame.status.name(), clean(reason.message.as_bytes()));
    frame.status.reason().map(told).unwrap_or_default()
}

fn table(block: &mut String, frame: &Frame) {
    let table = &frame.table;
    let shown: Vec<usize> = (0..table.width()).filter(|&column| table.schema.columns[column].visible).collect();
    let styles: Vec<Style> = shown.iter().map(|&column| Style::of(&table.schema.columns[column], frame)).collect();
    let mut grid: Vec<Vec<String>> = vec![styles.iter().map(|style| style.head.clone()).collect()];
    for row in 0..table.len() {
        let cells = shown.iter().zip(&styles);
        grid.push(cells.map(|(&column, style)| style.cell(table, table.cell(row, column))).collect());
    }
    let cells = |line: &[String], column: usize| width(&line[column]);
    let widths: Vec<usize> =
        (0..shown.len()).map(|column| grid.iter().map(|line| cells(line, column)).max().unwrap_or(0)).collect();
    for line in &grid {
        let mut text = String::new();
        for (column, &width) in widths.iter().enumerate() {
            let padding = " ".repeat(width - cells(line, column));
            let space = if column > 0 { " " } else { "" };
            match table.schema.columns[shown[column]].align {
                Align::Left => text.extend([space, &line[column], &padding]),
                Align::Right => text.extend([space, &padding, &line[column]]),
            }
        }
        block.push_str(text.trim_end());
        block.push('\n');
    }
}

/// How a column is printed. BCC's heads name their units (`Kbytes`, `AVGms`, `RX_KB`, `READ_HIT%`),
/// so the head decides; where it names none, base units are printed and the head says so.
pub(super) struct Style {
    head: String,
    divide: f64,
    digits: usize,
    sign: &'static str,
    /// It was counted of one event in N, and multiplied.
    estimate: bool,
}

impl Style {
    pub fn of(column: &Column, frame: &Frame) -> Style {
        let style = Style::counted(column, &frame.interval);
        Style { estimate: frame.cost.sampled.is_some() && column.agg == Agg::Sum, ..style }
    }

    /// As if every event was counted.
    fn counted(column: &Column, interval: &Interval) -> Style {
        let mut head = column.bcc.clone();
        let lower = head.to_lowercase();
        let (divide, digits, sign) = match column.unit {
            Some(Unit::Bytes) if lower.starts_with('k') || lower.ends_with("_kb") => (1024.0, 0, ""),
            Some(Unit::Bytes) if lower.ends_with("_mb") => (1024.0 * 1024.0, 1, ""),
            Some(Unit::Ns) if lower.ends_with("ms") => (1e6, 2, ""),
            Some(Unit::Ns) if lower.ends_with("us") => (1e3, 1, ""),
            Some(Unit::Ns) if !lower.ends_with("ns") => return Style { head: head + "_ns", ..Style::PLAIN },
            Some(Unit::Ratio) => (0.01, 1, "%"),
            _ if lower.ends_with("/s") => match (interval.mode, interval.real_ns as f64 / 1e9) {
                (Mode::Interval, seconds) if seconds > 0.0 => (seconds, 1, ""),
                (Mode::SinceStart, _) => {
                    head.truncate(head.len() - "/s".len());
                    (1.0, 1, "")
                }
                _ => (1.0, 1, ""),
            },
            _ => (1.0, 2, ""),
        };
        Style { head, divide, digits, sign, estimate: false }
    }

    const PLAIN: Style = Style { head: String::new(), divide: 1.0, digits: 2, sign: "", estimate: false };

    pub fn head(&self) -> &str {
        &self.head
    }

    pub fn cell(&self, table: &Table, value: Value) -> String {
        let text = self.whole(table, value);
        let marked = self.estimate && value.as_f64().is_some_and(|n| n != 0.0);
        if marked { format!("~{text}") } else { text }
    }

    fn whole(&self, table: &Table, value: Value) -> String {
        match value {
            Value::Null => "-".to_owned(),
            Value::Text(span) => clean(table.text(span)).into_owned(),
            Value::Uint(n) if self.divide == 1.0 => n.to_string(),
            Value::Int(n) if self.divide == 1.0 => n.to_string(),
            number => match number.as_f64().filter(|n| n.is_finite()) {
                Some(n) => format!("{:.*}{}", self.digits, n / self.divide, self.sign),
                None => "-".to_owned(),
            },
        }
    }
}

fn distributions(block: &mut String, frame: &Frame) {
    let unit = match value_unit(&frame.table) {
        Some(Unit::Ns) => "nsecs",
        Some(Unit::Bytes) => "bytes",
        Some(Unit::Pages) => "pages",
        _ => "value",
    };
    for (row, histogram) in frame.histograms.iter().enumerate() {
        if row > 0 {
            block.push('\n');
        }
        let heads = frame.table.schema.columns.iter().enumerate();
        let named = heads.filter(|(index, c)| frame.table.schema.key.contains(index) || c.unit.is_none());
        let key: Vec<String> = named
            .map(|(index, c)| {
                format!("{} = {}", c.name, Style::of(c, frame).cell(&frame.table, frame.table.cell(row, index)))
            })
            .collect();
        if !key.is_empty() {
            block.push_str(&key.join(", "));
            block.push('\n');
        }
        distribution(block, histogram, unit, if frame.cost.sampled.is_some() { "~" } else { "" });
    }
}

/// Ranges, counts and stars, from the first to the last bucket in use.
fn distribution(block: &mut String, histogram: &Histogram, unit: &str, mark: &str) {
    let buckets = buckets(histogram);
    // BCC widens the ranges when a bound has more than ten digits.
    let wide = buckets.last().is_some_and(|bucket| bucket.hi > u64::from(u32::MAX));
    let (width, stars) = if wide { (20, STARS / 2) } else { (10, STARS) };
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    if !buckets.is_empty() {
        block.push_str(&format!("{unit:>half$}{:half$} : count     distribution\n", "", half = width + 2));
    }
    for bucket in &buckets {
        let bar = (u128::from(stars) * u128::from(bucket.count) / u128::from(most.max(1))) as usize;
        let (range, bar) = (format!("{:>width$} -> {:<width$}", bucket.lo, bucket.hi), "*".repeat(bar));
        let count = format!("{mark}{}", bucket.count);
        block.push_str(&format!("{range} : {count:<8} |{bar:<stars$}|\n", stars = stars as usize));
    }
    let count = histogram.count();
    let mean = histogram.sum.checked_div(count).unwrap_or(0);
    block.push_str(&format!("avg = {mean} {unit}, total: {mark}{} {unit}, count: {mark}{count}\n", histogram.sum));
}
