//! The complete file, with what every setting means.

/// A file that sets everything to its default.
pub const TEXT: &str = include_str!("default.toml");

#[cfg(test)]
mod tests {
    use super::super::{Config, read};
    use super::*;

    #[test]
    fn it_is_complete_and_says_the_defaults() {
        let parsed = read(TEXT, false);
        assert_eq!(parsed.problems, []);
        assert_eq!(parsed.config, Config::default());
        let toml::Value::Table(all) = toml::Value::try_from(Config::default()).unwrap() else { panic!("a table") };
        for (name, value) in all {
            let told = match value {
                toml::Value::Table(_) => TEXT.contains(&format!("[{name}")),
                _ => parsed.lines.contains_key(&name),
            };
            assert!(told, "{name} is not in the file");
        }
    }

    #[test]
    fn what_the_documentation_shows_holds() {
        let text = include_str!("../../docs/configuration.md");
        let blocks: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(blocks.len() >= 3);
        for block in blocks {
            assert_eq!(read(block, false).problems, [], "{block}");
        }
    }

    #[test]
    fn its_examples_hold() {
        // Each example is a comment that is a line of TOML when its sign is taken away.
        let example = |line: &str| line.starts_with("# [views") || (line.starts_with("# ") && line.contains(" = "));
        let lines = TEXT.lines().map(|line| if example(line) { &line[2..] } else { line });
        let text = lines.collect::<Vec<_>>().join("\n");
        let parsed = read(&text, false);
        assert_eq!(parsed.problems, [], "{text}");
        assert_eq!(parsed.config.dashboards.len(), 2);
        assert_eq!(parsed.config.views["biotop"].columns.as_ref().map(Vec::len), Some(4));
        assert_eq!(parsed.config.keys["help"], ["?", "F1"]);
    }
}
