use serde_json::json;

use super::*;
use crate::aws::scripted::Scripted;
use crate::domain::edit::{Action, Edit};
use crate::domain::principal::Principal;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::Target;
use crate::domain::time::Time;

fn task(agent: &str) -> Task {
    Task::Work(Work {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        cause: Cause::DocumentEvent,
        edits: vec![Edit {
            id: "e".to_owned(),
            at: Time::ZERO,
            action: Action::Deleted,
            principal: Principal::unknown(),
            failed: None,
            agent: agent.to_owned(),
            source_ip: String::new(),
            sharing: None,
        }],
        correlation: "c".to_owned(),
        since: Time::ZERO,
        requeues: 0,
        not_before: None,
    })
}

#[test]
fn batches_keep_both_limits() {
    let small: Vec<(Task, u32)> = (0..23).map(|_| (task("cli"), 5_000)).collect();
    let sizes: Vec<usize> = batched(&small).unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 3]);
    let large: Vec<(Task, u32)> = (0..5).map(|_| (task(&"x".repeat(100_000)), 0)).collect();
    let sizes: Vec<usize> = batched(&large).unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let half = |more: usize| task(&"x".repeat(BATCH_BYTES_MAX / 2 - encode(&task("")).len() + more));
    let together = |more| batched(&[(half(0), 0), (half(more), 0)]).unwrap().len();
    assert_eq!([together(0), together(1)], [1, 2], "to the byte");
    assert!(batched(&[]).unwrap().is_empty());
}

#[test]
fn what_is_sent_is_what_decoding_reads() {
    use crate::domain::signal::Signal;
    let Task::Work(work) = task("cli") else { panic!("a work") };
    let batches = batched(&[(Task::Work(work.clone()), 0), (Task::SweepStep(7), 0)]).unwrap();
    let signals: Vec<Signal> = batches[0]
        .iter()
        .map(|entry| match decode(entry.message_body()) {
            Decoded::Signal(event) => event.signal,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(signals, [Signal::Work(Box::new(work)), Signal::SweepStep(7)]);
}

#[test]
fn messages_are_grouped_by_account_so_that_none_delays_the_others() {
    let account = "444455556666".parse().unwrap();
    let swept = Task::SweepAccount { account, sweep: "s".to_owned(), began: Time::ZERO };
    let batches = batched(&[(task("cli"), 0), (swept, 0), (Task::SweepStep(7), 0)]).unwrap();
    let groups: Vec<Option<&str>> = batches[0].iter().map(SendMessageBatchRequestEntry::message_group_id).collect();
    assert_eq!(groups, [Some("444455556666"), Some("444455556666"), None]);

    let group = |body: &str| successor(body, 3, 5).unwrap().message_group_id().map(str::to_owned);
    assert_eq!(group(&encode(&task("cli"))).as_deref(), Some("444455556666"));
    let event = include_str!("../../../events/ssm/update-document.json");
    assert_eq!(group(event).as_deref(), Some("444455556666"), "as EventBridge would have grouped it");
    assert_eq!(group("{ garbage"), None);
}

#[test]
fn a_successor_has_the_same_body_and_says_how_often_it_came() {
    let entry = successor("{ as it was }", 3, 5_000).unwrap();
    assert_eq!((entry.message_body(), entry.delay_seconds()), ("{ as it was }", Some(900)));
    assert_eq!(entry.message_attributes().unwrap()[RECEIVED].string_value(), Some("3"));
}

#[test]
fn ids_are_unique_in_a_batch_and_delays_are_capped() {
    let works: Vec<(Task, u32)> = (0..10).map(|_| (task("cli"), 5_000)).collect();
    let batches = batched(&works).unwrap();
    let ids: std::collections::BTreeSet<&str> = batches[0].iter().map(SendMessageBatchRequestEntry::id).collect();
    assert_eq!(ids.len(), 10);
    assert!(batches[0].iter().all(|entry| entry.delay_seconds() == Some(900)));
}

#[test]
fn what_is_not_the_senders_fault_can_be_tried_again() {
    let failure = |sender_fault| {
        BatchResultErrorEntry::builder().id("0").code("Whatever").sender_fault(sender_fault).build().unwrap()
    };
    let fault = first_fault(&[failure(false)]).unwrap_err();
    assert!(fault.retryable() && fault.outcome_unknown);
    assert!(!first_fault(&[failure(true)]).unwrap_err().retryable());
    assert!(first_fault(&[]).is_ok());
}

#[tokio::test]
async fn messages_that_the_service_did_not_take_are_sent_once_more_and_no_others() {
    let failed = |id| json!({ "Id": id, "Code": "InternalError", "SenderFault": false });
    let aws = Scripted::new([json!({ "Successful": [], "Failed": [failed("1")] }), json!({ "Successful": [] })]);
    let client = Clients::over(aws.sdk()).sqs();
    let queue = SqsQueue { client, queue: "https://sqs/queue".to_owned(), dlq: String::new() };
    queue.send(&[(task("a"), 0), (task("b"), 0), (task("c"), 0)]).await.unwrap();
    let ids = |request: &serde_json::Value| {
        let entries = request["Entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["Id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(aws.asked().iter().map(ids).collect::<Vec<_>>(), [vec!["0", "1", "2"], vec!["1"]]);
}

#[test]
fn dead_letter_has_room_for_its_reason() {
    let body = "x".repeat(2 << 20);
    assert!((1_000_000..1_048_576 - 512 * 4).contains(&fitting(&body).len()));
    assert_eq!(fitting("short"), "short");
}
