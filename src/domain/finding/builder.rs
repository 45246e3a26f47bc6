//! An alert in the making, and the order of its text: what was wrong and is now, who, what changed, for how long, what to
//! do, where to look.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Alert, Kind, Severity, before_and_after, bounded, within};
use crate::domain::document::FieldChange;
use crate::domain::target::{AccountId, Region};
use crate::domain::text::clean;
use crate::domain::time::Time;

/// Characters of a subject; SNS takes fewer than 100, and no line breaks or control characters [docs: SNS Publish; bc sns].
pub(super) const SUBJECT_CHARS_MAX: usize = 99;
/// Characters of a sentence, with the foreign text in it.
const SENTENCE_CHARS_MAX: usize = 800;
/// Bytes of a text. JSON can double them, and the data comes on top: both have to fit into a message and a row (64 KB).
const TEXT_BYTES_MAX: usize = 14 * 1_024;
/// Advice where on-call has nothing to do.
const NOTHING_TO_DO: &str = "Nothing to do.";
/// What advice begins with.
const ADVICE: &str = "What to do: ";

/// An alert in the making. Foreign text is bounded and cleaned on entry.
pub(in crate::domain) struct AlertBuilder {
    kind: Kind,
    severity: Severity,
    id: String,
    subject: String,
    answer: Vec<String>,
    details: Vec<Detail>,
    exposure: Option<String>,
    to_do: String,
    links: Vec<(&'static str, String)>,
    origin: Vec<String>,
    data: Map<String, Value>,
}

/// A line between the answer and the advice.
enum Detail {
    /// Begins a paragraph.
    Heading(String),
    /// A label, and what stands beside it.
    Row(&'static str, String),
}

impl AlertBuilder {
    pub(in crate::domain) fn new(kind: Kind, severity: Severity, id: &str) -> Self {
        Self {
            kind,
            severity,
            id: id.to_owned(),
            subject: String::new(),
            answer: Vec::new(),
            details: Vec::new(),
            exposure: None,
            to_do: NOTHING_TO_DO.to_owned(),
            links: Vec::new(),
            origin: Vec::new(),
            data: Map::new(),
        }
    }

    /// The line that is read first: the verdict, what it is about, and where. What it is about is cut if need be.
    pub(in crate::domain) fn subject(mut self, verdict: &str, story: &str, place: &str) -> Self {
        let place = if place.is_empty() { String::new() } else { format!(" in {place}") };
        let room = SUBJECT_CHARS_MAX.saturating_sub(verdict.chars().count() + 2 + place.chars().count());
        self.subject = format!("{verdict}: {}{place}", clean(story, room));
        self
    }

    /// A sentence of the answer, unless it is empty: what was wrong, and whether it is right now.
    pub(in crate::domain) fn says(mut self, sentence: &str) -> Self {
        self.answer.extend((!sentence.is_empty()).then(|| clean(sentence, SENTENCE_CHARS_MAX)));
        self
    }

    /// Begins a paragraph of details.
    pub(in crate::domain) fn heading(mut self, text: &str) -> Self {
        self.details.push(Detail::Heading(clean(text, SENTENCE_CHARS_MAX)));
        self
    }

    /// A detail, unless it is empty.
    pub(in crate::domain) fn row(mut self, label: &'static str, text: &str) -> Self {
        self.details.extend((!text.is_empty()).then(|| Detail::Row(label, bounded(text))));
        self
    }

    /// The fields of a change with their values before and after, one below the other.
    pub(in crate::domain) fn changed<'a>(
        mut self,
        label: &'static str,
        changes: impl Iterator<Item = &'a FieldChange> + Clone,
    ) -> Self {
        let name = |change: &FieldChange| clean(&change.field, 128);
        let width = changes.clone().map(|change| name(change).chars().count()).max().unwrap_or(0).min(40);
        for (at, change) in changes.enumerate() {
            let label = if at == 0 { label } else { "" };
            let line = format!("{:<width$}  {}", name(change), before_and_after(change));
            self.details.push(Detail::Row(label, line));
        }
        self
    }

    /// For how long sessions could go wrong, unless that is said already.
    pub(in crate::domain) fn exposed(mut self, sentence: Option<String>) -> Self {
        self.exposure = self.exposure.or(sentence);
        self
    }

    /// What on-call does about it.
    pub(in crate::domain) fn advice(mut self, advice: &str) -> Self {
        self.to_do = clean(advice, SENTENCE_CHARS_MAX);
        self
    }

    /// A page of the console, or a command, that shows more.
    pub(in crate::domain) fn link(mut self, label: &'static str, at: String) -> Self {
        self.links.push((label, at));
        self
    }

    /// What led to the alert: the policy's version, the correlation id.
    pub(in crate::domain) fn origin(mut self, sentence: &str) -> Self {
        self.origin.push(clean(sentence, SENTENCE_CHARS_MAX));
        self
    }

    pub(in crate::domain) fn put(mut self, key: &str, value: Value) -> Self {
        self.data.insert(key.to_owned(), value);
        self
    }

    /// Finishes an alert.
    pub(in crate::domain) fn finish(
        self,
        account: &AccountId,
        region: Option<&Region>,
        incident: Option<String>,
        at: Time,
    ) -> Alert {
        let text = self.text();
        let links = self.links.iter().map(|(label, at)| (label.to_lowercase(), Value::from(at.as_str())));
        let (links, commands): (Vec<_>, Vec<_>) =
            links.partition(|(_, at)| at.as_str().is_some_and(|at| at.starts_with("https://")));
        let commands: Vec<Value> = commands.into_iter().map(|(_, command)| command).collect();
        let mut data = self.data;
        data.insert("summary".to_owned(), self.answer.join(" ").into());
        data.insert("to_do".to_owned(), self.to_do.into());
        data.insert("links".to_owned(), Value::Object(links.into_iter().collect()));
        data.insert("commands".to_owned(), json!(commands));
        Alert {
            id: self.id,
            account: account.clone(),
            region: region.cloned(),
            severity: self.severity,
            kind: self.kind.as_str().to_owned(),
            incident,
            subject: clean(&self.subject, SUBJECT_CHARS_MAX),
            text,
            data: within(data),
            at,
        }
    }

    /// Everything, with as many details as fit.
    fn text(&self) -> String {
        let answer = self.answer.iter().fold(String::new(), |text, sentence| text + sentence + "\n");
        let end = self.end();
        let details = self.details(TEXT_BYTES_MAX.saturating_sub(answer.len() + end.len()));
        format!("{answer}{details}{end}")
    }

    fn details(&self, room: usize) -> String {
        let labels = self.details.iter().map(|detail| match detail {
            Detail::Heading(_) => 0,
            Detail::Row(label, _) => label.len(),
        });
        let width = labels.max().unwrap_or(0);
        let mut text = String::new();
        for (at, detail) in self.details.iter().enumerate() {
            let line = match detail {
                Detail::Heading(heading) => format!("\n{heading}\n"),
                Detail::Row(label, row) if at == 0 => format!("\n  {label:<width$}  {row}\n"),
                Detail::Row(label, row) => format!("  {label:<width$}  {row}\n"),
            };
            if text.len() + line.len() > room {
                let _ = writeln!(text, "  … and {} lines more, which the history has", self.details.len() - at);
                break;
            }
            text.push_str(&line);
        }
        text
    }

    /// Exposure, advice, where to look, and where the alert comes from: never cut.
    fn end(&self) -> String {
        let mut text = String::new();
        if let Some(sentence) = &self.exposure {
            let _ = write!(text, "\n{sentence}\n");
        }
        let label = if self.to_do == NOTHING_TO_DO { "" } else { ADVICE };
        let _ = write!(text, "\n{label}{}\n", self.to_do);
        let width = self.links.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (at, (label, place)) in self.links.iter().enumerate() {
            let gap = if at == 0 { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{label:<width$}  {place}");
        }
        if !self.origin.is_empty() {
            let _ = write!(text, "\n{}\n", self.origin.join(" "));
        }
        text
    }
}

/// A text up to its advice. Foreign text makes no line of its own, so that none can pose as the advice.
pub(super) fn before_advice(text: &str) -> &str {
    let is_advice = |line: &str| line.starts_with(ADVICE) || line == NOTHING_TO_DO;
    let before = text.split_inclusive('\n').take_while(|line| !is_advice(line.trim_end()));
    let bytes = before.map(str::len).sum();
    text.get(..bytes).unwrap_or(text)
}

#[cfg(test)]
mod tests;
