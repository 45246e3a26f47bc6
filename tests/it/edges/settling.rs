//! When we look again, and what is written down.

use std::collections::BTreeMap;

use runas_reactor::domain::case::{Applied, Case, Refusal, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::Body;
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::principal::Attribution::{Ours, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Heat, Incident, Standing};
use runas_reactor::domain::settle::{HOPS_MAX, attach, detach, settle};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::MINUTE_MS;
use serde_json::json;

use crate::core_review::cases::{
    alerts, at, body, case, document, in_sync, judged, kinds, promoted, right, right_but, settled, unknown, wrote,
};

/// Version 3 of second 95 is wrong, by mallory.
pub(super) fn wrong() -> Case {
    let mut case = case();
    case.record = in_sync(2, 20);
    case.observation = document(&[(2, 20, body(&right())), (3, 95, body(&right_but("runAsEnabled", false)))], 3);
    case.edits = vec![wrote("u", 95, 3, Untrusted)];
    case
}

pub(super) fn calm() -> Case {
    let mut case = case();
    case.record = in_sync(2, 20);
    case.observation = document(&[(1, 10, body(&right())), (2, 20, body(&right()))], 2);
    case
}

pub(super) fn incident() -> Incident {
    Incident {
        id: "i".to_owned(),
        opened: at(0),
        summary: "x".to_owned(),
        opponents: vec!["x".to_owned()],
        edits: 7,
        escalated: false,
        announce_end: true,
    }
}

pub(super) fn told(case: &Case, kind: &str) -> Option<Alert> {
    alerts(&settled(case).1).into_iter().find(|alert| alert.kind == kind)
}

#[test]
fn whoever_was_outpaced_tries_again_a_second_later_each_time() {
    for (hop, seconds) in [(0, 1), (4, 5), (29, 30), (400, 30)] {
        let mut case = wrong();
        case.hop = hop;
        let settlement = settle(&case, &decide(&case), &Applied::Refused(Refusal::Moved));
        assert_eq!(settlement.next.map(|(_, delay)| delay), Some(seconds), "{hop}");
        assert_eq!(settlement.commit, None);
    }
}

#[test]
fn who_is_outpaced_for_long_tells_it_meanwhile() {
    let commits = |cause, since_ms: i64, hop| {
        let mut case = wrong();
        (case.cause, case.hop) = (cause, hop);
        case.since = case.now.plus_ms(-since_ms);
        settle(&case, &decide(&case), &Applied::Refused(Refusal::Moved)).commit.is_some()
    };
    assert_eq!([MINUTE_MS - 1, MINUTE_MS].map(|ms| commits(Cause::Touched, ms, 0)), [false, true]);
    assert_eq!([5, 6].map(|hop| commits(Cause::Swept, MINUTE_MS, hop)), [false, true]);
    assert_eq!([5, 6].map(|hop| commits(Cause::Vended, MINUTE_MS, hop)), [false, true]);
}

#[test]
fn a_write_that_is_not_possible_is_not_tried_again_at_once() {
    let case = wrong();
    let settlement = settle(&case, &decide(&case), &Applied::Refused(Refusal::Invalid));
    assert_eq!(settlement.next, None);
    assert_eq!(settlement.commit.unwrap().record.standing, Standing::Unreachable);
}

#[test]
fn what_is_not_visible_yet_goes_on_with_the_message() {
    let mut case = wrong();
    case.edits.push(wrote("v", 99, 4, Untrusted));
    let (work, delay) = settled(&case).1.next.unwrap();
    assert_eq!((work.edits.len(), work.edits[0].id.as_str(), delay), (1, "v", 5));
}

#[test]
fn a_war_is_looked_at_when_it_should_be_over_and_sooner_while_it_goes_on() {
    let mut case = calm();
    case.record.heat = Heat { milli: 6_000, at: at(90), backoffs: 1, not_before: None };
    case.record.incident = Some(Incident { escalated: true, ..incident() });
    assert_eq!(settled(&case).1.next.map(|(_, delay)| delay), Some(600), "the policy's ten minutes");
    case.record.probe = Some(at(101));
    assert_eq!(settled(&case).1.next, None, "another message watches it");
    case.record.probe = Some(case.now);
    assert!(settled(&case).1.next.is_some(), "this is that message");
    let mut case = wrong();
    case.record.heat = Heat { milli: 6_000, at: at(50), backoffs: 1, not_before: None };
    case.record.incident = Some(Incident { escalated: true, ..incident() });
    assert_eq!(settled(&case).1.next.map(|(_, delay)| delay), Some(300));
}

#[test]
fn nothing_new_writes_no_row() {
    assert_eq!(settled(&calm()).1.commit, None);
    let mut case = calm();
    case.policy = "8".to_owned();
    assert_eq!(settled(&case).1.commit, None, "another policy with the same baseline is nothing new");
}

#[test]
fn contents_are_kept_once_by_their_digest_wherever_they_stand() {
    let value =
        json!({ "a": [{ "$content": { "x": 1 } }, { "$content": { "x": 1 } }], "b": { "$content": { "x": 2 } } });
    let (mut detached, mut contents) = (value.clone(), BTreeMap::new());
    detach(&mut detached, &mut contents);
    assert_eq!(contents.len(), 2);
    assert!(!detached.to_string().contains("$content"), "{detached}");
    attach(&mut detached, &contents);
    assert_eq!(detached, value);
}

#[test]
fn a_move_of_the_default_within_a_minute_belongs_to_the_version() {
    // Version 3 was told in an earlier look, and is what a held emergency left in place.
    let moved = |when, attribution| {
        let emergency = right_but("kmsKeyId", "k");
        let mut case = calm();
        case.now = at(300);
        case.observation = document(&[(2, 20, body(&right())), (3, 50, body(&emergency))], 3);
        let accounted = case.record.accounted.as_mut().unwrap();
        (accounted.version, accounted.created, accounted.body) = (3, Some(at(50)), Some(body(&emergency)));
        case.record.recent = vec![judged(3, 50, attribution, &right(), &emergency)];
        case.edits = vec![promoted("m", when, 3, Untrusted)];
        let commit = settled(&case).1.commit.unwrap();
        (commit.seen == ["m"], commit.alerts.iter().any(|alert| alert.id.starts_with("edit:")))
    };
    assert_eq!(moved(110, Untrusted), (true, false), "the same hand, at once");
    assert_eq!(moved(111, Untrusted), (true, true), "later it is a story of its own");
    assert!(moved(60, Trusted).1, "of another hand too");
    assert!(!moved(60, Unattributed).1, "whoever made a nameless version the default has most likely written it");
}

#[test]
fn making_our_own_version_the_default_is_right_whoever_does_it() {
    let mut case = calm();
    case.record.recent = vec![judged(2, 20, Ours, &right(), &right())];
    case.edits = vec![promoted("m", 99, 2, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), Vec::<String>::new());
    // By our role, and not where we would put it.
    let mut ours = promoted("o", 99, 1, Untrusted);
    ours.by_our_role = true;
    case.edits = vec![ours];
    case.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
}

#[test]
fn our_own_write_that_comes_back_is_the_echo() {
    for (made, version, echo) in [(true, 2, true), (false, 2, true), (true, 3, false)] {
        let mut case = calm();
        case.record.awaiting_echo = Some(2);
        let mut ours = if made { wrote("o", 99, version, Untrusted) } else { promoted("o", 99, version, Untrusted) };
        ours.by_our_role = true;
        case.edits = vec![ours];
        let record = settled(&case).1.commit.map_or(case.record, |commit| commit.record);
        assert_eq!(record.awaiting_echo.is_none(), echo, "{made} {version}");
    }
    let mut case = calm();
    case.record.awaiting_echo = Some(2);
    case.edits = vec![wrote("u", 20, 2, Untrusted)];
    let record = settled(&case).1.commit.map_or(case.record, |commit| commit.record);
    assert_eq!(record.awaiting_echo, Some(2), "somebody else's call is no echo");
}

#[test]
fn a_default_that_moved_unreported_is_told_a_minute_after_our_own_write() {
    for (ms, expected) in [(MINUTE_MS - 1, false), (MINUTE_MS, true)] {
        let mut case = calm();
        case.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
        case.record.awaiting_echo = Some(2);
        case.record.updated = case.now.plus_ms(-ms);
        assert_eq!(told(&case, "edit_reverted").is_some(), expected, "{ms}");
    }
}

#[test]
fn an_attempt_that_failed_does_not_hide_that_the_default_has_moved() {
    let mut case = calm();
    case.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
    case.edits = vec![promoted("f", 99, 2, Untrusted)];
    case.edits[0].edit.failed = Some("AccessDenied".to_owned());
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted", "attempt_denied"]);
}

#[test]
fn a_new_accounts_wait_is_believed_for_the_policys_minutes() {
    for (ms, expected) in [(120 * MINUTE_MS - 1, Standing::Waiting), (120 * MINUTE_MS, Standing::Unreachable)] {
        let mut case = case();
        case.cause = Cause::Swept;
        case.observation = unknown();
        case.record.standing = Standing::Waiting;
        case.record.updated = case.now.plus_ms(-ms);
        let record = settled(&case).1.commit.map_or(case.record, |commit| commit.record);
        assert_eq!(record.standing, expected, "{ms}");
    }
}

#[test]
fn whatever_is_promoted_counts_towards_the_echo_that_is_waited_for() {
    let mut case = calm();
    case.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
    case.edits = vec![promoted("m", 80, 1, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(decision.write, Some(Write::Promote { version: 2 }));
    assert_eq!(settlement.commit.unwrap().record.awaiting_echo, Some(2));
}

#[test]
fn what_is_remembered_of_a_document_of_another_content_is_that_content() {
    let mut case = wrong();
    case.resolution.mode = Mode::Observe;
    let accounted = settled(&case).1.commit.unwrap().record.accounted.unwrap();
    assert_eq!(accounted.body, Some(body(&right_but("runAsEnabled", false))));
    case.observation = document(&[(2, 20, body(&right())), (3, 95, Body::Invalid { why: "no JSON".to_owned() })], 3);
    let accounted = settled(&case).1.commit.unwrap().record.accounted.unwrap();
    assert_eq!(accounted.body, Some(Body::Invalid { why: "no JSON".to_owned() }));
    case.observation = Observation::Absent;
    assert_eq!(settled(&case).1.commit.unwrap().record.accounted, None);
}

#[test]
fn a_pipeline_that_goes_on_and_on_is_kept_off_longer_than_anybody_else() {
    for (attribution, until) in [(Trusted, 400), (Untrusted, 110)] {
        let mut case = wrong();
        case.edits = vec![wrote("t", 95, 3, attribution)];
        case.record.heat = Heat { milli: 9_000, at: at(100), backoffs: 9, not_before: None };
        assert_eq!(settled(&case).1.commit.unwrap().record.heat.not_before, Some(at(until)));
    }
}

#[test]
fn a_new_account_is_remembered_from_when_it_was_vended() {
    for (cause, expected) in [(Cause::Vended, Some(at(98))), (Cause::Touched, None), (Cause::Swept, None)] {
        let mut case = case();
        case.cause = cause;
        assert_eq!(settled(&case).1.commit.unwrap().record.vended, expected, "{cause:?}");
    }
}

#[test]
fn how_a_target_stands_that_cannot_be_read_or_written() {
    let standing = |case: &Case, applied: &Applied| {
        let commit = settle(case, &decide(case), applied).commit;
        commit.map_or(case.record.standing, |commit| commit.record.standing)
    };
    let mut vended = case();
    (vended.cause, vended.observation) = (Cause::Vended, unknown());
    assert_eq!(standing(&vended, &Applied::Nothing), Standing::Waiting);
    vended.record.standing = Standing::Unreachable;
    assert_eq!(standing(&vended, &Applied::Nothing), Standing::Unreachable, "told before, and not over");
    vended.record.standing = Standing::Waiting;
    vended.since = vended.now.plus_ms(-120 * MINUTE_MS);
    assert_eq!(standing(&vended, &Applied::Nothing), Standing::Unreachable, "its time is over");
    let mut outpaced = wrong();
    outpaced.since = outpaced.now.plus_ms(-MINUTE_MS);
    assert_eq!(standing(&outpaced, &Applied::Refused(Refusal::Moved)), Standing::BackingOff);
    outpaced.hop = HOPS_MAX;
    assert_eq!(standing(&outpaced, &Applied::Refused(Refusal::Moved)), Standing::Unreachable, "it is not tried again");
    let refused = settle(&wrong(), &decide(&wrong()), &Applied::Refused(Refusal::Replacing));
    assert_eq!(refused.commit, None);
    outpaced.hop = 0;
    let refused = settle(&outpaced, &decide(&outpaced), &Applied::Refused(Refusal::Replacing)).commit.unwrap();
    assert_eq!(refused.record.deleted_by_us, Some(outpaced.now));
}
