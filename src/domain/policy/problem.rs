//! Problems of a policy: cause, fix, and place in the file.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The policy is rejected.
    Error,
    /// The policy is accepted, but reviewers should know.
    Warning,
}

impl Level {
    /// The word in front of the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One step into a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathSegment {
    /// Into a mapping.
    Key(String),
    /// Into a list, counted from zero.
    Index(usize),
}

/// A place in a policy, written `scopes[1].ous[0]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<PathSegment>);

impl Path {
    /// The whole policy.
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// The value of a key below this place.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(PathSegment::Key(key.to_owned()))
    }

    /// An entry of the list at this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(PathSegment::Index(index))
    }

    /// The steps from the whole policy to this place.
    pub fn steps(&self) -> &[PathSegment] {
        &self.0
    }

    /// Whether one of the two places is inside the other.
    pub fn is_related_to(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own == other)
    }

    fn then(&self, step: PathSegment) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathSegment::Index(index) => write!(f, "[{index}]")?,
                PathSegment::Key(key) if position == 0 => f.write_str(key)?,
                PathSegment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One error in a policy, or one warning for its reviewers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How much it matters.
    pub level: Level,
    /// Stable name of the rule that found it, for programs (`unsafe_user`).
    pub code: &'static str,
    /// Where.
    pub path: Path,
    /// The cause.
    pub message: String,
    /// The fix.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] at `{}`: {}; fix: {}", self.level.as_str(), self.code, self.path, self.message, self.fix)
    }
}

/// Collects problems, in order to report all of them at once.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds an error, which rejects the policy.
    pub fn error(&mut self, code: &'static str, path: Path, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Level::Error, code, path, message.into(), fix.into());
    }

    /// Adds a warning for reviewers.
    pub fn warning(&mut self, code: &'static str, path: Path, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Level::Warning, code, path, message.into(), fix.into());
    }

    fn push(&mut self, level: Level, code: &'static str, path: Path, message: String, fix: String) {
        self.0.push(Problem { level, code, path, message, fix });
    }

    /// All problems, in the order of their discovery.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// The character, or a mark in place of one that would end the line, drive the terminal, or reverse the text around it.
pub fn visible(c: char) -> char {
    if misleads(c) { '\u{fffd}' } else { c }
}

/// Whether a character affects the text around it instead of showing itself.
pub fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A quotation from a file for a message: bounded, and unable to forge a line of output.
pub fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let shown: String = text.chars().take(CHARS_MAX).map(visible).collect();
    let more = if text.chars().nth(CHARS_MAX).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}
