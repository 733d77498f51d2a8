//! The settings screen: what is in force, where it comes from, and which line would make it last.

use super::action::Action;
use super::app::App;
use super::overlay::Overlay;
use super::page::{Item, Page, Tone, stepped};
use super::palette::Palette;
use super::words::names_of_themes;

/// The tabs.
pub const TABS: [&str; 5] = ["general", "thresholds", "theme", "keys", "paths"];

/// The open screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Which tab.
    pub tab: usize,
    /// The line with the cursor.
    pub at: usize,
}

/// What a line of the screen leads to.
enum Way {
    /// Nothing: it is only told.
    Told,
    /// The palette with this text.
    Type(String),
    /// The palette's word is said at once.
    Say(&'static str),
}

/// A setting, and the line of the configuration that keeps it.
fn general(app: &App) -> Vec<(Item, Way)> {
    let from = |name: &str| app.source(name);
    let line = |name: &'static str, value: String, way: Way| {
        let keep = format!("{:<10} {name} = {value}", from(name));
        (Item::new(name, value, keep), way)
    };
    // What is shown is what the configuration takes.
    let keep_warm = app.options.keep_warm.map_or("\"always\"".to_owned(), |keep| keep.as_secs().to_string());
    let seconds = format!("{}", app.interval.as_secs_f64());
    vec![
        line("interval", seconds, Way::Type("interval ".to_owned())),
        line("theme", format!("{:?}", app.theme_name), Way::Type("theme ".to_owned())),
        line("scroll", app.scroll.to_string(), Way::Say("scroll")),
        line("raw", app.look.raw.to_string(), Way::Say("units")),
        line("glyphs", format!("\"{:?}\"", app.glyphs.level).to_lowercase(), Way::Told),
        line("color", format!("{:?}", app.depth.word()), Way::Told),
        line("mouse", app.options.mouse.to_string(), Way::Told),
        line("slow", app.options.slow.to_string(), Way::Told),
        line("keep_warm", keep_warm, Way::Told),
        line("history_frames", app.options.history_frames.to_string(), Way::Told),
        line("history_mib", (app.options.history_bytes >> 20).to_string(), Way::Told),
        line("pause_collection", app.options.pause_collection.to_string(), Way::Told),
        line("overhead", format!("{:?}", app.options.overhead), Way::Told),
        line("max_overhead", app.options.max_overhead.map_or("\"off\"".to_owned(), |n| n.to_string()), Way::Told),
        line("save_state", app.options.save_state.to_string(), Way::Told),
    ]
}

fn thresholds(app: &App) -> Vec<(Item, Way)> {
    let mut lines = Vec::new();
    for view in &app.views {
        for limit in &view.thresholds {
            let item = Item::new(format!("{}.{}", view.name, limit.column), "", limit.to_string());
            // The palette speaks to the view that keys go to.
            let here = app.view().is_some_and(|current| current.name == view.name);
            let way = if here { Way::Type(format!("threshold {} {limit}", limit.column)) } else { Way::Told };
            lines.push((item, way));
        }
    }
    if lines.is_empty() {
        let list = app.options.keys.hint(Action::Columns);
        let how = format!("T on a column in the list of columns ({list})");
        lines.push((Item::new("none", "", how).tone(Tone::Dim), Way::Told));
    }
    lines
}

fn lines(app: &App, tab: usize) -> Vec<(Item, Way)> {
    let told = |item: Item| (item, Way::Told);
    match TABS[tab] {
        "general" => general(app),
        "thresholds" => thresholds(app),
        "theme" => {
            let line = |name: String| {
                let here = name == app.theme_name;
                let user = app.options.user_themes.iter().find(|theme| theme.name == name);
                let from = user.map_or("built in".to_owned(), |theme| theme.file.clone());
                let item = Item::new(name.clone(), if here { "in force" } else { "" }, from);
                (item, Way::Type(format!("theme {name}")))
            };
            names_of_themes(app).into_iter().map(line).collect()
        }
        "keys" => {
            let shown = app.options.keys.lines().filter(|(binding, _)| !binding.help.is_empty());
            shown.map(|(b, keys)| told(Item::new(b.name, keys.join(" "), b.help))).collect()
        }
        _ => app.options.paths.iter().map(|(what, path)| told(Item::new(what.clone(), "", path.clone()))).collect(),
    }
}

impl Settings {
    /// What is drawn.
    pub fn page(&self, app: &App) -> Page {
        let mut items: Vec<Item> = lines(app, self.tab).into_iter().map(|(item, _)| item).collect();
        if items.is_empty() {
            items.push(Item::new("none", "", "nothing was read from a file").tone(Tone::Dim));
        }
        let tabs = TABS.iter().enumerate();
        let tabs = tabs.map(|(at, tab)| if at == self.tab { format!("[{tab}]") } else { (*tab).to_owned() });
        let title = if app.area.width >= 64 {
            format!("Settings  {}", tabs.collect::<Vec<_>>().join(" "))
        } else {
            format!("Settings  {} {}/{}", TABS[self.tab], self.tab + 1, TABS.len())
        };
        Page {
            title,
            items,
            at: self.at,
            name: [16, 24, 15, 15, 15][self.tab],
            value: if self.tab == 1 || self.tab == 4 { 0 } else { 14 },
            keys: &[("Tab", "next part"), ("Enter", "change"), ("Esc", "close")],
            ..Page::default()
        }
    }
}

impl App {
    pub(super) fn settings_key(&mut self, mut page: Settings, name: &str) {
        let count = lines(self, page.tab).len();
        match name {
            "Esc" | "q" | "S" | "F2" => return,
            "Tab" | "Right" | "l" => page = Settings { tab: (page.tab + 1) % TABS.len(), at: 0 },
            "Shift-Tab" | "Left" | "h" => page = Settings { tab: (page.tab + TABS.len() - 1) % TABS.len(), at: 0 },
            "Enter" | "Space" => {
                let way = lines(self, page.tab).into_iter().nth(page.at).map(|(_, way)| way);
                self.overlays.push(Overlay::Settings(page));
                match way {
                    Some(Way::Type(text)) => self.overlays.push(Overlay::Palette(Palette::new(&text))),
                    Some(Way::Say(word)) => self.say_word(word),
                    _ => self.say("this is set when the program starts"),
                }
                return;
            }
            _ => match stepped(page.at, count, name) {
                Some(at) => page.at = at,
                None => {
                    let [on, change, close] = ["Tab", "Enter", "Esc"].map(|key| self.key_here(key));
                    let says = format!("{on} goes on, {change} changes, {close} closes");
                    return self.keep(Overlay::Settings(page), says);
                }
            },
        }
        self.overlays.push(Overlay::Settings(page));
    }

    /// Where the value of a setting comes from.
    pub fn source(&self, name: &str) -> &str {
        if self.changed.contains(name) {
            return "this run";
        }
        self.options.sources.iter().find(|(known, _)| known == name).map_or("default", |(_, from)| from.as_str())
    }

    /// The user changed a setting in this run.
    pub(super) fn changed(&mut self, name: &'static str) {
        self.changed.insert(name);
        self.dirty = true;
    }
}
