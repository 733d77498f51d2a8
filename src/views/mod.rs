//! What each view is: declarations read from `src/views/NAME.toml`, and the registry of them.
//!
//! Menu, help, flags, JSON, documents and tests iterate over the [`Registry`]; no code names a view.

mod decl;
mod group;
pub mod network;
mod object;
pub mod pattern;
pub mod post;
pub mod proof;
pub mod settings;
pub mod signals;
pub mod syscalls;
pub mod tables;

use std::sync::OnceLock;

pub use decl::{ColumnDecl, DeclError, HookDecl, Library, Requires, SettingChoice, SettingDecl, TimeUnit, ViewDecl};
pub use group::Group;
pub use object::Object;

/// A view that ships in the binary: its declaration and its compiled program.
pub struct BuiltIn {
    /// Name of the view.
    pub name: &'static str,
    /// Text of its declaration.
    pub toml: &'static str,
    /// Its BPF object.
    pub object: &'static Object,
}

static BUILT_IN: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/views.rs"));

/// A declared view with the object that implements it.
pub struct View {
    /// The declaration.
    pub decl: ViewDecl,
    /// The BPF object that implements it.
    pub object: &'static Object,
}

/// Every view there is.
pub struct Registry {
    views: Vec<View>,
}

impl Registry {
    /// The built-in views, read once.
    ///
    /// # Panics
    /// If a built-in declaration is wrong, which a test rules out.
    pub fn get() -> &'static Registry {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY.get_or_init(|| match Registry::read(BUILT_IN) {
            Ok(registry) => registry,
            Err(error) => panic!("built-in declaration: {error}"),
        })
    }

    fn read(built_in: &'static [BuiltIn]) -> Result<Registry, DeclError> {
        let mut views = Vec::with_capacity(built_in.len());
        for item in built_in {
            views.push(View { decl: ViewDecl::parse(item.name, item.toml)?, object: item.object });
        }
        // BCC's order of groups, then by name: what `list` and the picker show.
        views.sort_by(|a, b| (a.decl.group, &a.decl.name).cmp(&(b.decl.group, &b.decl.name)));
        Ok(Registry { views })
    }

    /// The built-in views of these names.
    #[cfg(test)]
    pub fn of(names: &[&str]) -> Registry {
        let mut all = Registry::read(BUILT_IN).expect("sound declarations");
        all.views.retain(|view| names.contains(&view.decl.name.as_str()));
        all
    }

    /// All views, by group and name.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The view called `name`, or with that alias.
    pub fn find(&self, name: &str) -> Option<&View> {
        let named = self.views.iter().find(|view| view.decl.name == name);
        named.or_else(|| self.views.iter().find(|view| view.decl.aliases.iter().any(|a| a == name)))
    }

    /// The views of the overview dashboard, in their order on it.
    pub fn overview(&self) -> Vec<&View> {
        let mut views: Vec<&View> = self.views.iter().filter(|view| view.decl.overview.is_some()).collect();
        views.sort_by_key(|view| view.decl.overview);
        views
    }

    /// Names nearest to a mistyped one, best first, at most three.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest(name, self.views.iter().map(|view| view.decl.name.as_str()))
    }
}

/// The words of `known` that look most like `word`, best first, at most three.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = known.map(|k| (strsim::jaro_winkler(word, k), k)).collect();
    scored.retain(|&(score, _)| score > 0.7);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_declaration_is_sound() {
        for item in BUILT_IN {
            let decl = ViewDecl::parse(item.name, item.toml).unwrap_or_else(|e| panic!("{}: {e}", item.name));
            assert_eq!(decl.name, item.name);
            assert!(!decl.question.is_empty() && !decl.cannot.is_empty(), "{} explains nothing", item.name);
        }
    }

    #[test]
    fn a_hook_that_only_a_setting_needs_waits_for_it() {
        use crate::frame::{Kind, SettingValue};
        let view = &Registry::get().find("execsnoop").expect("a view of events").decl;
        let set = |name: &str, word: &str| vec![(name.to_owned(), SettingValue::Text(word.to_owned()))];
        assert!(view.wants_hook("exec", &[]) && !view.wants_hook("failure", &[]));
        assert!(
            !view.wants_hook("failure", &set("failed", "no")) && view.wants_hook("failure", &set("failed", "only"))
        );
        assert_eq!((view.kind_with(&[]), view.kind_with(&set("by", "comm"))), (Kind::Events, Kind::Table));
    }

    #[test]
    fn a_typo_finds_its_view() {
        assert_eq!(nearest("biotpo", ["tcptop", "biotop", "runqlat"].into_iter())[0], "biotop");
        assert!(nearest("zzz", ["tcptop"].into_iter()).is_empty());
    }
}
