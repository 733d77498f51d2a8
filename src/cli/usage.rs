//! Command lines that do not lead to a run.

/// What is printed instead of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The text.
    pub text: String,
    /// 0 for help and version, which go to standard output; 2 for wrong usage.
    pub code: u8,
}

impl Usage {
    /// Wrong usage: one line that says what, where and what to do.
    pub fn wrong(text: String) -> Usage {
        Usage { text: one_line(&text), code: 2 }
    }
}

/// What the user typed is part of the message: it must not add lines or steer the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl From<clap::Error> for Usage {
    fn from(error: clap::Error) -> Usage {
        let text = error.render().to_string();
        if !error.use_stderr() {
            return Usage { text, code: 0 };
        }
        // Clap says it in paragraphs; the first says what is wrong, `tip:` what to do.
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        // Nobody who mistypes a flag means a value.
        let lines = lines.filter(|line| !line.starts_with("tip: to pass"));
        let text: Vec<&str> = lines.map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect();
        Usage::wrong(text.join("; "))
    }
}
