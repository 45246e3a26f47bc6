use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::domain::finding::{Alert, Severity};
use crate::domain::record::{HistoryEntry, Record};
use crate::domain::time::Time;

fn target() -> Target {
    Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap())
}

fn commit(seen: usize, alerts: &[&str]) -> Commit {
    let alert = |id: &&str| Alert {
        id: (*id).to_owned(),
        account: target().account,
        region: None,
        severity: Severity::Info,
        kind: "test".to_owned(),
        incident: None,
        subject: String::new(),
        text: String::new(),
        data: json!(null),
        at: Time::ZERO,
    };
    Commit {
        expected: 4,
        record: Record { generation: 5, ..Record::default() },
        seen: (0..seen).map(|n| format!("e{n}")).collect(),
        history: Some(HistoryEntry {
            id: "c".to_owned(),
            at: Time::ZERO,
            summary: String::new(),
            case: json!({}),
            contents: BTreeMap::from([("d1".to_owned(), "{}".to_owned())]),
        }),
        alerts: alerts.iter().map(alert).collect(),
    }
}

fn plan(commit: &Commit) -> Plan {
    Plan::of("ledger", &target(), commit).unwrap()
}

#[test]
fn one_transaction_holds_everything() {
    let plan = plan(&commit(2, &["a", "b"]));
    // Record, history, no incident, two alerts, two edits.
    assert_eq!((plan.actions.len(), plan.late.len()), (7, 0));
    let record = plan.actions[0].put().unwrap();
    assert_eq!(record.condition_expression(), Some("#generation = :expected"));
    assert!(plan.actions[1].delete().is_some());
}

#[test]
fn rows_that_regions_share_by_content_are_no_part_of_the_transaction() {
    let plan = plan(&commit(2, &["a"]));
    let in_transaction = format!("{:?}", plan.actions);
    assert!(!in_transaction.contains("DOC#"), "{in_transaction}");
    let [content] = &plan.contents[..] else { panic!("one content: {:?}", plan.contents) };
    assert_eq!((Key::sort_of(content), items::text(content, items::BODY)), (Some("DOC#d1"), Ok("{}")));
    assert_eq!(content.get(items::TTL), Some(&items::n(400 * 86_400)));
}

#[test]
fn equal_ids_are_one_action() {
    let mut twice = commit(1, &["a", "a"]);
    twice.seen.push("e0".to_owned());
    assert_eq!(plan(&twice).actions.len(), 5);
}

#[test]
fn what_does_not_fit_comes_after() {
    let plan = plan(&commit(150, &["a"]));
    assert_eq!((plan.actions.len(), plan.late.len()), (100, 54));
}

#[test]
fn more_alerts_than_a_transaction_holds_are_refused() {
    let with = |alerts: usize| {
        let ids: Vec<String> = (0..alerts).map(|n| n.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Plan::of("ledger", &target(), &commit(0, &ids)).map(|plan| plan.actions.len()).ok()
    };
    // Record, history, no incident.
    assert_eq!((with(97), with(98), with(120)), (Some(100), None, None));
}

#[test]
fn the_token_is_the_commits_own() {
    let first = plan(&commit(1, &["a"])).token;
    assert_eq!((first.len(), plan(&commit(1, &["a"])).token), (36, first.clone()));
    assert_ne!(plan(&commit(2, &["a"])).token, first);
    let elsewhere = Target::new(target().account, "us-east-1".parse().unwrap());
    assert_ne!(Plan::of("ledger", &elsewhere, &commit(1, &["a"])).unwrap().token, first);
}
