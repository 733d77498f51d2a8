//! The parser of the display filter.

use std::cmp::Ordering;
use std::ops::Range;

use regex::bytes::RegexBuilder;

use super::super::Schema;
use super::number::Number;
use super::{Bad, Node, Test, find_column, is_text};

/// Deeper nesting is refused rather than left to the stack.
const MAX_DEPTH: usize = 64;

pub(super) fn parse(text: &str, schema: &Schema) -> (Option<Node>, Option<Bad>) {
    let mut parser = Parser { text, at: 0, schema, depth: 0, bad: None };
    let mut nodes = Vec::new();
    loop {
        nodes.extend(parser.any());
        if parser.peek().is_none() {
            break;
        }
        // `any` stops early at a bracket only.
        parser.note(parser.at..parser.at + 1, "no bracket is open here");
        parser.at += 1;
    }
    (join(nodes, Node::All), parser.bad)
}

/// No node, the only node, or all of them under one.
fn join(mut nodes: Vec<Node>, under: fn(Vec<Node>) -> Node) -> Option<Node> {
    match nodes.len() {
        0 | 1 => nodes.pop(),
        _ => Some(under(nodes)),
    }
}

/// One value behind an operator, unquoted, and where it stands.
struct Piece {
    text: String,
    place: Range<usize>,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    schema: &'a Schema,
    depth: usize,
    bad: Option<Bad>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Only the first mistake is reported: the others often follow from it.
    fn note(&mut self, place: Range<usize>, message: impl Into<String>) {
        if self.bad.is_none() {
            self.bad = Some(Bad { start: place.start, end: place.end, message: message.into() });
        }
    }

    fn any(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        let mut bar: Option<usize> = None;
        loop {
            self.spaces();
            let start = self.at;
            nodes.extend(self.all());
            let empty = self.at == start;
            let more = self.peek() == Some('|');
            if empty && (more || bar.is_some()) {
                let place = bar.unwrap_or(self.at);
                self.note(place..place + 1, "`|` needs something on both sides");
            }
            if !more {
                return join(nodes, Node::Any);
            }
            bar = Some(self.at);
            self.at += 1;
        }
    }

    fn all(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        loop {
            self.spaces();
            match self.peek() {
                None | Some('|' | ')') => return join(nodes, Node::All),
                Some(_) => nodes.extend(self.item()),
            }
        }
    }

    fn item(&mut self) -> Option<Node> {
        let start = self.at;
        let mut negate = false;
        while self.peek() == Some('!') && !self.rest().starts_with("!=") && !self.rest().starts_with("!~") {
            negate = !negate;
            self.at += 1;
            self.spaces();
        }
        let node = match self.peek() {
            None | Some('|' | ')') => {
                self.note(start..self.at.max(start + 1), "`!` negates what follows it; nothing does");
                None
            }
            Some('(') => self.group(),
            Some(_) => self.term(),
        };
        node.map(|node| if negate { Node::Not(Box::new(node)) } else { node })
    }

    fn group(&mut self) -> Option<Node> {
        let open = self.at;
        if self.depth == MAX_DEPTH {
            self.note(open..self.text.len(), "too many brackets inside each other");
            self.at = self.text.len();
            return None;
        }
        self.depth += 1;
        self.at += 1;
        let node = self.any();
        self.depth -= 1;
        if self.peek() == Some(')') {
            self.at += 1;
            if node.is_none() {
                self.note(open..self.at, "nothing between the brackets");
            }
        } else {
            self.note(open..open + 1, "this bracket is not closed");
        }
        node
    }

    /// A word, or a column with an operator and a value.
    fn term(&mut self) -> Option<Node> {
        let start = self.at;
        let quoted = matches!(self.peek(), Some('"' | '\''));
        let word = if quoted { self.quoted() } else { self.name() };
        let end = self.at;
        if quoted {
            return (!word.is_empty()).then(|| Node::Word(word.to_lowercase()));
        }
        self.spaces();
        let Some(op) = self.operator() else {
            self.at = end;
            return Some(Node::Word(word.to_lowercase()));
        };
        self.spaces();
        let values = self.values(op);
        if word.is_empty() {
            self.note(start..self.at, format!("`{op}` needs a column before it"));
            return None;
        }
        let column = match find_column(self.schema, &word) {
            Ok(column) => column,
            Err(message) => {
                self.note(start..end, message);
                return None;
            }
        };
        let Some(last) = values.last() else {
            self.note(start..self.at, format!("`{word}{op}` needs a value"));
            return None;
        };
        let place = values[0].place.start..last.place.end;
        match test(self.schema, column, op, &values) {
            Ok(test) => Some(Node::Compare { column, test }),
            Err((message, at)) => {
                self.note(at.map_or(place, |piece| values[piece].place.clone()), message);
                None
            }
        }
    }

    /// Everything up to a space, an operator or another special character.
    fn name(&mut self) -> String {
        let rest = self.rest();
        let mut end = rest.len();
        for (index, c) in rest.char_indices() {
            let negated = c == '!' && matches!(rest[index + 1..].chars().next(), Some('=' | '~'));
            if c.is_whitespace() || "|()\"'=~<>".contains(c) || negated {
                end = index;
                break;
            }
        }
        let name = rest[..end].to_owned();
        self.at += end;
        name
    }

    fn operator(&mut self) -> Option<&'static str> {
        let known = ["!=", "!~", ">=", "<=", "=", "~", ">", "<"];
        let found = known.into_iter().find(|op| self.rest().starts_with(op))?;
        self.at += found.len();
        Some(found)
    }

    /// The text between two quotes; a backslash takes the meaning from a quote or a backslash.
    fn quoted(&mut self) -> String {
        let start = self.at;
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut text = String::new();
        let mut end = None;
        while let Some((index, c)) = chars.next() {
            match c {
                _ if Some(c) == quote => {
                    end = Some(index + 1);
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\'' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        match end {
            Some(end) => self.at += end,
            None => {
                self.at = self.text.len();
                self.note(start..start + 1, "this quote is not closed");
            }
        }
        text
    }

    /// The values behind an operator. Only `=` and `!=` take several, with commas between them.
    /// Brackets that are balanced belong to the value, so that `comm~(a|b)` reads as it looks.
    fn values(&mut self, op: &str) -> Vec<Piece> {
        let several = matches!(op, "=" | "!=");
        let mut values = Vec::new();
        loop {
            let start = self.at;
            let mut text = String::new();
            let mut open = 0;
            let mut quoted = false;
            while let Some(c) = self.peek() {
                match c {
                    '"' | '\'' => {
                        text.push_str(&self.quoted());
                        quoted = true;
                        continue;
                    }
                    '(' => open += 1,
                    ')' if open > 0 => open -= 1,
                    ')' => break,
                    '|' if open == 0 => break,
                    ',' if several => break,
                    c if c.is_whitespace() => break,
                    _ => {}
                }
                text.push(c);
                self.at += c.len_utf8();
            }
            if !text.is_empty() || quoted {
                values.push(Piece { text, place: start..self.at });
            }
            if !several || self.peek() != Some(',') {
                return values;
            }
            self.at += 1;
        }
    }
}

/// What a comparison tests. An error may say which of the values is wrong.
fn test(schema: &Schema, column: usize, op: &str, values: &[Piece]) -> Result<Test, (String, Option<usize>)> {
    let column = &schema.columns[column];
    let wanted = !op.starts_with('!');
    let number = |index: usize| Number::parse(&values[index].text, column.unit).map_err(|m| (m, Some(index)));
    match op {
        "~" | "!~" => {
            let regex = RegexBuilder::new(&values[0].text).size_limit(1 << 20).build();
            let regex = regex.map_err(|e| (format!("not a regular expression: {}", last_line(&e)), Some(0)))?;
            Ok(Test::Regex(regex, wanted))
        }
        "=" | "!=" if is_text(column) => {
            Ok(Test::Text(values.iter().map(|piece| piece.text.clone().into_bytes()).collect(), wanted))
        }
        "=" | "!=" => Ok(Test::Numbers((0..values.len()).map(number).collect::<Result<_, _>>()?, wanted)),
        _ if is_text(column) => Err((format!("`{}` is text: it takes =, !=, ~ and !~", column.name), None)),
        _ => {
            let order = if op.starts_with('>') { Ordering::Greater } else { Ordering::Less };
            Ok(Test::Order(order, op.ends_with('='), number(0)?))
        }
    }
}

/// The regex crate draws a picture; its last line is the sentence.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
