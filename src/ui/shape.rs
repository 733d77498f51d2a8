//! How the view that keys go to is shown: mode, rendering, groups, pins, baseline.

use crate::feed::Command;
use crate::frame::{Kind, SettingValue, group};
use crate::views::SettingDecl;

use super::action::Action;
use super::app::App;
use super::view::{Rendering, View};

impl App {
    pub(super) fn next_mode(&mut self) {
        let Some(view) = self.view_mut() else { return };
        view.mode = view.mode.next();
        let label = view.mode.label();
        self.refresh();
        self.say(label);
    }

    pub(super) fn next_rendering(&mut self) {
        let Some(view) = self.view_mut() else { return };
        view.rendering += 1;
        let name = view.rendering().name();
        // A log and what is counted from it have other rows.
        (view.selected, view.left) = if view.kind() == Kind::Events { (None, 0) } else { (view.selected, view.left) };
        self.refresh();
        self.say(name);
    }

    /// Whether there is another way to put what the view counts together.
    pub(super) fn can_group(&self) -> bool {
        let Some(view) = self.view() else { return false };
        let rows = || {
            view.history
                .last()
                .is_some_and(|f| f.kind != Kind::Histogram && !group::choices(&f.table.schema).is_empty())
        };
        self.counted_by(view).is_some() || rows()
    }

    /// The setting by which the programs of a view count: what was recorded stays as it is.
    fn counted_by(&self, view: &View) -> Option<(&'static str, &'static SettingDecl)> {
        view.decl.and_then(|decl| decl.group_by()).filter(|_| self.replay.is_none())
    }

    pub(super) fn group_by(&mut self) {
        let Some(at) = self.current() else { return };
        let Some((name, setting)) = self.counted_by(&self.views[at]) else {
            return self.next_group();
        };
        let view = &mut self.views[at];
        let choices = &setting.choices;
        let now = view.request.settings.iter().find(|(set, _)| set == name).map(|(_, value)| value);
        let now = match now {
            Some(SettingValue::Text(word)) => choices.iter().position(|choice| &choice.name == word),
            _ => None,
        };
        let Some(next) = choices.get((now.unwrap_or(0) + 1) % choices.len().max(1)) else { return };
        view.request.settings.retain(|(set, _)| set != name);
        view.request.settings.push((name.to_owned(), SettingValue::Text(next.name.clone())));
        view.selected = None;
        let settings = view.request.settings.clone();
        self.tell(at, Command::Settings(settings));
        self.say(format!("{name} {}: loading again, totals restart", next.name));
    }

    pub(super) fn zoom(&mut self, by: isize) {
        let Some(view) = self.view_mut() else { return };
        if !matches!(view.rendering(), Rendering::Histogram | Rendering::HeatMap | Rendering::Percentiles) {
            let key = self.options.keys.hint(Action::Rendering);
            return self.say(format!("only pictures over time have a time axis; {key} draws one"));
        }
        let text = match view.heat.zoom(by) {
            true if view.heat.frames() == 1 => "a frame in each column".to_owned(),
            true => format!("{} frames in each column", view.heat.frames()),
            false => "that is as far as it goes".to_owned(),
        };
        self.say(text);
    }

    pub(super) fn toggle_idle(&mut self) {
        let Some(view) = self.view_mut() else { return };
        if view.is_one_row() {
            return self.say("the one row of this view is shown, also when nothing happens");
        }
        view.hide_idle = !view.hide_idle;
        let text = if view.hide_idle { "idle rows are hidden" } else { "idle rows are shown" };
        self.refresh();
        self.say(text);
    }

    /// Rows of a table put together by the next column that can do that.
    fn next_group(&mut self) {
        let Some(view) = self.view() else { return };
        let schema = match view.history.last() {
            Some(frame) if frame.kind != Kind::Histogram => frame.table.schema.clone(),
            Some(_) if self.replay.is_some() => return self.say("histograms stay grouped as they were recorded"),
            Some(_) => return self.say("this view has nothing to group by"),
            None => return self.say("there is nothing to put together yet"),
        };
        let mut names = group::choices(&schema).into_iter().map(|column| schema.columns[column].name.clone());
        let next = match &view.group {
            None => names.next(),
            Some(now) => names.skip_while(|name| name != now).nth(1),
        };
        let done = match next {
            Some(name) => self.group_rows(&name),
            None if view.group.is_none() => Err("this view has nothing to group by".to_owned()),
            None => self.group_rows("none"),
        };
        match done {
            Ok(text) | Err(text) => self.say(text),
        }
    }

    /// Puts rows together by a column, or with `none` apart again.
    ///
    /// # Errors
    /// What they can be put together by.
    pub fn group_rows(&mut self, name: &str) -> Result<String, String> {
        let view = self.view_mut().ok_or("there is no view")?;
        let frame = view.history.last().filter(|frame| frame.kind != Kind::Histogram);
        let schema = frame.map(|frame| frame.table.schema.clone()).ok_or("this view has no rows to put together")?;
        let choices = group::choices(&schema);
        let names: Vec<&str> = choices.iter().map(|&column| schema.columns[column].name.as_str()).collect();
        let to = match name {
            "none" => None,
            name if names.contains(&name) => Some(name.to_owned()),
            _ => return Err(format!("rows can be grouped by {}, none", names.join(", "))),
        };
        let said = to.as_ref().map_or("every row by itself".to_owned(), |name| format!("grouped by {name}"));
        view.group = to;
        view.grouped.clear();
        view.pinned.clear();
        // Whoever was over a limit was another row.
        (view.selected, view.watch) = (None, Default::default());
        self.refresh();
        Ok(said)
    }

    pub(super) fn pin(&mut self) {
        let Some(view) = self.view_mut() else { return };
        let row = view.selected_row().and_then(|at| view.shown.as_ref()?.rows.get(at).copied());
        let Some(row) = row else { return self.say("there is no row to pin") };
        let on = view.pinned.insert(row.id);
        if !on {
            view.pinned.remove(&row.id);
        }
        view.selected = Some(row.id);
        self.refresh();
        let key = self.options.keys.hint(Action::Pin);
        self.say(match on {
            true => format!("pinned to the top; {key} again lets it go"),
            false => "not pinned any more".to_owned(),
        });
    }

    pub(super) fn baseline(&mut self) {
        let Some(view) = self.view_mut() else { return };
        if view.kind() != Kind::Histogram {
            return self.say("only distributions are compared with a baseline");
        }
        let frame = view.shown.as_ref().map(|shown| shown.frame.clone());
        view.baseline = if view.baseline.is_some() { None } else { frame };
        let on = view.baseline.is_some();
        self.dirty = true;
        let key = self.options.keys.hint(Action::Baseline);
        self.say(match on {
            true => format!("compared with this from now on; {key} again ends that"),
            false => "no baseline".to_owned(),
        });
    }

    /// Totals begin anew; what is held stays.
    pub(super) fn reset(&mut self) {
        let Some(view) = self.view_mut() else { return };
        view.history.restart();
        (view.lost, view.lost_grew) = (0, false);
        view.watch = Default::default();
        self.refresh();
        self.say("counters begin anew with the next interval; history stays");
    }
}
