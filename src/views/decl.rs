//! The text of a declaration: what C cannot say about a view.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::group::Group;
use super::settings::given;
use super::tables::Table;
use crate::frame::{Kind, ReasonClass, SettingValue, Unit};

/// A view as declared. Unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewDecl {
    /// Version of the C conventions; 1.
    pub abi: u32,
    /// Name: the name of the BCC tool.
    #[serde(skip)]
    pub name: String,
    /// Other names it answers to.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Menu group.
    pub group: Group,
    /// Shape.
    pub kind: Kind,
    /// A few words behind the name in titles: `block I/O by process`.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// What it measures and how, a paragraph or two.
    pub help: String,
    /// What it costs, in words.
    pub cost: String,
    /// What it cannot see, a sentence each.
    pub cannot: Vec<String>,
    /// Place on the overview dashboard.
    #[serde(default)]
    pub overview: Option<u32>,
    /// Name of the program file if it is another view's.
    #[serde(default)]
    pub program: Option<String>,
    /// Functions that the program's hooks `@NAME` are attached to; a hook that is not named here does not exist for this view.
    #[serde(default)]
    pub targets: BTreeMap<String, String>,
    /// `const volatile` globals of the program that have this value in this view, whatever is set.
    #[serde(default)]
    pub constants: BTreeMap<String, u64>,
    /// The part of the kernel that the view is about, without which it says so.
    #[serde(default)]
    pub requires: Option<Requires>,
    /// Libraries whose functions the program's `uprobe/NAME:FUNCTION` hooks are about, by NAME.
    #[serde(default)]
    pub libraries: BTreeMap<String, Library>,
    /// Why no machine of ours has shown that its numbers are right.
    #[serde(default)]
    pub unproven: Option<String>,
    /// Settings that are given behind the name, in their order, as BCC's tool takes them; interval and count are then flags only.
    #[serde(default)]
    pub positionals: Vec<String>,
    /// Whether its program can count one event in N (`is_sampled()` of sampled.h), and what was counted times N is honest.
    #[serde(default)]
    pub sampled: bool,
    /// The data map. `NAME__0` and `NAME__1` in C are its two halves.
    pub map: String,
    /// Columns shown unless asked otherwise, in order; the others follow, hidden.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Columns that name a row; default: the fields of the map's key.
    #[serde(default)]
    pub key: Vec<String>,
    /// Columns summed into the totals.
    #[serde(default)]
    pub totals: Vec<String>,
    /// Default sort, `-bytes` for descending.
    pub sort: String,
    /// Column that says how long an event took: what is drawn as a heat map, of a view of events.
    #[serde(default)]
    pub latency: Option<String>,
    /// Named Rust hook that finishes the rows; see `views/post`.
    #[serde(default)]
    pub post: Option<String>,
    /// What each hook is for, by purpose.
    #[serde(default)]
    pub hooks: BTreeMap<String, HookDecl>,
    /// Where it cannot run, and the class of the reason: a kernel of the matrix, or one of its restrictions.
    #[serde(default)]
    pub unavailable: BTreeMap<String, ReasonClass>,
    /// Presentation of columns, and columns derived from others.
    #[serde(default, rename = "col")]
    pub col: BTreeMap<String, ColumnDecl>,
    /// Settings: `const volatile` globals of the program.
    #[serde(default, rename = "set")]
    pub set: BTreeMap<String, SettingDecl>,
}

/// A part of the kernel that may be a module.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// As `/proc/filesystems` names it.
    pub filesystem: String,
    /// The module that brings it, and in whose type information functions are looked for as well.
    pub module: String,
}

/// A library of user space, wherever a process has it from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// What it is, in the words of a sentence: `C library`.
    pub what: String,
    /// What its files are called, without their directory; `*` stands for anything.
    pub files: Vec<String>,
}

/// A purpose that a view needs a hook for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookDecl {
    /// What happens there: `a request is submitted`.
    pub what: String,
    /// BTF facts by alternative number that must hold before it is tried: each entry is a list of
    /// which one must hold. `fn` or `struct.field` must exist, `!fn` must not.
    #[serde(default)]
    pub needs: BTreeMap<String, Vec<String>>,
    /// Setting without which the hook is not loaded at all: it must be on, or not at its first choice, or, as `NAME=CHOICE`, at
    /// that one.
    #[serde(default)]
    pub when: Option<String>,
    /// Kernels on which each alternative, by number, is known to work: the matrix tests exactly these, and that the
    /// others refuse it. A hook with a single alternative that works on all of them leaves it out.
    #[serde(default)]
    pub proven: BTreeMap<String, Vec<String>>,
}

/// Presentation of a column; with `mean` or `share` it is derived.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDecl {
    /// Head on the screen; default: the name in capitals.
    pub label: Option<String>,
    /// BCC's head, for text output; default: the label.
    pub bcc: Option<String>,
    /// One sentence.
    #[serde(default)]
    pub help: String,
    /// Unit, for columns that a post hook makes.
    pub unit: Option<Unit>,
    /// Ideal width, cells.
    pub width: Option<u16>,
    /// Columns with a higher number are dropped first in a narrow pane.
    pub priority: Option<u8>,
    /// `[sum, count]`: this column is their quotient.
    pub mean: Option<[String; 2]>,
    /// `[part, rest]`: this column is part / (part + rest).
    pub share: Option<[String; 2]>,
    /// A column that the post hook fills; it adds up over time, unless it is a gauge.
    #[serde(default)]
    pub post: bool,
    /// Setting without which it is null, and with which it is shown: its bytes, the last of a value, are not in the map without.
    #[serde(default)]
    pub when: Option<String>,
    /// Of arguments: the switch with which they are quoted as a shell wants them.
    pub quoted: Option<String>,
    /// Of arguments: the number of them that are shown; 0 is all.
    pub most: Option<String>,
    /// What it says is true of one moment, the end of the interval: the newest value stands, nothing adds up.
    #[serde(default)]
    pub gauge: bool,
}

/// A setting of a view, frozen when its program is loaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingDecl {
    /// One sentence.
    pub help: String,
    /// Smallest value, for numbers.
    pub min: Option<i64>,
    /// Largest value, for numbers.
    pub max: Option<i64>,
    /// A length of time, in nanoseconds in C: `10ms`, `500us`; a number without a unit is in this one. `min` and `max` do not apply.
    pub time: Option<TimeUnit>,
    /// A text, which the program has as an array of characters.
    #[serde(default)]
    pub text: bool,
    /// The file of a library that is watched instead of those that processes have mapped; the program does not have it.
    #[serde(default)]
    pub library: bool,
    /// About how rows are shown, as a column says (`quoted`, `most`); the program does not have it.
    #[serde(default)]
    pub shown: bool,
    /// Names out of a table, as many as `list` says: the program has `listed_t`, their numbers and one.
    pub names: Option<Table>,
    /// A text in which `*` stands for anything and `?` for one byte; the program has `struct pattern`.
    #[serde(default)]
    pub pattern: bool,
    /// A path, which the program has as the device of the filesystem that it is on.
    #[serde(default)]
    pub mount: bool,
    /// A directory, which the program has as `filter_NAME_inode` and `filter_NAME_device`.
    #[serde(default)]
    pub directory: bool,
    /// An address, or a network as 10.0.0.0/8, which the program has as `network_t`.
    #[serde(default)]
    pub network: bool,
    /// The name of a whole disk, which the program has as its device number.
    #[serde(default)]
    pub disk: bool,
    /// An enum of the program and of the running kernel: the setting takes as many names of its values, as the kernel has them, as
    /// `list` says, and the program has `listed_t`.
    pub values_of: Option<String>,
    /// Numbers, at most so many, with commas between them; the program has an array of as many, in which 0 is none.
    pub list: Option<u16>,
    /// The name that it had, which is still taken; a number without a unit.
    pub former: Option<String>,
    /// What it is unless set, as the user would write it; without, what the program says.
    pub default: Option<String>,
    /// The words it takes; their position is the value in C.
    #[serde(default)]
    pub choices: Vec<SettingChoice>,
    /// Whether the grouping key cycles through the choices.
    #[serde(default)]
    pub group_by: bool,
}

/// Unit of a time that is given without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
}

impl TimeUnit {
    /// As it is written behind a number.
    pub fn name(self) -> &'static str {
        match self {
            TimeUnit::Us => "us",
            TimeUnit::Ms => "ms",
        }
    }
}

/// One word that a setting takes, and what it changes in what is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingChoice {
    /// The word.
    pub name: String,
    /// Data map that is read with this choice, instead of the declared one.
    pub map: Option<String>,
    /// Shape of the data with this choice, where it is not the declared one.
    pub kind: Option<Kind>,
    /// Key columns with this choice.
    #[serde(default)]
    pub key: Vec<String>,
    /// Other columns shown with this choice, before those that the view shows; with a map and a sort of its own there are no others.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Sort with this choice, where its map has other columns than the declared one.
    pub sort: Option<String>,
}

/// A declaration that does not hold: where and why.
#[derive(Debug)]
pub struct DeclError {
    view: String,
    message: String,
}

impl fmt::Display for DeclError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.view, self.message)
    }
}

impl std::error::Error for DeclError {}

impl ViewDecl {
    /// Reads the declaration of the view called `name`.
    ///
    /// # Errors
    /// TOML errors and unknown keys, with line and column; an unknown `abi`.
    pub fn parse(name: &str, text: &str) -> Result<ViewDecl, DeclError> {
        let error = |message: String| DeclError { view: name.to_owned(), message };
        let mut decl: ViewDecl = toml::from_str(text).map_err(|e| error(e.to_string()))?;
        if decl.abi != 1 {
            return Err(error(format!("abi = {} is not known; this program knows abi = 1", decl.abi)));
        }
        decl.name = name.to_owned();
        Ok(decl)
    }

    /// What the choice of the grouping setting changes in what is read.
    pub fn choice(&self, settings: &[(String, SettingValue)]) -> Option<&SettingChoice> {
        let (name, set) = self.group_by()?;
        match given(settings, name) {
            Some(SettingValue::Text(word)) => set.choices.iter().find(|c| c.name == *word),
            _ => set.choices.first(),
        }
    }

    /// Whether the columns of this choice are all there are: its map has others than the declared one, and so its own sort.
    pub fn stands_alone(&self, choice: Option<&SettingChoice>) -> bool {
        self.counts_events(choice) || choice.is_some_and(|choice| choice.map.is_some() && choice.sort.is_some())
    }

    /// Whether this choice counts events in the kernel: it has a map of its own, and rows like a table's.
    pub fn counts_events(&self, choice: Option<&SettingChoice>) -> bool {
        self.kind == Kind::Events && choice.is_some_and(|choice| choice.map.is_some())
    }

    /// Shape of the data with these settings.
    pub fn kind_with(&self, settings: &[(String, SettingValue)]) -> Kind {
        self.kind_of(self.choice(settings))
    }

    /// Shape of the data with this choice.
    pub fn kind_of(&self, choice: Option<&SettingChoice>) -> Kind {
        match choice.and_then(|choice| choice.kind) {
            Some(kind) => kind,
            None if self.counts_events(choice) => Kind::Table,
            None => self.kind,
        }
    }

    /// Whether a hook is loaded with these settings.
    pub fn wants_hook(&self, hook: &str, settings: &[(String, SettingValue)]) -> bool {
        self.hooks.get(hook).and_then(|hook| hook.when.as_deref()).is_none_or(|when| self.holds(when, settings))
    }

    /// Whether the setting that a column is there for is on; none if it is always there.
    pub fn is_column_filled(&self, column: &str, settings: &[(String, SettingValue)]) -> Option<bool> {
        self.col.get(column)?.when.as_deref().map(|when| self.holds(when, settings))
    }

    /// Whether a setting is on, not at its first choice, or, as `NAME=CHOICE`, at that one.
    pub fn holds(&self, when: &str, settings: &[(String, SettingValue)]) -> bool {
        let (when, only) = when.split_once('=').map_or((when, None), |(when, only)| (when, Some(only)));
        let first = self.set.get(when).and_then(|set| set.choices.first()).map(|choice| choice.name.as_str());
        match given(settings, when) {
            Some(SettingValue::Bool(on)) => *on,
            Some(SettingValue::Int(n)) => *n != 0,
            Some(SettingValue::Text(word)) => only.map_or(Some(word.as_str()) != first, |only| word == only),
            Some(SettingValue::Null) | None => false,
        }
    }

    /// A setting by its name, or the name that it had.
    pub fn setting(&self, name: &str) -> Option<(&str, &SettingDecl)> {
        let known = self.set.get_key_value(name);
        let known = known.or_else(|| self.set.iter().find(|(_, set)| set.former.as_deref() == Some(name)));
        known.map(|(name, set)| (name.as_str(), set))
    }

    /// The setting that the grouping key cycles, if there is one.
    pub fn group_by(&self) -> Option<(&str, &SettingDecl)> {
        self.set.iter().find(|(_, set)| set.group_by).map(|(name, set)| (name.as_str(), set))
    }
}
