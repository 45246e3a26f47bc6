//! The only place that prints (invariant 7). Colours go where they can be seen: not into files, not under `NO_COLOR`.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

/// Headings.
pub const HEADING: Style = Style::new().bold();
/// What is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub const CAUTION: Style = AnsiColor::Yellow.on_default();
/// What is said by the way.
pub const QUIET: Style = Style::new().dimmed();

/// Text in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to the terminal. A reader who goes away (`| head`) ends nothing but the output.
#[derive(Debug)]
pub struct Printer;

impl Printer {
    /// Results, to standard output; the text brings its own line ends.
    pub fn data(&self, text: &str) {
        let _ = write!(anstream::stdout().lock(), "{text}");
    }

    /// Talk, to standard error; the text brings its own line ends.
    pub fn talk(&self, text: &str) {
        let _ = write!(anstream::stderr().lock(), "{text}");
    }

    /// An error: what is wrong, and what to do about it.
    pub fn error(&self, text: &str) {
        self.talk(&format!("{}: {text}\n", styled(BAD, "error")));
    }
}
