//! The JSON of every kind is what `infra/alert.schema.json` publishes.

use std::collections::BTreeSet;

use runas_reactor::domain::finding::{Alert, Kind, SCHEMA_VERSION, Severity};
use serde_json::{Value, json};

use super::kinds::example;
use crate::support::schema::breaches;

fn published() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/alert.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn message(alert: &Alert) -> Value {
    alert.message(&alert.text, &alert.data)
}

#[test]
fn message_of_each_kind_is_as_published() {
    let schema = published();
    for kind in Kind::ALL {
        let message = message(&example(kind));
        let wrong = breaches(&schema, &schema, &message, "");
        assert!(wrong.is_empty(), "{kind:?}: {wrong:#?}\n{message:#}");
    }
}

#[test]
fn each_key_is_documented_and_each_documented_one_occurs() {
    let schema = published();
    let keys = |of: &Value| -> BTreeSet<String> { of.as_object().unwrap().keys().cloned().collect() };
    let documented = keys(&schema["$defs"]["data"]["properties"]);
    let mut used = BTreeSet::new();
    for kind in Kind::ALL {
        let message = message(&example(kind));
        assert_eq!(keys(&message), keys(&schema["properties"]), "{kind:?}");
        used.extend(keys(&message["data"]));
    }
    assert_eq!(used.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new());
    let rare = ["bytes", "left_out", "changed"].map(str::to_owned);
    assert_eq!(documented.difference(&used).cloned().collect::<Vec<_>>(), {
        let mut rare = rare.to_vec();
        rare.sort();
        rare
    });
}

#[test]
fn schema_lists_the_kinds_the_severities_and_its_version() {
    let schema = published();
    assert_eq!(schema["properties"]["kind"]["enum"], json!(Kind::ALL.map(Kind::as_str)));
    let severities = [Severity::Info, Severity::Warning, Severity::High, Severity::Critical];
    assert_eq!(schema["properties"]["severity"]["enum"], json!(severities.map(Severity::as_str)));
    assert_eq!(schema["properties"]["schema_version"]["const"], SCHEMA_VERSION);
}

/// So that the tests above can fail.
#[test]
fn message_that_breaks_the_schema_is_found() {
    let schema = published();
    let good = message(&example(Kind::EditReverted));
    for (pointer, bad) in [
        ("/kind", json!("edit_forgotten")),
        ("/account", json!("4444")),
        ("/subject", json!("x".repeat(100))),
        ("/data/exposure/seconds", json!(0)),
        ("/data/exposure/since", json!("yesterday")),
        ("/data/links/document", json!("http://example.com")),
        ("/data/edits/0/attribution", json!("friendly")),
        ("/data/edits/0/changed/0", json!({ "from": 1 })),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = bad;
        assert_eq!(breaches(&schema, &schema, &broken, "").len(), 1, "{pointer}");
    }
}
