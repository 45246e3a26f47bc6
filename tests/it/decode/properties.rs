//! Input that nobody has thought of.

use proptest::prelude::*;
use runas_reactor::cli::decode::run;
use runas_reactor::domain::decode::{batch, encode_work};
use runas_reactor::domain::edit::{Action, Edit, Sharing};
use runas_reactor::domain::principal::Principal;
use runas_reactor::domain::signal::{Cause, Signal, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::Time;
use serde_json::Value;

use super::fixtures::{all_files, signal, text};
use crate::properties::invariants::decoding;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        check(&text);
    }

    #[test]
    fn any_json_is_answered(value in any_json()) {
        check(&value.to_string());
    }

    #[test]
    fn an_event_with_anything_in_any_place_is_answered(
        file in prop::sample::select(all_files()),
        places in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        for message in batch(&text(&file)) {
            let Ok(mut value) = serde_json::from_str::<Value>(&message.body) else { continue };
            for (place, new) in &places {
                let mut pointers = Vec::new();
                collect(&value, String::new(), &mut pointers);
                let pointer = place.get(&pointers);
                *value.pointer_mut(pointer).unwrap() = new.clone();
            }
            check(&value.to_string());
        }
    }

    #[test]
    fn an_event_with_a_character_changed_or_its_end_cut_off_is_answered(
        file in prop::sample::select(all_files()),
        place in any::<prop::sample::Index>(),
        new in any::<char>(),
        cut in any::<bool>(),
    ) {
        let mut letters: Vec<char> = text(&file).chars().collect();
        prop_assume!(!letters.is_empty());
        let place = place.index(letters.len());
        letters[place] = new;
        if cut {
            letters.truncate(place);
        }
        check(&letters.iter().collect::<String>());
    }

    #[test]
    fn work_comes_back_as_it_was_sent(work in any_work()) {
        let event = signal(&encode_work(&work));
        prop_assert_eq!(&event.id, &work.correlation);
        prop_assert_eq!(event.at, work.since);
        prop_assert_eq!(event.signal, Signal::Work(Box::new(work)));
    }
}

/// Decoding answers and keeps its promises, and so does the command.
fn check(text: &str) {
    decoding::text(text);
    let _ = run(&[(String::new(), text.to_owned())], false);
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "SUCCEEDED",
        "FAILED",
        "444455556666",
        "111122223333",
        "eu-west-1",
        "ou-ab12-11111111",
        "SSM-SessionManagerRunShell",
        "arn:aws:iam::444455556666:role/x",
        "arn:aws:sts::444455556666:assumed-role/x/y",
        "2",
        "\u{202e}\u{0}\u{1b}x",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "detail-type",
        "source",
        "account",
        "region",
        "detail",
        "kind",
        "schema",
        "Records",
        "body",
        "type",
        "arn",
        "accountId",
        "name",
        "state",
        "sessionContext",
        "sessionIssuer",
        "eventName",
    ]);
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn any_work() -> impl Strategy<Value = Work> {
    let cause = prop::sample::select(vec![Cause::DocumentEvent, Cause::AccountLifecycle, Cause::Sweep]);
    let time = (0..4_000_000_000_000_i64).prop_map(Time::from_ms);
    let edits = prop::collection::vec(any_edit(), 0..4);
    ("[0-9]{12}", "[a-zA-Z0-9-]{1,128}", cause, edits, time.clone(), 0..=10_000_u32, prop::option::of(time)).prop_map(
        |(account, correlation, cause, edits, since, requeues, not_before)| Work {
            target: Target::new(account.parse().unwrap(), "eu-west-1".parse().unwrap()),
            cause,
            edits,
            correlation,
            since,
            requeues,
            not_before,
        },
    )
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let version = || prop::option::of(1..1_000_u64);
    let action = prop_oneof![
        Just(Action::Created),
        version().prop_map(|version| Action::Updated { version }),
        version().prop_map(|version| Action::DefaultMoved { version }),
        Just(Action::Deleted),
        version().prop_map(|version| Action::VersionDeleted { version }),
        Just(Action::SharingChanged),
    ];
    let principal = (
        "[A-Za-z]{1,20}",
        prop::option::of("arn:aws:iam::[0-9]{12}:role/[a-z]{1,64}"),
        prop::option::of("[a-z@]{1,9}"),
    )
        .prop_map(|(kind, arn, name)| Principal { kind, arn, name });
    let failed = prop::option::of("[A-Za-z]{1,40}");
    let ids = || prop::collection::vec("[0-9]{12}|all", 0..3);
    let sharing = prop::option::of((ids(), ids()).prop_map(|(added, removed)| Sharing { added, removed }));
    let origin = ("[a-z/0-9.]{0,80}", "[0-9.]{0,15}");
    ("[a-f0-9-]{36}", 0..4_000_000_000_000_i64, action, principal, failed, origin, sharing).prop_map(
        |(id, at, action, principal, failed, (agent, source_ip), sharing)| Edit {
            id,
            at: Time::from_ms(at),
            action,
            principal,
            failed,
            agent,
            source_ip,
            sharing,
        },
    )
}

/// The JSON pointers of every value in `value`.
fn collect(value: &Value, at: String, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect(value, format!("{at}/{}", escaped(key)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect(value, format!("{at}/{index}"), found));
        }
        _ => {}
    }
    found.push(at);
}
