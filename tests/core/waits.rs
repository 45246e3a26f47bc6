//! What a decision waits for, and the one message that comes next by itself.

use runas_reactor::domain::case::{Refusal, Verdict, WaitsOn, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::Body;
use runas_reactor::domain::durations::{LEASE_MS, NAMES_MS, REQUEUES_MAX, VISIBLE_MS};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{Intended, Intent, Notified};
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::observation::{DocumentStatus, Obstacle};
use runas_reactor::domain::record::Status;
use runas_reactor::domain::settle::delay_s;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{MINUTE_MS, SECOND_MS, Time};
use serde_json::json;

use crate::support::case::*;

/// What a reconciliation waits for, and for how many milliseconds.
fn waits(reconciliation: &Reconciliation) -> Option<(WaitsOn, i64)> {
    reconciliation.decision.wait.clone().map(|wait| (wait.on, wait.until.since(reconciliation.case.now)))
}

fn unsettled(reconciliation: &Reconciliation) -> Option<&str> {
    match &reconciliation.decision.verdict {
        Verdict::Unsettled { why } => Some(why),
        _ => None,
    }
}

/// The lease of another invocation, logged now.
fn lease(now: Time, write: Intended) -> Intent {
    Intent {
        write,
        number: 9,
        digest: None,
        owned: runas_reactor::domain::policy::Owned::new(),
        over: None,
        from: now,
        until: now.plus_ms(LEASE_MS),
        ended: None,
        notified: Notified::No,
    }
}

#[test]
fn call_that_is_not_visible_yet_is_observed_again_for_a_minute() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    assert_eq!(waits(&target.hears(&[call])), Some((WaitsOn::Visibility, 5 * SECOND_MS)));
    target.now = target.now.plus_ms(VISIBLE_MS - 1);
    assert!(unsettled(&target.sweeps()).is_some());
    target.now = target.now.plus_ms(1);
    assert_eq!(target.sweeps().decision.verdict, Verdict::InSync);
}

#[test]
fn visibility_is_a_matter_of_the_facts_age_and_not_of_how_many_messages_came_before() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    target.requeues = 30;
    assert!(unsettled(&target.reconcile(Cause::DocumentEvent, &[call])).is_some());
    assert!(target.runs(59).iter().all(|reconciliation| reconciliation.decision.write.is_none()));
}

#[test]
fn no_target_waits_for_a_failed_call() {
    let mut target = Scenario::in_sync();
    let call = target.fails(MALLORY, Action::Updated { version: Some(2) }, "AccessDenied");
    assert_eq!(target.hears(&[call]).decision.verdict, Verdict::InSync);
}

#[test]
fn stale_read_of_a_version_that_the_record_knows_is_not_settled() {
    let mut target = Scenario::in_sync();
    let stale = target.document.clone();
    let call = target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    target.hears(&[call]);
    target.document = stale;
    target.wait(30);
    let reconciliation = target.sweeps();
    assert!(
        unsettled(&reconciliation).is_some() || reconciliation.decision.write.is_some(),
        "never in sync: {:?}",
        reconciliation.decision
    );
}

#[test]
fn deletion_is_not_visible_while_the_document_that_is_older_stands_there() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Deleted);
    assert!(unsettled(&target.hears(&[call])).is_some());
    // Made anew after it, it is another document.
    let mut target = Scenario::in_sync();
    let deletion = target.deletes(MALLORY);
    target.wait(2);
    let creation = target.writes(MALLORY, &right());
    assert!(unsettled(&target.hears(&[deletion, creation])).is_none());
}

#[test]
fn visible_drift_is_corrected_although_more_is_to_come() {
    let mut target = Scenario::in_sync();
    let wrote = target.writes(MALLORY, &run_as_off());
    let more = target.call(MALLORY, Action::Updated { version: Some(3) });
    assert!(target.hears(&[wrote, more]).decision.write.is_some());
}

#[test]
fn version_that_is_not_active_is_waited_for_for_a_minute_however_long_the_chain_of_messages() {
    let mut target = Scenario::in_sync();
    target.requeues = 30;
    target.writes(MALLORY, &run_as_off());
    target.doc().status = DocumentStatus::Pending;
    assert_eq!(waits(&target.reconcile(Cause::AccountLifecycle, &[])), Some((WaitsOn::Visibility, 5 * SECOND_MS)));
    target.now = target.now.plus_ms(VISIBLE_MS - 1);
    assert!(unsettled(&target.sweeps()).is_some());
    target.now = target.now.plus_ms(1);
    assert!(target.sweeps().decision.write.is_some(), "it will not become active by waiting");
}

#[test]
fn document_that_is_being_deleted_is_waited_for_for_a_minute() {
    let mut target = Scenario::in_sync();
    target.doc().status = DocumentStatus::Deleting;
    let reconciliation = target.sweeps();
    assert_eq!(unsettled(&reconciliation), Some("the document is being deleted"));
    target.now = target.now.plus_ms(VISIBLE_MS);
    assert!(unsettled(&target.reconcile(Cause::Sweep, &[])).is_none());
}

#[test]
fn open_intent_of_another_invocation_is_waited_for_until_its_lease_ends() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.record.facts.intents.insert("other".to_owned(), lease(target.now, Intended::Put));
    let reconciliation = target.hears(&[call]);
    assert_eq!(waits(&reconciliation), Some((WaitsOn::Intent, LEASE_MS)));
    assert!(
        reconciliation.decision.write.is_none() && reconciliation.settlement.commit.is_some(),
        "its facts are committed first"
    );
    target.now = target.now.plus_ms(LEASE_MS - 1);
    assert!(target.sweeps().decision.write.is_none());
    target.now = target.now.plus_ms(1);
    assert!(target.sweeps().decision.write.is_some());
}

#[test]
fn ended_intents_and_pruning_keep_no_writer_off() {
    let mut ended = lease(at(7_200), Intended::Put);
    ended.ended = Some(runas_reactor::domain::fact::Ended::Refused);
    for intent in [ended, lease(at(7_200), Intended::Prune)] {
        let mut target = Scenario::in_sync();
        let call = target.writes(MALLORY, &run_as_off());
        target.record.facts.intents.insert("other".to_owned(), intent);
        assert!(target.hears(&[call]).decision.write.is_some());
    }
}

#[test]
fn names_of_young_versions_are_waited_for_for_ten_minutes_where_the_document_would_comply() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    let reconciliation = target.sweeps();
    assert_eq!(unsettled(&reconciliation), Some("the principal behind version 2 is not known yet"));
    assert_eq!(waits(&reconciliation), Some((WaitsOn::Name, NAMES_MS)));
    target.now = target.now.plus_ms(NAMES_MS - 1);
    assert!(target.sweeps().decision.write.is_none());
    target.now = target.now.plus_ms(1);
    assert!(matches!(target.sweeps().decision.write, Some(Write::Put { .. })));
}

#[test]
fn names_are_not_waited_for_at_the_end_of_a_chain_of_messages() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    target.requeues = REQUEUES_MAX;
    assert!(target.reconcile(Cause::Sweep, &[]).decision.write.is_some());
}

#[test]
fn name_of_a_version_with_wrong_owned_fields_is_not_waited_for() {
    let mut target = Scenario::in_sync();
    let mut inputs = run_as_off();
    inputs["idleSessionTimeout"] = json!("20");
    target.writes(PIPELINE, &inputs);
    assert!(matches!(target.sweeps().decision.write, Some(Write::Put { .. })));
}

#[test]
fn name_of_a_version_that_runs_other_code_is_not_waited_for() {
    let mut target = Scenario::in_sync();
    target.writes(MALLORY, &right_but("shellProfile", json!({ "linux": "curl evil", "windows": "" })));
    let reconciliation = target.sweeps();
    assert!(unsettled(&reconciliation).is_none() && reconciliation.decision.write.is_some());
}

#[test]
fn name_of_a_version_that_leaves_accepted_code_as_it_is_is_waited_for() {
    let profile = right_but("shellProfile", json!({ "linux": "date", "windows": "" }));
    let mut target = Scenario::blank();
    target.writes(PIPELINE, &profile);
    target.wait(3_600);
    target.sweeps();
    target.wait(3_600);
    let mut inputs = profile.clone();
    inputs["idleSessionTimeout"] = json!("20");
    target.writes(PIPELINE, &inputs);
    assert!(unsettled(&target.sweeps()).is_some());
}

#[test]
fn name_of_another_document_is_not_waited_for() {
    let mut target = Scenario::in_sync();
    target.document = None;
    target.writes(MALLORY, &right_but("kmsKeyId", "hers"));
    let reconciliation = target.sweeps();
    assert!(
        unsettled(&reconciliation).is_none() && reconciliation.decision.write.is_some(),
        "{:?}",
        reconciliation.decision
    );
}

#[test]
fn foreign_version_among_nameless_ones_is_not_waited_for() {
    for hostile in [2, 3] {
        let mut target = Scenario::in_sync();
        let first = target.writes(MALLORY, &right_but("kmsKeyId", "hers"));
        target.wait(10);
        let mut both = right_but("kmsKeyId", "hers");
        both["s3KeyPrefix"] = json!("p");
        let second = target.writes(MALLORY, &both);
        let call = if hostile == 2 { first } else { second };
        let reconciliation = target.hears(&[call]);
        assert!(
            unsettled(&reconciliation).is_none() && reconciliation.decision.write.is_some(),
            "version {hostile} is hostile"
        );
    }
}

#[test]
fn trusted_version_beside_a_nameless_one_leaves_it_waited_for() {
    for (trusted, why) in [(2, "version 3"), (3, "version 2")] {
        let mut target = Scenario::in_sync();
        let first = target.writes(PIPELINE, &right_but("kmsKeyId", "k"));
        target.wait(10);
        let mut both = right_but("kmsKeyId", "k");
        both["s3KeyPrefix"] = json!("p");
        let second = target.writes(PIPELINE, &both);
        let reconciliation = target.hears(&[if trusted == 2 { first } else { second }]);
        assert_eq!(unsettled(&reconciliation), Some(format!("the principal behind {why} is not known yet").as_str()));
    }
}

#[test]
fn nameless_version_after_an_invalid_foreign_one_is_not_waited_for() {
    for (who, waiting) in [(MALLORY, false), (PIPELINE, true)] {
        let mut target = Scenario::in_sync();
        let call = target.writes_body(who, Body::Invalid { why: "no JSON".to_owned() });
        target.wait(10);
        target.writes(PIPELINE, &right_but("kmsKeyId", "k"));
        assert_eq!(unsettled(&target.hears(&[call])).is_some(), waiting, "{who:?}");
    }
}

#[test]
fn while_a_name_is_waited_for_the_owned_fields_in_force_are_right() {
    let mut target = Scenario::in_sync();
    target.resolution.owned.insert("runAsDefaultUser".to_owned(), json!("admin"));
    let mut inputs = right_but("idleSessionTimeout", "20");
    inputs["runAsDefaultUser"] = json!("admin");
    target.writes(PIPELINE, &inputs);
    target.doc().default = 1;
    let reconciliation = target.sweeps();
    assert_eq!(reconciliation.decision.write, Some(Write::Promote { version: 2 }), "{:?}", reconciliation.decision);
    assert_eq!(reconciliation.decision.wait.as_ref().map(|wait| wait.on.clone()), Some(WaitsOn::Name));
    assert!(unsettled(&reconciliation).is_some());
}

#[test]
fn names_are_waited_for_only_where_a_write_would_follow() {
    for scenario in [Scenario::in_sync().observing(), Scenario::in_sync().exempt()] {
        let mut target = scenario;
        target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
        assert!(unsettled(&target.sweeps()).is_none(), "{:?}", target.resolution.mode);
    }
}

#[test]
fn what_cannot_be_read_is_tried_again_for_the_policys_minutes() {
    for (ms, waiting) in [(120 * MINUTE_MS - 1, true), (120 * MINUTE_MS, false)] {
        let mut target = Scenario::in_sync();
        target.obstacle = Some(Obstacle::Denied);
        target.since = target.now.plus_ms(-ms);
        let reconciliation = target.reconcile(Cause::DocumentEvent, &[]);
        assert_eq!(reconciliation.decision.wait.is_some(), waiting, "{ms}");
    }
}

#[test]
fn pauses_before_an_obstacle_are_doubled_up_to_a_minute() {
    let pause = |requeues| {
        let mut target = Scenario::in_sync();
        target.obstacle = Some(Obstacle::NotReady);
        (target.since, target.requeues) = (target.now, requeues);
        waits(&target.reconcile(Cause::AccountLifecycle, &[])).map(|(on, ms)| (on == WaitsOn::Obstacle, ms / SECOND_MS))
    };
    assert_eq!(
        [0, 1, 3, 4, 400].map(|n| pause(n).unwrap()),
        [(true, 5), (true, 10), (true, 40), (true, 60), (true, 60)]
    );
    assert_eq!(pause(REQUEUES_MAX), None);
}

#[test]
fn region_that_is_off_is_waited_for_in_a_new_account_only_and_a_sweep_waits_for_nothing() {
    let waiting = |cause, obstacle| {
        let mut target = Scenario::in_sync();
        target.obstacle = Some(obstacle);
        target.since = target.now;
        target.reconcile(cause, &[]).decision.wait.is_some()
    };
    assert!(waiting(Cause::AccountLifecycle, Obstacle::RegionOff) && waiting(Cause::DocumentEvent, Obstacle::Denied));
    assert!(!waiting(Cause::DocumentEvent, Obstacle::RegionOff) && !waiting(Cause::Sweep, Obstacle::Denied));
}

#[test]
fn outpaced_writer_tries_again_a_second_later_each_time() {
    for (requeues, seconds) in [(0, 1), (4, 5), (29, 30), (400, 30)] {
        let mut target = Scenario::in_sync();
        target.refusal = Some(Refusal::Conflict);
        let call = target.writes(MALLORY, &run_as_off());
        target.requeues = requeues;
        let reconciliation = target.reconcile(Cause::DocumentEvent, &[call]);
        assert_eq!(reconciliation.delay(), Some(seconds), "{requeues}");
        assert_eq!(reconciliation.record().status, Status::BackingOff);
    }
}

#[test]
fn outpaced_writer_notifies_after_a_minute_at_the_latest() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Conflict);
    let call = target.writes(MALLORY, &run_as_off());
    assert_eq!(target.hears(&[call]).kinds(), [""; 0], "what is done about it is said when it is done");
    assert_eq!(kinds(&target.runs(60)), ["edit_noticed"]);
}

#[test]
fn denied_write_waits_like_a_denied_read() {
    let delay = |requeues, since: i64, cause| {
        let mut target = Scenario::in_sync();
        target.refusal = Some(Refusal::Denied);
        let call = target.writes(MALLORY, &run_as_off());
        target.requeues = requeues;
        target.since = target.now.plus_ms(-since);
        target.reconcile(cause, &[call]).delay()
    };
    assert_eq!(delay(0, 0, Cause::DocumentEvent), Some(5));
    assert_eq!(delay(9, 0, Cause::DocumentEvent), Some(60));
    assert_eq!(delay(REQUEUES_MAX, 0, Cause::DocumentEvent), None);
    assert_eq!(delay(0, 24 * 60 * MINUTE_MS, Cause::DocumentEvent), None, "patience has an end");
    assert_eq!(delay(0, 0, Cause::Sweep), None, "the next sweep tries again");
}

#[test]
fn invalid_write_is_not_tried_again() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Invalid);
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[call]);
    assert_eq!((reconciliation.delay(), reconciliation.record().status), (None, Status::Unreachable));
}

#[test]
fn message_that_is_on_its_way_is_not_sent_twice() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    let first = target.hears(&[call]);
    assert_eq!(first.delay(), Some(5));
    target.wait(1);
    let other = target.call(PIPELINE, Action::SharingChanged);
    assert_eq!(target.hears(&[other]).delay(), None, "the first one comes anyway");
    assert_eq!(target.queue.len(), 1);
    let reconciliations = target.runs(4);
    assert_eq!(reconciliations[0].delay(), Some(5), "this was that message");
}

#[test]
fn earlier_wait_sends_a_message_of_its_own() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    assert_eq!(target.sweeps().delay(), Some(60));
    target.wait(10);
    target.record.facts.intents.insert("other".to_owned(), lease(target.now, Intended::Put));
    target.writes(MALLORY, &run_as_off());
    assert_eq!(target.sweeps().delay(), Some(15));
}

#[test]
fn message_of_another_cause_is_not_relied_on() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    target.hears(&[call]);
    target.since = target.now;
    assert_eq!(target.reconcile(Cause::AccountLifecycle, &[]).delay(), Some(5), "a vend watch lasts longer");
}

#[test]
fn burst_of_events_at_one_target_adds_few_messages() {
    let mut target = Scenario::in_sync();
    let mut messages = 0;
    for _ in 0..60 {
        let call = target.writes(MALLORY, &run_as_off());
        messages += usize::from(target.hears(&[call]).settlement.next.is_some());
        messages += target.runs(1).iter().filter(|reconciliation| reconciliation.settlement.next.is_some()).count();
    }
    assert!(messages <= 20, "{messages} messages");
    assert!(target.queue.len() <= 2, "{} messages are on their way", target.queue.len());
}

#[test]
fn successor_carries_no_calls_and_counts_itself() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    target.requeues = 7;
    target.since = target.now.plus_ms(-9 * SECOND_MS);
    let reconciliation = target.reconcile(Cause::DocumentEvent, &[call]);
    let (work, delay) = reconciliation.settlement.next.clone().unwrap();
    assert_eq!((work.edits.len(), work.requeues, work.since, delay), (0, 8, target.since, 5));
    assert_eq!((work.correlation.as_str(), work.not_before), ("signal", Some(target.now.plus_ms(5 * SECOND_MS))));
    assert_eq!(target.record.facts.calls.len(), 1, "the record carries it");
}

#[test]
fn chain_of_messages_ends_at_its_maximum() {
    for (requeues, follows) in [(REQUEUES_MAX - 1, true), (REQUEUES_MAX, false)] {
        let mut target = Scenario::in_sync();
        let call = target.call(MALLORY, Action::Updated { version: Some(2) });
        target.requeues = requeues;
        let reconciliation = target.reconcile(Cause::DocumentEvent, &[call]);
        assert_eq!(reconciliation.settlement.next.is_some(), follows, "{requeues}");
    }
}

#[test]
fn last_message_of_a_chain_says_that_the_target_is_out_of_reach() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    target.record.status = Status::Unreachable;
    (target.requeues, target.since) = (REQUEUES_MAX, target.now);
    let reconciliation = target.reconcile(Cause::DocumentEvent, &[]);
    assert_eq!(reconciliation.kinds(), ["unreachable"]);
    assert!(reconciliation.decision.reasons.contains(&format!("gave up after {REQUEUES_MAX} messages")));
}

#[test]
fn new_account_is_watched_every_five_minutes_until_its_echo_or_its_readiness_ends() {
    for (ms, delay) in [(120 * MINUTE_MS - 1, Some(300)), (120 * MINUTE_MS, None)] {
        let mut target = Scenario::blank();
        target.now = target.since.plus_ms(ms);
        assert_eq!(target.reconcile(Cause::AccountLifecycle, &[]).delay(), delay, "{ms}");
    }
    let mut target = Scenario::blank();
    target.reconcile(Cause::AccountLifecycle, &[]);
    let echo = target.echo();
    target.hears(&[echo]);
    assert_eq!(target.runs(7_200).len(), 1, "the message that was on its way is the last");
}

#[test]
fn open_incident_is_observed_when_it_should_be_over() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    assert_eq!(target.hears(&[call]).delay(), Some(600), "the policy's ten minutes");
}

/// The invocation before it may have stopped between its commit and the message.
#[test]
fn redelivered_message_forgets_what_the_record_says_is_on_its_way() {
    for (redelivered, delay) in [(false, None), (true, Some(600))] {
        let mut target = Scenario::in_sync();
        let call = target.writes(MALLORY, &run_as_off());
        target.hears(std::slice::from_ref(&call));
        target.redelivered = redelivered;
        assert_eq!(target.hears(&[call]).delay(), delay, "redelivered: {redelivered}");
        assert_eq!(target.record.wakes.len(), 1, "what is not on its way keeps no other message from sending one");
    }
}

#[test]
fn delay_is_whole_seconds_and_never_too_short() {
    let after = |ms: i64| delay_s(at(0), at(0).plus_ms(ms));
    assert_eq!([-5, 0, 1, 1_000, 1_001, 900_000, 900_001].map(after), [0, 0, 1, 1, 2, 900, 900]);
}

#[test]
fn wait_that_is_longer_than_a_delay_may_be_is_split() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    let reconciliation = target.hears(&[call]);
    let (work, delay) = reconciliation.settlement.next.clone().unwrap();
    assert_eq!((delay, work.not_before), (900, Some(target.now.plus_ms(60 * MINUTE_MS))));
    assert_eq!(target.record.wakes[0].at, target.now.plus_ms(900 * SECOND_MS));
}

#[test]
fn equal_cases_wait_for_the_same() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::Updated { version: Some(2) });
    let case = target.case(Cause::DocumentEvent, &[call]);
    assert_eq!(decide(&case, &judge(&case)), decide(&case, &judge(&case)));
}

#[test]
fn name_is_waited_for_on_a_document_that_the_reactor_created() {
    let mut target = Scenario::blank();
    target.sweeps();
    target.wait(100);
    target.sweeps();
    target.wait(100);
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    let reconciliation = target.sweeps();
    assert_eq!(waits(&reconciliation).map(|(on, _)| on), Some(WaitsOn::Name), "{:?}", reconciliation.decision);
}
