//! Renders dead letters, for people and for programs. Invisible characters are removed from lines and escaped elsewhere.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::received::ReceivedBatch;
use super::result::MessageResult;
use crate::aws::dead_letters::HOLD_S;
use crate::cli::Output;
use crate::cli::login::explained;
use crate::domain::dead_letter::{Attribute, AttributeValue, DeadLetter};
use crate::domain::decode::{Decoded, decode};
use crate::domain::text::{ID_CHARS_MAX, NAME_CHARS_MAX, clean, escaped, sha256};
use crate::ports::Fault;

/// Version of the JSON that these commands write.
const SCHEMA_VERSION: u32 = 1;
/// Limit of a body shown to people; programs get all of it.
const SHOWN_BYTES_MAX: usize = 64 * 1_024;
const VALUE_CHARS_MAX: usize = 1_024;

/// How the function would read a message now.
pub(super) struct DryRun {
    pub(super) outcome: &'static str,
    kind: Option<&'static str>,
    account: Option<String>,
    region: Option<String>,
    pub(super) reason: Option<String>,
}

impl DryRun {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        let none = Self { outcome: "undecodable", kind: None, account: None, region: None, reason: None };
        match decode(&letter.body) {
            Decoded::Signal(event) => Self {
                outcome: "signal",
                kind: Some(event.signal.kind()),
                account: event.signal.account().map(ToString::to_string),
                region: event.signal.region().map(ToString::to_string),
                reason: None,
            },
            Decoded::Ignored { reason, .. } => Self { outcome: "ignored", reason: Some(reason), ..none },
            Decoded::Untrusted { reason, .. } => Self { outcome: "untrusted", reason: Some(reason), ..none },
            Decoded::Undecodable { reason } => Self { reason: Some(reason), ..none },
        }
    }

    pub(super) fn is_undecodable(&self) -> bool {
        self.outcome == "undecodable"
    }

    fn data(&self) -> Value {
        let Self { outcome, kind, account, region, reason } = self;
        json!({ "outcome": outcome, "kind": kind, "account": account, "region": region, "reason": reason })
    }

    fn in_words(&self) -> String {
        let place = [self.account.as_deref(), self.region.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        match (self.kind, &self.reason) {
            (Some(kind), _) => format!("{kind} {}", place.join(" ")).trim_end().to_owned(),
            (None, Some(reason)) => format!("{}: {reason}", self.outcome),
            (None, None) => self.outcome.to_owned(),
        }
    }
}

/// Lists the messages, one per line.
pub(super) fn list(letters: &[DeadLetter], output: Output) -> String {
    let rows = letters.iter().map(|letter| (letter, DryRun::of(letter)));
    if output == Output::Json {
        let messages: Vec<Value> = rows.map(|(letter, now)| summary(letter, &now)).collect();
        return data(&json!({ "messages": messages }));
    }
    let cells = rows.map(|(letter, now)| {
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        [
            clean(&letter.id, ID_CHARS_MAX),
            sent(letter),
            now.outcome.to_owned(),
            or_dash(now.kind),
            or_dash(now.account.as_deref()),
            or_dash(now.region.as_deref()),
            letter.reason(),
        ]
    });
    let cells: Vec<_> = cells.collect();
    if cells.is_empty() {
        return String::new();
    }
    columns(["ID", "SENT", "NOW", "KIND", "ACCOUNT", "REGION", "WHY IT IS HERE"], &cells)
}

/// The number of messages, and how many the function could use.
pub(super) fn sum(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "there is no message to be seen in the dead-letter queue\n".to_owned();
    }
    let undecodable = letters.iter().filter(|letter| DryRun::of(letter).is_undecodable()).count();
    let count = match letters.len() {
        1 => "1 message".to_owned(),
        several => format!("{several} messages"),
    };
    format!("{count}, of which the function could use {}\n", letters.len() - undecodable)
}

/// Hints on messages that were not received.
pub(super) fn beyond(received: &ReceivedBatch, limit: usize, elsewhere: u64) -> String {
    let mut text = String::new();
    if received.cut_short {
        let _ =
            writeln!(text, "there may be more than the {limit} that were looked at; raise --limit, or run it again");
    }
    if elsewhere > 0 {
        let _ = writeln!(
            text,
            "SQS counts about {elsewhere} more that cannot be received: another receiver holds them, or the count lags; run it \
             again in a minute"
        );
    }
    text
}

/// A note for messages that stay hidden.
pub(super) fn not_given_back(fault: &Fault) -> String {
    format!(
        "the messages stay hidden for up to {HOLD_S} s, because they could not be given back: {}\n",
        explained(fault)
    )
}

/// One message in full.
pub(super) fn whole(letter: &DeadLetter, output: Output) -> String {
    let now = DryRun::of(letter);
    if output == Output::Json {
        let attributes: Map<String, Value> =
            letter.attributes.iter().map(|(name, attribute)| (name.clone(), attribute_data(attribute))).collect();
        let more = json!({ "source": letter.source, "attributes": attributes, "sha256": sha256(&letter.body), "body": letter.body });
        return data(&joined(summary(letter, &now), more));
    }
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<16}{value}");
    };
    line("id", &clean(&letter.id, ID_CHARS_MAX));
    line("sent", &sent(letter));
    line("received", &format!("{} times", letter.receives));
    line("put here by", letter.put_by().as_str());
    line("why", &letter.reason());
    line("now", &now.in_words());
    for (name, attribute) in &letter.attributes {
        line("attribute", &format!("{} = {}", clean(name, NAME_CHARS_MAX), attribute_text(attribute)));
    }
    line("body", &format!("{} bytes, sha256 {}", letter.body.len(), sha256(&letter.body)));
    text + "\n" + &body(&letter.body)
}

/// The results, per message.
pub(super) fn done(all: &[MessageResult], dry_run: bool, output: Output) -> String {
    if output == Output::Json {
        let messages =
            all.iter().map(|done| json!({ "id": done.id, "outcome": done.outcome.as_str(), "note": done.note }));
        return data(&json!({ "dry_run": dry_run, "messages": messages.collect::<Vec<_>>() }));
    }
    let cells =
        all.iter().map(|done| [clean(&done.id, ID_CHARS_MAX), done.outcome.in_words().to_owned(), done.note.clone()]);
    let cells: Vec<_> = cells.collect();
    if cells.is_empty() { String::new() } else { columns(["ID", "OUTCOME", "NOTE"], &cells) }
}

fn summary(letter: &DeadLetter, now: &DryRun) -> Value {
    json!({
        "id": letter.id,
        "sent": letter.sent,
        "receives": letter.receives,
        "put_by": letter.put_by().as_str(),
        "reason": letter.reason(),
        "bytes": letter.body.len(),
        "now": now.data(),
    })
}

fn joined(mut value: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

fn data(value: &Value) -> String {
    let value = joined(json!({ "schema_version": SCHEMA_VERSION }), value.clone());
    escaped(&format!("{value:#}\n"))
}

fn sent(letter: &DeadLetter) -> String {
    letter.sent.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

fn attribute_data(attribute: &Attribute) -> Value {
    match &attribute.value {
        AttributeValue::Text(text) => json!({ "type": attribute.kind, "value": text }),
        AttributeValue::Binary(bytes) => json!({ "type": attribute.kind, "bytes": bytes }),
    }
}

fn attribute_text(attribute: &Attribute) -> String {
    match &attribute.value {
        AttributeValue::Text(text) => clean(text, VALUE_CHARS_MAX),
        AttributeValue::Binary(bytes) => format!("{} bytes, not shown", bytes.len()),
    }
}

/// Formats JSON over several lines and leaves other text as it is; cuts long bodies.
fn body(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let shown = value.map_or_else(|| text.to_owned(), |value| format!("{value:#}"));
    let (head, rest) = shown.split_at(shown.floor_char_boundary(SHOWN_BYTES_MAX));
    let mut shown = escaped(head);
    shown.push('\n');
    if !rest.is_empty() {
        let _ = writeln!(shown, "… and {} bytes more; --output json has all of it", rest.len());
    }
    shown
}

/// Pads columns to their widest cell, except the last.
fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let rows: Vec<&[String; N]> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
