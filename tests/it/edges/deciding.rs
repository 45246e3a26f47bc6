//! What is not visible yet, what another invocation is about to commit, and what a hold is made of.

use runas_reactor::domain::advance::same_document;
use runas_reactor::domain::case::{AttributedEdit, Case, Verdict, WaitsOn};
use runas_reactor::domain::decide::{decide, invisible, replacing};
use runas_reactor::domain::document::Body;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::observation::{Observation, Obstacle, Status, Unreadable};
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Accounted, Heat, Record};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{MINUTE_MS, SECOND_MS};
use serde_json::json;

use crate::core_review::cases::{
    at, body, case, document, edit, in_sync, judged, promoted, right, right_but, seen, settled, wrote,
};

type ChangeTo<T> = fn(&mut T);

/// In sync at version 2 of second 20, over version 1; it is second 100 now.
fn calm() -> Case {
    let mut case = case();
    case.record = in_sync(2, 20);
    case.observation = document(&[(1, 10, body(&right())), (2, 20, body(&right()))], 2);
    case
}

fn unsettled(case: &Case) -> bool {
    matches!(decide(case).verdict, Verdict::Unsettled { .. })
}

fn is_invisible(case: &Case, edit: &AttributedEdit) -> bool {
    let mut case = case.clone();
    let seen = seen(&mut case).clone();
    invisible(&case, Some(&seen), edit)
}

#[test]
fn only_a_call_that_took_place_and_was_not_told_can_be_invisible() {
    let call = || wrote("e", 99, 3, Untrusted);
    assert!(is_invisible(&calm(), &call()));
    let mut seen = call();
    seen.seen = true;
    let mut failed = call();
    failed.edit.failed = Some("AccessDenied".to_owned());
    assert!(!is_invisible(&calm(), &seen) && !is_invisible(&calm(), &failed));
    let mut late = calm();
    late.hop = 6;
    assert!(is_invisible(&late, &call()), "a chain of messages may have come for other reasons");
    late.now = at(99).plus_ms(MINUTE_MS - 1);
    assert!(is_invisible(&late, &call()));
    late.now = at(99).plus_ms(MINUTE_MS);
    assert!(!is_invisible(&late, &call()));
}

#[test]
fn without_a_document_only_a_version_by_a_trusted_hand_is_still_to_come() {
    let mut case = calm();
    case.observation = Observation::Absent;
    let shared = |attribution| edit("s", 99, Action::SharingChanged, attribution);
    for (edit, expected) in [
        (wrote("e", 99, 3, Trusted), true),
        (wrote("e", 99, 3, Untrusted), false),
        (shared(Trusted), false),
        (shared(Untrusted), false),
    ] {
        assert_eq!(invisible(&case, None, &edit), expected, "{edit:?}");
    }
}

#[test]
fn a_move_of_the_default_is_visible_after_ten_seconds_and_ours_at_once() {
    for (seconds, ours, expected) in [(9, false, true), (10, false, false), (9, true, false)] {
        let mut case = calm();
        case.now = at(90 + seconds);
        let mut moved = promoted("m", 90, 1, Untrusted);
        moved.by_our_role = ours;
        assert_eq!(is_invisible(&case, &moved), expected, "{seconds} s, ours: {ours}");
    }
    assert!(!is_invisible(&calm(), &promoted("m", 99, 2, Untrusted)), "it is the default");
}

#[test]
fn a_deletion_is_not_visible_while_the_document_that_we_knew_is_there() {
    let deleted = edit("d", 99, Action::Deleted, Untrusted);
    assert!(is_invisible(&calm(), &deleted));
    let mut other = calm();
    seen(&mut other).versions.iter_mut().for_each(|version| version.created = at(30));
    assert!(!is_invisible(&other, &deleted), "this is another document");
    other.record.accounted = None;
    assert!(is_invisible(&other, &deleted), "where we knew none, it may be the one");
}

#[test]
fn a_document_that_is_being_deleted_is_waited_for_a_few_looks() {
    for (hop, expected) in [(5, true), (6, false)] {
        let mut case = calm();
        case.hop = hop;
        seen(&mut case).versions[0].status = Status::Deleting;
        assert_eq!(unsettled(&case), expected, "{hop}");
    }
}

#[test]
fn a_version_that_landed_five_seconds_ago_by_our_clock_is_ours() {
    for (ms, expected) in [(5 * SECOND_MS, true), (5 * SECOND_MS + 1, false)] {
        let mut case = calm();
        case.record.accounted =
            Some(Accounted { version: 2, created: None, landed: Some(at(20)), base: None, body: None });
        seen(&mut case).versions[0].created = at(20).plus_ms(ms);
        let there = seen(&mut case).clone();
        assert_eq!(same_document(&case.record, &there), expected, "{ms}");
    }
}

/// Version 3 is two seconds old, called like one of ours, and holds more than we know of.
fn unfinished() -> Case {
    let mut case = calm();
    case.observation = document(&[(2, 20, body(&right())), (3, 98, body(&right_but("kmsKeyId", "k")))], 3);
    case.edits = vec![wrote("e", 98, 3, Untrusted)];
    seen(&mut case).versions[0].name = Some("runas-reactor-1".to_owned());
    case
}

#[test]
fn a_version_called_like_ours_is_waited_for_while_all_we_own_is_right() {
    assert!(unsettled(&unfinished()));
    let changes: [(&str, ChangeTo<Case>); 7] = [
        ("ten seconds old", |case| case.now = at(108)),
        ("without a name", |case| seen(case).versions[0].name = None),
        ("called otherwise", |case| seen(case).versions[0].name = Some("lza".to_owned())),
        ("wrong in what we own", |case| {
            let wrong = json!({ "runAsEnabled": false, "kmsKeyId": "k" });
            seen(case).latest.body = body(&wrong);
        }),
        ("under a wrong default", |case| {
            seen(case).default.number = 2;
            seen(case).default.body = body(&right_but("runAsEnabled", false));
        }),
        ("accounted for", |case| {
            let body = seen(case).latest.body.clone();
            let there = Accounted { version: 3, created: Some(at(98)), landed: None, base: None, body: Some(body) };
            case.record.accounted = Some(there);
        }),
        ("only observed", |case| case.resolution.mode = Mode::Observe),
    ];
    for (what, change) in changes {
        let mut case = unfinished();
        change(&mut case);
        assert!(!unsettled(&case), "{what}");
    }
}

#[test]
fn what_runs_code_under_a_name_like_ours_is_waited_for_where_friends_made_us_look() {
    let profile = json!({ "linux": "id", "windows": "" });
    let looks = |edits: Vec<AttributedEdit>| {
        let mut case = unfinished();
        seen(&mut case).latest.body = body(&right_but("shellProfile", profile.clone()));
        case.edits = edits;
        unsettled(&case)
    };
    // None of them made the version itself.
    let friend = || promoted("f", 98, 3, Trusted);
    let mut ours = promoted("o", 98, 3, Untrusted);
    ours.by_our_role = true;
    let foe = || promoted("u", 98, 3, Untrusted);
    assert!(looks(vec![friend()]) && looks(vec![ours]));
    assert!(!looks(vec![foe()]) && !looks(vec![friend(), foe()]));
}

/// Who broke the glass, and until when that stands.
fn held(case: &Case) -> Option<(String, runas_reactor::domain::time::Time)> {
    let wait = decide(case).wait?;
    match wait.on {
        WaitsOn::Hold(hold) => Some((hold.why, wait.until)),
        WaitsOn::EditWar | WaitsOn::Obstacle | WaitsOn::Visibility => None,
    }
}

#[test]
fn an_emergency_that_deletes_or_moves_the_default_stands_for_its_hour_too() {
    let mut gone = calm();
    gone.observation = Observation::Absent;
    gone.edits = vec![edit("d", 99, Action::Deleted, BreakGlass)];
    assert_eq!(held(&gone), Some(("break-glass by somebody".replace("somebody", &name(&gone)), at(3_700))));
    let mut moved = calm();
    moved.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
    moved.edits = vec![promoted("m", 99, 1, BreakGlass)];
    assert_eq!(held(&moved), Some((format!("break-glass by {}", name(&moved)), at(3_700))));
    moved.edits[0].attribution = Trusted;
    assert_eq!(held(&moved), None);
    moved.edits[0].attribution = BreakGlass;
    moved.edits[0].edit.failed = Some("AccessDenied".to_owned());
    assert_eq!(held(&moved), None);
}

fn name(case: &Case) -> String {
    case.edits[0].edit.principal.name.clone().unwrap()
}

#[test]
fn a_hold_is_over_at_the_moment_that_it_names() {
    let mut case = calm();
    case.observation = document(&[(2, 20, body(&right())), (3, 50, body(&right_but("runAsEnabled", false)))], 3);
    case.edits = vec![wrote("b", 50, 3, BreakGlass)];
    case.now = at(3_650).plus_ms(-1);
    assert_eq!(held(&case).unwrap().1, at(3_650));
    case.now = at(3_650);
    assert!(decide(&case).write.is_some());
}

#[test]
fn a_late_name_of_a_version_that_is_no_longer_the_latest_ends_no_hold() {
    let emergency = right_but("runAsEnabled", false);
    for (number, holds) in [(2, true), (3, false)] {
        let mut case = calm();
        case.record.recent =
            vec![judged(3, 50, Unattributed, &right(), &emergency), judged(2, 20, Unattributed, &right(), &right())];
        case.record.hold = Some(runas_reactor::domain::record::Hold {
            until: at(900),
            attribution: BreakGlass,
            why: "break-glass".to_owned(),
        });
        case.record.accounted.as_mut().unwrap().version = 3;
        case.record.accounted.as_mut().unwrap().created = Some(at(50));
        case.record.accounted.as_mut().unwrap().body = Some(body(&emergency));
        case.observation = document(&[(2, 20, body(&right())), (3, 50, body(&emergency))], 3);
        let when = if number == 2 { 20 } else { 50 };
        case.edits = vec![wrote("u", when, number, Untrusted)];
        assert_eq!(held(&case).is_some(), holds, "version {number}");
    }
}

#[test]
fn an_edit_war_with_a_pipeline_is_over_at_the_moment_that_it_names() {
    for (until, waits) in [(101, true), (100, false)] {
        let mut case = calm();
        case.observation = document(&[(2, 20, body(&right())), (3, 98, body(&right_but("runAsEnabled", false)))], 3);
        case.edits = vec![wrote("t", 98, 3, Trusted)];
        case.record.heat = Heat { milli: 6_000, at: at(50), backoffs: 3, not_before: Some(at(until)) };
        assert_eq!(decide(&case).write.is_none(), waits, "{until}");
    }
}

#[test]
fn neither_old_news_nor_a_failed_call_nor_our_own_cuts_a_pipelines_patience_short() {
    let changes: [(ChangeTo<AttributedEdit>, bool); 4] = [
        (|_| {}, true),
        (|edit| edit.seen = true, false),
        (|edit| edit.edit.failed = Some("AccessDenied".to_owned()), false),
        (|edit| edit.by_our_role = true, false),
    ];
    for (nth, (change, writes)) in changes.into_iter().enumerate() {
        let mut case = calm();
        case.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
        case.record.heat = Heat { milli: 6_000, at: at(50), backoffs: 3, not_before: Some(at(300)) };
        let mut moved = promoted("m", 20, 1, Untrusted);
        change(&mut moved);
        case.edits = vec![moved];
        assert_eq!(decide(&case).write.is_some(), writes, "change {nth}");
    }
}

#[test]
fn the_reason_says_what_is_wrong() {
    let wrong = right_but("runAsEnabled", false);
    let evil = right_but("kmsKeyId", "k");
    for (latest, default, expected) in [
        (body(&wrong), 3, "owned fields differ from the baseline (defaults)"),
        (body(&evil), 3, "fields were changed by a hand that we do not trust"),
        (body(&right()), 2, "the default version is 2, not the latest (3)"),
        (Body::Invalid { why: "no JSON".to_owned() }, 3, "version 3 is no Session document: no JSON"),
    ] {
        let mut case = calm();
        case.observation = document(&[(2, 20, body(&right())), (3, 30, latest)], default);
        case.edits = vec![wrote("u", 30, 3, Untrusted)];
        assert_eq!(decide(&case).reasons[0], expected);
    }
}

#[test]
fn an_unreadable_author_still_leaves_the_accepted_content() {
    let mut case = calm();
    case.record = Record { accepted: None, accounted: None, ..Record::default() };
    case.edits = vec![wrote("u", 20, 2, Unattributed)];
    assert_eq!(settled(&case).0.verdict, Verdict::InSync);
}

#[test]
fn a_region_that_is_off_is_waited_for_only_in_a_new_account() {
    let waits = |cause, obstacle| {
        let mut case = calm();
        case.cause = cause;
        case.observation = Observation::Unknown(Unreadable { obstacle, detail: "x".to_owned() });
        decide(&case).wait.is_some()
    };
    assert!(waits(Cause::Vended, Obstacle::RegionOff) && waits(Cause::Touched, Obstacle::Denied));
    assert!(!waits(Cause::Touched, Obstacle::RegionOff) && !waits(Cause::Swept, Obstacle::Denied));
}

#[test]
fn a_replacement_takes_fifteen_seconds_and_no_more() {
    for (ms, expected) in [(-1, false), (0, true), (15 * SECOND_MS - 1, true), (15 * SECOND_MS, false)] {
        let mut case = calm();
        case.record.deleted_by_us = Some(case.now.plus_ms(-ms));
        assert_eq!(replacing(&case).is_some(), expected, "{ms}");
    }
}
