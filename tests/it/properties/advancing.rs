//! How accepted content advances, against a replay in the plainest words.

use proptest::collection::vec;
use proptest::prelude::*;
use runas_reactor::domain::advance::{REPLAYED_MAX, advance};
use runas_reactor::domain::case::Case;
use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::principal::Attribution;
use serde_json::{Value, json};

use super::cases;
use super::invariants::merging::{laundering, meaning};
use super::values::{any_body, any_edit_of, content};
use crate::core_review::cases::{case, document, in_sync, seen, wrote};

/// A version that somebody made, as a change of some fields of the one before.
type Edit = (Option<Attribution>, Value);

fn any_edit() -> impl Strategy<Value = Edit> {
    let author = prop::sample::select(vec![
        Some(Attribution::Trusted),
        Some(Attribution::Trusted),
        Some(Attribution::Untrusted),
        Some(Attribution::BreakGlass),
        None,
    ]);
    let field = prop::sample::select(vec!["shellProfile", "kmsKeyId", "s3BucketName", "runAsEnabled", "somethingNew"]);
    let value = prop_oneof![Just(Value::Null), (0..3_u8).prop_map(Value::from), Just(json!({ "linux": "x" }))];
    (author, vec((field, value), 0..3)).prop_map(|(author, fields)| {
        (
            author,
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into(),
        )
    })
}

/// `null` removes.
fn edited(body: &Value, fields: &Value) -> Value {
    let mut body = body.clone();
    for (name, value) in fields.as_object().unwrap() {
        match value {
            Value::Null => drop(body["inputs"].as_object_mut().unwrap().remove(name)),
            value => body["inputs"][name] = value.clone(),
        }
    }
    body
}

/// The case in which these versions follow one that was accounted for, ten seconds apart.
fn story(bodies: &[Value], edits: &[Edit]) -> Case {
    let mut case = case();
    let versions: Vec<(u64, i64, Body)> = (1..)
        .zip(bodies)
        .map(|(number, body)| (number, i64::try_from(number).unwrap() * 10, Body::Valid(content(body))))
        .collect();
    case.record = in_sync(1, 10);
    case.record.accepted = Some(content(&bodies[0]));
    case.observation = document(&versions, u64::try_from(versions.len()).unwrap());
    case.edits = (2..)
        .zip(edits)
        .filter_map(|(number, (author, _))| {
            Some(wrote(&format!("e{number}"), i64::try_from(number).unwrap() * 10, number, (*author)?))
        })
        .collect();
    case
}

/// Field by field: a value that a trusted hand changed is taken over; content that is just what we would write is ours.
fn replay(case: &Case, bodies: &[Value], edits: &[Edit]) -> Content {
    let mut accepted = content(&bodies[0]);
    for (pair, (author, _)) in bodies.windows(2).zip(edits) {
        let (before, after) = (content(&pair[0]), content(&pair[1]));
        let ours = accepted.overlaid(&case.resolution.owned);
        if meaning(&after) == meaning(&ours) {
            accepted = ours;
        } else if *author == Some(Attribution::Trusted) {
            laundering(&accepted, &before, &after);
            accepted = accepted.with_change(&before.change_to(&after));
        }
    }
    accepted
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn only_what_trusted_hands_changed_themselves_is_accepted(
        first in any_body().prop_flat_map(|body| any_edit_of(&body)),
        edits in vec(any_edit(), 1..=REPLAYED_MAX),
    ) {
        let mut bodies = vec![edited(&first, &json!({ "runAsEnabled": false }))];
        for (_, fields) in &edits {
            let next = edited(bodies.last().unwrap(), fields);
            bodies.push(next);
        }
        let mut case = story(&bodies, &edits);
        let seen = seen(&mut case).clone();
        let advanced = advance(&case, &seen);
        prop_assert_eq!(&advanced.gap, &None);
        prop_assert_eq!(advanced.judged.len(), edits.len());
        let expected = replay(&case, &bodies, &edits);
        prop_assert_eq!(meaning(&advanced.accepted.unwrap()), meaning(&expected));
    }
}
