use super::*;

/// A machine: views with so many events a second, whose programs take so long for an event, and for one that is left out.
struct Machine {
    budget: Budget,
    views: Vec<(u64, f64, f64, f64)>,
    orders: Vec<Order>,
}

impl Machine {
    fn new(limit: f64, views: &[(bool, f64, f64, f64)]) -> Machine {
        let mut budget = Budget::new(limit);
        let views: Vec<_> =
            views.iter().map(|&(samples, events, full, floor)| (budget.join(samples), events, full, floor)).collect();
        let orders = vec![Order::OneIn(1); views.len()];
        Machine { budget, views, orders }
    }

    fn cost(&self) -> f64 {
        let of = |(at, order): (usize, &Order)| match order {
            Order::OneIn(n) => self.views[at].1 * each(self.views[at], *n) / 1e9,
            Order::Suspend(_) => 0.0,
        };
        self.orders.iter().enumerate().map(of).sum()
    }

    fn run(&mut self, seconds: usize) {
        for _ in 0..seconds {
            for at in 0..self.views.len() {
                let seen = match self.orders[at] {
                    Order::OneIn(one_in) => {
                        let (runs, ns) = (self.views[at].1, self.views[at].1 * each(self.views[at], one_in));
                        Some(Measured { ns: ns as u64, runs: runs as u64, real_ns: 1_000_000_000, one_in })
                    }
                    Order::Suspend(_) => None,
                };
                self.orders[at] = self.budget.report(self.views[at].0, seen);
            }
        }
    }
}

fn each((_, _, full, floor): (u64, f64, f64, f64), one_in: u32) -> f64 {
    floor + (full - floor) / f64::from(one_in)
}

#[test]
fn what_is_within_the_limit_is_left_alone() {
    let mut machine = Machine::new(0.01, &[(true, 50_000.0, 150.0, 50.0), (false, 1000.0, 1000.0, 1000.0)]);
    machine.run(100);
    assert_eq!(machine.orders, [Order::OneIn(1), Order::OneIn(1)]);
}

#[test]
fn two_intervals_over_the_limit_are_forgiven() {
    let mut machine = Machine::new(0.01, &[(true, 200_000.0, 150.0, 30.0)]);
    machine.run(2);
    machine.views[0].1 = 1000.0;
    machine.run(1);
    machine.views[0].1 = 200_000.0;
    machine.run(2);
    assert_eq!(machine.orders, [Order::OneIn(1)]);
    machine.run(1);
    assert!(matches!(machine.orders[0], Order::OneIn(2..)), "{:?}", machine.orders);
}

#[test]
fn a_storm_is_sampled_until_it_fits_and_counted_whole_when_it_is_over() {
    let mut machine = Machine::new(0.01, &[(true, 200_000.0, 150.0, 30.0)]);
    machine.run(30);
    assert!(matches!(machine.orders[0], Order::OneIn(4..=MOST)), "{:?}", machine.orders);
    assert!(machine.cost() <= 0.01, "{}", machine.cost());
    let held = machine.orders.clone();
    machine.run(200);
    assert_eq!(machine.orders, held, "it does not swing");
    machine.views[0].1 = 10_000.0;
    machine.run(20);
    assert_eq!(machine.orders, [Order::OneIn(1)]);
}

#[test]
fn what_sampling_does_not_help_is_suspended_and_tried_again_ever_more_seldom() {
    let mut machine = Machine::new(0.01, &[(true, 2_000_000.0, 150.0, 80.0)]);
    machine.run(30);
    assert!(matches!(&machine.orders[0], Order::Suspend(why) if why.contains("allows 1%")), "{:?}", machine.orders);
    let mut ran = 0;
    for _ in 0..1000 {
        machine.run(1);
        ran += u32::from(machine.orders[0] != Order::Suspend(machine.budget.members[&1].why.clone()));
    }
    assert!((1..=12).contains(&ran), "{ran} intervals of 1000");
    machine.views[0].1 = 1000.0;
    machine.run(LONGEST_PAUSE as usize + 20);
    assert_eq!(machine.orders, [Order::OneIn(1)], "the storm is over");
}

#[test]
fn what_cannot_be_sampled_is_suspended_the_dearest_first() {
    let views = [(false, 1000.0, 3000.0, 3000.0), (false, 1000.0, 20_000.0, 20_000.0), (true, 100.0, 150.0, 30.0)];
    let mut machine = Machine::new(0.01, &views);
    machine.run(10);
    assert!(matches!(machine.orders[1], Order::Suspend(_)), "{:?}", machine.orders);
    assert_eq!(machine.orders[0], Order::OneIn(1));
    assert!(machine.cost() <= 0.01);
}

#[test]
fn a_view_that_is_closed_gives_its_share_back() {
    let budget = Arc::new(Mutex::new(Budget::new(0.01)));
    let (dear, cheap) = (Seat::take(&budget, false), Seat::take(&budget, false));
    let cost = |ns| Some(Measured { ns, runs: 100, real_ns: 1_000_000_000, one_in: 1 });
    dear.report(cost(9_000_000));
    cheap.report(cost(5_000_000));
    drop(dear);
    for _ in 0..20 {
        assert_eq!(cheap.report(cost(5_000_000)), Order::OneIn(1));
    }
}
