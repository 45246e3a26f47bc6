//! Documents: changes, the overlay, rendering.

use proptest::prelude::*;
use runas_reactor::domain::document::{Body, CONTENT_BYTES_MAX, Content, FieldChange, parse};
use serde_json::{Value, json};

use super::cases;
use super::invariants::decoding::backwards;
use super::invariants::merging;
use super::values::{any_body, any_content, any_edit_of, any_owned, any_value, content};

/// A document and what a principal made of it.
fn any_pair() -> impl Strategy<Value = (Content, Content)> {
    let edited = any_body().prop_flat_map(|before| (Just(before.clone()), any_edit_of(&before)));
    prop_oneof![edited, (any_body(), any_body())].prop_map(|(before, after)| (content(&before), content(&after)))
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn a_change_leads_from_one_document_to_the_other_and_names_what_differs((before, after) in any_pair()) {
        merging::difference(&before, &after);
    }

    #[test]
    fn dropped_change_is_not_accepted_by_a_trusted_one_after_it(
        (accepted, hostile, trusted) in any_body()
            .prop_flat_map(|accepted| (Just(accepted.clone()), any_edit_of(&accepted)))
            .prop_flat_map(|(accepted, hostile)| (Just(accepted), Just(hostile.clone()), any_edit_of(&hostile)))
    ) {
        merging::laundering(&content(&accepted), &content(&hostile), &content(&trusted));
    }

    #[test]
    fn an_overlay_sets_the_owned_fields_in_every_spelling_and_touches_nothing_else(
        content in any_content(),
        owned in any_owned(),
    ) {
        merging::overlay(&content, &owned);
    }

    #[test]
    fn a_rendering_is_read_back_as_it_was(content in any_content(), random: u32) {
        merging::rendering(&content, random);
    }

    #[test]
    fn a_remark_changes_no_meaning(content in any_content(), random: u32) {
        merging::rewording(&content, random);
    }

    #[test]
    fn the_digest_depends_on_neither_the_order_of_keys_nor_white_space(body in any_body()) {
        let (one, other) = (content(&body), parse(&backwards(&body)));
        prop_assert_eq!(other.content().map(Content::digest), Some(one.digest()));
        prop_assert_eq!(other, Body::Valid(one));
    }

    #[test]
    fn a_key_that_stands_twice_is_no_document(body in any_body(), place: prop::sample::Index, value in any_value()) {
        let mut places = vec![String::new()];
        objects(&body, "", &mut places);
        let twice = with_twice(&body, place.get::<String>(&places), "", &value);
        prop_assert!(matches!(parse(&twice), Body::Invalid { .. }), "{}", twice);
    }
}

/// The places of all objects below `value` that have a field.
fn objects(value: &Value, at: &str, places: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        if value.as_object().is_some_and(|fields| !fields.is_empty()) {
            places.push(at.clone());
        }
        objects(value, &at, places);
    }
}

/// The JSON in which the object at `place` has its first field twice.
fn with_twice(value: &Value, place: &str, at: &str, other: &Value) -> String {
    let Value::Object(fields) = value else { return value.to_string() };
    let written = |name: &str, value: String| format!("{}:{value}", Value::from(name));
    let mut texts: Vec<String> = Vec::new();
    if at == place {
        texts.extend(fields.keys().next().map(|name| written(name, other.to_string())));
    }
    for (name, value) in fields {
        texts.push(written(name, with_twice(value, place, &format!("{at}/{name}"), other)));
    }
    format!("{{{}}}", texts.join(","))
}

/// However deep the JSON.
fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"schemaVersion":"1.0","sessionType":"Port","inputs":{{"x":{open}{close}}}}}"#)
}

#[test]
fn what_is_taken_for_a_document_can_be_kept_in_the_ledger() {
    let mut deepest = 0;
    for depth in 0..140 {
        if let Body::Valid(content) = parse(&nested(depth)) {
            merging::keeping(&content);
            deepest = depth;
        }
    }
    assert!(deepest >= 20, "{deepest}");
}

#[test]
fn a_document_that_fits_when_it_is_written_closely_is_written_closely() {
    for entries in [10, 7_000, 8_000, 32_000] {
        let body = json!({ "schemaVersion": "1.0", "sessionType": "Port", "inputs": { "x": vec![1; entries] } });
        let content = content(&body);
        merging::rendering(&content, 7);
        assert!(content.render(7).len() <= CONTENT_BYTES_MAX, "{entries} entries");
    }
}

#[test]
fn foreign_remark_is_text() {
    let described =
        |text: &str| content(&json!({ "schemaVersion": "1.0", "sessionType": "Port", "description": text }));
    let change = described("").change_to(&described(" [runas-reactor was here"));
    let to = Some(json!(" [runas-reactor was here"));
    assert_eq!(change, [FieldChange { field: "/description".to_owned(), from: None, to }]);
}
