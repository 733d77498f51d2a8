//! What names people, processes, files and machines, replaced by words that say nothing: for numbers that are shown to others.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::enrich::host::Host;
use crate::frame::{Frame, ReasonClass, SettingValue, Status, Table, Type, Value};

/// Text that says what happened, not to whom: words of the kernel and of this program. Whatever is not here is
/// replaced, so that a new column is safe until somebody says otherwise.
const TELLS_NOBODY: [&str; 18] = [
    "by", "cache", "call", "clock", "disk", "errno", "family", "flags", "function", "location", "mode", "op", "reason",
    "rw", "signal", "softirq", "state", "syscall",
];

/// Replaces names, each by the same word for as long as it lives, and by another in every other run: the key is
/// random and kept nowhere, so that not even the few billion addresses of IPv4 can be tried.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    keys: RandomState,
}

impl Redactor {
    /// The word for a name.
    fn word(&self, name: &[u8]) -> String {
        format!("h{:012x}", self.keys.hash_one(name) >> 16)
    }

    /// The machine without its name and the identity of its boot; what it is stays.
    pub fn host(&self, host: Host) -> Host {
        Host { hostname: self.word(host.hostname.as_bytes()), boot_id: None, ..host }
    }

    /// The same frame without names.
    pub fn frame(&self, frame: &Frame) -> Frame {
        let mut out = frame.clone();
        out.table = self.table(&frame.table);
        out.settings = frame.settings.iter().map(|(name, value)| (name.clone(), self.setting(name, value))).collect();
        let mut hooks = frame.hooks.to_vec();
        hooks.iter_mut().for_each(|hook| self.target(&hook.kind, &mut hook.target));
        out.hooks = hooks.into();
        out.cost.programs.iter_mut().for_each(|program| self.target(&program.kind, &mut program.target));
        if let Status::Partial(reason) = &mut out.status {
            without_file(reason.class, &mut reason.message, &mut reason.remedy);
        }
        if let Status::Unavailable(why) = &mut out.status {
            without_file(why.reason.class, &mut why.reason.message, &mut why.reason.remedy);
            for report in &mut why.tried {
                if let (Some(kind), Some(target)) = (&report.kind, &mut report.target) {
                    self.target(kind, target);
                }
                report.tried.iter_mut().for_each(|tried| self.target(&tried.kind, &mut tried.target));
            }
        }
        out
    }

    fn table(&self, table: &Table) -> Table {
        let columns = &table.schema.columns;
        let hidden: Vec<bool> =
            columns.iter().map(|c| c.ty == Type::Text && !TELLS_NOBODY.contains(&c.name.as_str())).collect();
        if !hidden.contains(&true) {
            return table.clone();
        }
        // A new arena: the old one holds the names.
        let mut out = Table::new(Arc::clone(&table.schema));
        out.reserve(table.len());
        for row in 0..table.len() {
            let mut cells = table.row(row).to_vec();
            for (cell, hidden) in cells.iter_mut().zip(&hidden) {
                let Value::Text(span) = *cell else { continue };
                let text = table.text(span);
                let hide = *hidden && !text.is_empty();
                *cell = if hide { out.intern(self.word(text).as_bytes()) } else { out.intern(text) };
            }
            out.push_cells(&cells);
        }
        out
    }

    fn setting(&self, name: &str, value: &SettingValue) -> SettingValue {
        match value {
            SettingValue::Text(text) if !text.is_empty() && !TELLS_NOBODY.contains(&name) => {
                SettingValue::Text(self.word(text.as_bytes()))
            }
            other => other.clone(),
        }
    }

    /// Hooks in files of user space are called `FILE:FUNCTION`.
    fn target(&self, kind: &str, target: &mut String) {
        if kind.starts_with('u')
            && let Some((file, function)) = target.rsplit_once(':')
        {
            *target = format!("{}:{function}", self.word(file.as_bytes()));
        }
    }
}

/// Says which file is missing without its name.
fn without_file(class: ReasonClass, message: &mut String, remedy: &mut String) {
    if class == ReasonClass::TargetMissing {
        "the file that it watches is not there".clone_into(message);
        remedy.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;
    use crate::frame::{Hook, Schema};

    #[test]
    fn names_are_replaced_and_numbers_stay() {
        let frame = sample::table();
        let redactor = Redactor::default();
        let out = redactor.frame(&frame);
        let schema = &frame.table.schema;
        let (comm, pid) = (schema.index("comm").unwrap(), schema.index("pid").unwrap());
        assert_eq!(out.table.cell(1, comm), Value::Null, "what is not known has no word");
        for row in [0, 2] {
            let (name, word) = (frame.table.text_at(row, comm).unwrap(), out.table.text_at(row, comm).unwrap());
            assert!(word.len() == 13 && word != name);
            assert_eq!(word, redactor.word(name).as_bytes(), "the same name is the same word");
            assert_eq!(frame.table.cell(row, pid), out.table.cell(row, pid));
        }
        let other = Redactor::default().frame(&frame);
        assert_ne!(other.table.text_at(0, comm), out.table.text_at(0, comm), "and another one in another run");
        let mut calls = Schema::clone(schema);
        calls.columns[comm].name = "syscall".into();
        let calls = Frame { table: frame.table.with_schema(Arc::new(calls)), ..frame.clone() };
        assert_eq!(redactor.frame(&calls).table.text_at(0, comm), Some(&b"fio"[..]), "what is nobody's name stays");
        assert!(!format!("{:?}", out.table).contains("fio"), "nor is the name left in the arena");
    }

    #[test]
    fn settings_hooks_and_the_host_are_without_names() {
        let mut frame = sample::table();
        frame.settings = [("comm".to_owned(), SettingValue::Text("mysqld".into()))].into();
        let hook = |kind: &str, target: &str| Hook {
            purpose: "call".into(),
            alternative: 1,
            kind: kind.into(),
            target: target.into(),
        };
        frame.hooks = [hook("uprobe", "/home/me/lib.so:f"), hook("tp_btf", "a:b")].into();
        let redactor = Redactor::default();
        let out = redactor.frame(&frame);
        assert!(!format!("{:?} {:?}", out.settings, out.hooks).contains("me/lib"));
        assert!(out.hooks[0].target.ends_with(":f") && out.hooks[1].target == "a:b");
        assert!(!format!("{:?}", out.settings).contains("mysqld"));
        let host = Host { hostname: "web-07".into(), kernel: "6.1".into(), ..Host::default() };
        let host = redactor.host(host);
        assert!(host.hostname.starts_with('h') && host.hostname != "web-07" && host.kernel == "6.1");
    }
}
