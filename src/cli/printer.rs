//! The only place that prints (invariant 7). Colours go where they can be seen: not into files, not under `NO_COLOR`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

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

    /// How far a command is, on one line that the next one overwrites; only for somebody who looks at a terminal. An empty
    /// line ends it.
    pub fn progress(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r\u{1b}[2K{text}");
            let _ = stderr.flush();
        }
    }

    /// Asks, and takes `yes` for a yes and nothing else.
    pub fn is_answered_yes(&self, question: &str) -> bool {
        self.talk(question);
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
    }

    /// An error: what is wrong, and what to do about it.
    pub fn error(&self, text: &str) {
        self.talk(&format!("{}: {text}\n", styled(BAD, "error")));
    }
}
