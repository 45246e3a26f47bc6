use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn content(value: &Value) -> Content {
    match parse(&value.to_string()) {
        Body::Valid(content) => content,
        Body::Invalid { why } => panic!("not a document: {why}"),
    }
}

fn session(inputs: &Value) -> Content {
    content(&json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs }))
}

fn owned(fields: &[(&str, Value)]) -> Owned {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn only_session_documents_are_valid() {
    let why = |text: &str| match parse(text) {
        Body::Valid(_) => "valid".to_owned(),
        Body::Invalid { why } => why,
    };
    assert_eq!(why(r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream"}"#), "valid");
    assert_eq!(why("not json"), "not a JSON object");
    assert_eq!(why("[]"), "not a JSON object");
    assert_eq!(why(r#"{"schemaVersion":"2.2","sessionType":"Standard_Stream"}"#), "`schemaVersion` is not \"1.0\"");
    assert_eq!(why(r#"{"schemaVersion":"1.0","sessionType":"Shell"}"#), "`sessionType` is not a kind of session");
    assert_eq!(why(r#"{"schemaVersion":"1.0","sessionType":"Port","inputs":[]}"#), "`inputs` is not an object");
    assert_eq!(
        why(r#"{"schemaVersion":"1.0","sessionType":"Port","description":null}"#),
        "`description` is not a text"
    );
    assert_eq!(
        why(r#"{"schemaVersion":"1.0","sessionType":"Port","inputs":{"shellProfile":{},"shellProfile":{}}}"#),
        "`shellProfile` stands twice at line 1 column 86"
    );
    assert_eq!(why(&format!("{{\"x\":\"{}\"}}", "x".repeat(CONTENT_BYTES_MAX))), "larger than 64 KB");
}

#[test]
fn an_overlay_changes_owned_fields_and_nothing_else() {
    let lza = session(&json!({ "kmsKeyId": "k", "runAsEnabled": false, "somethingNew": { "a": [1] } }));
    let right = lza.overlaid(&owned(&[("runAsEnabled", json!(true)), ("runAsDefaultUser", json!("ops"))]));
    assert_eq!(right.input("runAsEnabled"), Some(&json!(true)));
    assert_eq!(right.input("runAsDefaultUser"), Some(&json!("ops")));
    assert_eq!(right.input("kmsKeyId"), Some(&json!("k")));
    assert_eq!(right.input("somethingNew"), Some(&json!({ "a": [1] })));
}

/// The agent's reading decides, and the agent parses JSON as Go does.
#[test]
fn an_overlay_leaves_no_spelling_in_which_the_agent_would_find_another_value() {
    let want = owned(&[("runAsEnabled", json!(true)), ("kmsKeyId", json!("k"))]);
    for spelling in ["RunAsEnabled", "runaSenabled", "runA\u{17f}Enabled", "\u{212a}msKeyId", "KMSKEYID"] {
        let right = session(&json!({ spelling: false, "x": 1 })).overlaid(&want);
        assert_eq!(right.body["inputs"], json!({ "runAsEnabled": true, "kmsKeyId": "k", "x": 1 }), "{spelling}");
    }
    let beside = json!({ "schemaVersion": "1.0", "sessionType": "Port", "INPUTS": { "runAsEnabled": false, "x": 1 } });
    assert_eq!(content(&beside).overlaid(&want).body["INPUTS"], json!({ "x": 1 }));
}

#[test]
fn a_document_that_would_be_too_large_if_indented_is_not() {
    let large = session(&json!({ "x": vec![1; 30_000] }));
    assert!(large.render(7).len() <= CONTENT_BYTES_MAX);
    assert_eq!(parse(&large.render(7)), Body::Valid(large));
    let readable = session(&json!({ "x": vec![1; 3_000] }));
    assert!(readable.render(7).contains("\n      1,\n"), "and is indented where there is room");
}

#[test]
fn a_number_is_written_as_it_was_read() {
    // A fast but inexact parser would read a neighbouring number for one of these.
    for number in ["0.1", "4.9e-324", "3.5844466002796428e298", "1.7976931348623157e308"] {
        let text = format!(r#"{{"schemaVersion":"1.0","sessionType":"Port","inputs":{{"x":{number}}}}}"#);
        let Body::Valid(read) = parse(&text) else { panic!("{text}") };
        assert_eq!(read.input("x").and_then(Value::as_f64), number.parse().ok());
        assert_eq!(parse(&read.render(0)), Body::Valid(read));
    }
}

#[test]
fn a_string_where_a_boolean_belongs_is_drift() {
    let want = owned(&[("runAsEnabled", json!(true))]);
    for there in [json!("true"), json!("{{ enabled }}"), json!(""), json!(1), Value::Null] {
        let drift = session(&json!({ "runAsEnabled": there })).drift(&want);
        assert_eq!(drift.len(), 1, "{there}");
    }
    assert_eq!(session(&json!({ "runAsEnabled": true })).drift(&want), Change::new());
    assert_eq!(session(&json!({})).drift(&want)[0].from, None);
}

#[test]
fn renderings_differ_in_white_space_only() {
    let content = Content::minimal();
    assert_ne!(content.render(1), content.render(2));
    for random in [0, 1, u32::MAX] {
        assert_eq!(parse(&content.render(random)), Body::Valid(content.clone()));
    }
}

#[test]
fn a_remark_changes_no_meaning_and_does_not_pile_up() {
    let content = Content::minimal();
    let reworded = content.reworded(1);
    assert_ne!(reworded, content);
    assert!(reworded.same_as(&content));
    assert_eq!(reworded.reworded(2).render(0).len(), reworded.render(0).len());
    assert_eq!(content.change_to(&reworded), Change::new());
    assert!(session(&json!({})).reworded(3).same_as(&session(&json!({}))), "also where there was no description");
}

#[test]
fn reactors_remark_is_distinguished_from_other_text() {
    let described =
        |text: &str| content(&json!({ "schemaVersion": "1.0", "sessionType": "Port", "description": text }));
    assert!(described("").reworded(3).same_as(&described("")), "or an empty one");
    let twice = described("x [runas-reactor 00000001] [runas-reactor 00000002]");
    assert!(
        described("").with_change(&described("").change_to(&twice)).same_as(&twice),
        "or a copy of the reactor's mark"
    );
    assert_eq!(described("").change_to(&described(" [runas-reactor was here")).len(), 1, "but foreign text is text");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<bool>().prop_map(Value::from), "[a-z{} ]{0,6}".prop_map(Value::from)];
    leaf.prop_recursive(2, 8, 3, |inner| {
        proptest::collection::btree_map("[a-z]{1,3}", inner, 0..3).prop_map(|map| json!(map))
    })
}

fn any_content() -> impl Strategy<Value = Content> {
    let inputs = proptest::collection::btree_map("[a-d]", value(), 0..5);
    let description = proptest::option::of("[a-z ]{0,8}");
    (inputs, description).prop_map(|(inputs, description)| {
        let mut body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs });
        if let Some(description) = description {
            body["description"] = Value::from(description);
        }
        content(&body)
    })
}

fn any_owned() -> impl Strategy<Value = Owned> {
    proptest::collection::btree_map("[a-d]", value(), 0..3)
}

proptest! {
    #[test]
    fn a_change_leads_from_one_content_to_the_other(from in any_content(), to in any_content()) {
        let change = from.change_to(&to);
        prop_assert!(from.with_change(&change).same_as(&to));
        prop_assert_eq!(change.is_empty(), from.same_as(&to));
    }

    #[test]
    fn an_overlay_leaves_no_drift_and_is_stable(content in any_content(), want in any_owned()) {
        let right = content.overlaid(&want);
        prop_assert_eq!(right.drift(&want), Change::new());
        prop_assert_eq!(right.overlaid(&want), right.clone());
        let touched: Vec<String> = content.change_to(&right).into_iter().map(|change| change.field).collect();
        prop_assert!(touched.iter().all(|field| want.contains_key(field)), "{:?}", touched);
    }

    #[test]
    fn a_content_survives_being_written_and_read(content in any_content(), random: u32) {
        prop_assert_eq!(parse(&content.render(random)), Body::Valid(content.clone()));
        prop_assert_eq!(parse(&content.render(random)).content().map(Content::digest), Some(content.digest()));
    }
}

#[test]
fn a_document_of_64_kb_is_read_and_a_larger_one_is_not() {
    let least = r#"{"schemaVersion":"1.0","sessionType":"Port"}"#;
    let text = |bytes: usize| format!("{least}{}", " ".repeat(bytes - least.len()));
    assert!(matches!(parse(&text(CONTENT_BYTES_MAX)), Body::Valid(_)));
    assert!(matches!(parse(&text(CONTENT_BYTES_MAX + 1)), Body::Invalid { .. }));
}

#[test]
fn a_document_is_indented_as_long_as_there_is_room_for_that() {
    let described = |bytes: usize| {
        content(&json!({ "schemaVersion": "1.0", "sessionType": "Port", "description": "x".repeat(bytes) }))
    };
    let most = CONTENT_BYTES_MAX - described(0).render(0).len();
    assert_eq!(described(most).render(0).len(), CONTENT_BYTES_MAX);
    assert!(described(most).render(0).starts_with("{\n"));
    assert!(!described(most + 1).render(0).starts_with("{\n"));
}

#[test]
fn each_nonce_is_a_white_space_of_its_own() {
    let content = session(&json!({}));
    assert!(content.render(0).ends_with(&" ".repeat(32)));
    let nonces = (0..32).map(|bit| 1_u32 << bit).chain([0, 3, u32::MAX]);
    let texts: std::collections::BTreeSet<String> = nonces.map(|random| content.render(random)).collect();
    assert_eq!(texts.len(), 35);
}

#[test]
fn digest_depends_on_the_content_and_not_on_its_layout() {
    let digest = |text: &str| parse(text).content().unwrap().digest();
    let plain = digest(r#"{"schemaVersion":"1.0","sessionType":"Port","inputs":{"a":1,"b":2}}"#);
    assert_eq!(plain, sha256(r#"{"inputs":{"a":1,"b":2},"schemaVersion":"1.0","sessionType":"Port"}"#));
    assert_eq!(plain, digest(r#"{ "inputs": {"b":2,"a":1}, "sessionType":"Port", "schemaVersion":"1.0" }"#));
    assert_ne!(plain, digest(r#"{"schemaVersion":"1.0","sessionType":"Port","inputs":{"a":1,"b":3}}"#));
}

#[test]
fn every_kind_of_value_is_read_as_it_stands() {
    let inputs = json!({ "a": null, "b": -5, "c": 5, "d": 0.5, "e": true, "f": "x", "g": [null, -1, {}] });
    assert_eq!(session(&inputs).body["inputs"], inputs);
}
