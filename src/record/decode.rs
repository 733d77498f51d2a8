//! A line becomes a frame again.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::value::RawValue;

use super::limits;
use super::rows::{self, Places};
use super::schema::{self, Made};
use super::shape::{FrameLine, Interval as IntervalShape, Time};
use crate::frame::accumulate::spread;
use crate::frame::{
    Frame, Hook, Interval, Kind, Mode, Reason, ReasonClass, Schema, SettingValue, Stamp, Status, Table, Unavailable,
};

/// Finds the columns of a view that this program knows.
pub type Known = Arc<dyn Fn(&str, &[(String, SettingValue)]) -> Option<Arc<Schema>> + Send + Sync>;

/// Reads frames. Those of one view share their columns.
pub struct Decoder {
    known: Known,
    made: HashMap<String, Remembered>,
}

/// The columns of a view as its last frame had them.
struct Remembered {
    made: Made,
    known: Option<Arc<Schema>>,
    schema: Arc<Schema>,
    places: Arc<Places>,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder of {} views", self.made.len())
    }
}

impl Decoder {
    /// A decoder that asks `known` for what files do not say.
    pub fn new(known: Known) -> Decoder {
        Decoder { known, made: HashMap::new() }
    }

    /// Reads one line that is a frame.
    ///
    /// # Errors
    /// What is wrong with it, on one line.
    pub fn frame(&mut self, line: &[u8]) -> Result<Frame, String> {
        let mut shape: FrameLine<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
        let kind = kind(&shape.kind.0, shape.histograms.is_some());
        let settings = std::mem::take(&mut shape.settings.0);
        let settings: Vec<_> = settings.into_iter().map(|(name, value)| (name, value.into())).collect();
        let (schema, places) = self.schema(&mut shape, &settings);
        let mut table = Table::new(schema);
        let mut histograms = Vec::new();
        match (kind, shape.rows, shape.histograms) {
            (Kind::Histogram, _, Some(text)) => histograms = rows::histograms(text, &mut table, &places)?,
            (Kind::Table | Kind::Counters | Kind::Events, Some(text), _) => rows::rows(text, &mut table, &places)?,
            _ => {}
        }
        let interval = interval(&shape.interval)?;
        let reason = shape.reason.map(reason);
        let hook = |hook: super::shape::Hook| Hook {
            purpose: hook.purpose.0,
            alternative: hook.alternative,
            kind: hook.kind.0,
            target: hook.target.0,
        };
        let mut frame = Frame {
            view: shape.view.0.into(),
            kind,
            status: status(&shape.status.0, reason),
            time: stamp(&shape.time)?,
            interval,
            settings: settings.into(),
            hooks: shape.hooks.0.into_iter().map(hook).collect(),
            table,
            histograms,
            lost: shape.lost.into(),
            cost: shape.cost.into(),
        };
        // The counts of distributions are written as they are; those of the rows are not.
        if kind == Kind::Histogram && frame.interval.mode == Mode::PerSecond {
            spread(&mut frame);
        }
        Ok(frame)
    }

    /// The columns of a frame: those of the frame before, if they are the same.
    fn schema(&mut self, shape: &mut FrameLine<'_>, settings: &[(String, SettingValue)]) -> (Arc<Schema>, Arc<Places>) {
        let totals: Vec<String> = shape.totals.0.iter().map(|(name, _)| name.clone()).collect();
        let before = self.made.get(&shape.view.0).filter(|old| {
            let made = &old.made;
            made.columns == shape.columns && made.key == shape.key && made.totals == totals && made.settings == settings
        });
        let mut wide = before.map(|old| old.made.wide.clone()).unwrap_or_default();
        let known = match before {
            Some(old) => old.known.clone(),
            None => (self.known)(&shape.view.0, settings),
        };
        if known.is_none() {
            find_wide(shape, &mut wide);
        }
        if let Some(old) = before.filter(|old| old.made.wide == wide) {
            return (old.schema.clone(), old.places.clone());
        }
        let merged = schema::merge(&shape.columns.0, &shape.key.0, &shape.totals, &wide, known.as_deref());
        let places = Arc::new(Places::of(&merged));
        let schema = Arc::new(merged);
        let made = Made {
            columns: std::mem::take(&mut shape.columns),
            key: std::mem::take(&mut shape.key),
            totals,
            wide,
            settings: settings.to_vec(),
        };
        if self.made.len() >= limits::VIEWS {
            self.made.clear();
        }
        let remembered = Remembered { made, known, schema: schema.clone(), places: places.clone() };
        self.made.insert(shape.view.0.clone(), remembered);
        (schema, places)
    }
}

/// Columns of whole numbers that are written as strings: those of the first row tell. The text is
/// looked at only where nobody knows the view.
fn find_wide(shape: &FrameLine<'_>, wide: &mut Vec<String>) {
    let Some(first) = shape.rows.and_then(first_row) else { return };
    let whole = shape.columns.0.iter().filter(|column| column.ty.0 == "int");
    for column in whole {
        let is_text = first.get(&column.name.0).is_some_and(serde_json::Value::is_string);
        if is_text && !wide.contains(&column.name.0) {
            wide.push(column.name.0.clone());
        }
    }
}

/// The first row of a list, if it is of an ordinary size.
fn first_row(rows: &RawValue) -> Option<serde_json::Map<String, serde_json::Value>> {
    let text = rows.get().trim_start().strip_prefix('[')?;
    let end = (0..=text.len().min(1 << 16)).rev().find(|&at| text.is_char_boundary(at))?;
    let mut values = serde_json::Deserializer::from_str(&text[..end]).into_iter();
    values.next()?.ok()
}

fn kind(word: &str, distributions: bool) -> Kind {
    // Kinds that this version does not know have rows.
    match word {
        "histogram" => Kind::Histogram,
        "counters" => Kind::Counters,
        "events" => Kind::Events,
        "table" => Kind::Table,
        _ if distributions => Kind::Histogram,
        _ => Kind::Table,
    }
}

fn status(word: &str, reason: Option<Reason>) -> Status {
    let reason = reason.unwrap_or_else(|| Reason {
        class: ReasonClass::TargetMissing,
        message: "the recording does not say why".to_owned(),
        remedy: String::new(),
    });
    match word {
        "unavailable" => Status::Unavailable(Box::new(Unavailable { reason, tried: Vec::new() })),
        "partial" => Status::Partial(reason),
        _ => Status::Ok,
    }
}

fn reason(shape: super::shape::Reason) -> Reason {
    let class = serde_json::from_value(serde_json::Value::String(shape.class.0));
    // A class that this version does not know is still a thing that was missing.
    let class = class.unwrap_or(ReasonClass::TargetMissing);
    Reason { class, message: shape.message.0, remedy: shape.remedy.0 }
}

fn interval(shape: &IntervalShape) -> Result<Interval, String> {
    let mode = match shape.mode.0.as_str() {
        "per_second" => Mode::PerSecond,
        "since_start" => Mode::SinceStart,
        _ => Mode::Interval,
    };
    let &IntervalShape { index, asked_ns, real_ns, .. } = shape;
    if [index, asked_ns, real_ns].into_iter().any(|n| n > limits::TIME_NS) {
        return Err("interval: out of range".to_owned());
    }
    Ok(Interval { index, asked_ns, real_ns, mode })
}

/// The moment of a frame.
///
/// # Errors
/// If it is none.
pub fn stamp(time: &Time<'_>) -> Result<Stamp, String> {
    let wall = humantime::parse_rfc3339(&time.wall).ok().and_then(|wall| wall.duration_since(UNIX_EPOCH).ok());
    let wall = wall.and_then(|wall| u64::try_from(wall.as_nanos()).ok());
    match wall {
        Some(wall_ns) if time.mono_ns <= limits::TIME_NS => Ok(Stamp { wall_ns, mono_ns: time.mono_ns }),
        Some(_) => Err("time: out of range".to_owned()),
        None => Err("time: is not a moment such as 2026-11-22T11:10:31Z".to_owned()),
    }
}
