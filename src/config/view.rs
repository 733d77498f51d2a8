//! What can be set of one view, and how that becomes a layout of the screen.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::frame::SettingValue;
use crate::frame::threshold::Threshold;
use crate::probes::object;
use crate::ui::save::{Layout, Rendering, ViewLayout};
use crate::views::Registry;

use super::Config;

/// How one view looks. What is left out is as the view declares it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ViewConfig {
    /// Sort column; "-bytes" sorts descending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Columns, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Widths of columns, in cells.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub widths: BTreeMap<String, u16>,
    /// Column that rows are put together by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How it is drawn: table, trend, histogram, heat map, percentiles over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<String>,
    /// Bars and trends on a log scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_scale: Option<bool>,
    /// Idle rows are hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_idle: Option<bool>,
    /// Limits by column: "warn 10M crit 100M below for 3 bell snapshot", any of these words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, String>,
    /// The view's own settings: bcc-top explain VIEW shows them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, SetValue>,
}

/// A value of a view's own setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SetValue {
    /// On or off.
    Switch(bool),
    /// A number.
    Number(i64),
    /// A word.
    Word(String),
}

impl SetValue {
    /// The text that a flag would have.
    pub fn text(&self) -> String {
        match self {
            SetValue::Switch(on) => on.to_string(),
            SetValue::Number(number) => number.to_string(),
            SetValue::Word(word) => word.clone(),
        }
    }
}

impl From<&SettingValue> for SetValue {
    fn from(value: &SettingValue) -> SetValue {
        match value {
            SettingValue::Bool(on) => SetValue::Switch(*on),
            SettingValue::Int(number) => SetValue::Number(*number),
            SettingValue::Text(word) => SetValue::Word(word.clone()),
            SettingValue::Null => SetValue::Word(String::new()),
        }
    }
}

/// The ways in which a view can be drawn.
pub(super) fn renderings(decl: &crate::views::ViewDecl) -> &'static [Rendering] {
    Rendering::of(decl.kind, decl.latency.is_some())
}

/// The rendering of this name that a view allows; `heat-map` is `heat map`.
pub(super) fn rendering(decl: &crate::views::ViewDecl, name: &str) -> Option<Rendering> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-', '_'], "");
    let allowed = renderings(decl).iter().copied();
    allowed.filter(|_| !name.is_empty()).find(|rendering| plain(rendering.name()) == plain(name))
}

impl ViewConfig {
    /// Settings of the view, as far as its declaration knows them.
    pub fn settings(&self, view: &str) -> Vec<(String, SettingValue)> {
        let Some(view) = Registry::get().find(view) else { return Vec::new() };
        let value = |(name, value): (&String, &SetValue)| {
            let (name, setting) = view.decl.setting(name)?;
            Some((name.to_owned(), crate::views::settings::value(setting, &value.text()).ok()?))
        };
        self.set.iter().filter_map(value).collect()
    }

    fn layout(&self, name: &str) -> ViewLayout {
        let view = Registry::get().find(name);
        let settings = self.settings(name);
        let schema = view.filter(|_| !self.thresholds.is_empty());
        let schema = schema.and_then(|view| object::layout(view, &settings).ok()).map(|layout| layout.schema);
        let limit = |(column, text): (&String, &String)| {
            let schema = schema.as_ref()?;
            Threshold::parse(schema.columns.get(schema.index(column)?)?, text).ok()
        };
        ViewLayout {
            sort: self.sort.clone(),
            columns: self.columns.clone(),
            widths: self.widths.clone().into_iter().collect(),
            group: self.group.clone(),
            draw: self.draw.as_deref().zip(view).and_then(|(draw, view)| rendering(&view.decl, draw)),
            log_scale: self.log_scale,
            hide_idle: self.hide_idle.unwrap_or(false),
            limits: self.thresholds.iter().filter_map(limit).collect(),
            settings,
        }
    }
}

impl Config {
    /// The views and dashboards as the screen keeps them.
    pub fn layout(&self) -> Layout {
        Layout {
            panes: self.dashboards.get("default").cloned().unwrap_or_default(),
            dashboards: self.dashboards.clone(),
            favourites: self.favourites.clone(),
            log_scale: self.log_scale,
            views: self.views.iter().map(|(name, view)| (name.clone(), view.layout(name))).collect(),
        }
    }
}
