//! `--max-overhead`: what all our programs together may cost, and what is done when they cost more. Views that can, count one event
//! in N; when that is not enough, the dearest view is suspended. Knows no kernel and no clock: measurements go in, orders come out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Intervals in a row over the limit, after which something is done.
const PATIENCE: u32 = 3;
/// Intervals in a row within the limit, after which something is given back.
const CALM: u32 = 5;
/// The part of the limit that is aimed at when something is taken away.
const AIM: f64 = 0.9;
/// The part of the limit that has to hold with what is given back: the gap to [`AIM`] keeps it from swinging.
const GIVE_BACK: f64 = 0.6;
/// Beyond this an estimate says little, and the cost is that of being called at all.
const MOST: u32 = 1024;
/// Intervals that a view is suspended for at first; twice as many each time that it turned out too dear again.
const PAUSE: u32 = 10;
const LONGEST_PAUSE: u32 = 320;

/// What a view measured in one interval.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// CPU spent in its programs, ns.
    pub ns: u64,
    /// Their runs: also those that counted nothing.
    pub runs: u64,
    /// Length of the interval, ns.
    pub real_ns: u64,
    /// One event in so many was counted.
    pub one_in: u32,
}

/// What a view is to do from its next interval on.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Count one event in so many.
    OneIn(u32),
    /// Leave the kernel; the sentence says why.
    Suspend(String),
}

#[derive(Debug)]
struct Member {
    /// Whether it can count one event in N.
    samples: bool,
    one_in: u32,
    /// Rounds since it was suspended; `None`: it runs.
    suspended: Option<u32>,
    /// Why it was suspended.
    why: String,
    /// How long it is suspended for, rounds.
    pause: u32,
    /// Rounds left in which it goes at once if the limit is exceeded: it was just let in again.
    trial: u32,
    /// Share of one CPU, as it was last measured.
    cost: f64,
    /// Runs a second.
    runs: f64,
    /// Cost of a run that counts, ns.
    full: f64,
    /// Cost of a run that does not, ns; 0 until it is known.
    floor: f64,
    /// Whether it reported in this round.
    told: bool,
}

impl Member {
    /// What it would cost with this divisor.
    fn estimate(&self, one_in: u32) -> f64 {
        if self.suspended.is_some() {
            return 0.0;
        }
        self.runs * (self.floor + (self.full - self.floor) / f64::from(one_in)) / 1e9
    }

    fn learn(&mut self, seen: Measured) {
        let seconds = seen.real_ns.max(1) as f64 / 1e9;
        self.cost = seen.ns as f64 / seen.real_ns.max(1) as f64;
        self.runs = seen.runs as f64 / seconds;
        if seen.runs == 0 {
            return;
        }
        let (each, part) = (seen.ns as f64 / seen.runs as f64, 1.0 / f64::from(seen.one_in.max(1)));
        if seen.one_in <= 1 {
            self.full = each;
            self.floor = self.floor.min(each);
        } else {
            self.full = self.full.max(each);
            self.floor = ((each - self.full * part) / (1.0 - part)).clamp(0.0, self.full);
        }
    }
}

/// The limit, and what is known of every view that runs.
#[derive(Debug)]
pub struct Budget {
    /// Share of one CPU.
    limit: f64,
    members: BTreeMap<u64, Member>,
    joined: u64,
    over: u32,
    calm: u32,
}

impl Budget {
    /// All views together may take this share of one CPU.
    pub fn new(limit: f64) -> Budget {
        Budget { limit, members: BTreeMap::new(), joined: 0, over: 0, calm: 0 }
    }

    fn join(&mut self, samples: bool) -> u64 {
        self.joined += 1;
        let member = Member {
            samples,
            one_in: 1,
            suspended: None,
            why: String::new(),
            pause: PAUSE,
            trial: 0,
            cost: 0.0,
            runs: 0.0,
            full: 0.0,
            floor: 0.0,
            told: false,
        };
        self.members.insert(self.joined, member);
        self.joined
    }

    /// Takes what a view measured (nothing while it is suspended) and says what it is to do. A round is over when somebody tells for
    /// the second time: nobody waits for a view that has longer intervals.
    fn report(&mut self, id: u64, seen: Option<Measured>) -> Order {
        if self.members.get(&id).is_some_and(|member| member.told) {
            self.members.values_mut().for_each(|member| member.told = false);
            self.round();
        }
        let Some(member) = self.members.get_mut(&id) else { return Order::OneIn(1) };
        member.told = true;
        if let Some(seen) = seen {
            member.learn(seen);
        }
        // Alone, nobody has to be waited for.
        if self.members.len() == 1 {
            self.members.values_mut().for_each(|member| member.told = false);
            self.round();
        }
        match self.members.get(&id) {
            Some(Member { suspended: Some(_), why, .. }) => Order::Suspend(why.clone()),
            Some(member) => Order::OneIn(member.one_in),
            None => Order::OneIn(1),
        }
    }

    fn total(&self) -> f64 {
        self.members.values().filter(|member| member.suspended.is_none()).map(|member| member.cost).sum()
    }

    fn round(&mut self) {
        let over = self.total() > self.limit;
        (self.over, self.calm) = if over { (self.over + 1, 0) } else { (0, self.calm + 1) };
        self.members.values_mut().filter_map(|member| member.suspended.as_mut()).for_each(|rounds| *rounds += 1);
        let trial = self.members.iter().find(|(_, member)| member.suspended.is_none() && member.trial > 0);
        if let Some((&id, _)) = trial.filter(|_| over) {
            self.over = 0;
            return self.suspend(id);
        }
        for member in self.members.values_mut().filter(|member| member.trial > 0) {
            member.trial -= 1;
            member.pause = if member.trial == 0 { PAUSE } else { member.pause };
        }
        if self.over >= PATIENCE {
            (self.over, self.calm) = (0, 0);
            self.take_away();
        } else if self.calm >= CALM && self.give_back() {
            self.calm = 0;
        }
    }

    /// The cost of all with each view that can counting one event in `one_in`, or fewer if it does already.
    fn with(&self, one_in: u32) -> f64 {
        let cost = |member: &Member| match member.suspended {
            Some(_) => 0.0,
            None if member.samples => member.estimate(one_in.max(member.one_in)),
            None => member.cost,
        };
        self.members.values().map(cost).sum()
    }

    fn take_away(&mut self) {
        let running = |member: &&Member| member.suspended.is_none();
        let least = self.members.values().filter(running).filter(|m| m.samples).map(|m| m.one_in).min();
        let powers = (1..=MOST.ilog2()).map(|power| 1 << power);
        let fits = powers.filter(|&n| least.is_some_and(|least| n > least)).find(|&n| self.with(n) <= AIM * self.limit);
        if let Some(one_in) = fits {
            for member in self.members.values_mut().filter(|member| member.samples) {
                member.one_in = member.one_in.max(one_in);
            }
            return;
        }
        let running = self.members.iter().filter(|(_, member)| member.suspended.is_none());
        let dearest = running.max_by(|(_, a), (_, b)| a.cost.total_cmp(&b.cost)).map(|(&id, _)| id);
        dearest.into_iter().for_each(|id| self.suspend(id));
    }

    fn suspend(&mut self, id: u64) {
        let (limit, total) = (percent(self.limit), percent(self.total()));
        let Some(member) = self.members.get_mut(&id) else { return };
        let own = percent(member.cost);
        member.why = format!("suspended: its programs took {own} of a CPU, all {total}; --max-overhead allows {limit}");
        member.pause = if member.trial > 0 { (2 * member.pause).min(LONGEST_PAUSE) } else { member.pause };
        member.suspended = Some(0);
        member.trial = 0;
        member.cost = 0.0;
    }

    /// Lets the view in again that waited out its time, or has more events counted; `false`: there is nothing to give back.
    fn give_back(&mut self) -> bool {
        let room = GIVE_BACK * self.limit;
        if self.total() <= room {
            let waited = |member: &&mut Member| member.suspended.is_some_and(|rounds| rounds >= member.pause);
            if let Some(member) = self.members.values_mut().find(waited) {
                member.suspended = None;
                member.trial = CALM;
                return true;
            }
        }
        let Some(most) = self.members.values().filter(|m| m.suspended.is_none()).map(|m| m.one_in).max() else {
            return false;
        };
        let at = |n: u32| self.members.values().map(|m| m.estimate(if m.samples { n.min(m.one_in) } else { 1 })).sum();
        let fits = (0..most.ilog2()).map(|power| 1 << power).find(|&n| {
            let cost: f64 = at(n);
            cost <= room
        });
        let Some(one_in) = fits else { return false };
        for member in self.members.values_mut().filter(|member| member.suspended.is_none()) {
            member.one_in = member.one_in.min(one_in);
        }
        true
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).round() / 10.0)
}

/// The place of one view in the budget; it is given up when this is dropped.
#[derive(Debug)]
pub struct Seat {
    budget: Arc<Mutex<Budget>>,
    id: u64,
}

impl Seat {
    /// Takes part in `budget`; `samples`: the view can count one event in N.
    pub fn take(budget: &Arc<Mutex<Budget>>, samples: bool) -> Seat {
        let id = lock(budget).join(samples);
        Seat { budget: budget.clone(), id }
    }

    /// Tells what an interval cost, `None` while suspended, and hears what to do.
    pub fn report(&self, seen: Option<Measured>) -> Order {
        lock(&self.budget).report(self.id, seen)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.budget).members.remove(&self.id);
    }
}

/// A thread that panicked has left numbers behind, which are as good as any.
fn lock(budget: &Mutex<Budget>) -> std::sync::MutexGuard<'_, Budget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
