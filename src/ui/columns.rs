//! Which columns fit, and how wide they are. Widths come from the declarations alone, never from
//! the rows, so that columns stand still.

use std::collections::HashMap;

use crate::frame::{Agg, Schema, Unit};

/// Cells of the trend column and its gap, smallest.
const TREND: u16 = 9;

/// Cells of the trend column, largest.
const WIDEST_TREND: u16 = 16;

/// Priority of ordinary columns. A key that its view declares less important than that is dropped like them.
const ORDINARY: u8 = 5;

/// Cells of the name of a process.
const NAME: u16 = 16;

/// Cells to which the name of a row is cut where nothing but it and the sorted number are left.
const SHORTEST: u16 = 6;

/// Cells of an IPv4 address.
const ADDRESS: u16 = 15;

/// Columns on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Column and its width.
    pub columns: Vec<(usize, u16)>,
    /// Columns that would be shown on a wider screen.
    pub dropped: usize,
    /// Width of the trend column.
    pub trend: Option<u16>,
}

/// What is to be fitted.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// All columns.
    pub schema: &'a Schema,
    /// Those to show, in order.
    pub visible: &'a [usize],
    /// Widths that the user chose.
    pub widths: &'a HashMap<String, u16>,
    /// The sorted one.
    pub sort: Option<usize>,
}

/// Chooses columns for `width` cells. `left` columns after the first are scrolled away.
pub fn fit(want: Want<'_>, width: u16, left: usize, trend: bool) -> Fit {
    let visible = want.visible;
    if visible.is_empty() || width == 0 {
        return Fit::default();
    }
    let mut kept = if left == 0 { by_priority(want, width) } else { scrolled(want, width, left) };
    let scrolled = if left == 0 { 0 } else { left.min(visible.len() - 1) };
    let dropped = visible.len().saturating_sub(kept.len() + scrolled);
    if kept.is_empty() {
        kept.push(visible[0]);
    }
    let room = width.saturating_sub(if trend && dropped == 0 { TREND } else { 0 });
    let spare = |room: u16| room.checked_sub(total(kept.iter().map(|&c| comfortable(want, c))));
    let with_trend = trend && dropped == 0 && width >= 79 && spare(room).is_some();
    let room = if with_trend { room } else { width };
    let mut widths = widen(want, &kept, room);
    let used = total(widths.iter().copied());
    let trend = with_trend.then(|| (width - used).saturating_sub(1).clamp(TREND - 1, WIDEST_TREND));
    // Nothing stands behind a text that comes last: there is no reason to cut it while there is room.
    if let (None, Some(&column), Some(last)) = (trend, kept.last(), widths.last_mut()) {
        let meta = &want.schema.columns[column];
        if meta.unit.is_none() && !want.widths.contains_key(&meta.name) {
            *last += width.saturating_sub(used);
        }
    }
    Fit { columns: kept.into_iter().zip(widths).collect(), dropped, trend }
}

fn total(widths: impl Iterator<Item = u16>) -> u16 {
    let mut count = 0u16;
    let sum = widths.inspect(|_| count += 1).fold(0u16, u16::saturating_add);
    sum.saturating_add(count.saturating_sub(1))
}

fn narrowest(want: Want<'_>, column: usize) -> u16 {
    let meta = &want.schema.columns[column];
    if let Some(&width) = want.widths.get(&meta.name) {
        return width;
    }
    // Narrower than this, numbers lose digits: rather one column less.
    let digits = match meta.unit {
        Some(Unit::Bytes) => 8,
        Some(Unit::Ns) => 7,
        // Names that tell rows apart: an address that is cut is another address.
        None if meta.agg == Agg::Key && !meta.cut_middle && meta.ideal_width >= ADDRESS => ADDRESS,
        None if meta.agg == Agg::Key && !meta.cut_middle => meta.ideal_width * 7 / 10,
        // Half a name is enough to know a program by, six letters are not.
        None if meta.ideal_width >= NAME => NAME / 2,
        _ => 1,
    };
    meta.min_width.max(digits).max((meta.label.len() as u16).min(meta.ideal_width))
}

fn ideal(want: Want<'_>, column: usize) -> u16 {
    let meta = &want.schema.columns[column];
    want.widths.get(&meta.name).copied().unwrap_or(meta.ideal_width.max(narrowest(want, column)))
}

fn comfortable(want: Want<'_>, column: usize) -> u16 {
    (narrowest(want, column) + ideal(want, column)).div_ceil(2)
}

/// Keys and the sorted column go last, then by priority, the rightmost of equals first.
fn by_priority(want: Want<'_>, width: u16) -> Vec<usize> {
    let (schema, sort) = (want.schema, want.sort);
    let mut kept = want.visible.to_vec();
    while kept.len() > 1 && total(kept.iter().map(|&c| narrowest(want, c))) > width {
        let rank = |&&c: &&usize| {
            let rank = if Some(c) == sort {
                0
            } else if schema.columns[c].agg == Agg::Key && schema.columns[c].priority < ORDINARY {
                1
            } else {
                2
            };
            (rank, schema.columns[c].priority, c)
        };
        if squeezed(want, &kept, width).is_some() {
            break;
        }
        let Some(&worst) = kept.iter().skip(1).max_by_key(rank) else { break };
        kept.retain(|&c| c != worst);
    }
    kept
}

/// Cells that are left of a name beside the sorted number, where only the two are kept: without its
/// number a list of names says nothing. A number that is cut would be another one.
fn squeezed(want: Want<'_>, kept: &[usize], width: u16) -> Option<u16> {
    let &[name, number] = kept else { return None };
    let text = want.sort == Some(number) && want.schema.columns[name].unit.is_none();
    width.checked_sub(narrowest(want, number) + 1).filter(|&room| text && room >= SHORTEST)
}

fn scrolled(want: Want<'_>, width: u16, left: usize) -> Vec<usize> {
    let visible = want.visible;
    let mut kept = vec![visible[0]];
    for &column in visible.iter().skip(1 + left.min(visible.len().saturating_sub(2))) {
        kept.push(column);
        if total(kept.iter().map(|&c| narrowest(want, c))) > width {
            kept.pop();
            break;
        }
    }
    kept
}

/// Shares the room out: everybody gets the narrowest, then the neediest first up to the ideal.
fn widen(want: Want<'_>, kept: &[usize], width: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = kept.iter().map(|&c| narrowest(want, c)).collect();
    let ideal: Vec<u16> = kept.iter().map(|&c| ideal(want, c)).collect();
    if total(widths.iter().copied()) > width
        && let Some(room) = squeezed(want, kept, width)
    {
        widths[0] = room;
    }
    let mut spare = width.saturating_sub(total(widths.iter().copied()));
    while spare > 0 {
        // The neediest is the one that lacks most of its ideal, in thousandths.
        let lack = |i: usize| u32::from(ideal[i] - widths[i]) * 1000 / u32::from(ideal[i]);
        let needy = (0..kept.len()).filter(|&i| widths[i] < ideal[i]).max_by_key(|&i| (lack(i), usize::MAX - i));
        let Some(needy) = needy else { break };
        widths[needy] += 1;
        spare -= 1;
    }
    if let [only] = widths.as_mut_slice() {
        *only = (*only).min(width);
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{disk_frame, net_frame};

    /// The view's own columns, no widths chosen.
    fn fit(schema: &Schema, sort: Option<usize>, width: u16, left: usize, trend: bool) -> Fit {
        let visible: Vec<usize> = (0..schema.columns.len()).filter(|&c| schema.columns[c].visible).collect();
        super::fit(Want { schema, visible: &visible, widths: &HashMap::new(), sort }, width, left, trend)
    }

    fn names(schema: &Schema, fit: &Fit) -> Vec<String> {
        fit.columns.iter().map(|&(c, _)| schema.columns[c].name.clone()).collect()
    }

    #[test]
    fn keys_and_the_sorted_column_survive_a_narrow_pane() {
        let schema = disk_frame(0).table.schema.clone();
        let sort = schema.index("bytes");
        for width in 1..=200 {
            let fit = fit(&schema, sort, width, 0, true);
            let used: u16 = total(fit.columns.iter().map(|&(_, w)| w)) + fit.trend.map_or(0, |t| t + 1);
            assert!(used <= width, "{width}: {fit:?}");
        }
        let narrow = fit(&schema, sort, 18, 0, false);
        assert_eq!(names(&schema, &narrow), ["pid", "rw", "bytes"]);
        assert!(narrow.dropped > 0);
        assert_eq!(fit(&schema, sort, 200, 0, false).dropped, 0);
    }

    #[test]
    fn a_name_is_cut_before_the_number_beside_it_goes() {
        let schema = disk_frame(0).table.schema.clone();
        let (comm, bytes) = (schema.index("comm").unwrap(), schema.index("bytes").unwrap());
        let mut schema = Schema::clone(&schema);
        schema.columns[comm].agg = Agg::Key;
        let want = |width| {
            let visible = [comm, bytes];
            let widths = HashMap::new();
            super::fit(Want { schema: &schema, visible: &visible, widths: &widths, sort: Some(bytes) }, width, 0, false)
        };
        assert_eq!(want(19).columns, [(comm, 10), (bytes, 8)]);
        assert_eq!(want(13).columns, [(comm, 13)]);
    }

    #[test]
    fn the_trend_needs_80_columns_and_room() {
        let schema = disk_frame(0).table.schema.clone();
        assert!(fit(&schema, None, 79, 0, true).trend.is_some());
        assert!(fit(&schema, None, 70, 0, true).trend.is_none());
        let schema = net_frame(0).table.schema.clone();
        assert!(fit(&schema, None, 79, 0, true).trend.is_none());
    }

    #[test]
    fn the_first_column_stays_when_scrolled() {
        let schema = disk_frame(0).table.schema.clone();
        let fit = fit(&schema, None, 40, 3, false);
        assert_eq!(names(&schema, &fit)[0], "pid");
        assert!(!names(&schema, &fit).contains(&"comm".to_owned()));
    }
}
