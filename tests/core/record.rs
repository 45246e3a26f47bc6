//! What a reconciliation leaves in the record, and when it leaves anything at all.

use std::collections::BTreeMap;

use runas_reactor::domain::case::{Case, Refusal, Write};
use runas_reactor::domain::durations::{FACTS_BYTES_MAX, REQUEUES_MAX};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{CallFact, Facts, Intended, Notified};
use runas_reactor::domain::milestones::Milestones;
use runas_reactor::domain::observation::Obstacle;
use runas_reactor::domain::principal::Attribution::Trusted;
use runas_reactor::domain::record::{Incident, Record, Status, Wake};
use runas_reactor::domain::settle::{attach, detach, log_intent};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::MINUTE_MS;
use serde_json::json;

use crate::support::case::*;
use crate::support::facts::{Story, document, via_reactor_role, wrote};

#[test]
fn in_sync_with_nothing_new_writes_no_row() {
    let mut target = Scenario::in_sync();
    assert_eq!(target.sweeps().settlement.commit, None);
    target.wait(86_400);
    assert_eq!(target.sweeps().settlement.commit, None, "the observation itself is no news");
}

#[test]
fn message_that_was_received_is_no_news() {
    let mut target = Scenario::in_sync();
    target.record.wakes = vec![Wake { at: target.now, cause: Cause::Sweep }];
    target.wait(60);
    assert_eq!(target.sweeps().settlement.commit, None);
}

#[test]
fn call_that_is_known_writes_no_row() {
    let mut target = Scenario::in_sync();
    let call = target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    assert!(target.hears(std::slice::from_ref(&call)).settlement.commit.is_some());
    target.wait(120);
    assert_eq!(target.hears(&[call]).settlement.commit, None);
}

#[test]
fn facts_are_committed_while_something_is_waited_for() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_none());
    assert_eq!(target.record.facts.versions.len(), 1);
    assert_eq!(target.record.status, Status::Waiting);
}

#[test]
fn each_commit_expects_the_generation_that_was_loaded() {
    let mut target = Scenario::in_sync();
    let generation = target.record.generation;
    let call = target.writes(MALLORY, &run_as_off());
    let commit = target.hears(&[call]).settlement.commit.unwrap();
    // One generation for the intent, one for what came of it.
    assert_eq!((commit.expected, commit.record.generation), (generation + 1, generation + 2));
    assert_eq!(commit.record.updated, target.now);
}

#[test]
fn log_of_an_intent_keeps_everything_else_of_the_record() {
    let mut target = Scenario::in_sync();
    target.record = Record {
        status: Status::Drifted,
        why: "why".to_owned(),
        milestones: Milestones { vended: Some(at(1)), configured: Some(at(2)), ..target.record.milestones },
        exemption_warned: Some((at(3), 14)),
        wakes: vec![Wake { at: at(9_000), cause: Cause::Sweep }],
        policy: "6".to_owned(),
        updated: at(4),
        incident: Some(Incident { id: "i".to_owned(), ..Incident::default() }),
        ..target.record.clone()
    };
    let before = target.record.clone();
    let call = target.writes(MALLORY, &run_as_off());
    let mut case = target.case(Cause::DocumentEvent, &[call]);
    // What this reconciliation would settle stays out of it, whatever the case holds.
    case.record.status = Status::InSync;
    case.record.incident = None;
    let write = Write::Put { base: Some(2), content: content(&right()) };
    let commit = log_intent(&mut case, "next", &write, &before);
    assert!(commit.record.facts.intents.contains_key("next"));
    let bare = |record: &Record| Record { facts: Facts::default(), generation: 0, updated: at(0), ..record.clone() };
    assert_eq!(bare(&commit.record), bare(&before));
    assert_eq!(commit.record.facts, case.record.facts, "the facts that are known by then");
    assert_eq!(commit.record.updated, case.now);
    assert_eq!((commit.expected, commit.record.generation), (before.generation, before.generation + 1));
    assert_eq!((commit.history, commit.alerts.len(), commit.seen.len()), (None, 0, 0));
}

#[test]
fn intent_and_calls_are_facts_before_the_write() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.refusal = Some(Refusal::Conflict);
    target.hears(std::slice::from_ref(&call));
    let intents: Vec<_> = target.record.facts.intents.values().map(|intent| (intent.write, intent.number)).collect();
    assert_eq!(intents, [(Intended::Put, 3)]);
    assert!(target.record.facts.calls.contains_key(&call.edit.id));
}

#[test]
fn record_of_another_version_of_the_format_is_refused_and_an_old_minimum_read() {
    let read = |text: &str| serde_json::from_str::<Record>(text);
    assert_eq!(read(r#"{"generation":1,"status":"in_sync"}"#).unwrap().generation, 1);
    assert!(read(r#"{"generation":1,"status":"in_sync","facts":{"acts":{}}}"#).is_err(), "a newer fact is not lost");
}

#[test]
fn record_and_case_survive_storage() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[call]);
    let record: Record = serde_json::from_str(&serde_json::to_string(&target.record).unwrap()).unwrap();
    assert_eq!(record, target.record);
    let case: Case = serde_json::from_str(&serde_json::to_string(&reconciliation.case).unwrap()).unwrap();
    assert_eq!(case, reconciliation.case);
}

/// After a stop the message brings its calls again.
#[test]
fn log_of_an_intent_leaves_out_facts_that_a_row_does_not_hold() {
    let mut target = Scenario::in_sync();
    let before = target.record.clone();
    let mut call = target.writes(MALLORY, &run_as_off());
    call.edit.agent = "x".repeat(FACTS_BYTES_MAX);
    let mut case = target.case(Cause::DocumentEvent, &[call]);
    let write = Write::Put { base: Some(2), content: content(&right()) };
    let logged = log_intent(&mut case, "next", &write, &before).record.facts;
    assert_eq!(logged, Facts { intents: case.record.facts.intents.clone(), ..before.facts });
    assert!(logged.intents.contains_key("next"));
}

#[test]
fn what_is_so_survives_storage_and_what_is_not_takes_no_room() {
    let stored = |so: bool| {
        let call = via_reactor_role(wrote(5, 90, Trusted));
        let call = CallFact { via_reactor_role: so, checked: so, ..call };
        let mut facts = Story::known().version(90, &document(&[])).call(call).facts();
        facts.base.as_mut().unwrap().blurred = so;
        facts.versions.values_mut().for_each(|version| version.adopted = so);
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        ["blurred", "adopted", "via_reactor_role", "checked"].map(|mark| text.contains(mark))
    };
    assert_eq!((stored(true), stored(false)), ([true; 4], [false; 4]));
}

#[test]
fn history_keeps_each_content_once_and_gives_the_case_back() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[call]);
    let entry = reconciliation.settlement.commit.clone().unwrap().history.unwrap();
    assert!(!entry.case.to_string().contains("$content"), "contents stand by digest");
    let mut value = entry.case.clone();
    attach(&mut value, &entry.contents);
    let case: Case = serde_json::from_value(value["case"].clone()).unwrap();
    assert_eq!(case.observation, reconciliation.case.observation);
    assert_eq!(case.calls, reconciliation.case.calls);
}

#[test]
fn contents_stand_once_by_digest_wherever_they_are() {
    let value =
        json!({ "a": [{ "$content": { "x": 1 } }, { "$content": { "x": 1 } }], "b": { "$content": { "x": 2 } } });
    let (mut detached, mut contents) = (value.clone(), BTreeMap::new());
    detach(&mut detached, &mut contents);
    assert_eq!((contents.len(), detached.to_string().contains("$content")), (2, false));
    attach(&mut detached, &contents);
    assert_eq!(detached, value);
    let mut alone = json!({ "$digest": "gone" });
    attach(&mut alone, &BTreeMap::new());
    assert_eq!(alone, json!({ "$digest": "gone" }), "what is not there stays a digest");
}

#[test]
fn policys_values_stay_where_a_foreign_version_is_in_sync_with_them() {
    let mut target = Scenario::in_sync();
    target.resolution.owned.insert("runAsDefaultUser".to_owned(), json!("admin"));
    let call = target.writes(MALLORY, &right_but("runAsDefaultUser", "admin"));
    assert!(target.hears(&[call]).decision.write.is_none());
    assert_eq!(target.record.facts.owned.len(), 1);
    // The policy gives the field up.
    target.resolution.owned.remove("runAsDefaultUser");
    target.wait(600);
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_none(), "{:?}", reconciliation.decision);
}

#[test]
fn values_of_a_policy_that_only_observes_are_not_kept() {
    let mut target = Scenario::in_sync().observing();
    target.resolution.owned.insert("runAsDefaultUser".to_owned(), json!("admin"));
    let call = target.writes(MALLORY, &right_but("runAsDefaultUser", "admin"));
    target.hears(&[call]);
    assert_eq!(target.record.facts.owned.len(), 0);
}

#[test]
fn status_of_an_unreadable_document() {
    let status = |cause, before, since_ms: i64| {
        let mut target = Scenario::blank();
        target.obstacle = Some(Obstacle::Denied);
        target.record.status = before;
        target.wait(86_400);
        target.since = target.now.plus_ms(-since_ms);
        target.reconcile(cause, &[]);
        target.record.status
    };
    assert_eq!(status(Cause::AccountLifecycle, Status::New, 0), Status::Waiting);
    assert_eq!(status(Cause::AccountLifecycle, Status::Unreachable, 0), Status::Unreachable, "notified, and not over");
    assert_eq!(
        status(Cause::AccountLifecycle, Status::Waiting, 120 * MINUTE_MS),
        Status::Unreachable,
        "its time is over"
    );
    assert_eq!(status(Cause::DocumentEvent, Status::InSync, 0), Status::Unreachable);
}

#[test]
fn status_after_a_refused_write() {
    let status = |refusal, requeues| {
        let mut target = Scenario::in_sync();
        target.refusal = Some(refusal);
        let call = target.writes(MALLORY, &run_as_off());
        target.requeues = requeues;
        target.reconcile(Cause::DocumentEvent, &[call]);
        target.record.status
    };
    for refusal in [Refusal::Conflict, Refusal::Duplicate, Refusal::Unconfirmed, Refusal::VersionLimit] {
        assert_eq!(status(refusal, 0), Status::BackingOff, "{refusal:?}");
        assert_eq!(status(refusal, REQUEUES_MAX), Status::Unreachable, "{refusal:?}: it is not tried again");
    }
    assert_eq!(status(Refusal::Denied, 0), Status::Unreachable);
    assert_eq!(status(Refusal::Invalid, 0), Status::Unreachable);
}

#[test]
fn only_in_sync_has_no_reason() {
    let mut target = Scenario::in_sync();
    assert_eq!((target.record.status, target.record.why.as_str()), (Status::InSync, ""));
    target.obstacle = Some(Obstacle::Denied);
    target.sweeps();
    assert!(target.record.why.contains("could not read: AccessDenied"), "{}", target.record.why);
}

#[test]
fn calls_that_leave_the_record_are_kept_by_id() {
    let mut target = Scenario::in_sync();
    let mut left = Vec::new();
    for _ in 0..120 {
        target.wait(60);
        let call = target.fails(PIPELINE, Action::Deleted, "ThrottlingException");
        let commit = target.hears(&[call]).settlement.commit.unwrap();
        left.extend(commit.seen);
    }
    assert_eq!(left.len() + target.record.facts.calls.len(), 120);
    assert!(!left.is_empty() && left.iter().all(|id| !target.record.facts.calls.contains_key(id)));
}

#[test]
fn version_that_leaves_the_record_before_its_name_is_known_is_notified_at_once() {
    let mut target = Scenario::in_sync();
    for run in 0..40 {
        target.now = target.now.plus_ms(500);
        target.writes(MALLORY, &right_but("kmsKeyId", run.to_string()));
        if run == 20 {
            target.sweeps();
        }
    }
    let reconciliation = target.sweeps();
    assert_eq!(reconciliation.kinds(), ["edit_noticed"], "one digest");
    assert_eq!(reconciliation.alerts()[0].data["count"], 8);
    let notified = target.record.facts.versions.values().filter(|version| version.notified != Notified::No).count();
    assert_eq!(notified, 0, "the others wait for their names");
}

#[test]
fn target_that_is_given_up_says_what_on_call_has_to_do() {
    for refusal in [Refusal::Conflict, Refusal::Duplicate, Refusal::Unconfirmed, Refusal::VersionLimit] {
        let mut target = Scenario::in_sync();
        target.refusal = Some(refusal);
        let call = target.writes(MALLORY, &run_as_off());
        target.requeues = REQUEUES_MAX;
        let reconciliation = target.reconcile(Cause::DocumentEvent, &[call]);
        let text = &reconciliation.alert("unreachable").text;
        assert!(!text.contains("Nothing to do"), "{refusal:?}: {text}");
    }
}
