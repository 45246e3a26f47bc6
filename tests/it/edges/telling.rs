//! Who is told, how loud, and in what words.

use runas_reactor::domain::case::{AttributedEdit, Case};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Heat, Incident, Standing};
use runas_reactor::domain::settle::HOPS_MAX;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::MINUTE_MS;
use serde_json::json;

use crate::core_review::cases::{
    alerts, at, body, case, document, edit, judged, promoted, right, right_but, settled, unknown, wrote,
};

use super::settling::{calm, incident, told, wrong};

#[test]
fn a_pipeline_that_writes_what_is_there_already_is_nobodys_attempt() {
    let failed = |code: &str, attribution| {
        let mut case = calm();
        let mut edit = edit("f", 99, Action::Updated { version: None }, attribution);
        edit.edit.failed = Some(code.to_owned());
        case.edits = vec![edit];
        told(&case, "attempt_denied").is_some()
    };
    assert!(!failed("DuplicateDocumentContent", Trusted));
    assert!(failed("AccessDenied", Trusted) && failed("UnauthorizedOperation", Trusted));
    assert!(failed("DuplicateDocumentContent", Untrusted));
}

#[test]
fn an_edit_names_the_event_that_made_it() {
    let event = |edits: Vec<AttributedEdit>| {
        let mut case = wrong();
        case.edits = edits;
        let alert = told(&case, "edit_reverted").unwrap();
        alert.data["edits"][0]["event_id"].as_str().map(str::to_owned)
    };
    let mut failed = wrote("f", 94, 3, Untrusted);
    failed.edit.failed = Some("AccessDenied".to_owned());
    assert_eq!(event(vec![failed, wrote("u", 95, 3, Untrusted)]).as_deref(), Some("u"));
    assert_eq!(event(vec![edit("n", 95, Action::Updated { version: None }, Untrusted)]).as_deref(), Some("n"));
    let other = edit("o", 95, Action::SharingChanged, Untrusted);
    assert_eq!(event(vec![other, wrote("u", 95, 3, Untrusted)]).as_deref(), Some("u"));
}

#[test]
fn an_edit_is_as_loud_as_it_is_bad_and_as_the_mode_is() {
    let severity = |mode, attribution, content: &serde_json::Value| {
        let mut case = calm();
        case.resolution.mode = mode;
        case.observation = document(&[(2, 20, body(&right())), (3, 95, body(content))], 3);
        case.edits = vec![wrote("u", 95, 3, attribution)];
        alerts(&settled(&case).1).into_iter().find(|alert| alert.id.starts_with("edit:")).map(|alert| alert.severity)
    };
    let evil = right_but("runAsEnabled", false);
    assert_eq!(severity(Mode::Enforce, Untrusted, &evil), Some(Severity::High));
    assert_eq!(severity(Mode::Observe, Untrusted, &evil), Some(Severity::Warning));
    assert_eq!(severity(Mode::Exempt, Untrusted, &evil), Some(Severity::Info));
    assert_eq!(severity(Mode::Enforce, BreakGlass, &evil), Some(Severity::High));
    let mut case = calm();
    case.edits = vec![edit("s", 99, Action::SharingChanged, Untrusted)];
    assert_eq!(told(&case, "edit_noticed").unwrap().severity, Severity::Warning);
}

#[test]
fn what_is_told_as_done_fits_the_mode() {
    let done = |mode| {
        let mut case = wrong();
        case.resolution.mode = mode;
        let alert = alerts(&settled(&case).1).into_iter().find(|alert| alert.id.starts_with("edit:")).unwrap();
        alert.data["done"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [Mode::Enforce, Mode::Observe, Mode::Exempt].map(done),
        ["reverted", "observed, not touched", "exempt, not touched"]
    );
}

#[test]
fn the_name_of_a_late_author_is_told_unless_it_was_known() {
    let late = |before: Option<&str>, by_our_role| {
        let mut case = calm();
        let mut version = judged(2, 20, Unattributed, &right_but("kmsKeyId", "k"), &right());
        version.principal = before.map(crate::core_review::cases::principal);
        case.record.recent = vec![version];
        let mut call = wrote("u", 20, 2, Untrusted);
        call.by_our_role = by_our_role;
        case.edits = vec![call];
        told(&case, "author_known").map(|alert| alert.text)
    };
    assert!(late(None, false).unwrap().contains("(told before without a name)"));
    assert!(late(Some("eve"), false).unwrap().contains("(told before as by eve)"));
    assert_eq!(late(Some("mallory"), false), None, "a presumption that proves right is no news");
    assert_eq!(late(None, true), None);
}

#[test]
fn a_name_that_becomes_known_in_a_war_that_names_it_already_is_no_news() {
    for (opponent, known, expected) in [("mallory", true, false), ("eve", true, true), ("mallory", false, true)] {
        let mut case = calm();
        case.record.recent = vec![judged(2, 20, Unattributed, &right_but("kmsKeyId", "k"), &right())];
        case.record.heat = Heat { milli: 6_000, at: at(90), backoffs: 1, not_before: None };
        let opponents = vec![format!("arn:aws:iam::444455556666:role/{opponent}")];
        case.record.incident = Some(Incident { escalated: known, opponents, ..incident() });
        case.edits = vec![wrote("u", 20, 2, Untrusted)];
        assert_eq!(told(&case, "author_known").is_some(), expected, "{opponent} {known}");
    }
}

#[test]
fn somebody_unknown_is_an_opponent_too() {
    let mut case = wrong();
    case.edits = Vec::new();
    case.record.accepted = Some(crate::core_review::cases::content(&right_but("runAsEnabled", false)));
    let commit = settled(&case).1.commit.unwrap();
    assert_eq!(commit.record.incident.unwrap().opponents, ["somebody unknown"]);
}

#[test]
fn the_end_of_a_war_is_told_when_it_has_cooled_to_half_of_the_limit() {
    for (milli, over) in [(2_500, true), (2_501, false)] {
        let mut case = calm();
        case.record.heat = Heat { milli, at: case.now, backoffs: 0, not_before: None };
        case.record.incident = Some(Incident { escalated: true, ..incident() });
        assert_eq!(told(&case, "peace").is_some(), over, "{milli}");
    }
}

#[test]
fn the_end_of_being_unreachable_is_told_but_not_while_waiting() {
    let mut case = calm();
    case.record.standing = Standing::Unreachable;
    assert!(told(&case, "reachable_again").is_some());
    case.record.standing = Standing::Drifted;
    assert!(told(&case, "reachable_again").is_none());
}

#[test]
fn only_what_is_set_is_to_be_reviewed_at_first_sight() {
    let adopted = |inputs: &serde_json::Value| {
        let mut case = case();
        case.observation = document(&[(1, 10, body(inputs))], 1);
        told(&case, "adopted").map(|alert| alert.text)
    };
    let empty =
        json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", "kmsKeyId": "", "cloudWatchLogGroupName": "" });
    assert_eq!(adopted(&empty), None);
    let mut one = empty.clone();
    one["kmsKeyId"] = json!("alias/k");
    let text = adopted(&one).unwrap();
    assert!(text.contains("alias/k") && !text.contains("cloudWatchLogGroupName"), "{text}");
    one["shellProfile"] = json!({ "linux": "date", "windows": "" });
    assert!(adopted(&one).unwrap().contains("date"));
}

#[test]
fn an_account_that_hears_no_echo_for_the_policys_minutes_is_blind() {
    for (ms, expected) in [(120 * MINUTE_MS - 1, false), (120 * MINUTE_MS, true)] {
        let mut case = calm();
        case.record.awaiting_echo = Some(2);
        case.cause = Cause::Vended;
        case.since = case.now.plus_ms(-ms);
        assert_eq!(told(&case, "forwarder_blind").is_some(), expected, "vended, {ms}");
        case.cause = Cause::Swept;
        case.record.updated = case.now.plus_ms(-ms);
        assert_eq!(told(&case, "forwarder_blind").is_some(), expected, "swept, {ms}");
        case.record.awaiting_echo = None;
        assert!(told(&case, "forwarder_blind").is_none(), "it came back");
    }
}

#[test]
fn what_is_told_as_done_is_what_was_done() {
    let told = |case: &Case| {
        let alert = alerts(&settled(case).1).into_iter().find(|alert| alert.id.starts_with("edit:")).unwrap();
        (alert.data["done"].as_str().unwrap().to_owned(), alert.text)
    };
    let mut rollback = calm();
    rollback.observation = document(&[(1, 10, body(&right_but("runAsEnabled", false))), (2, 20, body(&right()))], 1);
    rollback.edits = vec![promoted("m", 80, 1, Untrusted)];
    let (done, text) = told(&rollback);
    assert!(done == "reverted" && text.contains("made version 2 the default again"), "{text}");
    let mut held = wrong();
    held.edits[0].attribution = BreakGlass;
    let (done, text) = told(&held);
    assert!(done == "held" && text.contains("left as it is until"), "{text}");
    let mut unreadable = wrong();
    unreadable.observation = unknown();
    unreadable.hop = HOPS_MAX;
    assert_eq!(told(&unreadable).0, "NOT readable");
}

#[test]
fn an_attempt_is_told_as_what_it_would_have_done() {
    for (action, expected) in [
        (Action::Deleted, "a call that would have deleted the document failed"),
        (Action::Updated { version: None }, "a call that would have written a version failed"),
    ] {
        let mut case = calm();
        case.edits = vec![edit("f", 99, action, Untrusted)];
        case.edits[0].edit.failed = Some("AccessDenied".to_owned());
        let text = told(&case, "attempt_denied").unwrap().text;
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_late_name_says_what_becomes_of_the_change() {
    for (attribution, expected) in [(Trusted, "its change is taken over now"), (Untrusted, "its change stays dropped")]
    {
        let mut case = calm();
        case.record.recent = vec![judged(2, 20, Unattributed, &right(), &right_but("kmsKeyId", "k"))];
        case.edits = vec![wrote("l", 20, 2, attribution)];
        let text = told(&case, "author_known").unwrap().text;
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn what_stays_wrong_has_an_end_to_be_told() {
    let mut held = wrong();
    held.edits[0].attribution = BreakGlass;
    let incident_of = |case: &Case| settled(case).1.commit.unwrap().record.incident.unwrap();
    assert!(incident_of(&held).announce_end);
    assert!(!incident_of(&wrong()).announce_end, "what is put right at once is over");
    let mut again = wrong();
    again.record.incident = Some(Incident { opponents: vec!["x".to_owned(), "y".to_owned()], ..incident() });
    assert_eq!(incident_of(&again).opponents, ["arn:aws:iam::444455556666:role/mallory", "x", "y"]);
    // Where nothing is governed any more, there is nothing to put right.
    let mut exempt = wrong();
    exempt.edits = Vec::new();
    exempt.resolution.mode = Mode::Exempt;
    exempt.record.accounted.as_mut().unwrap().version = 3;
    exempt.record.accounted.as_mut().unwrap().created = Some(at(95));
    exempt.record.incident = Some(incident());
    assert!(told(&exempt, "peace").is_some());
}
