//! Rows and their attributes. State is JSON in one attribute; the others serve people, queries and conditions.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::Key;
use crate::domain::finding::Alert;
use crate::domain::record::{Enabled, HistoryEntry, Incident, LastCheck, Record, Status};
use crate::domain::target::{AccountFacts, AccountId, Region, Target};
use crate::domain::time::{DAY_MS, Time};

pub(super) use super::attributes::{Item, n, s};

pub(super) const ALERT: &str = "alert";
pub(super) const ATTENTION: &str = "attention";
pub(super) const BODY: &str = "body";
pub(super) const COMPILED: &str = "compiled";
pub(super) const COUNT: &str = "count";
/// The account's enabled regions.
pub(super) const ENABLED: &str = "enabled";
/// When Account Management reported them.
pub(super) const ENABLED_AT: &str = "enabled_at";
pub(super) const FACTS: &str = "facts";
pub(super) const GENERATION: &str = "generation";
pub(super) const INCIDENT: &str = "incident";
pub(super) const CHECKED: &str = "checked";
pub(super) const NAME: &str = "name";
pub(super) const OU_PATH: &str = "ou_path";
pub(super) const FINGERPRINT: &str = "fingerprint";
pub(super) const RECORD: &str = "record";
pub(super) const STATE: &str = "state";
pub(super) const STEP: &str = "step";
pub(super) const SWEEP: &str = "sweep";
pub(super) const TTL: &str = "ttl";
pub(super) const UPDATED: &str = "updated";
/// The version number of a pushed policy.
pub(super) const VERSION: &str = "version";

/// Until when an invocation has claimed an alert for publication, in milliseconds since 1970.
pub(super) const CLAIMED: &str = "claimed";
/// The messages that the alert was claimed for.
pub(super) const CLAIMED_BY: &str = "claimed_by";

/// An item holds 400 KB, attribute names included [docs: amazondynamodb `ServiceQuotas`]; the rest of the row needs room.
pub(super) const JSON_BYTES_MAX: usize = 380 * 1_024;

/// Longer than EventBridge retries (24 h) and the reactor's queue then does (about a day).
pub(super) const SEEN_MS: i64 = 3 * DAY_MS;
pub(super) const HISTORY_MS: i64 = 400 * DAY_MS;
pub(super) const SENT_MS: i64 = 2 * DAY_MS;

/// A malformed row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {what}")]
pub(super) struct Corrupt {
    row: String,
    what: String,
}

fn corrupt(item: &Item, what: impl Into<String>) -> Corrupt {
    Corrupt { row: Key::sort_of(item).unwrap_or("?").to_owned(), what: what.into() }
}

/// TTL attributes are in seconds [docs: amazondynamodb TTL].
pub(super) fn ttl(at: Time) -> AttributeValue {
    n(at.ms().div_euclid(1_000))
}

/// DynamoDB deletes expired items days late [docs: TTL], so readers check the time.
pub(super) fn is_expired(item: &Item, now: Time) -> bool {
    let at = item.get(TTL).and_then(|value| value.as_n().ok()).and_then(|number| number.parse::<i64>().ok());
    at.is_some_and(|at| at.saturating_mul(1_000) <= now.ms())
}

pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, Corrupt> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(corrupt(item, format!("`{name}` is no string"))),
    }
}

pub(super) fn json_of(value: &impl Serialize) -> Result<String, Corrupt> {
    serde_json::to_string(value).map_err(|error| Corrupt { row: "to write".to_owned(), what: error.to_string() })
}

pub(super) fn from_json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T, Corrupt> {
    serde_json::from_str(text(item, name)?).map_err(|error| corrupt(item, format!("`{name}`: {error}")))
}

/// A row that is read whole from its attributes.
#[cfg(feature = "cli")]
pub(super) fn flat<T: DeserializeOwned>(item: &Item) -> Result<T, Corrupt> {
    serde_dynamo::from_item(item.clone()).map_err(|error| corrupt(item, error.to_string()))
}

/// The string that a unit variant is serialised as.
pub(super) fn word_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// `None` where the account's row holds only its regions.
pub(super) fn facts_from(item: &Item) -> Result<Option<AccountFacts>, Corrupt> {
    item.contains_key(FACTS).then(|| from_json(item, FACTS)).transpose()
}

pub(super) fn enabled_from(item: &Item) -> Option<Enabled> {
    let listed = item.get(ENABLED)?.as_l().ok()?;
    // `collect` would sort first; `extend` keeps that code out of the size-limited package.
    let mut regions = BTreeSet::new();
    regions.extend(listed.iter().filter_map(|region| region.as_s().ok()?.parse::<Region>().ok()));
    Some(Enabled { regions, at: text(item, ENABLED_AT).ok()?.parse().ok()? })
}

pub(super) fn alert_from(item: &Item) -> Result<Alert, Corrupt> {
    from_json(item, ALERT)
}

/// How often an alert came up; zero for a missing row.
pub(super) fn count_from(item: Option<&Item>) -> u64 {
    let count = item.and_then(|item| item.get(COUNT)?.as_n().ok()?.parse().ok());
    count.unwrap_or(0)
}

pub(super) fn incident_from(item: &Item) -> Result<Incident, Corrupt> {
    from_json(item, INCIDENT)
}

/// The committed record without its incident, which has its own row.
pub(super) fn record_from(item: &Item) -> Result<Record, Corrupt> {
    let record: Record = from_json(item, RECORD)?;
    let generation = item.get(GENERATION).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    let generation = generation.ok_or_else(|| corrupt(item, "no generation"))?;
    Ok(Record { generation, ..record })
}

/// The last recorded check. Writing a record counts as a check and drops the earlier fingerprint.
pub(super) fn last_check_from(item: &Item) -> Option<LastCheck> {
    let checked = text(item, CHECKED).or_else(|_| text(item, UPDATED)).ok()?;
    Some(LastCheck { at: checked.parse().ok()?, fingerprint: text(item, FINGERPRINT).ok().map(str::to_owned) })
}

/// The key of the sparse index; absent for a status that needs no attention.
fn attention(status: Status) -> Option<String> {
    match status {
        Status::InSync | Status::Exempt => None,
        Status::New | Status::Drifted | Status::Held | Status::BackingOff | Status::Waiting | Status::Unreachable => {
            Some(word_of(&status))
        }
    }
}

pub(super) fn record_item(target: &Target, record: &Record) -> Result<Item, Corrupt> {
    let kept = Record { incident: None, ..record.clone() };
    let json = json_of(&kept)?;
    if json.len() > JSON_BYTES_MAX {
        let what = format!("a record of {} bytes is too large", json.len());
        return Err(Corrupt { row: "to write".to_owned(), what });
    }
    let mut item = Key::region(target).into_item();
    item.extend([
        (RECORD.to_owned(), s(json)),
        (GENERATION.to_owned(), n(kept.generation)),
        ("account".to_owned(), s(target.account.as_str())),
        ("region".to_owned(), s(target.region.as_str())),
        ("status".to_owned(), s(word_of(&kept.status))),
        ("policy".to_owned(), s(kept.policy.clone())),
        ("why".to_owned(), s(kept.why.clone())),
        (UPDATED.to_owned(), s(kept.updated.to_string())),
    ]);
    item.extend(kept.milestones.reached_by_name().map(|(name, at)| (name.to_owned(), s(at.to_string()))));
    if let Some(status) = attention(kept.status) {
        item.insert(ATTENTION.to_owned(), s(status));
    }
    Ok(item)
}

pub(super) fn incident_item(target: &Target, incident: &Incident) -> Result<Item, Corrupt> {
    let mut item = Key::incident(target).into_item();
    item.extend([
        (INCIDENT.to_owned(), s(json_of(incident)?)),
        ("id".to_owned(), s(incident.id.clone())),
        ("opened".to_owned(), s(incident.opened.to_string())),
        ("summary".to_owned(), s(incident.summary.clone())),
        ("escalated".to_owned(), AttributeValue::Bool(incident.escalated)),
    ]);
    Ok(item)
}

pub(super) fn seen_item(target: &Target, edit_id: &str, at: Time) -> Item {
    let mut item = Key::seen(target, edit_id).into_item();
    item.insert(TTL.to_owned(), ttl(at.plus_ms(SEEN_MS)));
    item
}

/// A content that history names. It expires with the newest line that names it.
pub(super) fn content_item(account: &AccountId, digest: &str, text: &str, at: Time) -> Item {
    let mut item = Key::content(account, digest).into_item();
    item.extend([(BODY.to_owned(), s(text)), (TTL.to_owned(), ttl(at.plus_ms(HISTORY_MS)))]);
    item
}

pub(super) fn event_item(target: &Target, entry: &HistoryEntry) -> Result<Item, Corrupt> {
    let mut case = json_of(&entry.case)?;
    if case.len() > JSON_BYTES_MAX {
        // An oversized case must not lose the line itself.
        case = json_of(&serde_json::json!({ "left_out": "too large", "bytes": case.len() }))?;
    }
    let contents = entry.contents.keys().map(s).collect();
    let mut item = Key::event(target, entry.at, &entry.id).into_item();
    item.extend([
        ("id".to_owned(), s(entry.id.clone())),
        ("at".to_owned(), s(entry.at.to_string())),
        ("region".to_owned(), s(target.region.as_str())),
        ("summary".to_owned(), s(entry.summary.clone())),
        ("case".to_owned(), s(case)),
        ("contents".to_owned(), AttributeValue::L(contents)),
        (TTL.to_owned(), ttl(entry.at.plus_ms(HISTORY_MS))),
    ]);
    Ok(item)
}

#[cfg(test)]
mod tests;
