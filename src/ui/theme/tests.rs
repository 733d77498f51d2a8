//! Themes are what they promise.

use ratatui::style::Modifier;

use super::*;

#[test]
fn built_in_themes_have_no_mistake() {
    for (name, text) in BUILT_IN {
        let (_, problems) = Theme::parse(name, text, &[], Depth::True);
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn mono_has_no_colour_and_the_default_no_background() {
    for style in Theme::built_in("default", Depth::Mono).0.roles() {
        assert_eq!((style.fg, style.bg), (None, None));
    }
    for style in Theme::built_in("default", Depth::True).0.roles() {
        assert_eq!(style.bg, None);
    }
}

#[test]
fn a_mistake_is_named_and_the_rest_counts() {
    let text = "inherits = \"mono\"\n[colors]\nwarn = \"#12345\"\nwrong = \"default\"\nok = \"#56b4e9\"\n";
    let (theme, problems) = Theme::parse("mine", text, &[], Depth::Indexed);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|p| p.contains("warn")) && problems.iter().any(|p| p.contains("wrong")));
    assert_eq!(theme.ok.fg, Some(Color::Indexed(74)));
    assert!(theme.key.add_modifier.contains(Modifier::BOLD), "inherited");
    let (_, problems) = Theme::parse("broken", "[colors", &[], Depth::Ansi);
    assert_eq!(problems.len(), 1);
    assert_eq!(Theme::built_in("nosuch", Depth::Ansi).1.len(), 1);
}

#[test]
fn a_theme_of_the_user_inherits_and_its_mistakes_have_a_line() {
    let user = [
        UserTheme {
            name: "dusk".into(),
            file: "dusk.toml".into(),
            text: "inherits = \"dark\"\n[colors]\nok = \"#56b4e9\"\nramp_dark = [\"#000000\"]\n".into(),
        },
        UserTheme { name: "loop".into(), file: "loop.toml".into(), text: "inherits = \"loop\"\n".into() },
    ];
    let (theme, problems) = Theme::named("dusk", &user, Depth::True);
    assert_eq!(theme.ok.fg, Some(Color::Rgb(0x56, 0xb4, 0xe9)));
    assert_eq!(theme.is_light(), Some(false), "inherited from dark");
    assert_eq!(problems, ["theme dusk.toml, line 4: ramp_dark: 1 colours; a ramp has 8"]);
    let (_, problems) = Theme::named("loop", &user, Depth::True);
    assert_eq!(problems, ["theme loop.toml, line 1: inherits: \"loop\" is not known"]);
}

/// Relative luminance, as WCAG defines it.
fn luminance(color: [u8; 3]) -> f64 {
    let [r, g, b] = linear(color);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn linear(color: [u8; 3]) -> [f64; 3] {
    color.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

fn encoded(linear: [f64; 3]) -> [u8; 3] {
    linear.map(|c| {
        let c = c.clamp(0.0, 1.0);
        let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (c * 255.0).round() as u8
    })
}

#[test]
fn text_has_contrast_on_its_ground() {
    for name in ["dark", "light", "high-contrast"] {
        let (mut theme, _) = Theme::built_in(name, Depth::True);
        let ground = rgb(theme.bg.bg.expect("a ground")).expect("a colour");
        let lines = [theme.border, theme.border_focus];
        for style in theme.roles().into_iter().map(|style| *style) {
            let behind = style.bg.and_then(rgb).unwrap_or(ground);
            let Some(text) = style.fg.and_then(rgb) else { continue };
            let (a, b) = (luminance(text) + 0.05, luminance(behind) + 0.05);
            let contrast = a.max(b) / a.min(b);
            // Lines are not text: 3:1 is what is asked of them.
            let wanted = if lines.contains(&style) { 3.0 } else { 4.5 };
            assert!(contrast >= wanted, "{name}: {text:02x?} on {behind:02x?} is {contrast:.2}:1");
        }
    }
}

/// Machado, Oliveira and Fernandes (2009), severity 1.0: protanopia, deuteranopia, tritanopia.
const MACHADO: [[[f64; 3]; 3]; 3] = [
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
];

fn seen(color: [u8; 3], matrix: &[[f64; 3]; 3]) -> [u8; 3] {
    let c = linear(color);
    encoded(matrix.map(|row| row.iter().zip(c).map(|(a, b)| a * b).sum()))
}

#[test]
fn ramps_get_steadily_lighter_or_darker_for_every_eye() {
    const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut ramps: Vec<(String, Vec<[u8; 3]>, bool)> = Vec::new();
    for depth in [Depth::True, Depth::Indexed] {
        for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "mono") {
            let (theme, _) = Theme::built_in(name, depth);
            for light in [false, true] {
                let cells = ramp::cells(&theme, light, depth, crate::ui::glyphs::Level::Unicode);
                let colors = cells.iter().map(|(_, style)| style.bg.and_then(rgb).expect("a colour")).collect();
                ramps.push((format!("{name} {depth:?} light {light}"), colors, light));
            }
        }
    }
    for (name, colors, light) in &ramps {
        for eye in std::iter::once(&NORMAL).chain(&MACHADO) {
            let lightness: Vec<f64> = colors.iter().map(|&c| color::oklab(seen(c, eye))[0]).collect();
            for pair in lightness.windows(2) {
                let step = if *light { pair[0] - pair[1] } else { pair[1] - pair[0] };
                // The 256 colours have no finer steps to choose from.
                let least = if name.contains("Indexed") { 0.0 } else { 0.05 };
                assert!(step > least - 0.0005, "{name}: {lightness:.3?}");
            }
        }
    }
}

#[test]
fn series_can_be_told_apart_without_red_against_green() {
    for depth in [Depth::True, Depth::Indexed] {
        let colors = ramp::series(&Theme::built_in("default", depth).0, depth);
        assert_eq!(colors.len(), 7);
        for (at, &a) in colors.iter().enumerate() {
            for &b in &colors[..at] {
                assert!(color::distance(rgb(a).unwrap(), rgb(b).unwrap()) > 0.005, "{a:?} {b:?}");
            }
        }
    }
}
