//! The first observation adopts the content that it finds. Fields that can run code or redirect sessions need a review: one
//! for each set of values, however many accounts share it.

use serde_json::{Value, json};

use super::case::Case;
use super::document::REVIEWED_FIELDS;
use super::fact::Notified;
use super::finding::{Alert, AlertBuilder, Kind, Severity, bounded, document_page};
use super::judgement::Judgement;
use super::target::{AccountId, DOCUMENT_NAME};
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
    let fields: Vec<&str> = set.iter().map(|(field, _)| *field).collect();
    let (account, name) = (&case.target.account, clean(&case.account_name, 64));
    let account = if name.is_empty() { format!("account {account}") } else { format!("{name} ({account})") };
    let place = format!("{account}, {}", case.target.region);
    let code = if fields.contains(&"shellProfile") {
        ", above all the shell profile, which runs in every session"
    } else {
        ""
    };
    let page = AlertBuilder::new(Kind::Adopted, Severity::Info, &format!("adopted:{same}"))
        .subject("Please review", &format!("adopted as found: {}", fields.join(", ")), "")
        .says(&format!(
            "{DOCUMENT_NAME} in {place} was seen for the first time, and holds settings that can run code in sessions or \
             send their logs elsewhere."
        ))
        .says("They are kept as they were found. Where else the same values are found, now or later, is counted, not alerted.");
    let page = set.iter().fold(page, |page, (field, value)| page.row(field, value));
    let page = page
        .advice(&format!(
            "In working hours: review the values{code}. What should not be there, take out with a trusted principal, or set \
             in the policy."
        ))
        .link("Document", document_page(&case.target.region))
        .link("History", format!("runasctl history {}", case.target))
        .put("target", json!(case.target.to_string()))
        .put("adopted", set.iter().map(|(field, value)| ((*field).to_owned(), Value::from(bounded(value)))).collect());
    Some(page.finish(hub, None, None, case.now))
}

/// Consoles write empty strings, and a shell profile of two empty strings, for unset fields.
fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => parts.values().any(says_something),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}
