//! Made-up documents and what is in them.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::policy::Owned;
use serde_json::{Value, json};

use super::invariants::merging::INPUTS;

/// Few enough that two values are often the same.
pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", "ops", "{{ user }}", "a\u{202e}b", "/", "~1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let map = btree_map("[a-c/~]{0,2}", inner.clone(), 0..3).prop_map(|map| json!(map));
        prop_oneof![map, vec(inner, 0..3).prop_map(Value::from)]
    })
}

/// One of the inputs that the agent reads, in some spelling that it takes for the same.
fn any_spelling() -> impl Strategy<Value = String> {
    let spell = |(name, letter, how): (&str, prop::sample::Index, usize)| {
        let mut letters: Vec<char> = name.chars().collect();
        let letter = &mut letters[letter.index(name.len())];
        *letter = match (how, letter.to_ascii_lowercase()) {
            (0, 's') => 'ſ',
            (0, 'k') => '\u{212a}',
            (0 | 1, _) => letter.to_ascii_uppercase(),
            _ => *letter,
        };
        letters.into_iter().collect()
    };
    (prop::sample::select(INPUTS.to_vec()), any::<prop::sample::Index>(), 0..4_usize).prop_map(spell)
}

fn any_inputs() -> impl Strategy<Value = Value> {
    let odd = prop::sample::select(vec!["", "/", "/x", "/description", "/inputs/x", "/~1", "~", "~1", "runAs"]);
    let name = prop_oneof![4 => any_spelling(), 1 => odd.prop_map(str::to_owned)];
    btree_map(name, any_value(), 0..6).prop_map(|inputs| json!(inputs))
}

fn any_description() -> impl Strategy<Value = Value> {
    let part =
        prop::sample::select(vec!["", "text", " [runas-reactor 0000002a]", " [runas-reactor x]", " [runas-reactor "]);
    vec(part, 0..4).prop_map(|parts| Value::from(parts.concat()))
}

/// The whole of a Session document.
pub(super) fn any_body() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        4 => (Just("inputs"), any_inputs()),
        3 => (Just("description"), any_description()),
        1 => (prop::sample::select(vec!["INPUTS", "Inputſ"]), any_inputs()),
        1 => (prop::sample::select(vec!["parameters", "properties", "", "/x", "inputs/x", "/inputs/x", "~0", "~1"]), any_value()),
    ];
    vec(field, 0..5).prop_map(|fields| {
        let mut body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream" });
        for (name, value) in fields {
            body[name] = value;
        }
        body
    })
}

pub(super) fn content(body: &Value) -> Content {
    match parse(&body.to_string()) {
        Body::Valid(content) => content,
        Body::Invalid { why } => panic!("{why}: {body}"),
    }
}

pub(super) fn any_content() -> impl Strategy<Value = Content> {
    any_body().prop_map(|body| content(&body))
}

/// Two documents of which the second was made from the first, as people do: few fields differ.
pub(super) fn any_edit_of(before: &Value) -> impl Strategy<Value = Value> + use<> {
    let before = before.clone();
    (any_body(), vec(any::<bool>(), 16)).prop_map(move |(other, kept)| {
        let mut after = before.clone();
        let inputs = other["inputs"].as_object().cloned().unwrap_or_default();
        for ((name, value), keep) in inputs.into_iter().zip(&kept) {
            if *keep {
                after["inputs"][name] = value;
            }
        }
        if kept[8] {
            match other.get("description") {
                Some(text) => after["description"] = text.clone(),
                None => drop(after.as_object_mut().unwrap().remove("description")),
            }
        }
        if kept[9] && kept[10] {
            after["inputs"] = json!({});
        }
        after
    })
}

/// Owned fields under the names that the policy gives them.
pub(super) fn any_owned() -> impl Strategy<Value = Owned> {
    btree_map(prop::sample::select(INPUTS.to_vec()).prop_map(str::to_owned), any_value(), 0..5)
}
