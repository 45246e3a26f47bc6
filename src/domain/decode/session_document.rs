//! Session documents beside the one that the reactor keeps: a session that names one runs by its settings.
//!
//! The reply says of a call that succeeded which type of document it wrote, the request of one that failed. Calls without
//! a type in their event (`UpdateDocumentDefaultVersion`, `ModifyDocumentPermission`) may be about any document.

use serde_json::Value;

use super::bypass::event;
use super::envelope::{Parsed, Record, ignored};
use super::lenient::{Object, object_at, str_at, text_at};
use crate::domain::bypass::{BypassAct, SessionContent};
use crate::domain::target::DOCUMENT_NAME;
use crate::domain::text::{ID_CHARS_MAX, NAME_CHARS_MAX, clean};

/// The event of a call on another document; ignored, for this reason, unless it writes a Session document.
pub(super) fn parse(record: Record<'_>, reason: String) -> Parsed {
    match act(&record) {
        Some(act) => event(record, act),
        None => ignored(reason),
    }
}

fn act(record: &Record<'_>) -> Option<BypassAct> {
    let created = match record.name {
        "CreateDocument" => true,
        "UpdateDocument" => false,
        _ => return None,
    };
    let asked = record.part("requestParameters");
    let written = match record.failed() {
        None => object_at(record.part("responseElements")?, "documentDescription"),
        Some(_) => asked.filter(|_| created),
    }?;
    let is_session = str_at(written, "documentType") == Some("Session");
    let name = str_at(written, "name").filter(|name| is_session && *name != DOCUMENT_NAME)?;
    let content = asked.and_then(|asked| str_at(asked, "content")).and_then(content);
    Some(BypassAct::SessionDocument { name: clean(name, ID_CHARS_MAX), created, content })
}

/// What decides who sessions run as. AWS does not document that CloudTrail shows the content; another format than JSON, and
/// a content that is hidden, count as not shown.
fn content(text: &str) -> Option<SessionContent> {
    let Ok(Value::Object(content)) = serde_json::from_str::<Value>(text) else { return None };
    let inputs = object_at(&content, "inputs");
    let input = |key: &str| inputs.map(|inputs| shown(inputs, key)).unwrap_or_default();
    Some(SessionContent {
        session_type: shown(&content, "sessionType"),
        run_as_enabled: input("runAsEnabled"),
        run_as_default_user: input("runAsDefaultUser"),
    })
}

fn shown(object: &Object, key: &str) -> String {
    let text = text_at(object, key).or_else(|| object.get(key)?.as_bool().map(|on| on.to_string()));
    clean(&text.unwrap_or_default(), NAME_CHARS_MAX)
}
