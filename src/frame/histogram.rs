//! Log2 distributions and what can honestly be said of their percentiles.

/// A distribution: bucket `i` counts values `v` with `floor(log2(v)) == i`; 0 and 1 are both in bucket 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Counts by power of two, trailing empty buckets included.
    pub buckets: Vec<u64>,
    /// Sum of all values.
    pub sum: u64,
    /// Largest value, exact; `None` if the program does not record it.
    pub max: Option<u64>,
}

/// A percentile of a log2 distribution: the bucket bounds it, the estimate interpolates inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Percentile {
    /// Smallest value it can be.
    pub lo: u64,
    /// Largest value it can be.
    pub hi: u64,
    /// Linear interpolation inside the bucket; print it with `~`.
    pub est: u64,
}

impl Histogram {
    /// Number of values. Sums stop at the largest number: a recording may claim anything.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, &n| sum.saturating_add(n))
    }

    /// Smallest value of bucket `index`.
    pub fn lo(index: usize) -> u64 {
        if index == 0 { 0 } else { 1u64.checked_shl(index as u32).unwrap_or(u64::MAX) }
    }

    /// Largest value of bucket `index`.
    pub fn hi(index: usize) -> u64 {
        1u64.checked_shl(index as u32 + 1).map_or(u64::MAX, |next| next - 1)
    }

    /// Counts one value.
    pub fn add(&mut self, value: u64) {
        let bucket = value.max(1).ilog2() as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(Some(value));
    }

    /// First and last bucket in use.
    pub fn used(&self) -> Option<(usize, usize)> {
        let first = self.buckets.iter().position(|&n| n > 0)?;
        let last = self.buckets.iter().rposition(|&n| n > 0)?;
        Some((first, last))
    }

    /// Adds `other` into this one: sums add up, the larger maximum wins.
    pub fn merge(&mut self, other: &Histogram) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = match (self.max, other.max) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }

    /// Which bucket holds the value at `fraction` (0.99), by the nearest-rank method, and how many
    /// values are in the buckets below it.
    pub fn rank(&self, fraction: f64) -> Option<(usize, u64)> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((fraction * count as f64).ceil() as u64).clamp(1, count);
        let mut below = 0u64;
        for (index, &n) in self.buckets.iter().enumerate() {
            if n > 0 && below.saturating_add(n) >= rank {
                return Some((index, below));
            }
            below = below.saturating_add(n);
        }
        None
    }

    /// The percentile at `fraction`; `None` for an empty distribution. The exact maximum, where it
    /// is known, bounds the last bucket.
    pub fn percentile(&self, fraction: f64) -> Option<Percentile> {
        let (index, below) = self.rank(fraction)?;
        let last = self.used().is_some_and(|(_, last)| last == index);
        let lo = Self::lo(index);
        let hi = match self.max {
            Some(max) if last => max.clamp(lo, Self::hi(index)),
            _ => Self::hi(index),
        };
        let n = self.buckets[index];
        let rank = ((fraction * self.count() as f64).ceil() as u64).clamp(1, self.count());
        let inside = rank.saturating_sub(below) as f64 / n as f64;
        let est = lo.saturating_add(((hi - lo) as f64 * inside) as u64);
        Some(Percentile { lo, hi, est: est.clamp(lo, hi) })
    }
}

impl super::Frame {
    /// The distribution of the row called `id`, or those of all rows put together.
    pub fn distribution(&self, id: Option<u64>) -> Histogram {
        let wanted = |row: &usize| id.is_none_or(|id| self.table.ids().get(*row) == Some(&id));
        let mut all = Histogram::default();
        for row in (0..self.histograms.len()).filter(wanted) {
            all.merge(&self.histograms[row]);
        }
        all
    }

    /// The distribution of what `column` holds in the rows that `wanted` takes, and how many of them have no value.
    pub fn distribution_of(&self, column: usize, wanted: impl Fn(&super::Table, usize) -> bool) -> (Histogram, u64) {
        let (mut all, mut unknown) = (Histogram::default(), 0);
        for row in (0..self.table.len()).filter(|&row| wanted(&self.table, row)) {
            match self.table.cell(row, column).as_u64() {
                Some(value) => all.add(value),
                None => unknown += 1,
            }
        }
        (all, unknown)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentile_is_bounded_by_its_bucket_and_the_maximum() {
        let hist = Histogram { buckets: vec![0, 10, 0, 89, 1], sum: 0, max: Some(17) };
        assert_eq!(hist.percentile(0.05).unwrap().lo, 2);
        assert_eq!(hist.percentile(0.05).unwrap().hi, 3);
        let p50 = hist.percentile(0.50).unwrap();
        assert_eq!((p50.lo, p50.hi), (8, 15));
        assert!(p50.est >= 8 && p50.est <= 15);
        assert_eq!(hist.percentile(1.0), Some(Percentile { lo: 16, hi: 17, est: 17 }));
        assert_eq!(Histogram::default().percentile(0.5), None);
    }

    #[test]
    fn merge_adds_counts_and_keeps_the_larger_maximum() {
        let mut a = Histogram { buckets: vec![1], sum: 1, max: Some(1) };
        a.merge(&Histogram { buckets: vec![0, 2], sum: 5, max: Some(3) });
        assert_eq!(a, Histogram { buckets: vec![1, 2], sum: 6, max: Some(3) });
    }

    #[test]
    fn a_value_is_counted_in_the_bucket_that_bounds_it() {
        for value in [0, 1, 2, 3, 4, 1023, 1024, u64::MAX] {
            let mut hist = Histogram::default();
            hist.add(value);
            let (at, _) = hist.used().unwrap();
            assert!(Histogram::lo(at) <= value && value <= Histogram::hi(at), "{value} in bucket {at}");
            assert_eq!((hist.count(), hist.sum, hist.max), (1, value, Some(value)));
        }
    }

    #[test]
    fn bounds_do_not_overflow() {
        assert_eq!(Histogram::hi(63), u64::MAX);
        assert_eq!((Histogram::lo(0), Histogram::hi(0)), (0, 1));
    }

    /// The distribution of these values, as a program counts them.
    fn of(values: &[u64]) -> Histogram {
        let mut all = Histogram { buckets: vec![0; 64], ..Histogram::default() };
        for &value in values {
            all.buckets[value.max(1).ilog2() as usize] += 1;
            all.sum = all.sum.saturating_add(value);
            all.max = all.max.max(Some(value));
        }
        all
    }

    proptest::proptest! {
        #[test]
        fn a_percentile_bounds_the_value_that_has_that_rank(
            values in proptest::collection::vec((proptest::num::u64::ANY, 0u32..64).prop_map(|(n, by)| n >> by), 1..50),
            percent in 1u32..=100,
        ) {
            let all = of(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let fraction = f64::from(percent) / 100.0;
            let rank = ((fraction * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let found = all.percentile(fraction).unwrap();
            let truth = sorted[rank - 1];
            proptest::prop_assert!((found.lo..=found.hi).contains(&truth), "{:?} of {:?}", found, sorted);
            proptest::prop_assert!((found.lo..=found.hi).contains(&found.est));
            proptest::prop_assert_eq!(all.count(), values.len() as u64);
        }

        #[test]
        fn parts_put_together_are_the_whole(
            values in proptest::collection::vec(proptest::num::u64::ANY, 0..50),
            at in proptest::sample::Index::arbitrary(),
        ) {
            let (one, other) = values.split_at(if values.is_empty() { 0 } else { at.index(values.len()) });
            let (mut there, mut back) = (of(one), of(other));
            there.merge(&of(other));
            back.merge(&of(one));
            proptest::prop_assert_eq!(&there, &of(&values));
            proptest::prop_assert_eq!(there, back);
        }

        #[test]
        fn any_numbers_have_percentiles_in_order(
            buckets in proptest::collection::vec(proptest::num::u64::ANY, 0..70),
            max in proptest::option::of(proptest::num::u64::ANY),
        ) {
            let all = Histogram { buckets, sum: 0, max };
            let each: Vec<Percentile> = [0.0, 0.5, 0.99, 1.0].iter().filter_map(|&part| all.percentile(part)).collect();
            proptest::prop_assert!(each.iter().all(|p| p.lo <= p.est && p.est <= p.hi), "{:?}", each);
            proptest::prop_assert!(each.windows(2).all(|two| two[0].est <= two[1].est), "{:?}", each);
        }
    }
}
