//! Reading theme files. A mistake costs the token it is in, never the theme.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;

use super::color::color;
use super::{BUILT_IN, Theme, UserTheme};

/// How deep themes may inherit from each other.
const DEPTH: usize = 4;

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    inherits: Option<Spanned<String>>,
    #[serde(default)]
    colors: std::collections::BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// The theme called `name`; the default one, and a problem, if there is none.
pub fn find(name: &str, user: &[UserTheme]) -> (Theme, Vec<String>) {
    match text_of(name, user, None) {
        Some((file, text)) => read(file, text, user, 0),
        None => {
            let (theme, mut problems) = read(BUILT_IN[0].0, BUILT_IN[0].1, user, 0);
            problems.push(format!("theme {name:?} is not known; using the default"));
            (theme, problems)
        }
    }
}

/// File and text of a theme; one never inherits from itself.
fn text_of<'a>(name: &str, user: &'a [UserTheme], own: Option<&str>) -> Option<(&'a str, &'a str)> {
    let mine = user.iter().find(|theme| theme.name == name && Some(theme.file.as_str()) != own);
    let mine = mine.map(|theme| (theme.file.as_str(), theme.text.as_str()));
    mine.or_else(|| BUILT_IN.iter().copied().find(|(known, _)| *known == name && Some(*known) != own))
}

/// Reads a theme with all that it inherits.
pub fn read(file: &str, text: &str, user: &[UserTheme], nested: usize) -> (Theme, Vec<String>) {
    let at = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or_default();
        format!("theme {file}, line {}", before.matches('\n').count() + 1)
    };
    let parsed: File = match toml::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let (theme, mut problems) = read(BUILT_IN[0].0, BUILT_IN[0].1, &[], DEPTH);
            problems.push(format!("{}: {}", at(error.span().unwrap_or_default()), error.message()));
            return (theme, problems);
        }
    };
    let parent = parsed.inherits.as_ref().map_or("default", |name| name.as_ref());
    let known = text_of(parent, user, Some(file)).filter(|_| nested < DEPTH);
    let (mut theme, mut problems) = match known {
        Some((file, text)) => read(file, text, user, nested + 1),
        None => (Theme::default(), Vec::new()),
    };
    if let (None, Some(name)) = (known, &parsed.inherits) {
        problems.push(format!("{}: inherits: {:?} is not known", at(name.span()), name.as_ref()));
    }
    for (token, value) in &parsed.colors {
        if let Err(problem) = set(&mut theme, token.as_ref(), value.as_ref()) {
            problems.push(format!("{}: {}: {problem}", at(token.span()), token.as_ref()));
        }
    }
    (theme, problems)
}

fn set(theme: &mut Theme, token: &str, value: &toml::Value) -> Result<(), String> {
    let list = match token {
        "ramp_dark" => Some(&mut theme.ramp_dark),
        "ramp_light" => Some(&mut theme.ramp_light),
        "series" => Some(&mut theme.series),
        _ => None,
    };
    if let Some(list) = list {
        *list = colors(value)?;
        if token != "series" && list.len() != super::ramp::STEPS {
            let count = list.len();
            list.clear();
            return Err(format!("{count} colours; a ramp has {}", super::ramp::STEPS));
        }
        return Ok(());
    }
    let role = theme.role(token).ok_or("is not a token")?;
    let style = style(value).ok_or_else(|| format!("{value} is not a colour"))?;
    // The ground is the one role whose colour lies behind.
    *role = if token == "bg" { Style { fg: None, bg: style.fg.or(style.bg), ..style } } else { style };
    Ok(())
}

fn colors(value: &toml::Value) -> Result<Vec<Color>, String> {
    let list = value.as_array().ok_or("is not a list of colours")?;
    let one = |value: &toml::Value| value.as_str().and_then(color).ok_or_else(|| format!("{value} is not a colour"));
    list.iter().map(one).collect()
}

fn style(value: &toml::Value) -> Option<Style> {
    if let Some(text) = value.as_str() {
        return Some(Style::new().fg(color(text)?));
    }
    let table = value.as_table()?;
    let mut style = Style::new();
    for (key, value) in table {
        let flag = |modifier| value.as_bool().map(|on| if on { modifier } else { Modifier::empty() });
        match key.as_str() {
            "fg" => style = style.fg(color(value.as_str()?)?),
            "bg" => style = style.bg(color(value.as_str()?)?),
            "bold" => style = style.add_modifier(flag(Modifier::BOLD)?),
            "dim" => style = style.add_modifier(flag(Modifier::DIM)?),
            "underline" => style = style.add_modifier(flag(Modifier::UNDERLINED)?),
            "reverse" => style = style.add_modifier(flag(Modifier::REVERSED)?),
            _ => return None,
        }
    }
    Some(style)
}
