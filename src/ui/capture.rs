//! The form of the capture filter: what the kernel side looks at. Only what a view supports is in it.

use crossterm::event::KeyEvent;
use tui_input::Input;

use crate::feed::Command;
use crate::frame::SettingValue;
use crate::views::{ViewDecl, settings};

use super::app::App;
use super::overlay::{Overlay, edit};
use super::page::{Item, Page, Tone};

/// One field.
#[derive(Debug)]
pub struct Field {
    /// The setting.
    pub name: String,
    /// What is typed; empty: the filter is off, the setting at its default.
    pub input: Input,
    /// What it does.
    pub help: String,
    /// What is wrong with it.
    pub wrong: Option<String>,
}

/// The open form.
#[derive(Debug)]
pub struct Capture {
    /// Its fields.
    pub fields: Vec<Field>,
    /// The one that is typed into.
    pub at: usize,
    /// The view it is for, as a tab.
    view: usize,
}

fn written(value: &SettingValue) -> String {
    match value {
        SettingValue::Null => String::new(),
        SettingValue::Bool(on) => on.to_string(),
        SettingValue::Int(n) => n.to_string(),
        SettingValue::Text(text) => text.clone(),
    }
}

impl Capture {
    /// The form of the view that keys go to, with what is in force.
    pub fn new(app: &App) -> Option<Capture> {
        let at = app.current()?;
        let view = &app.views[at];
        let decl = view.decl?;
        let common = [
            ("pid", "only this process"),
            ("comm", "only processes of this name, or name*"),
            ("cgroup", "only processes of this control group"),
        ];
        let now =
            |name: &str| view.request.settings.iter().find(|(set, _)| set == name).map(|(_, value)| written(value));
        let field = |name: &str, help: String| Field {
            name: name.to_owned(),
            input: Input::new(now(name).unwrap_or_default()),
            help,
            wrong: None,
        };
        let own = decl.set.iter().map(|(name, set)| {
            let takes = match settings::kind(set) {
                settings::Kind::Switch => "true or false".to_owned(),
                settings::Kind::Number { min, max } => match (min, max) {
                    (Some(min), Some(max)) => format!("{min} to {max}"),
                    (Some(min), None) => format!("{min} and more"),
                    _ => "a number".to_owned(),
                },
                settings::Kind::Choice(words) => words.join(", "),
                _ => settings::takes(set),
            };
            field(name, format!("{}: {takes}", set.help))
        });
        let fields = common.iter().map(|(name, help)| field(name, (*help).to_owned())).chain(own).collect();
        Some(Capture { fields, at: 0, view: at })
    }

    /// What is drawn.
    pub fn page(&self, app: &App) -> Page {
        let item = |(at, field): (usize, &Field)| {
            let cursor = if at == self.at { "_" } else { "" };
            let words = field.wrong.clone().unwrap_or_else(|| field.help.clone());
            let tone = if field.wrong.is_some() { Tone::Bad } else { Tone::Plain };
            Item::new(field.name.clone(), format!("{}{cursor}", field.input.value()), words).tone(tone)
        };
        let name = app.views.get(self.view).map_or("", |view| view.name.as_str());
        Page {
            title: format!("{name} capture filter"),
            note: "decided in the kernel".to_owned(),
            items: self.fields.iter().enumerate().map(item).collect(),
            at: self.at,
            name: 10,
            value: 20,
            keys: &[("Enter", "apply, counters restart"), ("Up Down", "field"), ("Ctrl-u", "clear"), ("Esc", "close")],
            ..Page::default()
        }
    }

    /// The settings that were typed; `None`: something is wrong, and said.
    fn settings(&mut self, decl: &ViewDecl) -> Option<Vec<(String, SettingValue)>> {
        let mut out = Vec::new();
        for field in &mut self.fields {
            let text = field.input.value().trim();
            field.wrong = None;
            if text.is_empty() {
                continue;
            }
            let value = match settings::capture(&field.name, text) {
                Some(value) => value,
                None => match decl.set.get(&field.name) {
                    Some(set) => settings::value(set, text),
                    None => Err("this view has no such setting".to_owned()),
                },
            };
            match value {
                Ok(value) => out.push((field.name.clone(), value)),
                Err(problem) => field.wrong = Some(problem),
            }
        }
        self.fields.iter().all(|field| field.wrong.is_none()).then_some(out)
    }
}

impl App {
    pub(super) fn capture_key(&mut self, mut form: Capture, name: &str, key: &KeyEvent) {
        let last = form.fields.len().saturating_sub(1);
        match name {
            "Esc" => return,
            "Down" | "Tab" => form.at = if form.at >= last { 0 } else { form.at + 1 },
            "Up" | "Shift-Tab" => form.at = if form.at == 0 { last } else { form.at - 1 },
            "Enter" => {
                let Some(decl) = self.views[form.view].decl else { return };
                match form.settings(decl) {
                    Some(settings) => return self.capture(form.view, settings),
                    None => form.at = form.fields.iter().position(|field| field.wrong.is_some()).unwrap_or(0),
                }
            }
            _ => {
                if let Some(field) = form.fields.get_mut(form.at) {
                    edit(&mut field.input, key);
                    field.wrong = None;
                }
            }
        }
        self.overlays.push(Overlay::Capture(form));
    }

    /// Other settings for a view: what it counted so far counts no more.
    pub(super) fn capture(&mut self, at: usize, settings: Vec<(String, SettingValue)>) {
        let view = &mut self.views[at];
        if view.request.settings == settings {
            return self.say("that is what is captured already");
        }
        view.request.settings.clone_from(&settings);
        view.selected = None;
        view.lost = 0;
        let name = view.name.clone();
        self.tell(at, Command::Settings(settings));
        self.say(format!("{name}: loading again, counters restart"));
    }
}
