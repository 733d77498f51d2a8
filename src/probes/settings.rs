//! Settings on their way into a program: constants in `.rodata`, frozen at load.

use std::collections::HashMap;

use super::btf::{Btf, Kind};
use super::facts::Facts;
use crate::frame::SettingValue;
use crate::views::network::Network;
use crate::views::pattern::Pattern;
use crate::views::{SettingDecl, ViewDecl};

/// Where a constant lies in `.rodata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Offset, bytes.
    pub offset: usize,
    /// Size, bytes.
    pub size: usize,
}

/// The `const volatile` globals of an object, by name.
pub fn constants(btf: &Btf<'_>) -> HashMap<String, Constant> {
    variables(btf, ".rodata")
}

/// The variables of one data section, by name.
pub fn variables(btf: &Btf<'_>, section: &str) -> HashMap<String, Constant> {
    let Some(datasec) = btf.find(Kind::Datasec, section) else { return HashMap::new() };
    datasec
        .members()
        .map(|m| {
            let size = datasec.member_type(&m).map_or(0, |ty| ty.size());
            (m.name.to_owned(), Constant { offset: m.offset as usize, size })
        })
        .collect()
}

/// Writes facts, what is `given` by the machine, filters, settings, and which data is read (`map`), into the initial value of `.rodata`.
///
/// # Errors
/// A sentence naming the setting that does not fit.
pub fn write(
    rodata: &mut [u8],
    constants: &HashMap<String, Constant>,
    decl: &ViewDecl,
    facts: &Facts,
    given: &HashMap<String, u64>,
    map: &str,
    settings: &[(String, SettingValue)],
) -> Result<(), String> {
    let mut rodata = Rodata { bytes: rodata, constants };
    for name in constants.keys() {
        if let Some(tracepoint) = name.strip_prefix("nargs__") {
            rodata.number(name, u64::from(facts.tracepoints.get(tracepoint).copied().unwrap_or(0)))?;
        } else if let Some(data) = name.strip_prefix("reads__") {
            rodata.number(name, u64::from(data == map))?;
        }
    }
    if let Some(pid) = own_pid() {
        rodata.number("self_tgid", u64::from(pid))?;
    }
    for (name, value) in given.iter().chain(&decl.constants) {
        rodata.number(name, *value)?;
    }
    for (name, set) in &decl.set {
        if let Some(default) = &set.default {
            let value = crate::views::settings::value(set, default)?;
            rodata.own(decl, name, &value)?;
        }
    }
    for (name, value) in settings {
        match (name.as_str(), value) {
            (_, SettingValue::Null) => {}
            // For whoever attaches, and whoever decodes.
            _ if decl.set.get(name).is_some_and(|set| set.library || set.shown) => {}
            ("pid" | "tree", SettingValue::Int(pid)) => {
                let pid = u32::try_from(*pid).map_err(|_| format!("{pid} is no process id"))?;
                rodata.number(&format!("filter_{name}"), u64::from(pid))?;
            }
            ("comm", SettingValue::Text(comm)) => rodata.comm(comm)?,
            // Resolved from a path by whoever knows the file system; an id uses all 64 bits.
            (filter, SettingValue::Int(n)) if filter.starts_with("filter_") => {
                rodata.number(filter, u64::from_ne_bytes(n.to_ne_bytes()))?;
            }
            (_, value) => rodata.own(decl, name, value)?,
        }
    }
    Ok(())
}

/// A list for `listed_t` of listed.h: each number and one, as 0 is none.
pub fn listed(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|number| (number + 1).to_string()).collect();
    numbers.join(",")
}

struct Rodata<'a> {
    bytes: &'a mut [u8],
    constants: &'a HashMap<String, Constant>,
}

impl Rodata<'_> {
    fn place(&mut self, name: &str) -> Result<&mut [u8], String> {
        let place = self.constants.get(name).and_then(|c| self.bytes.get_mut(c.offset..c.offset + c.size));
        place.ok_or_else(|| format!("this view has no setting {name}"))
    }

    fn number(&mut self, name: &str, value: u64) -> Result<(), String> {
        let place = self.place(name)?;
        let bytes = value.to_le_bytes();
        let size = place.len().min(8);
        if bytes[size..].iter().any(|&b| b != 0) {
            return Err(format!("{value} is too large for the setting {name}"));
        }
        place[..size].copy_from_slice(&bytes[..size]);
        Ok(())
    }

    /// A setting that the view declares.
    fn own(&mut self, decl: &ViewDecl, name: &str, value: &SettingValue) -> Result<(), String> {
        let (name, set) = decl.setting(name).ok_or_else(|| format!("this view has no setting {name}"))?;
        match value {
            SettingValue::Text(text) if set.text => self.text(name, text),
            SettingValue::Text(text) if set.pattern => self.bytes(name, &Pattern::parse(text)?.to_bytes()),
            SettingValue::Text(text) if set.names.is_some() => {
                let numbers = set.names.map(|table| table.numbers(text)).transpose()?;
                self.list(name, &listed(&numbers.unwrap_or_default()))
            }
            SettingValue::Text(text) if set.network => self.network(name, Network::parse(text)?),
            SettingValue::Text(text) if set.list.is_some() => self.list(name, text),
            // One of a list, the others are 0.
            SettingValue::Int(_) if set.list.is_some() => self.list(name, &own_setting(set, name, value)?.to_string()),
            _ => self.number(name, own_setting(set, name, value)?),
        }
    }

    /// `network_t` of sock.h.
    fn network(&mut self, name: &str, network: Network) -> Result<(), String> {
        self.bytes(name, &[network.address, network.mask].concat())
    }

    /// What has the same size in the program.
    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let place = self.place(name)?;
        if place.len() != bytes.len() {
            return Err(format!("the program has something else in {name}"));
        }
        place.copy_from_slice(bytes);
        Ok(())
    }

    /// An array of as many numbers as a `u32` each.
    fn list(&mut self, name: &str, text: &str) -> Result<(), String> {
        let numbers: Vec<&str> = text.split(',').collect();
        let mut place = self.place(name)?;
        place.fill(0);
        for number in numbers {
            let number: u32 = number.parse().map_err(|_| format!("{number} is no number for {name}"))?;
            let (here, behind) = place.split_at_mut_checked(4).ok_or_else(|| format!("too many numbers for {name}"))?;
            here.copy_from_slice(&number.to_le_bytes());
            place = behind;
        }
        Ok(())
    }

    /// A name, or with a `*` behind it how names begin.
    fn comm(&mut self, comm: &str) -> Result<(), String> {
        let begin = comm.strip_suffix('*');
        self.text("filter_comm", begin.unwrap_or(comm))?;
        self.number("filter_comm_begin", u64::from(begin.is_some()))
    }

    fn text(&mut self, name: &str, text: &str) -> Result<(), String> {
        let place = self.place(name)?;
        if text.len() >= place.len() {
            return Err(format!("{text:?} is too long: the kernel keeps {} bytes of a name", place.len() - 1));
        }
        place.fill(0);
        place[..text.len()].copy_from_slice(text.as_bytes());
        Ok(())
    }
}

fn own_setting(set: &SettingDecl, name: &str, value: &SettingValue) -> Result<u64, String> {
    match value {
        SettingValue::Bool(on) => Ok(u64::from(*on)),
        SettingValue::Int(n) => u64::try_from(*n).map_err(|_| format!("{name} cannot be negative")),
        SettingValue::Text(text) if set.time.is_some() => crate::views::settings::time(text),
        SettingValue::Text(word) => {
            let place = set.choices.iter().position(|choice| choice.name == *word);
            place.map(|n| n as u64).ok_or_else(|| format!("{name} cannot be {word}"))
        }
        SettingValue::Null => Ok(0),
    }
}

/// The inode number of the first pid namespace (PROC_PID_INIT_INO).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Whether the pids that programs see are those of our /proc.
pub fn in_initial_pid_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|ns| ns.as_os_str() == INITIAL_PID_NAMESPACE)
}

/// Our own pid as programs see it.
fn own_pid() -> Option<u32> {
    in_initial_pid_namespace().then(std::process::id)
}
