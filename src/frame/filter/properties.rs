//! What holds for every filter: what is printed parses, and means what it says.

use proptest::prelude::*;

use super::tests::{schema, table};
use super::*;

/// A filter as a tree, in the words of its grammar.
#[derive(Clone, Debug)]
enum Said {
    Word(String),
    Text(&'static str, bool, Vec<String>),
    Number(&'static str, &'static str, u64),
    Not(Box<Said>),
    All(Vec<Said>),
    Any(Vec<Said>),
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Said {
    /// With brackets wherever they could matter.
    fn print(&self) -> String {
        let join = |nodes: &[Said], by: &str| {
            let parts: Vec<String> = nodes.iter().map(|node| format!("({})", node.print())).collect();
            parts.join(by)
        };
        match self {
            Said::Word(word) => quoted(word),
            Said::Text(column, wanted, values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("{column}{}{}", if *wanted { "=" } else { "!=" }, values.join(","))
            }
            Said::Number(column, op, n) => format!("{column} {op} {n}"),
            Said::Not(node) => format!("!({})", node.print()),
            Said::All(nodes) => join(nodes, " "),
            Said::Any(nodes) => join(nodes, "|"),
        }
    }

    /// What it means, without the parser and without the filter.
    fn holds(&self, table: &Table, row: usize) -> bool {
        let index = |name: &str| table.schema.index(name).unwrap();
        match self {
            Said::Word(word) => (0..table.width()).any(|column| {
                let text = table.text_at(row, column).map(|text| String::from_utf8_lossy(text).to_lowercase());
                text.is_some_and(|text| text.contains(&word.to_lowercase()))
            }),
            Said::Text(column, wanted, values) => table
                .text_at(row, index(column))
                .is_some_and(|text| values.iter().any(|value| value.as_bytes() == text) == *wanted),
            Said::Number(column, op, n) => table.cell(row, index(column)).as_u64().is_some_and(|cell| match *op {
                "=" => cell == *n,
                "!=" => cell != *n,
                ">" => cell > *n,
                ">=" => cell >= *n,
                "<" => cell < *n,
                _ => cell <= *n,
            }),
            Said::Not(node) => !node.holds(table, row),
            Said::All(nodes) => nodes.iter().all(|node| node.holds(table, row)),
            Said::Any(nodes) => nodes.iter().any(|node| node.holds(table, row)),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let text = prop_oneof![Just("nginx".to_owned()), Just("(kernel)".to_owned()), "[ -~\u{e4}\u{1b}]{1,12}"];
    let number = prop_oneof![Just(1u64), Just(22), Just(100), Just(2 << 20), any::<u64>()];
    let leaf = prop_oneof![
        prop_oneof![Just("ngin".to_owned()), Just("PO".to_owned()), "[ -~]{1,3}"].prop_map(Said::Word),
        (prop_oneof![Just("comm"), Just("path")], any::<bool>(), prop::collection::vec(text, 1..4))
            .prop_map(|(column, wanted, values)| Said::Text(column, wanted, values)),
        (
            prop_oneof![Just("pid"), Just("bytes"), Just("io")],
            prop::sample::select(&["=", "!=", ">", ">=", "<", "<="][..]),
            number
        )
            .prop_map(|(column, op, n)| Said::Number(column, op, n)),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|node| Said::Not(Box::new(node))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Said::All),
            prop::collection::vec(inner, 1..4).prop_map(Said::Any),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_and_means_what_it_says(said in said()) {
        let text = said.print();
        let (filter, bad) = Filter::parse(&text, &schema());
        prop_assert_eq!(bad, None, "{}", &text);
        let table = table();
        for row in 0..table.len() {
            prop_assert_eq!(filter.matches(&table, row), said.holds(&table, row), "{} of row {}", &text, row);
        }
    }

    #[test]
    fn any_bytes_that_are_text_parse(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let (filter, bad) = Filter::parse(&text, &schema());
        filter.rows(&table());
        prop_assert!(bad.is_none_or(|bad| text.get(bad.start..bad.end).is_some()));
    }
}
