//! One history entry: the whole case, so that any decision can be replayed. Each content is stored once, by its digest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Reconciliation;
use crate::domain::record::HistoryEntry;
use crate::domain::text::sha256;

const INLINE: &str = "$content";
const BY_DIGEST: &str = "$digest";

/// The history entry of a reconciliation.
pub(super) fn entry(Reconciliation { case, decision, applied, .. }: Reconciliation) -> HistoryEntry {
    let mut value = json!({ "schema_version": 1, "case": case, "decision": decision, "applied": applied });
    let mut contents = BTreeMap::new();
    detach(&mut value, &mut contents);
    let summary = decision.reasons.join("; ");
    HistoryEntry { id: case.correlation.clone(), at: case.now, summary, case: value, contents }
}

/// Replaces contents by their digests and collects them.
pub fn detach(value: &mut Value, contents: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            if let Some(content) = map.remove(INLINE) {
                let text = content.to_string();
                let digest = sha256(&text);
                map.insert(BY_DIGEST.to_owned(), Value::from(digest.clone()));
                contents.insert(digest, text);
            } else {
                map.values_mut().for_each(|value| detach(value, contents));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| detach(value, contents)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The inverse of [`detach`]; a content that is missing stays a digest.
pub fn attach(value: &mut Value, contents: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            let found = map.get(BY_DIGEST).and_then(Value::as_str).and_then(|digest| contents.get(digest));
            if let Some(content) = found.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                *map = Map::from_iter([(INLINE.to_owned(), content)]);
            } else {
                map.values_mut().for_each(|value| attach(value, contents));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| attach(value, contents)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
