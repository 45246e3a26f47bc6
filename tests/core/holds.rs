//! Targets that are left wrong on purpose for a while.

use runas_reactor::domain::attribution::pair;
use runas_reactor::domain::case::WaitsOn;
use runas_reactor::domain::compaction::compact;
use runas_reactor::domain::durations::REPLACEMENT_MS;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{CallFact, Notified};
use runas_reactor::domain::hold::{emergencies, hold, is_daily_limit_reached};
use runas_reactor::domain::policy::Limits;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Untrusted};
use runas_reactor::domain::record::Status;
use runas_reactor::domain::time::{MINUTE_MS, SECOND_MS};

use crate::support::case::*;
use crate::support::facts::{Story, at, deleted, denied};

/// For whom a reconciliation leaves the target as it is, and for how many more seconds.
fn held(reconciliation: &Reconciliation) -> Option<(String, i64)> {
    let wait = reconciliation.decision.wait.as_ref()?;
    match &wait.on {
        WaitsOn::Hold(hold) => Some((hold.why.clone(), hold.until.since(reconciliation.case.now) / SECOND_MS)),
        _ => None,
    }
}

fn emergency(seconds: i64) -> (String, i64) {
    ("break-glass by Emergency (oncall)".to_owned(), seconds)
}

fn acts(target: &mut Scenario, who: Who) -> Vec<CallFact> {
    let wrote = target.writes(who, &run_as_off());
    let moved = target.moves_default(who, 1);
    let shared = target.call(who, Action::SharingChanged);
    vec![wrote, moved, shared]
}

#[test]
fn break_glass_stands_for_the_policys_minutes_whatever_it_did() {
    let mut wrote = Scenario::in_sync();
    let call = wrote.writes(BREAK_GLASS, &run_as_off());
    assert_eq!(held(&wrote.hears(&[call])), Some(emergency(3_600)));
    assert_eq!(wrote.record.status, Status::Held);
    let mut deleted = Scenario::in_sync();
    let call = deleted.deletes(BREAK_GLASS);
    assert_eq!(held(&deleted.hears(&[call])), Some(emergency(3_600)));
    let mut moved = Scenario::in_sync();
    let call = moved.writes(PIPELINE, &right());
    moved.hears(&[call]);
    moved.doc().versions[0].body = body(&run_as_off());
    let call = moved.moves_default(BREAK_GLASS, 1);
    assert_eq!(held(&moved.hears(&[call])), Some(emergency(3_600)));
}

#[test]
fn failed_call_of_break_glass_holds_nothing() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &run_as_off());
    let call = target.fails(BREAK_GLASS, Action::Deleted, "AccessDenied");
    let reconciliation = target.hears(&[call]);
    assert!(held(&reconciliation).is_none() && reconciliation.decision.write.is_some());
}

#[test]
fn hold_is_over_at_the_moment_that_it_names() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.hears(&[call]);
    target.now = target.now.plus_ms(60 * MINUTE_MS - 1);
    assert_eq!(held(&target.sweeps()), Some(emergency(0)));
    target.now = target.now.plus_ms(1);
    assert!(target.sweeps().decision.write.is_some());
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn held_target_is_corrected_by_the_message_that_waits_for_its_end() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.hears(&[call]);
    target.runs(3_599);
    assert_eq!(target.in_force(), &content(&run_as_off()));
    target.runs(1);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn foreign_act_that_took_place_ends_an_emergency() {
    for (failed, writes) in [(Some("AccessDenied".to_owned()), false), (None, true)] {
        let mut target = Scenario::in_sync();
        let call = target.writes(BREAK_GLASS, &run_as_off());
        target.hears(&[call]);
        target.wait(60);
        let mut foreign = target.call(MALLORY, Action::SharingChanged);
        foreign.edit.failed.clone_from(&failed);
        assert_eq!(target.hears(&[foreign]).decision.write.is_some(), writes, "{failed:?}");
    }
}

#[test]
fn foreign_act_before_an_emergency_ends_no_hold_however_late_its_event() {
    let mut target = Scenario::in_sync();
    let before = acts(&mut target, MALLORY);
    target.wait(60);
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.hears(&[call]);
    target.wait(60);
    assert_eq!(held(&target.hears(&before)), Some(emergency(3_540)));
}

#[test]
fn trusted_act_after_an_emergency_leaves_it_in_force() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.hears(&[call]);
    target.wait(60);
    let mut inputs = run_as_off();
    inputs["idleSessionTimeout"] = "20".into();
    let call = target.writes(PIPELINE, &inputs);
    assert_eq!(held(&target.hears(&[call])), Some(emergency(3_540)));
}

#[test]
fn pipeline_that_deletes_the_document_is_given_time_to_create_the_next_one() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(PIPELINE);
    let reconciliation = target.hears(&[call]);
    let why = "a trusted deletion by Accelerator (pipeline), perhaps to replace the document".to_owned();
    assert_eq!(held(&reconciliation), Some((why, REPLACEMENT_MS / SECOND_MS)));
    assert_eq!(reconciliation.kinds(), [""; 0]);
    target.runs(89);
    assert!(target.document.is_none());
    target.runs(1);
    assert_eq!(target.in_force(), &content(&right()), "restored as it was accepted");
}

#[test]
fn replacement_by_the_pipeline_ends_its_hold() {
    let mut target = Scenario::in_sync();
    let deletion = target.deletes(PIPELINE);
    target.hears(&[deletion]);
    target.wait(20);
    let creation = target.writes(PIPELINE, &right_but("runAsEnabled", false));
    let reconciliation = target.hears(&[creation]);
    assert!(
        held(&reconciliation).is_none() && reconciliation.decision.write.is_some(),
        "{:?}",
        reconciliation.decision
    );
}

#[test]
fn only_a_foreign_deletion_ends_the_hold_over_an_absent_document() {
    let deletion = Action::Deleted;
    for (who, action, failed, writes) in [
        (MALLORY, deletion, true, false),
        (MALLORY, Action::SharingChanged, false, false),
        (PIPELINE, deletion, false, false),
        (MALLORY, deletion, false, true),
    ] {
        let mut target = Scenario::in_sync();
        let call = target.deletes(PIPELINE);
        target.hears(&[call]);
        target.wait(20);
        let mut next = target.call(who, action);
        next.edit.failed = failed.then(|| "AccessDenied".to_owned());
        assert_eq!(target.hears(&[next]).decision.write.is_some(), writes, "{who:?} {action:?} failed: {failed}");
    }
}

#[test]
fn late_name_of_an_untrusted_principal_ends_an_emergency_only_if_it_acted_later() {
    for (after, holds) in [(false, true), (true, false)] {
        let mut target = Scenario::in_sync();
        let early = (!after).then(|| target.writes(MALLORY, &run_as_off()));
        target.wait(30);
        let emergency = target.writes(BREAK_GLASS, &run_as_off());
        target.wait(30);
        let late = after.then(|| target.writes(MALLORY, &run_as_off()));
        target.hears(&[emergency]);
        target.wait(30);
        let call = early.or(late).unwrap();
        assert_eq!(held(&target.hears(&[call])).is_some(), holds, "after: {after}");
    }
}

#[test]
fn break_glass_stands_for_the_days_minutes_at_most() {
    let mut target = Scenario::in_sync();
    target.limits.break_glass.daily_minutes = 90;
    let acts = |target: &mut Scenario, setting: &str| {
        let mut inputs = run_as_off();
        inputs["idleSessionTimeout"] = setting.into();
        let call = target.writes(BREAK_GLASS, &inputs);
        held(&target.hears(&[call]))
    };
    let cut = |minutes: i64| {
        Some(("break-glass by Emergency (oncall), up to 90 minutes in 24 hours".to_owned(), minutes * 60))
    };
    assert_eq!(acts(&mut target, "1"), Some(emergency(3_600)));
    target.wait(40 * 60);
    assert_eq!(acts(&mut target, "2"), cut(50));
    target.wait(30 * 60);
    assert_eq!(acts(&mut target, "3"), cut(20));
    target.runs(20 * 60);
    assert_eq!(target.in_force(), &content(&right()), "put right when the minutes are used up");
    target.wait(5 * 60);
    assert_eq!(acts(&mut target, "4"), None);
    assert_eq!(target.in_force(), &content(&right()), "put right at once");
    target.wait(24 * 3_600);
    assert_eq!(acts(&mut target, "5"), Some(emergency(3_600)), "of another day");
}

#[test]
fn alert_says_that_the_days_minutes_are_used_up() {
    let mut target = Scenario::in_sync();
    (target.limits.break_glass.hold_minutes, target.limits.break_glass.daily_minutes) = (1, 1);
    let call = target.writes(BREAK_GLASS, &run_as_off());
    let reconciliation = target.hears(&[call]);
    assert!(held(&reconciliation).is_some());
    assert!(!reconciliation.alert("break_glass").text.contains("It does not stand"), "{:?}", reconciliation.alerts());
    target.runs(60);
    let call = target.writes(BREAK_GLASS, &run_as_off());
    let reconciliation = target.hears(&[call]);
    let why = "break-glass edits of a document stand for 1 minutes in 24 hours, and these are used up";
    assert!(
        reconciliation.decision.reasons.iter().any(|reason| reason == why),
        "{:?}",
        reconciliation.decision.reasons
    );
    let alert = reconciliation.alert("break_glass");
    assert!(alert.text.contains(&format!("It does not stand: {why}.")), "{}", alert.text);
    assert!(alert.subject.starts_with("Reverted: "), "{}", alert.subject);
}

/// The calls of a day are more than a record keeps.
#[test]
fn days_minutes_are_the_same_after_calls_left_the_record() {
    let limits = Limits::default();
    let calls = (0..300).map(|minute| deleted(60 * minute + 30, BreakGlass));
    let mut facts = calls.fold(Story::known(), Story::call).facts();
    facts.calls.values_mut().for_each(|call| call.notified = Notified::Named);
    let compacted = compact(&facts, at(60 * 300));
    assert!(compacted.left.len() > 100, "{}", compacted.left.len());
    for facts in [&facts, &compacted.facts] {
        assert!(is_daily_limit_reached(facts, &pair(facts), &limits));
        assert_eq!(emergencies(facts).len(), 300);
    }
}

/// What lasts seconds would be over before it began if CloudTrail's clock, a minute behind, decided when it began.
#[test]
fn hold_lasts_as_long_when_the_clock_of_cloudtrail_is_behind() {
    let limits = Scenario::in_sync().limits;
    let until = |call, absent| {
        let facts = Story::known().behind_by(60).call(call).facts();
        hold(&facts, &pair(&facts), &limits, at(100), absent).map(|hold| hold.until)
    };
    assert_eq!(until(deleted(30, Trusted), true), Some(at(90).plus_ms(REPLACEMENT_MS)));
    assert_eq!(until(deleted(30, BreakGlass), false), Some(at(90).plus_ms(60 * MINUTE_MS)));
}

#[test]
fn nothing_of_a_hold_is_stored() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.hears(&[call]);
    target.limits.break_glass.hold_minutes = 10;
    target.wait(600);
    assert!(target.sweeps().decision.write.is_some(), "the policy's minutes of today");
}

#[test]
fn only_what_break_glass_did_uses_up_the_days_minutes() {
    for (call, counts) in [
        (deleted(30, BreakGlass), true),
        (denied(deleted(30, BreakGlass)), false),
        (deleted(30, Untrusted), false),
        (deleted(30, Trusted), false),
    ] {
        assert_eq!(!emergencies(&Story::known().call(call.clone()).facts()).is_empty(), counts, "{call:?}");
    }
}

#[test]
fn days_limit_is_named_only_where_it_cuts_the_hold_short() {
    for (daily_minutes, why) in [
        (120, "break-glass by Emergency (oncall)"),
        (119, "break-glass by Emergency (oncall), up to 119 minutes in 24 hours"),
    ] {
        let mut target = Scenario::in_sync();
        target.limits.break_glass.daily_minutes = daily_minutes;
        let call = target.writes(BREAK_GLASS, &run_as_off());
        target.hears(&[call]);
        target.wait(3_600);
        let call = target.writes(BREAK_GLASS, &right_but("runAsDefaultUser", "root"));
        assert_eq!(held(&target.hears(&[call])).map(|(said, _)| said).as_deref(), Some(why));
    }
}

#[test]
fn emergencies_are_kept_to_the_minute_for_less_than_a_day() {
    let day = 24 * 3_600;
    let story = |second| Story::known().call(deleted(30, BreakGlass)).call(deleted(second, BreakGlass));
    assert_eq!(emergencies(&story(day - 1).facts()), [at(0), at(day - 60)].into());
    assert_eq!(emergencies(&story(day).facts()), [at(day)].into());
}
