//! The command palette: actions, words with arguments, views; searched as it is typed.

use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use crate::views::ViewDecl;

use super::app::{App, Screen};
use super::bindings::{BINDINGS, Binding};
use super::overlay::{Overlay, edit};
use super::page::{Item, Page, Tone, moved};
use super::words::{WORDS, Word};

/// Lines remembered.
const TYPED: usize = 50;

/// Something that the palette does.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// What a key does.
    Act(&'static Binding),
    /// A word.
    Say(&'static Word),
    /// Open a view.
    Show(&'static ViewDecl),
}

impl Entry {
    fn name(&self) -> &'static str {
        match self {
            Entry::Act(binding) => binding.name,
            Entry::Say(word) => word.name,
            Entry::Show(decl) => &decl.name,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Entry::Act(binding) => binding.help,
            Entry::Say(word) => word.help,
            Entry::Show(decl) => &decl.title,
        }
    }
}

/// The open palette.
#[derive(Debug)]
pub struct Palette {
    /// What is typed.
    pub input: Input,
    /// What matches.
    pub found: Vec<Entry>,
    /// The line with the cursor.
    pub at: usize,
    /// Which of the lines typed before is shown.
    recall: Option<usize>,
}

impl Palette {
    /// With this text.
    pub fn new(text: &str) -> Palette {
        let mut palette = Palette { input: Input::new(text.to_owned()), found: Vec::new(), at: 0, recall: None };
        palette.search();
        palette
    }

    /// Finds what matches the first word.
    pub fn search(&mut self) {
        let text = self.input.value().trim_start().trim_start_matches(':');
        let word = text.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        let words = WORDS.iter().map(Entry::Say);
        let views = crate::ui::registry().views().iter().map(|view| Entry::Show(&view.decl));
        // A word that may stand alone does what the key of its name does.
        let own = |binding: &&Binding| !WORDS.iter().any(|word| word.name == binding.name);
        let acts = BINDINGS.iter().filter(|binding| !binding.help.is_empty());
        let acts = acts.filter(own).map(Entry::Act);
        let all = words.chain(acts).chain(views);
        self.at = 0;
        if word.is_empty() {
            self.found = all.collect();
            return;
        }
        if text.contains(' ') {
            self.found = all.filter(|entry| entry.name() == word).collect();
            return;
        }
        let pattern = Pattern::new(&word, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut chars = Vec::new();
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut chars), &mut matcher);
        let mut ranked: Vec<((u8, u32), Entry)> = Vec::new();
        for entry in all {
            let rank = match entry.name() {
                name if name == word => Some((0, 0)),
                name if name.starts_with(&word) => Some((1, name.len() as u32)),
                name => {
                    score(name).map(|s| (2, u32::MAX - s)).or_else(|| score(entry.words()).map(|s| (3, u32::MAX - s)))
                }
            };
            ranked.extend(rank.map(|rank| (rank, entry)));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        self.found = ranked.into_iter().map(|(_, entry)| entry).collect();
    }

    /// What is drawn.
    pub fn page(&self, app: &App) -> Page {
        let item = |entry: &Entry| {
            let value = match entry {
                Entry::Act(binding) => app.options.keys.keys(binding).join(" "),
                Entry::Say(word) => word.argument.to_owned(),
                Entry::Show(_) => "view".to_owned(),
            };
            Item::new(entry.name(), value, entry.words())
        };
        let mut items: Vec<Item> = self.found.iter().map(item).collect();
        if items.is_empty() {
            items.push(Item::new("nothing matches", "", "").tone(Tone::Dim));
        }
        Page {
            title: "Command".to_owned(),
            note: format!("{} found", self.found.len()),
            input: Some((": ", self.input.clone())),
            items,
            at: self.at,
            name: 16,
            value: 16,
            keys: &[("Enter", "do it"), ("Tab", "complete"), ("Up", "earlier lines"), ("Esc", "close")],
        }
    }
}

impl App {
    pub(super) fn palette_key(&mut self, mut palette: Palette, name: &str, key: &KeyEvent) {
        match name {
            "Esc" => return,
            "Enter" => return self.run_palette(palette),
            "Tab" => {
                if let Some(entry) = palette.found.get(palette.at) {
                    palette = Palette::new(&format!("{} ", entry.name()));
                }
            }
            // At the top of the list, and on the way back, the arrows go through the lines typed before.
            "Up" if palette.at == 0 => recall(&mut palette, &self.said, -1),
            "Down" if palette.recall.is_some() => recall(&mut palette, &self.said, 1),
            _ => match moved(palette.at, palette.found.len(), name).filter(|_| !matches!(name, "Home" | "End")) {
                Some(at) => palette.at = at,
                None => {
                    edit(&mut palette.input, key);
                    palette.recall = None;
                    palette.search();
                }
            },
        }
        self.overlays.push(Overlay::Palette(palette));
    }

    fn run_palette(&mut self, palette: Palette) {
        let text = palette.input.value().trim().trim_start_matches(':').to_owned();
        let (first, argument) = text.split_once(' ').unwrap_or((&text, ""));
        let Some(&entry) = palette.found.get(palette.at) else {
            return self.keep(Overlay::Palette(palette), "nothing matches; Esc closes");
        };
        if let Entry::Say(word) = entry
            && !word.argument.is_empty()
            && (first != word.name || argument.is_empty())
        {
            if let Some(binding) = BINDINGS.iter().find(|binding| binding.name == word.name) {
                self.remember(word.name.to_owned());
                return self.act(binding.action);
            }
            // It is only chosen yet: its argument is still to be typed.
            let next = Palette::new(&format!("{} ", word.name));
            return self.keep(Overlay::Palette(next), format!("{} {}: {}", word.name, word.argument, word.help));
        }
        let said = if argument.is_empty() { entry.name().to_owned() } else { text.clone() };
        match entry {
            Entry::Act(binding) if binding.places.contains(&self.place()) => self.act(binding.action),
            Entry::Act(binding) => self.say(format!("{} does not work here", binding.name)),
            Entry::Show(decl) => {
                let at = self.tab_of(&decl.name);
                self.show(Screen::View(at));
            }
            Entry::Say(word) => match (word.run)(self, argument.trim()) {
                Ok(text) if text.is_empty() => self.dirty = true,
                Ok(text) => self.say(text),
                // It stays open, so that it can be put right.
                Err(problem) => return self.keep(Overlay::Palette(palette), &problem),
            },
        }
        self.remember(said);
    }

    fn remember(&mut self, said: String) {
        self.said.retain(|known| *known != said);
        self.said.push(said);
        let extra = self.said.len().saturating_sub(TYPED);
        self.said.drain(..extra);
    }
}

fn recall(palette: &mut Palette, said: &[String], by: isize) {
    let at = palette.recall.unwrap_or(said.len()).saturating_add_signed(by);
    let text = said.get(at).cloned().unwrap_or_default();
    *palette = Palette { recall: (at < said.len()).then_some(at), ..Palette::new(&text) };
}
