//! The first observation adopts the content that it finds. Fields that can run code or redirect sessions need a review: one
//! for each set of values, however many accounts share it.

use serde_json::{Value, json};

use super::case::Case;
use super::document::REVIEWED_FIELDS;
use super::fact::Notified;
use super::finding::{Alert, AlertBuilder, Kind, Severity};
use super::judgement::Judgement;
use super::target::AccountId;
use super::text::{clean, sha256};

/// The alert that asks for a review after a first observation. It is filed under the hub's account: an organisation whose
/// accounts were set up alike gets one such alert.
pub fn adopted(case: &Case, judgement: &Judgement, hub: &AccountId) -> Option<Alert> {
    case.record.facts.base.as_ref().filter(|base| base.notified == Notified::No)?;
    let accepted = judgement.accepted.content.as_ref()?;
    let set: Vec<(&str, String)> = REVIEWED_FIELDS
        .iter()
        .filter_map(|field| Some((*field, accepted.input(field)?)))
        .filter(|(_, value)| says_something(value))
        .map(|(field, value)| (field, value.to_string()))
        .collect();
    if set.is_empty() {
        return None;
    }
    let same: String = sha256(&json!(set).to_string()).chars().take(16).collect();
    let page = AlertBuilder::new(Kind::Adopted, Severity::Info, &format!("adopted:{same}"))
        .subject("Run As: first observation: please review what was adopted".to_owned())
        .line("First", &format!("{} {}", case.target, clean(&case.account_name, 64)));
    let page = set.iter().fold(page, |page, (field, value)| page.line(field, value));
    let page = page
        .line("Also", "where else the same is found, now or later, is counted and not told; `runasctl history` has it")
        .put("target", json!(case.target.to_string()));
    Some(page.finish(hub, None, None, case.now))
}

/// Consoles write empty strings, and a shell profile of two empty strings, for unset fields.
fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => parts.values().any(says_something),
        _ => false,
    }
}
