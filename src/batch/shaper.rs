//! What is done to a frame before it is written: mode, filter, sort, rows, columns.

use std::sync::Arc;

use crate::export::Shown;
use crate::frame::accumulate::{Accumulator, per_second};
use crate::frame::filter::{Filter, find_column};
use crate::frame::order::sort_rows;
use crate::frame::{Frame, Kind, Mode, Schema, Status, Type};

/// What the user asked for, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Display filter.
    pub filter: Option<String>,
    /// Sort column; `-` before it is for descending. Else the view's own.
    pub sort: Option<String>,
    /// Reverse the order.
    pub reverse: bool,
    /// Most rows after sorting; 0 is all.
    pub rows: usize,
    /// `rows` is what the user asked for, and not only what fits a table: logs are cut too.
    pub cut_logs: bool,
    /// Columns to keep, in order; empty is all.
    pub columns: Vec<String>,
    /// How the numbers are accumulated.
    pub mode: Mode,
}

/// A [`Shape`] for the columns of one view.
#[derive(Debug)]
pub struct Plan {
    filter: Filter,
    sort: Option<(usize, bool)>,
    columns: Option<Vec<usize>>,
}

impl Plan {
    /// Finds the columns that the names mean.
    ///
    /// # Errors
    /// One line: which option, what is wrong, and what there is.
    pub fn new(shape: &Shape, schema: &Schema) -> Result<Plan, String> {
        let filter = match &shape.filter {
            Some(text) => match Filter::parse(text, schema) {
                (filter, None) => filter,
                (_, Some(bad)) => {
                    let part = text.get(bad.start..bad.end).unwrap_or_default();
                    return Err(format!("--filter: at {} `{part}`: {}", bad.start + 1, bad.message));
                }
            },
            None => Filter::default(),
        };
        let columns = shape.columns.iter().map(|name| find_column(schema, name).map_err(|e| format!("--columns: {e}")));
        let columns = (!shape.columns.is_empty()).then(|| columns.collect::<Result<_, _>>()).transpose()?;
        let sort = match &shape.sort {
            Some(asked) => Some(sort_column(schema, asked).map_err(|e| format!("--sort: {e}"))?),
            None => schema.sort,
        };
        Ok(Plan { filter, sort: sort.map(|(column, down)| (column, down != shape.reverse)), columns })
    }

    fn apply(&self, frame: &Frame, rows: usize) -> Shown {
        let mut keep = self.filter.rows(&frame.table);
        if let Some((column, descending)) = self.sort {
            sort_rows(&frame.table, &mut keep, column, descending);
        }
        // Totals are those of what passed the filter, also where rows or columns are cut.
        let mut shown = Shown::whole(frame.select(&keep));
        if rows > 0 && rows < keep.len() {
            // Of events in their order the newest are the last ones.
            let newest = frame.kind == Kind::Events && self.sort == frame.table.schema.sort;
            shown.frame = frame.select(if newest { &keep[keep.len() - rows..] } else { &keep[..rows] });
        }
        if let Some(columns) = &self.columns {
            shown.frame.table = shown.frame.table.project(columns);
        }
        shown
    }
}

/// Numbers are sorted with the largest first, text from A, unless the name says otherwise.
fn sort_column(schema: &Schema, asked: &str) -> Result<(usize, bool), String> {
    match asked.strip_prefix('-') {
        Some(name) => Ok((find_column(schema, name)?, true)),
        None => find_column(schema, asked).map(|column| (column, schema.columns[column].ty != Type::Text)),
    }
}

/// Shapes the frames of one view, one after the other.
#[derive(Debug)]
pub struct Shaper {
    shape: Shape,
    total: Accumulator,
    plan: Option<(Arc<Schema>, Plan)>,
}

impl Shaper {
    /// For one view.
    pub fn new(shape: Shape) -> Shaper {
        Shaper { shape, total: Accumulator::default(), plan: None }
    }

    /// What is to be written of `frame`.
    ///
    /// # Errors
    /// As [`Plan::new`]: the user's names do not fit the columns of this view.
    pub fn shape(&mut self, frame: &Frame) -> Result<Shown, String> {
        if matches!(frame.status, Status::Unavailable(_)) {
            return Ok(Shown::whole(frame.clone()));
        }
        let schema = &frame.table.schema;
        let plan = match self.plan.take() {
            Some((planned, plan)) if Arc::ptr_eq(&planned, schema) || planned == *schema => plan,
            _ if frame.kind == Kind::Counters && self.shape.filter.is_some() => {
                log::warn!("{}: this view has one row, which --filter does not apply to", frame.view);
                Plan::new(&Shape { filter: None, ..self.shape.clone() }, schema)?
            }
            _ => Plan::new(&self.shape, schema)?,
        };
        let rows = if !self.shape.cut_logs && frame.kind == Kind::Events { 0 } else { self.shape.rows };
        let shown = match self.shape.mode {
            Mode::Interval => plan.apply(frame, rows),
            Mode::PerSecond => plan.apply(&per_second(frame), rows),
            Mode::SinceStart => {
                self.total.push(frame);
                plan.apply(self.total.total().unwrap_or(frame), rows)
            }
        };
        self.plan = Some((schema.clone(), plan));
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;
    use crate::frame::Value;

    fn shape(shape: Shape) -> Shown {
        Shaper::new(shape).shape(&sample::table()).unwrap()
    }

    fn column(shown: &Shown, name: &str) -> Vec<Value> {
        let table = &shown.frame.table;
        let column = table.schema.index(name).unwrap();
        (0..table.len()).map(|row| table.cell(row, column)).collect()
    }

    fn uints(values: &[u64]) -> Vec<Value> {
        values.iter().map(|&n| Value::Uint(n)).collect()
    }

    #[test]
    fn the_order_is_the_views_own_unless_asked() {
        let io = |sort: Option<&str>, reverse| {
            column(&shape(Shape { sort: sort.map(str::to_owned), reverse, ..Shape::default() }), "io")
        };
        assert_eq!(io(None, false), uints(&[1024, 2, 1]));
        assert_eq!(io(None, true), uints(&[1, 2, 1024]));
        assert_eq!(io(Some("io"), false), uints(&[1024, 2, 1]));
        assert_eq!(io(Some("-io"), false), uints(&[1024, 2, 1]));
        assert_eq!(io(Some("io"), true), uints(&[1, 2, 1024]));
        // Null comes first from A on: an unknown name.
        assert_eq!(io(Some("comm"), false), uints(&[1, 2, 1024]));
        assert_eq!(io(Some("-comm"), false), uints(&[1024, 2, 1]));
    }

    #[test]
    fn rows_and_columns_are_cut_but_totals_are_of_all_that_passed() {
        let columns = vec!["bytes".to_owned(), "pid".to_owned()];
        let filter = Some("io<1000".to_owned());
        let shown = shape(Shape { filter, columns, rows: 1, ..Shape::default() });
        let names: Vec<&str> = shown.frame.table.schema.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["bytes", "pid"]);
        assert_eq!(column(&shown, "bytes"), uints(&[2048]));
        assert_eq!(shown.totals, [("io".to_owned(), Value::Uint(3)), ("bytes".to_owned(), Value::Uint(3072))]);
    }

    #[test]
    fn since_start_adds_up_and_per_second_divides() {
        let mut shaper = Shaper::new(Shape { mode: Mode::SinceStart, ..Shape::default() });
        shaper.shape(&sample::table()).unwrap();
        let second = shaper.shape(&sample::table()).unwrap();
        assert_eq!(column(&second, "io"), uints(&[2048, 4, 2]));
        assert_eq!(second.frame.interval.real_ns, 4_000_000_000);
        let rate = shape(Shape { mode: Mode::PerSecond, ..Shape::default() });
        assert_eq!(column(&rate, "io")[0], Value::Float(512.0));
    }

    #[test]
    fn the_row_of_counters_passes_any_filter() {
        let filter = Some("nobody<1 fio".to_owned());
        let shown = Shaper::new(Shape { filter, ..Shape::default() }).shape(&sample::counters()).unwrap();
        assert_eq!(column(&shown, "read"), uints(&[1024]));
    }

    #[test]
    fn events_are_shown_once_and_the_newest_are_kept() {
        let frame = crate::ui::testing::exec_frame(3);
        let all = column(&Shown::whole(frame.clone()), "time_ns");
        let times = |shape: Shape| {
            let mut shaper = Shaper::new(shape);
            shaper.shape(&frame).unwrap();
            let again = shaper.shape(&frame).unwrap();
            assert_eq!(again.frame.interval.mode, Mode::Interval);
            column(&again, "time_ns")
        };
        for mode in [Mode::Interval, Mode::PerSecond, Mode::SinceStart] {
            assert_eq!(times(Shape { mode, rows: 2, ..Shape::default() }), all, "20 rows are the default of tables");
            assert_eq!(times(Shape { mode, rows: 2, cut_logs: true, ..Shape::default() }), all[all.len() - 2..]);
        }
        let newest: Vec<Value> = all.iter().rev().take(2).copied().collect();
        assert_eq!(times(Shape { rows: 2, cut_logs: true, reverse: true, ..Shape::default() }), newest);
        let by_pid = Shape { rows: 1, cut_logs: true, sort: Some("ret".into()), reverse: true, ..Shape::default() };
        assert_eq!(times(by_pid), all[3..4], "the first ones of another order: the failure");
    }

    #[test]
    fn distributions_follow_their_rows() {
        let filter = Some("task2".to_owned());
        let frame = sample::histogram();
        let shown = Shaper::new(Shape { filter, ..Shape::default() }).shape(&frame).unwrap();
        assert_eq!(shown.frame.histograms, [frame.histograms[1].clone()]);
    }

    #[test]
    fn names_that_do_not_fit_are_one_line_with_the_place() {
        let error = |shape: Shape| Shaper::new(shape).shape(&sample::table()).unwrap_err();
        let filter = error(Shape { filter: Some("fio byts>1".into()), ..Shape::default() });
        assert_eq!(filter, "--filter: at 5 `byts`: no column `byts`; did you mean bytes?");
        assert!(
            error(Shape { sort: Some("-byts".into()), ..Shape::default() }).starts_with("--sort: no column `byts`")
        );
        assert!(error(Shape { columns: vec!["q".into()], ..Shape::default() }).starts_with("--columns: no column `q`"));
    }
}
