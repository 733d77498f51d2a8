//! Limits on columns: what is worth a look, and what asks for action.

use std::collections::HashMap;
use std::fmt;

use super::filter::number_of;
use super::ids::ById;
use super::{Column, Frame, Unit};

/// How bad a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    #[default]
    Fine,
    /// Worth a look.
    Warn,
    /// Act.
    Crit,
}

impl Level {
    /// The sign in the gutter; warn and critical differ by more than colour.
    pub fn mark(self) -> &'static str {
        match self {
            Level::Fine => " ",
            Level::Warn => "!",
            Level::Crit => "!!",
        }
    }
}

/// Limits on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name of the column.
    pub column: String,
    /// From here on it is worth a look.
    pub warn: Option<f64>,
    /// From here on it asks for action.
    pub crit: Option<f64>,
    /// Small values are the bad ones.
    pub below: bool,
    /// For how many intervals in a row it has to be so.
    pub intervals: u32,
    /// The bell rings when it becomes so.
    pub bell: bool,
    /// The screen is exported when it becomes so.
    pub snapshot: bool,
    /// As it was written.
    text: String,
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Threshold {
    /// Reads `warn 1M crit 10M below for 3 bell snapshot`: any of these words.
    ///
    /// # Errors
    /// Which word is not understood.
    pub fn parse(column: &Column, text: &str) -> Result<Threshold, String> {
        if column.unit.is_none_or(|unit| unit == Unit::Id) {
            return Err(format!("{} is a name: limits are for what can be more or less", column.name));
        }
        let mut out = Threshold {
            column: column.name.clone(),
            warn: None,
            crit: None,
            below: false,
            intervals: 1,
            bell: false,
            snapshot: false,
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or(format!("{word} needs a number"));
            match word {
                "warn" => out.warn = Some(number_of(number()?, column.unit)?),
                "crit" => out.crit = Some(number_of(number()?, column.unit)?),
                "for" => {
                    let count = number()?;
                    let count = count.parse().ok().filter(|n| (1..=1000).contains(n));
                    out.intervals = count.ok_or("for needs a number of intervals, 1 to 1000")?;
                }
                "below" => out.below = true,
                "bell" => out.bell = true,
                "snapshot" => out.snapshot = true,
                other => return Err(format!("{other}? warn N, crit N, below, for N, bell, snapshot")),
            }
        }
        if out.warn.is_none() && out.crit.is_none() {
            return Err("warn N or crit N is needed".to_owned());
        }
        Ok(out)
    }

    /// How bad a value is.
    pub fn level(&self, value: f64) -> Level {
        let over =
            |limit: Option<f64>| limit.is_some_and(|limit| if self.below { value <= limit } else { value >= limit });
        if over(self.crit) {
            Level::Crit
        } else if over(self.warn) {
            Level::Warn
        } else {
            Level::Fine
        }
    }
}

/// What became worse with a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// The worst of all rows.
    pub worst: Level,
    /// A row that asks for the bell became bad.
    pub bell: bool,
    /// A row that asks for an export became bad.
    pub snapshot: bool,
}

/// Keeps count of how long rows are over their limits.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    streaks: HashMap<u64, (u32, Level), ById>,
    /// Rows that are over a limit now.
    pub levels: HashMap<u64, Level, ById>,
}

impl Watch {
    /// Looks at one interval.
    pub fn push(&mut self, limits: &[Threshold], frame: &Frame) -> Alarm {
        let mut alarm = Alarm::default();
        let before = std::mem::take(&mut self.streaks);
        let known = std::mem::take(&mut self.levels);
        for (at, limit) in limits.iter().enumerate() {
            let Some(column) = frame.table.schema.index(&limit.column) else { continue };
            for (row, &id) in frame.table.ids().iter().enumerate() {
                let level = frame.table.cell(row, column).as_f64().map_or(Level::Fine, |value| limit.level(value));
                if level == Level::Fine {
                    continue;
                }
                // Each limit counts by itself.
                let streak = id ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let count = before.get(&streak).map_or(1, |(count, _)| count + 1);
                self.streaks.insert(streak, (count, level));
                if count >= limit.intervals {
                    let now = self.levels.entry(id).or_default();
                    *now = (*now).max(level);
                    alarm.worst = alarm.worst.max(level);
                    let news = known.get(&id).is_none_or(|&old| old < level);
                    alarm.bell |= news && limit.bell;
                    alarm.snapshot |= news && limit.snapshot;
                }
            }
        }
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::disk_frame;

    #[test]
    fn limits_are_read_with_units_and_told_apart() {
        let schema = disk_frame(0).table.schema.clone();
        let column = |name: &str| &schema.columns[schema.index(name).unwrap()];
        let limit = Threshold::parse(column("bytes"), "warn 1M  crit 20M bell").unwrap();
        assert_eq!((limit.warn, limit.crit, limit.bell), (Some(1048576.0), Some(20971520.0), true));
        assert_eq!(limit.to_string(), "warn 1M crit 20M bell");
        assert_eq!([limit.level(1.0), limit.level(2e6), limit.level(3e7)], [Level::Fine, Level::Warn, Level::Crit]);
        let low = Threshold::parse(column("io"), "warn 10 below").unwrap();
        assert_eq!([low.level(11.0), low.level(10.0)], [Level::Fine, Level::Warn]);
        for wrong in ["", "warn", "warn x", "crit 1 for 0", "maybe 1"] {
            assert!(Threshold::parse(column("io"), wrong).is_err(), "{wrong}");
        }
        for name in ["pid", "comm"] {
            assert!(Threshold::parse(column(name), "warn 5").unwrap_err().contains("is a name"), "{name}");
        }
    }

    #[test]
    fn a_row_has_to_be_bad_for_as_long_as_asked() {
        let schema = disk_frame(0).table.schema.clone();
        let bytes = &schema.columns[schema.index("bytes").unwrap()];
        let limit = [Threshold::parse(bytes, "crit 50M for 2 bell").unwrap()];
        let mut watch = Watch::default();
        assert_eq!(watch.push(&limit, &disk_frame(0)).worst, Level::Fine);
        let alarm = watch.push(&limit, &disk_frame(1));
        assert_eq!((alarm.worst, alarm.bell, watch.levels.len()), (Level::Crit, true, 1));
        assert!(!watch.push(&limit, &disk_frame(2)).bell, "it rings once");
    }
}
