//! The list of themes: the one under the cursor is worn at once.

use super::app::App;
use super::overlay::Overlay;
use super::page::{Item, Page, stepped};
use super::words::names_of_themes;

/// The open list.
#[derive(Clone, Debug)]
pub struct Themes {
    /// The line with the cursor.
    pub at: usize,
    /// The theme before.
    before: String,
}

impl Themes {
    /// With the theme in force under the cursor.
    pub fn new(app: &App) -> Themes {
        let at = names_of_themes(app).iter().position(|name| *name == app.theme_name).unwrap_or(0);
        Themes { at, before: app.theme_name.clone() }
    }

    /// What is drawn.
    pub fn page(&self, app: &App) -> Page {
        let from = |name: &str| app.options.user_themes.iter().find(|theme| theme.name == name);
        let words = |name: &str| from(name).map_or("built in".to_owned(), |theme| theme.file.clone());
        let items = names_of_themes(app).into_iter().map(|name| Item::new(name.clone(), "", words(&name))).collect();
        Page {
            title: "Themes".to_owned(),
            items,
            at: self.at,
            name: 16,
            keys: &[("Enter", "keep"), ("Esc", "as before")],
            ..Page::default()
        }
    }
}

impl App {
    pub(super) fn themes_key(&mut self, mut list: Themes, name: &str) {
        let names = names_of_themes(self);
        match name {
            "Esc" | "q" => {
                let before = list.before;
                return self.set_theme(&before);
            }
            "Enter" | "Ctrl-t" => return self.changed("theme"),
            _ => match stepped(list.at, names.len(), name) {
                Some(at) => list.at = at,
                None => {
                    let (keep, back) = (self.key_here("Enter"), self.key_here("Esc"));
                    return self.keep(Overlay::Themes(list), format!("{keep} keeps, {back} goes back"));
                }
            },
        }
        if let Some(name) = names.get(list.at) {
            self.set_theme(name);
        }
        self.overlays.push(Overlay::Themes(list));
    }
}
