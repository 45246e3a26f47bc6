use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::domain::fact::{Facts, LastSeen};
use crate::domain::target::AccountState;

fn target() -> Target {
    Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap())
}

fn record(status: Status) -> Record {
    Record {
        generation: 7,
        status,
        facts: Facts { last: Some(LastSeen { at: Time::from_ms(9), latest: None, default: 3 }), ..Facts::default() },
        incident: Some(Incident {
            id: "i".to_owned(),
            opened: Time::ZERO,
            summary: "switched off".to_owned(),
            edits: 1,
            notify_on_close: true,
            ..Incident::default()
        }),
        policy: "v3".to_owned(),
        ..Record::default()
    }
}

#[test]
fn a_record_comes_back_without_its_incident() {
    let record = record(Status::Drifted);
    let item = record_item(&target(), &record).unwrap();
    assert_eq!(record_from(&item).unwrap(), Record { incident: None, ..record.clone() });
    let incident = incident_item(&target(), record.incident.as_ref().unwrap()).unwrap();
    assert_eq!(Some(incident_from(&incident).unwrap()), record.incident);
}

#[test]
fn record_of_the_greatest_size_is_written_and_a_larger_one_is_not() {
    let sized = |bytes: usize| {
        let with = |why: String| Record { incident: None, why, ..record(Status::Drifted) };
        let rest = json_of(&with("x".to_owned())).unwrap().len() - 1;
        record_item(&target(), &with("x".repeat(bytes - rest))).map(|item| text(&item, RECORD).unwrap().len())
    };
    assert_eq!(sized(JSON_BYTES_MAX), Ok(JSON_BYTES_MAX));
    assert!(sized(JSON_BYTES_MAX + 1).unwrap_err().to_string().contains("is too large"));
}

#[test]
fn only_rows_that_need_an_operator_are_in_the_sparse_index() {
    let attention = |status| record_item(&target(), &record(status)).unwrap().remove(ATTENTION);
    assert_eq!(attention(Status::InSync), None);
    assert_eq!(attention(Status::Exempt), None);
    assert_eq!(attention(Status::BackingOff), Some(s("backing_off")));
    assert_eq!(attention(Status::New), Some(s("new")));
}

#[test]
fn row_is_readable_in_the_console() {
    let item = record_item(&target(), &record(Status::InSync)).unwrap();
    for (name, value) in [
        ("PK", s("ACCOUNT#444455556666")),
        ("SK", s("REGION#eu-west-1")),
        (GENERATION, n(7)),
        ("status", s("in_sync")),
        ("policy", s("v3")),
    ] {
        assert_eq!(item.get(name), Some(&value), "{name}");
    }
}

#[test]
fn a_record_that_no_row_can_hold_is_a_fault_and_not_cut() {
    let mut record = record(Status::InSync);
    record.why = "x".repeat(JSON_BYTES_MAX);
    assert!(record_item(&target(), &record).is_err());
}

#[test]
fn row_of_another_shape_is_corrupt() {
    let mut item = record_item(&target(), &record(Status::InSync)).unwrap();
    item.insert(RECORD.to_owned(), s("{"));
    let error = record_from(&item).unwrap_err().to_string();
    assert!(error.starts_with("row REGION#eu-west-1: `record`: "), "{error}");
    item.remove(RECORD);
    assert!(record_from(&item).is_err());
}

#[test]
fn history_keeps_its_line_when_the_case_is_too_large() {
    let entry = |case: Value| HistoryEntry {
        id: "c".to_owned(),
        at: Time::from_ms(1_000),
        summary: "put right".to_owned(),
        case,
        contents: BTreeMap::from([("d1".to_owned(), "{}".to_owned())]),
    };
    let item = event_item(&target(), &entry(json!("x".repeat(500_000)))).unwrap();
    assert_eq!(text(&item, "summary").unwrap(), "put right");
    assert_eq!(text(&item, "region").unwrap(), "eu-west-1");
    assert!(text(&item, "case").unwrap().contains("too large"));
    assert_eq!(item.get(TTL), Some(&n(1 + 400 * 86_400)));
    let item = event_item(&target(), &entry(json!({ "a": 1 }))).unwrap();
    assert_eq!(text(&item, "case").unwrap(), "{\"a\":1}");
}

#[test]
fn expiry_is_a_matter_of_the_time_in_the_row() {
    let item = seen_item(&target(), "e", Time::from_ms(5_000));
    assert!(!is_expired(&item, Time::from_ms(5_000 + SEEN_MS - 1)));
    assert!(is_expired(&item, Time::from_ms(5_000 + SEEN_MS)));
    assert!(!is_expired(&Item::new(), Time::from_ms(i64::MAX)));
}

#[test]
fn facts_come_back() {
    let facts = AccountFacts {
        account: target().account,
        name: "prod".to_owned(),
        ou_path: vec!["r-ab12".parse().unwrap()],
        state: AccountState::Closed,
    };
    let item = Item::from([(FACTS.to_owned(), s(json_of(&facts).unwrap()))]);
    assert_eq!(facts_from(&item).unwrap(), Some(facts.clone()));
    assert_eq!(word_of(&facts.state), "closed");
}

#[test]
fn rows_of_edits_and_contents_end_by_themselves() {
    let days = |item: Item| item.get(TTL).unwrap().as_n().unwrap().parse::<i64>().unwrap() / 86_400;
    assert_eq!(days(seen_item(&target(), "e", Time::ZERO)), 3);
    assert_eq!(days(content_item(&target().account, "d", "{}", Time::ZERO)), 400);
}
