//! What a setting lets through, and what it does not: the same work is watched with it and without.

use std::cell::RefCell;

use bcc_top::frame::Kind;
use serde_json::{Value, json};

use super::net::{Pair, v4, v6};
use super::numbers::is;
use super::{Case, Worker, cell};

/// A setting, as words of a command line, and the rows that it is to let through.
pub type Asked<'a> = (&'a [&'a str], &'a dyn Fn(&Value) -> bool);

/// The same, of its own.
pub struct Filter<'a> {
    words: Vec<String>,
    wanted: Box<dyn Fn(&Value) -> bool + 'a>,
}

impl<'a> From<&Asked<'a>> for Filter<'a> {
    fn from(&(words, wanted): &Asked<'a>) -> Filter<'a> {
        Filter { words: words.iter().map(|&word| word.to_owned()).collect(), wanted: Box::new(wanted) }
    }
}

impl<'a> Filter<'a> {
    /// Rows that are `wanted`.
    pub fn new(setting: &str, value: impl ToString, wanted: impl Fn(&Value) -> bool + 'a) -> Filter<'a> {
        Filter { words: vec![format!("--{}", setting.replace('_', "-")), value.to_string()], wanted: Box::new(wanted) }
    }

    /// Rows whose column of the setting's name is what is asked for.
    pub fn same(setting: &str, value: impl ToString + Into<Value>) -> Filter<'a> {
        let (column, text) = (setting.to_owned(), value.to_string());
        let value: Value = value.into();
        Filter::new(setting, text, move |row| row[&column] == value)
    }

    /// All rows.
    pub fn all(setting: &str, value: impl ToString) -> Filter<'a> {
        Filter::new(setting, value, |_| true)
    }

    /// No row.
    pub fn none(setting: &str, value: impl ToString) -> Filter<'a> {
        Filter::new(setting, value, |_| false)
    }

    /// The name of the setting, as frames have it.
    fn name(&self) -> String {
        self.words[0].trim_start_matches('-').replace('-', "_")
    }
}

/// Has the view of `base` watch `work` without any of these settings and with each of them, and compares the rows that are `own`, and
/// how frames show the setting.
///
/// # Panics
/// If a setting shows another number of them than it is to let through, or one that it is not to; or if it is shown as if it was set
/// where it is not.
pub fn check<'a, F: Into<Filter<'a>>>(
    case: &Case,
    base: &[&str],
    asked: impl IntoIterator<Item = F>,
    work: impl FnOnce(),
    own: impl Fn(&Value) -> bool,
) {
    let asked: Vec<Filter> = asked.into_iter().map(Into::into).collect();
    let all = case.watch(base);
    let with = |filter: &Filter| {
        case.watch(&base.iter().copied().chain(filter.words.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let watches: Vec<_> = asked.iter().map(with).collect();
    work();
    let (truth, unset) = (RefCell::new(Vec::new()), RefCell::new(Value::Null));
    all.check_seen(|seen| {
        truth.replace(seen.rows.iter().filter(|row| own(row)).cloned().collect());
        unset.replace(seen.settings.clone());
        assert!(!truth.borrow().is_empty(), "nothing was done");
    });
    for (Filter { words, wanted }, (watch, name)) in
        asked.iter().zip(watches.into_iter().zip(asked.iter().map(Filter::name)))
    {
        let expected = truth.borrow().iter().filter(|row| wanted(row)).count();
        super::note(format!("{words:?}: {expected} of {}", truth.borrow().len()));
        watch.check_seen(|seen| {
            let found: Vec<&Value> = seen.rows.iter().filter(|row| own(row)).collect();
            assert_eq!(found.len(), expected, "{words:?}: {found:?}, of {:?}", truth.borrow());
            assert!(found.iter().all(|row| wanted(row)), "{words:?}: {found:?}");
            let (set, unset) = (&seen.settings[&name], &unset.borrow()[&name]);
            assert!(!set.is_null() && set != unset, "{words:?}: set it is shown as {set}, else as {unset}");
        });
    }
}

/// Asks a view for what is done in one mount namespace of two: workers with these words and one of `together` and `apart` behind them
/// say the number of theirs, and what they do then has the worker in the column `whose`.
pub fn check_mount_namespaces(case: &Case, base: &[&str], words: &[&str], whose: &str) {
    let place = |place| Worker::start(base[0], &[words, &[place]].concat());
    let mut workers = [place("together"), place("apart")];
    let of = |worker: &Worker| {
        let (pid, whose) = (worker.pid, whose.to_owned());
        Filter::new("mntns", &worker.hello, move |row| is(row, &whose, pid))
    };
    let pids = workers.each_ref().map(|worker| worker.pid);
    let asked = [of(&workers[0]), of(&workers[1]), Filter::none("mntns", 1)];
    let work = || workers.iter_mut().for_each(|worker| drop(worker.step()));
    check(case, base, asked, work, |row| pids.iter().any(|&pid| is(row, whose, pid)));
}

/// Has the view of `base`, which shows only what `work` does, count it by each of its groupings: each of them adds up to the same, which
/// is `truth` unless that is not known, and says what it is that it counts.
///
/// # Panics
/// If one adds up to something else, or no row has a name.
pub fn check_groupings(case: &Case, base: &[&str], truth: Option<u64>, work: impl FnOnce()) {
    check_groupings_but(case, base, &But::default(), truth, work);
}

/// What cannot be asked on this kernel of each grouping of a view.
#[derive(Default)]
pub struct But<'a> {
    /// These choices are not to be had.
    pub without: &'a [&'a str],
    /// What these columns count may have no name.
    pub unnamed: &'a [&'a str],
}

/// As [`check_groupings`], but for what cannot be asked on this kernel.
pub fn check_groupings_but(case: &Case, base: &[&str], but: &But<'_>, truth: Option<u64>, work: impl FnOnce()) {
    let decl = &cell::view(base[0]).decl;
    let (setting, groups) = decl.group_by().expect("it groups");
    let flag = format!("--{setting}");
    let watch = |by: &str| case.watch_plain(&[base, &[&flag, by]].concat());
    let choices = groups.choices.iter().filter(|choice| !but.without.contains(&choice.name.as_str()));
    let watches: Vec<_> = choices.map(|choice| (choice, watch(&choice.name))).collect();
    work();
    let sum = RefCell::new(truth);
    for (choice, watch) in watches {
        let tells_events = decl.kind == Kind::Events && choice.map.is_none();
        watch.check(|rows| {
            let of = |row: &Value| ["count", "io"].iter().find_map(|column| row[column].as_u64()).unwrap_or(0);
            let found = if tells_events { rows.len() as u64 } else { rows.iter().map(of).sum() };
            let truth = *sum.borrow_mut().get_or_insert(found);
            super::note(format!("by {}: {found} of {truth}", choice.name));
            assert!(found == truth && found > 0, "by {}: {found} of {truth}: {rows:?}", choice.name);
            // Some rows have none: a signal 0, a file without its path. A control group may be one that nobody finds any more.
            let is_known = |key: &&String| *key != "cgroup" && !but.unnamed.contains(&key.as_str());
            for key in choice.key.iter().filter(is_known) {
                let has_name = |row: &Value| !row.get("key").unwrap_or(row)[key].is_null();
                assert!(rows.iter().any(has_name), "{key}: {rows:?}");
            }
        });
    }
}

/// What can be asked of every view of TCP that shows IPv4 and IPv6, as far as it has the setting, where all is root's: `198.51.100.0/24` is
/// nobody's (RFC 5737), nor is port 1.
pub fn ends(view: &str) -> impl Iterator<Item = Filter<'static>> {
    let set = &cell::view(view).decl.set;
    let nobody = ["laddr", "raddr"].map(|end| Filter::none(end, "198.51.100.0/24"));
    let no_port = ["lport", "rport"].map(|end| Filter::none(end, 1));
    let family = [4, 6].map(|version| Filter::same("family", version));
    let user = [Filter::all("uid", 0), Filter::none("uid", 54_322)];
    let all = nobody.into_iter().chain(no_port).chain(family).chain(user);
    all.filter(|filter| set.contains_key(&filter.name()))
}

/// Asks a view that shows connections for each end of them: three to `address` and two over IPv6, as their clients see them or their servers.
pub fn check_pairs(case: &Case, view: &str, address: &'static str, by_client: bool) {
    let mut pairs = [Pair::new(view, v4(address), 3, "new"), Pair::new(view, v6(), 2, "new")];
    let port = pairs[1].port;
    let pids = pairs.each_ref().map(|pair| if by_client { pair.client.pid } else { pair.server.pid });
    let [(server, server_port), (client, _)] = if by_client { [REMOTE, LOCAL] } else { [LOCAL, REMOTE] };
    let own = [Filter::same(server, address), Filter::same(server, "::1"), Filter::same(server_port, port)];
    let network = Filter::new(client, "127.0.0.0/8", move |row| row[client] == json!("127.0.0.1"));
    let network = cell::view(view).decl.set.contains_key(client).then_some(network);
    let asked = ends(view).chain(own).chain(network);
    let work = || pairs.iter_mut().for_each(|pair| drop(pair.run()));
    check(case, &[view], asked, work, |row| pids.iter().any(|&pid| is(row, "pid", pid)));
}

const LOCAL: (&str, &str) = ("laddr", "lport");
const REMOTE: (&str, &str) = ("raddr", "rport");
