//! Messages that operators dropped from the dead-letter queue: one line per drop, and each body once.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::items::{self, Item, s, ttl};
use super::keys::Key;
use super::{DynamoLedger, UPDATE};
use crate::aws::client::Clients;
use crate::aws::fault::Call;
use crate::domain::dead_letter::{self, DeadLetter};
use crate::domain::text::sha256;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

const PUT: Call = Call::write("PutItem");
/// Limit of the attributes kept beside the body. SQS allows 1 MiB for both; known senders stay below a kilobyte.
const ATTRIBUTES_BYTES_MAX: usize = 64 * 1_024;

/// A message that an operator drops.
#[derive(Clone, Debug)]
pub struct DiscardedMessage<'a> {
    /// The message.
    pub letter: &'a DeadLetter,
    /// The operator.
    pub by: &'a str,
    /// The operator's reason.
    pub why: &'a str,
    /// When it is dropped.
    pub at: Time,
}

/// The record of dropped messages.
pub struct DiscardedMessages {
    ledger: DynamoLedger,
}

impl DiscardedMessages {
    pub(in crate::aws) fn new(table: &str, clients: &Clients) -> Self {
        Self { ledger: DynamoLedger::at(table, clients) }
    }

    /// Records who drops a message and why, with its whole body. The caller deletes the message only afterwards, so
    /// that a crash in between loses nothing.
    ///
    /// # Errors
    /// The record is missing or incomplete: the message must stay in the queue.
    pub async fn keep(&self, dropped: &DiscardedMessage<'_>) -> Result<(), Fault> {
        // The body first, so that every line names an existing body. Repeating a write changes nothing.
        let (digest, parts) = (sha256(&dropped.letter.body), parts(&dropped.letter.body));
        for (number, part) in parts.iter().enumerate() {
            self.keep_part(Key::dropped_body(&digest, number), part, dropped.at).await?;
        }
        self.ledger
            .client
            .put_item()
            .table_name(&self.ledger.table)
            .set_item(Some(line(dropped, &digest, parts.len())?))
            .send()
            .await
            .map(drop)
            .map_err(|error| PUT.failed(&error))
    }

    async fn keep_part(&self, key: Key, part: &str, at: Time) -> Result<(), Fault> {
        self.ledger
            .client
            .update_item()
            .table_name(&self.ledger.table)
            .set_key(Some(key.into_item()))
            .update_expression("SET #body = if_not_exists(#body, :body), #ttl = :ttl")
            .expression_attribute_names("#body", items::BODY)
            .expression_attribute_names("#ttl", items::TTL)
            .expression_attribute_values(":body", s(part))
            .expression_attribute_values(":ttl", ttl(at.plus_ms(items::HISTORY_MS)))
            .send()
            .await
            .map(drop)
            .map_err(|error| UPDATE.failed(&error))
    }
}

/// Splits a body into parts that fit into an item.
fn parts(body: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = body;
    loop {
        let (part, after) = rest.split_at(rest.floor_char_boundary(items::JSON_BYTES_MAX));
        parts.push(part);
        if after.is_empty() {
            return parts;
        }
        rest = after;
    }
}

/// One drop.
#[derive(Serialize)]
struct DiscardedRow<'a> {
    id: &'a str,
    at: Time,
    by: &'a str,
    why: &'a str,
    reason: String,
    put_by: &'a str,
    /// JSON in one attribute.
    attributes: String,
    receives: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Time>,
    digest: &'a str,
    bytes: usize,
    parts: usize,
}

fn line(dropped: &DiscardedMessage<'_>, digest: &str, parts: usize) -> Result<Item, Fault> {
    let DiscardedMessage { letter, by, why, at } = *dropped;
    let line: Result<Item, _> = serde_dynamo::to_item(DiscardedRow {
        id: &letter.id,
        at,
        by,
        why,
        reason: letter.reason(),
        put_by: letter.put_by().as_str(),
        attributes: attributes(letter),
        receives: letter.receives,
        sent: letter.sent,
        digest,
        bytes: letter.body.len(),
        parts,
    });
    let mut item = line.map_err(|error| PUT.fault(FaultClass::Invalid, "Build", &error.to_string()))?;
    item.extend(Key::dropped(at, &letter.id).into_item());
    item.insert(items::TTL.to_owned(), ttl(at.plus_ms(items::HISTORY_MS)));
    Ok(item)
}

fn attributes(letter: &DeadLetter) -> String {
    let value = |attribute: &dead_letter::Attribute| match &attribute.value {
        dead_letter::AttributeValue::Text(text) => json!({ "type": attribute.kind, "value": text }),
        dead_letter::AttributeValue::Binary(bytes) => json!({ "type": attribute.kind, "bytes": bytes }),
    };
    let all: Map<String, Value> = letter.attributes.iter().map(|(name, it)| (name.clone(), value(it))).collect();
    let text = Value::Object(all).to_string();
    if text.len() <= ATTRIBUTES_BYTES_MAX {
        return text;
    }
    // Oversized attributes must not lose the line itself.
    json!({ "left_out": "too large", "bytes": text.len() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_parts_is_the_body() {
        assert_eq!(parts("short"), ["short"]);
        for body in ["ä".repeat(524_288), "x".repeat(items::JSON_BYTES_MAX), "x".repeat(items::JSON_BYTES_MAX + 1)] {
            let parts = parts(&body);
            assert!(parts.iter().all(|part| (1..=items::JSON_BYTES_MAX).contains(&part.len())));
            assert!(parts.concat() == body);
        }
        assert_eq!(parts(&"x".repeat(1_048_576)).len(), 3);
    }
}
