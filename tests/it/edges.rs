//! Where a number or a condition begins to matter.

mod authors;
mod deciding;
mod presuming;
mod settling;
mod telling;
mod unheard;

use runas_reactor::domain::advance::{REPLAYED_MAX, advance, near, same_document, wanted};
use runas_reactor::domain::case::{Applied, Case, Verdict, WaitsOn};
use runas_reactor::domain::decide::{decide, replaced_by_us};
use runas_reactor::domain::decode::{batch, decode};
use runas_reactor::domain::document::Body;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::heat::after_revert;
use runas_reactor::domain::policy::{ExemptionNote, Mode};
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Accounted, Heat, Hold, Record};
use runas_reactor::domain::settle::{delay_s, settle};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS, Time};
use serde_json::json;

use crate::core_review::cases::{
    alerts, at, body, case, document, edit, in_sync, right, right_but, seen, settled, unknown, wrote,
};

/// Version 1 is accounted for; after it come others, a second apart, of which the look has read none but the last.
fn unread(latest: u64) -> Case {
    let versions: Vec<_> = (1..=latest).map(|n| (n, i64::try_from(n).unwrap(), body(&right()))).collect();
    let mut case = case();
    case.record = in_sync(1, 1);
    case.observation = document(&versions, latest);
    seen(&mut case).between.clear();
    case
}

/// Version 2 follows the accounted one at second 20, with an edit of somebody's.
fn followed() -> Case {
    let mut case = case();
    case.record = in_sync(1, 10);
    case.observation = document(&[(1, 10, body(&right())), (2, 20, body(&right_but("kmsKeyId", "k")))], 2);
    case
}

fn author(case: &Case) -> runas_reactor::domain::principal::Attribution {
    let mut case = case.clone();
    let seen = seen(&mut case).clone();
    advance(&case, &seen).judged.last().unwrap().attribution
}

#[test]
fn ten_versions_are_read_and_eleven_are_not_followed() {
    let most = u64::try_from(REPLAYED_MAX).unwrap();
    for (latest, expected) in [(4, 2..4), (most + 1, 2..most + 1), (most + 2, 0..0)] {
        let mut case = unread(latest);
        let seen = seen(&mut case).clone();
        assert!(wanted(&case, &seen).into_iter().eq(expected.clone()), "{latest}");
        let gap = advance(&case, &seen).gap.unwrap();
        assert_eq!(gap.ends_with("too many to follow"), expected.is_empty(), "{gap}");
    }
    let mut case = unread(4);
    seen(&mut case).between.insert(2, body(&right()));
    let there = seen(&mut case).clone();
    assert!(wanted(&case, &there).into_iter().eq([3]), "what was read is not read again");
}

#[test]
fn a_version_that_is_missing_between_others_is_a_gap() {
    let mut case = case();
    case.record = in_sync(1, 10);
    case.observation = document(&[(1, 10, body(&right())), (3, 30, body(&right()))], 3);
    let seen = seen(&mut case).clone();
    assert_eq!(advance(&case, &seen).gap.as_deref(), Some("a version since the last look was deleted"));
}

#[test]
fn a_call_and_a_version_are_near_within_a_quarter_of_an_hour() {
    let call = wrote("e", 0, 2, Untrusted);
    for (ms, expected) in [(0, true), (15 * MINUTE_MS, true), (15 * MINUTE_MS + 1, false)] {
        assert_eq!(near(&call, at(0).plus_ms(ms)), expected, "{ms}");
        assert_eq!(near(&call, at(0).plus_ms(-ms)), expected, "-{ms}");
    }
}

#[test]
fn after_fifteen_days_only_the_number_of_a_version_counts() {
    for (ms, expected) in [(15 * DAY_MS, Unattributed), (15 * DAY_MS + 1, Untrusted)] {
        let mut case = followed();
        case.edits = vec![wrote("e", 20, 2, Untrusted)];
        case.edits[0].edit.at = case.now.plus_ms(-ms);
        assert_eq!(author(&case), expected, "{ms}");
    }
}

#[test]
fn a_trusted_call_vouches_for_no_version_whose_predecessor_is_a_second_younger() {
    for (ms, expected) in [(1_000, Unattributed), (999, Trusted)] {
        let mut case = followed();
        let third = body(&right_but("kmsKeyId", "m"));
        let second = body(&right_but("kmsKeyId", "k"));
        case.observation = document(&[(1, 10, body(&right())), (2, 20, second), (3, 21, third)], 3);
        case.edits = vec![wrote("e", 20, 3, Trusted)];
        case.edits[0].edit.at = at(20).plus_ms(-ms);
        assert_eq!(author(&case), expected, "{ms}");
    }
}

#[test]
fn only_a_deletion_in_between_takes_a_trusted_call_its_word() {
    for (deleted, expected) in [(15, Trusted), (19, Unattributed), (20, Unattributed), (25, Trusted)] {
        let mut case = followed();
        case.edits = vec![wrote("e", 19, 2, Trusted), edit("d", deleted, Action::Deleted, Untrusted)];
        assert_eq!(author(&case), expected, "{deleted}");
    }
}

#[test]
fn a_call_without_a_number_made_the_only_new_version() {
    let mut case = followed();
    case.edits = vec![edit("e", 20, Action::Updated { version: None }, Trusted)];
    assert_eq!(author(&case), Trusted);
}

#[test]
fn a_document_without_the_accounted_version_is_the_same_if_something_older_stands_in_it() {
    for (accounted, created, expected) in [(5, 10, true), (5, 8, true), (7, 8, false)] {
        let mut case = case();
        case.record = in_sync(accounted, created);
        case.observation = document(&[(4, 9, body(&right())), (6, 60, body(&right())), (7, 70, body(&right()))], 7);
        if accounted == 7 {
            seen(&mut case).versions.retain(|version| version.number != 7);
        }
        let there = seen(&mut case).clone();
        assert_eq!(same_document(&case.record, &there), expected, "{accounted} of {created}");
    }
}

#[test]
fn what_we_left_invalid_is_known_by_what_was_wrong_with_it() {
    let invalid = |why: &str| Body::Invalid { why: why.to_owned() };
    let mut case = case();
    case.observation = document(&[(1, 10, body(&right())), (2, 20, invalid("this"))], 2);
    for (why, expected) in [("this", true), ("that", false)] {
        case.record.accounted =
            Some(Accounted { version: 2, created: None, landed: None, base: None, body: Some(invalid(why)) });
        let there = seen(&mut case).clone();
        assert_eq!(same_document(&case.record, &there), expected, "{why}");
    }
}

#[test]
fn patience_with_what_cannot_be_read_ends_with_the_policys_minutes() {
    for (ms, waits) in [(120 * MINUTE_MS - 1, true), (120 * MINUTE_MS, false)] {
        let mut case = case();
        case.observation = unknown();
        case.since = case.now.plus_ms(-ms);
        assert_eq!(decide(&case).wait.is_some(), waits, "{ms}");
    }
}

#[test]
fn what_is_not_visible_yet_is_looked_for_six_times_five_seconds_apart() {
    for (hop, waits) in [(5, true), (6, false)] {
        let mut case = followed();
        case.record.accounted =
            Some(Accounted { version: 3, created: Some(at(30)), landed: None, base: None, body: None });
        case.record.updated = case.now.plus_ms(-MINUTE_MS);
        case.hop = hop;
        let wait = decide(&case).wait.filter(|wait| wait.on == WaitsOn::Visibility);
        assert_eq!(wait.map(|wait| wait.until), waits.then(|| case.now.plus_ms(5 * SECOND_MS)), "{hop}");
    }
}

#[test]
fn a_call_that_made_the_latest_version_is_not_waited_for() {
    let mut case = followed();
    case.observation = document(&[(1, 10, body(&right())), (2, 20, body(&right()))], 2);
    case.edits = vec![wrote("e", 21, 2, Untrusted)];
    assert_eq!(decide(&case).verdict, Verdict::InSync);
    case.edits = vec![wrote("e", 19, 3, Untrusted)];
    assert_eq!(decide(&case).verdict, Verdict::InSync, "nor one that is older");
    // Events tell whole seconds: this one may have come after it.
    case.edits = vec![wrote("e", 20, 3, Untrusted)];
    assert!(matches!(decide(&case).verdict, Verdict::Unsettled { .. }));
}

#[test]
fn what_we_replaced_is_ours_for_a_quarter_of_an_hour() {
    let mut case = followed();
    case.record.deleted_by_us = Some(at(0));
    for (ms, expected) in [(15 * MINUTE_MS, true), (15 * MINUTE_MS + 1, false), (-15 * MINUTE_MS, true)] {
        assert_eq!(replaced_by_us(&case, at(0).plus_ms(ms)), expected, "{ms}");
    }
}

#[test]
fn a_hold_over_an_absent_document_is_ended_by_a_foreign_deletion_only() {
    let hold = Hold { until: at(500), attribution: Trusted, why: "a pipeline replaces it".to_owned() };
    let denied = || {
        let mut denied = edit("d", 99, Action::Deleted, Untrusted);
        denied.edit.failed = Some("AccessDenied".to_owned());
        denied
    };
    let mut known = edit("k", 99, Action::Deleted, Untrusted);
    known.seen = true;
    for (edits, writes) in [
        (vec![], false),
        (vec![denied()], false),
        (vec![known], false),
        (vec![edit("s", 99, Action::SharingChanged, Untrusted)], false),
        (vec![edit("u", 99, Action::Deleted, Untrusted)], true),
    ] {
        let mut case = case();
        case.record = Record { hold: Some(hold.clone()), ..in_sync(2, 20) };
        case.edits = edits;
        assert_eq!(decide(&case).write.is_some(), writes, "{:?}", case.edits);
    }
}

#[test]
fn an_emergency_is_ended_by_a_foreign_move_of_the_default_that_took_place() {
    for (failed, writes) in [(Some("AccessDenied".to_owned()), false), (None, true)] {
        let mut case = followed();
        case.edits = vec![wrote("b", 20, 2, BreakGlass)];
        case.edits.push(edit("m", 30, Action::DefaultMoved { version: Some(1) }, Untrusted));
        case.edits[1].edit.failed = failed;
        assert_eq!(decide(&case).write.is_some(), writes);
    }
}

#[test]
fn a_new_account_is_watched_every_five_minutes_until_its_readiness_ends() {
    for (ms, waits) in [(120 * MINUTE_MS - 1, true), (120 * MINUTE_MS, false)] {
        let mut case = case();
        case.cause = Cause::Vended;
        case.since = case.now.plus_ms(-ms);
        let decision = decide(&case);
        let next = settle(&case, &decision, &Applied::Landed { version: 1, at: case.now }).next;
        let until = next.and_then(|(work, _)| work.not_before);
        assert_eq!(until, waits.then(|| case.now.plus_ms(5 * MINUTE_MS)), "{ms}");
    }
}

#[test]
fn a_delay_is_whole_seconds_and_never_too_short() {
    let after = |ms: i64| delay_s(at(0), at(0).plus_ms(ms));
    assert_eq!([-5, 0, 1, 1_000, 1_001, 900_000, 900_001].map(after), [0, 0, 1, 1, 2, 900, 900]);
}

#[test]
fn trusted_writers_at_war_are_kept_apart_for_at_most_five_minutes() {
    let heat = Heat { milli: 9_000, at: at(0), backoffs: 9, not_before: None };
    let until = |trusted| after_revert(&heat, &case().limits, at(0), trusted).not_before;
    assert_eq!(until(true), Some(at(300)));
    assert_eq!(until(false), Some(at(10)));
    let first = Heat { milli: 5_000, backoffs: 0, ..heat };
    assert_eq!(after_revert(&first, &case().limits, at(0), true).not_before, Some(at(2)));
}

#[test]
fn no_time_is_outside_the_years_that_can_be_written() {
    for ms in [i64::MIN, -300_000_000_000_000, 300_000_000_000_000, i64::MAX] {
        let text = Time::from_ms(ms).to_string();
        assert_eq!(text.parse::<Time>().unwrap(), Time::from_ms(ms), "{text}");
    }
    assert_eq!(Time::from_ms(i64::MIN), Time::from_ms(-Time::from_ms(i64::MAX).ms()));
}

#[test]
fn a_text_that_is_no_batch_is_one_message() {
    for text in ["x", "{}", r#"{"Records":1}"#] {
        let messages = batch(text);
        assert_eq!(messages.len(), 1);
        assert_eq!(decode(&messages[0].body), decode(text));
    }
    let two = json!({ "Records": [{ "messageId": "a", "body": "{}" }, { "messageId": "b", "body": "x" }] });
    let ids: Vec<_> = batch(&two.to_string()).into_iter().map(|message| message.id.unwrap()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn an_exemption_is_told_of_fourteen_and_two_days_before_its_end_and_once_each() {
    let warned = |left_ms: i64, before: Option<u8>| {
        let mut case = followed();
        let expires = case.now.plus_ms(left_ms);
        case.resolution.mode = Mode::Exempt;
        case.resolution.exemption =
            Some(ExemptionNote { reason: "r".to_owned(), owner: "team-net".to_owned(), expires });
        case.record.exemption_warned = before.map(|days| (expires, days));
        let (_, settlement) = settled(&case);
        let told = alerts(&settlement).iter().any(|alert| alert.kind == "exemption_ends");
        told.then(|| settlement.commit.unwrap().record.exemption_warned.unwrap().1)
    };
    for (left_ms, before, expected) in [
        (14 * DAY_MS + 1, None, None),
        (14 * DAY_MS, None, Some(14)),
        (14 * DAY_MS, Some(14), None),
        (2 * DAY_MS + 1, None, Some(14)),
        (2 * DAY_MS + 1, Some(14), None),
        (2 * DAY_MS, Some(14), Some(2)),
        (2 * DAY_MS, Some(2), None),
    ] {
        assert_eq!(warned(left_ms, before), expected, "{left_ms} {before:?}");
    }
}

#[test]
fn what_only_observes_tells_the_difference() {
    let mut case = case();
    case.record = in_sync(1, 10);
    case.observation = document(&[(1, 10, body(&right_but("runAsDefaultUser", "mallory")))], 1);
    case.resolution.mode = Mode::Observe;
    let (_, settlement) = settled(&case);
    let told = alerts(&settlement);
    let drift = told.iter().find(|alert| alert.kind == "drift_observed").unwrap();
    assert_eq!(drift.data["drift"][0], json!({ "field": "runAsDefaultUser", "from": "mallory", "to": "ops" }));
}

#[test]
fn an_author_without_a_name_is_an_opponent_by_his_arn() {
    let mut case = followed();
    case.edits = vec![wrote("e", 20, 2, Untrusted)];
    let (_, settlement) = settled(&case);
    let incident = settlement.commit.unwrap().record.incident.unwrap();
    assert_eq!(incident.opponents, ["arn:aws:iam::444455556666:role/mallory"]);
    assert_eq!(incident.edits, 1);
}

#[test]
fn a_new_account_is_late_after_the_policys_minutes() {
    for (ms, late) in [(5 * MINUTE_MS, false), (5 * MINUTE_MS + 1, true)] {
        let mut case = case();
        case.cause = Cause::Vended;
        case.since = case.now.plus_ms(-ms);
        let (_, settlement) = settled(&case);
        assert_eq!(alerts(&settlement).iter().any(|alert| alert.kind == "gap_too_long"), late, "{ms}");
        case.record.configured = Some(at(0));
        let (_, settlement) = settled(&case);
        assert!(!alerts(&settlement).iter().any(|alert| alert.kind == "gap_too_long"), "told before");
    }
}
