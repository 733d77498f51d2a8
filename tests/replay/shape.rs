//! Order, filter and columns of what is replayed: in batch mode and in a terminal.

use std::process::Output;

use crate::screen::demo;
use crate::support::batch::{run, stderr};

/// Column `name` of the first frame of a view of the demo, as text from CSV.
#[track_caller]
fn column(view: &str, name: &str, args: &[&str]) -> Vec<String> {
    let output = run(&[&["demo", view, "--csv", "-n", "1"], args].concat());
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|head| head == name).unwrap_or_else(|| panic!("no {name}: {text}"));
    lines.map(|line| line[at].clone()).collect()
}

fn numbers(args: &[&str]) -> Vec<u64> {
    column("biotop", "io", args).iter().map(|n| n.parse().unwrap()).collect()
}

#[test]
fn sort_and_reverse_are_those_of_a_live_view() {
    let plain = numbers(&[]);
    assert!(plain.len() > 3, "{plain:?}");
    let mut up = plain.clone();
    up.sort_unstable();
    let down: Vec<u64> = up.iter().rev().copied().collect();
    assert_ne!(plain, down, "the view's own order is another one, else this shows nothing");
    assert_eq!(numbers(&["-s", "io"]), down, "numbers begin with the largest");
    assert_eq!(numbers(&["-s", "-io"]), down);
    assert_eq!(numbers(&["-s", "io", "-R"]), up);
    assert_eq!(numbers(&["-s", "io", "-r", "2"]), down[..2], "rows are cut after sorting");
    let own: Vec<u64> = column("biotop", "bytes", &["-R"]).iter().map(|n| n.parse().unwrap()).collect();
    assert!(own.is_sorted() && own[0] < *own.last().unwrap(), "-R alone reverses the view's own order: {own:?}");
    let names = column("biotop", "comm", &["-s", "comm"]);
    assert!(names.is_sorted(), "text begins with A: {names:?}");
    let back: Vec<String> = names.into_iter().rev().collect();
    assert_eq!(column("biotop", "comm", &["-s", "-comm"]), back);
}

#[test]
fn a_filter_takes_exactly_what_it_says() {
    let all = numbers(&[]);
    let most = *all.iter().max().unwrap();
    let (mut few, mut rest) =
        (numbers(&["--filter", &format!("io<{most}")]), numbers(&["--filter", &format!("io>={most}")]));
    assert!(!few.is_empty() && few.iter().all(|&n| n < most) && rest.iter().all(|&n| n == most), "{few:?} {rest:?}");
    few.append(&mut rest);
    few.sort_unstable();
    let mut sorted = all;
    sorted.sort_unstable();
    assert_eq!(few, sorted, "each row is on one side");
    // What it names need not be among the columns that are kept.
    let kept = column("biotop", "comm", &["--columns", "comm", "--filter", "rw=W"]);
    assert_eq!(kept.len(), column("biotop", "rw", &[]).iter().filter(|rw| *rw == "W").count());
}

#[test]
fn columns_are_the_ones_named_in_that_order() {
    let output: Output = run(&["demo", "biotop", "--csv", "-n", "1", "--columns", "io,comm,pid"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().next(), Some("time,interval_ns,io,comm,pid"));
}

#[test]
fn the_screen_is_shaped_as_well() {
    let args = ["biotop", "-s", "comm", "--filter", "comm=fio", "--columns", "io,comm"];
    let (mut terminal, _dir) = demo(&args, 24, 80);
    terminal.wait_for("order and columns", |screen| {
        let text = screen.contents();
        let head = text.lines().find(|line| line.contains("COMM")).unwrap_or_default().to_owned();
        let place = |word: &str| head.find(word);
        let rows: Vec<&str> = text.lines().filter(|line| line.contains("fio ")).collect();
        place("I/O").zip(place("COMM↑")).is_some_and(|(io, comm)| io < comm)
            && !head.contains("BYTES")
            && !rows.is_empty()
            && !["tar ", "sync ", "gzip "].iter().any(|other| text.contains(other))
    });
    terminal.send("q");
    assert_eq!(terminal.exit_code(), 0);
    let (mut terminal, _dir) = demo(&["biotop", "-R"], 24, 80);
    terminal.wait_for("the own order, reversed", |screen| screen.contents().contains("BYTES↑"));
    terminal.send("q");
    assert_eq!(terminal.exit_code(), 0);
    let (mut terminal, _dir) = demo(&["biotop", "-s", "nosuch"], 24, 80);
    assert_eq!(terminal.exit_code(), 2);
    assert!(terminal.text().contains("no column `nosuch`"), "{}", terminal.text());
}
