//! The only place that prints (invariant 7). Colours go to terminals only, and not under `NO_COLOR`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

/// Style of headings.
pub const HEADING: Style = Style::new().bold();
/// Style of what is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Style of what is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of what needs attention.
pub const CAUTION: Style = AnsiColor::Yellow.on_default();
/// Style of secondary text.
pub const QUIET: Style = Style::new().dimmed();

/// Text in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to standard output and error. A closed pipe (`| head`) does not end the command.
#[derive(Debug)]
pub struct Printer;

impl Printer {
    /// Prints results to standard output; the text includes its line ends.
    pub fn data(&self, text: &str) {
        let _ = write!(anstream::stdout().lock(), "{text}");
    }

    /// Prints messages to standard error; the text includes its line ends.
    pub fn talk(&self, text: &str) {
        let _ = write!(anstream::stderr().lock(), "{text}");
    }

    /// Shows progress on one line that the next call overwrites; only on a terminal. An empty text clears the line.
    pub fn progress(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r\u{1b}[2K{text}");
            let _ = stderr.flush();
        }
    }

    /// Asks a question; only `yes` counts as a yes.
    pub fn is_answered_yes(&self, question: &str) -> bool {
        self.talk(question);
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
    }

    /// Prints an error, which should name cause and fix.
    pub fn error(&self, text: &str) {
        self.talk(&format!("{}: {text}\n", styled(BAD, "error")));
    }
}
