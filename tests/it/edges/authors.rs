//! Who made what: calls that come late, twice, or claim what somebody else made.

use runas_reactor::domain::case::{AttributedEdit, Case, Verdict};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::principal::Attribution::{Ours, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Commit, GONE, Heat, Judged, Record};
use runas_reactor::domain::time::{HOUR_MS, MINUTE_MS};
use serde_json::{Value, json};

use crate::core_review::cases::{
    alerts, at, body, case, content, document, edit, in_sync, judged, kinds, principal, promoted, right, right_but,
    settled, target, wrote,
};

fn foreign() -> Value {
    right_but("kmsKeyId", "k")
}

/// In sync at version 3 of second 50, which somebody made and an earlier look judged.
fn known(version: Judged) -> Case {
    let mut case = case();
    case.record = in_sync(3, 50);
    case.record.recent = vec![version];
    case.observation = document(&[(2, 20, body(&right())), (3, 50, body(&right()))], 3);
    case
}

fn commit(case: &Case) -> Option<Commit> {
    settled(case).1.commit
}

fn with(mut case: Case, edits: Vec<AttributedEdit>) -> Case {
    case.edits = edits;
    case
}

fn by(name: &str, mut edit: AttributedEdit) -> AttributedEdit {
    edit.edit.principal = principal(name);
    edit
}

fn by_our_role(mut edit: AttributedEdit) -> AttributedEdit {
    edit.by_our_role = true;
    edit
}

fn seen(mut edit: AttributedEdit) -> AttributedEdit {
    edit.seen = true;
    edit
}

/// The edits that one alert tells, each with its author.
fn edits_told(case: &Case) -> Vec<(String, String)> {
    let told = alerts(&settled(case).1).into_iter().filter(|alert| alert.id.starts_with("edit:"));
    let edits = told.flat_map(|alert| alert.data["edits"].as_array().unwrap().clone());
    let text = |value: &Value| value.as_str().unwrap_or("nobody").to_owned();
    edits.map(|edit| (text(&edit["principal"]["name"]), text(&edit["what"]))).collect()
}

#[test]
fn the_event_of_a_version_that_was_told_is_no_news_and_any_other_is() {
    let version = || judged(3, 50, Untrusted, &right(), &foreign());
    let call = || wrote("u", 50, 3, Untrusted);
    assert_eq!(commit(&with(known(version()), vec![call()])), None);
    assert_eq!(edits_told(&with(known(version()), vec![by("eve", call())])).len(), 1, "of another hand");
    let mut later = call();
    later.edit.at = at(51);
    assert_eq!(edits_told(&with(known(version()), vec![later])).len(), 1, "of another time");
    assert_eq!(edits_told(&with(known(version()), vec![wrote("u", 50, 2, Untrusted)])).len(), 1, "of another number");
    // The reply got lost, and there is nothing new.
    let anonymous = edit("n", 99, Action::Updated { version: None }, Untrusted);
    assert_eq!(commit(&with(known(version()), vec![anonymous])), None);
}

#[test]
fn the_event_of_a_nameless_version_whose_word_does_not_count_is_no_news() {
    let nameless = judged(3, 50, Unattributed, &right(), &foreign());
    assert_eq!(commit(&with(known(nameless), vec![wrote("t", 30, 3, Trusted)])), None);
}

#[test]
fn one_version_is_told_once_however_often_its_call_is_heard_of() {
    let mut case = known(judged(3, 50, Untrusted, &right(), &foreign()));
    case.observation = document(&[(3, 50, body(&right())), (4, 95, body(&foreign()))], 4);
    case.edits = vec![wrote("u", 95, 4, Untrusted), wrote("v", 95, 4, Untrusted)];
    assert_eq!(edits_told(&case), [("mallory".to_owned(), "wrote version 4".to_owned())]);
    let commit = commit(&case).unwrap();
    assert_eq!(commit.seen, ["u"]);
    assert_eq!(commit.alerts[0].id, format!("edit:{}:v4@{}", target(), at(95).ms()));
    assert_eq!(commit.record.accounted.unwrap().base, Some(at(95)), "ours is on top of it");
}

#[test]
fn a_call_of_another_time_names_the_only_nameless_version() {
    let mut case = known(judged(3, 50, Untrusted, &right(), &foreign()));
    case.now = at(2_000);
    case.observation = document(&[(3, 50, body(&right())), (4, 1_995, body(&right_but("runAsEnabled", false)))], 4);
    case.edits = vec![wrote("u", 995, 4, Untrusted)];
    assert_eq!(edits_told(&case), [("mallory".to_owned(), "wrote version 4".to_owned())]);
}

#[test]
fn at_first_sight_a_pipelines_own_version_is_no_news() {
    let mut case = known(judged(3, 50, Ours, &right(), &right()));
    case.record = Record::default();
    case.edits = vec![wrote("t", 50, 3, Trusted)];
    assert_eq!(commit(&case).unwrap().seen, Vec::<String>::new());
}

#[test]
fn whoever_makes_a_new_nameless_version_the_default_is_remembered_with_it() {
    let mut case = known(judged(3, 50, Ours, &right(), &right()));
    let evil = right_but("runAsEnabled", false);
    case.observation = document(&[(3, 50, body(&right())), (4, 90, body(&foreign())), (5, 95, body(&evil))], 4);
    case.edits = vec![promoted("m", 96, 4, Untrusted)];
    let recent = commit(&case).unwrap().record.recent;
    let names: Vec<_> = recent.iter().take(2).map(|judged| (judged.version, judged.principal.is_some())).collect();
    assert_eq!(names, [(5, false), (4, true)]);
    assert_eq!(recent[1].attribution, Unattributed, "named, and not trusted");
}

#[test]
fn making_a_version_of_an_earlier_look_the_default_belongs_to_it_until_another_is_on_top() {
    for (when, told) in [(53, 0), (54, 1)] {
        let mut case = known(judged(2, 50, Untrusted, &right(), &foreign()));
        case.observation = document(&[(1, 10, body(&right())), (2, 50, body(&foreign())), (3, 53, body(&right()))], 3);
        case.record.accounted.as_mut().unwrap().created = Some(at(53));
        case.edits = vec![promoted("m", when, 2, Untrusted)];
        assert_eq!(edits_told(&case).len(), told, "{when}");
    }
    // While the default is behind it is a story of its own.
    let mut case = known(judged(2, 50, Untrusted, &right(), &right()));
    case.observation = document(&[(2, 50, body(&right())), (3, 53, body(&right()))], 2);
    case.record.accounted.as_mut().unwrap().created = Some(at(53));
    case.edits = vec![promoted("m", 51, 2, Untrusted)];
    assert_eq!(edits_told(&case).len(), 1);
}

#[test]
fn a_nameless_version_is_named_by_an_untrusted_mover_and_not_by_a_pipeline() {
    let moved = |attribution| {
        let case = known(judged(3, 50, Unattributed, &right(), &foreign()));
        kinds(&settled(&with(case, vec![promoted("m", 60, 3, attribution)])).1)
    };
    assert_eq!(moved(Untrusted), ["author_known"]);
    assert_eq!(moved(Trusted), Vec::<String>::new());
}

#[test]
fn making_the_right_version_the_default_is_right_from_the_second_in_which_it_was_made() {
    for (when, told) in [(49, 0), (48, 1)] {
        let mut case = known(judged(3, 50, Ours, &right(), &right()));
        case.edits = vec![promoted("m", when, 3, Untrusted)];
        assert_eq!(edits_told(&case).len(), told, "{when}");
    }
}

#[test]
fn the_event_of_a_deletion_that_was_told_names_its_author_within_a_day() {
    for (before_ms, named) in
        [(-MINUTE_MS - 1, false), (-MINUTE_MS, true), (0, true), (24 * HOUR_MS - 1, true), (24 * HOUR_MS, false)]
    {
        let mut case = known(Judged { version: GONE, ..judged(1, 20, Unattributed, &right(), &right()) });
        (case.record.accounted, case.observation) = (None, Observation::Absent);
        let mut deleted = edit("d", 20, Action::Deleted, Untrusted);
        deleted.edit.at = at(20).plus_ms(-before_ms);
        case.edits = vec![deleted];
        let commit = commit(&case).unwrap();
        assert_eq!(commit.alerts.iter().any(|alert| alert.kind == "author_known"), named, "{before_ms}");
        assert_eq!(edits_told(&case).is_empty(), named, "{before_ms}");
        let remembered = commit.record.recent.iter().find(|judged| judged.created == at(20)).unwrap().attribution;
        assert_eq!(remembered, if named { Untrusted } else { Unattributed }, "{before_ms}");
    }
}

#[test]
fn a_deletion_that_no_event_tells_of_is_told_and_remembered() {
    let gone = || {
        let mut case = known(judged(3, 50, Ours, &right(), &right()));
        case.observation = Observation::Absent;
        case
    };
    let deleted = [("nobody".to_owned(), "deleted the document".to_owned())];
    assert_eq!(edits_told(&gone()), deleted);
    assert_eq!(commit(&gone()).unwrap().record.recent[0].version, GONE);
    let shared = with(gone(), vec![edit("s", 99, Action::SharingChanged, Untrusted)]);
    assert!(edits_told(&shared).contains(&deleted[0]), "another call is no reason");
    let mut denied = edit("d", 99, Action::Deleted, Untrusted);
    denied.edit.failed = Some("AccessDenied".to_owned());
    assert_eq!(edits_told(&with(gone(), vec![denied])), deleted);
    assert!(!edits_told(&with(gone(), vec![edit("d", 99, Action::Deleted, Untrusted)])).contains(&deleted[0]));
    // It was made anew by a pass of ours that was cut short.
    let mut anew = gone();
    anew.observation = document(&[(1, 95, body(&right()))], 1);
    assert_eq!(edits_told(&anew), deleted);
    assert!(commit(&anew).unwrap().record.recent.iter().any(|judged| judged.version == GONE));
    let shared = with(known(judged(3, 50, Ours, &right(), &right())), shared.edits);
    assert!(commit(&shared).unwrap().record.recent.iter().all(|judged| judged.version != GONE));
}

#[test]
fn what_our_role_did_is_told_unless_it_is_what_we_do() {
    let told = |accounted: u64, default: u64, moved: u64| {
        let mut case = known(judged(3, 50, Ours, &right(), &right()));
        let versions = [(1, 10, body(&right())), (2, 20, body(&right())), (3, 50, body(&right()))];
        case.observation = document(&versions, default);
        let created = at([10, 20, 50][usize::try_from(accounted).unwrap() - 1]);
        case.record.accounted.as_mut().unwrap().version = accounted;
        case.record.accounted.as_mut().unwrap().created = Some(created);
        case.edits = vec![by_our_role(promoted("m", 80, moved, Untrusted))];
        edits_told(&case).iter().any(|(_, what)| *what == format!("made version {moved} the default"))
    };
    assert!(!told(3, 1, 3) && !told(2, 3, 3), "the latest");
    assert!(!told(3, 1, 2), "superseded since");
    assert!(!told(1, 1, 1), "accounted for");
    assert!(told(3, 1, 1));
    let shared = by_our_role(edit("s", 99, Action::SharingChanged, Untrusted));
    assert_eq!(edits_told(&with(known(judged(3, 50, Ours, &right(), &right())), vec![shared])).len(), 1);
}

#[test]
fn a_version_that_another_pass_of_ours_made_the_default_is_told_as_its_authors_alone() {
    let mut case = known(judged(2, 20, Ours, &right(), &right()));
    case.record = in_sync(2, 20);
    case.observation = document(&[(2, 20, body(&right())), (3, 95, body(&foreign()))], 3);
    case.edits = vec![wrote("t", 95, 3, Trusted), by_our_role(promoted("m", 96, 3, Untrusted))];
    assert_eq!(edits_told(&case), [("AWSAccelerator-x".to_owned(), "wrote version 3".to_owned())]);
}

#[test]
fn a_deletion_by_our_role_is_ours_where_a_document_followed_or_we_said_so() {
    for (when, said, told) in [(50, None, 0), (51, None, 1), (51, Some(at(60)), 0), (50, Some(at(60)), 0)] {
        let mut case = known(judged(3, 50, Ours, &right(), &right()));
        (case.now, case.hop) = (at(300), 6);
        case.record.deleted_by_us = said;
        case.edits = vec![by_our_role(edit("d", when, Action::Deleted, Untrusted))];
        assert_eq!(edits_told(&case).len(), told, "{when} {said:?}");
    }
}

#[test]
fn a_late_call_is_heard_unless_it_was_used_or_is_ours() {
    let nameless = || known(judged(3, 50, Unattributed, &right(), &foreign()));
    let call = || wrote("t", 50, 3, Trusted);
    let named = |case: &Case| commit(case).is_some_and(|commit| commit.record.recent[0].principal.is_some());
    assert!(named(&with(nameless(), vec![call()])));
    assert!(!named(&with(nameless(), vec![seen(call())])));
    assert!(!named(&with(nameless(), vec![by_our_role(call())])));
    // What was told while the target could not be read has not been used yet.
    let mut unplaced = with(nameless(), vec![seen(call())]);
    unplaced.record.unplaced = vec![wrote("other", 40, 2, Trusted).edit];
    assert!(!named(&unplaced));
    unplaced.record.unplaced = vec![call().edit];
    assert!(named(&unplaced));
}

#[test]
fn a_late_call_names_the_version_that_it_is_nearest_to() {
    let named = |when: i64| {
        let mut case = known(judged(2, 60, Unattributed, &right(), &foreign()));
        case.observation = document(&[(1, 62, body(&right())), (2, 99, body(&right()))], 2);
        case.record.accounted.as_mut().unwrap().version = 2;
        case.record.accounted.as_mut().unwrap().created = Some(at(99));
        case.edits = vec![wrote("u", when, 2, Untrusted)];
        let commit = commit(&case);
        commit.is_some_and(|commit| commit.alerts.iter().any(|alert| alert.kind == "author_known"))
    };
    assert!(named(60) && named(63), "another version's date makes no difference");
    assert!(!named(99));
}

#[test]
fn of_two_versions_of_one_number_the_late_call_names_one() {
    let mut case = known(judged(3, 50, Unattributed, &right(), &foreign()));
    case.record.recent.insert(0, judged(3, 5, Unattributed, &right(), &foreign()));
    case.edits = vec![wrote("u", 50, 3, Untrusted)];
    let recent = commit(&case).unwrap().record.recent;
    assert_eq!(recent.iter().map(|judged| judged.principal.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_better_claim_counts_only_where_it_makes_a_difference() {
    let heard = |version: Judged, call: AttributedEdit| {
        let commit = commit(&with(known(version), vec![call]));
        commit.is_some_and(|commit| commit.alerts.iter().any(|alert| alert.kind == "author_known"))
    };
    let version = |attribution, claimed| Judged {
        claimed,
        principal: Some(principal("eve")),
        ..judged(3, 50, attribution, &right(), &foreign())
    };
    let pipeline = || wrote("t", 50, 3, Trusted);
    assert!(heard(version(Untrusted, Some(at(45))), pipeline()), "nearer, and of another standing");
    assert!(!heard(version(Untrusted, Some(at(50))), pipeline()), "as near, and trusted more");
    assert!(!heard(version(Untrusted, None), pipeline()), "nobody knows when the other call was made");
    assert!(!heard(version(Ours, Some(at(45))), pipeline()), "content says what is ours");
    assert!(!heard(version(Untrusted, Some(at(45))), wrote("u", 50, 3, Untrusted)), "trusted as little");
}

#[test]
fn a_better_claim_by_a_pipeline_is_no_edit_that_was_taken_back() {
    let version = Judged { claimed: Some(at(45)), ..judged(3, 50, Untrusted, &right(), &foreign()) };
    let case = with(known(version), vec![wrote("t", 50, 3, Trusted)]);
    assert_eq!(edits_told(&case), []);
}

#[test]
fn only_a_deletion_between_call_and_version_makes_an_accepted_change_doubtful() {
    for (deleted, expected) in [(40, Trusted), (47, Unattributed), (51, Trusted)] {
        let version = Judged { claimed: Some(at(45)), ..judged(3, 50, Trusted, &right(), &foreign()) };
        let mut case = known(version);
        case.record.accepted = Some(content(&foreign()));
        case.observation = document(&[(2, 20, body(&right())), (3, 50, body(&foreign()))], 3);
        // So late that it would be visible.
        (case.now, case.hop) = (at(500), 6);
        case.edits = vec![edit("d", deleted, Action::Deleted, Untrusted)];
        let record = commit(&case).unwrap().record;
        let version = record.recent.iter().find(|judged| judged.version == 3).unwrap();
        assert_eq!(version.attribution, expected, "{deleted}");
    }
}

#[test]
fn a_version_that_somebody_else_claims_is_his_also_where_a_deletion_is_heard_of() {
    let version = Judged { claimed: Some(at(45)), ..judged(3, 50, Trusted, &right(), &foreign()) };
    let mut case = known(version);
    case.record.accepted = Some(content(&foreign()));
    case.edits = vec![edit("d", 47, Action::Deleted, Untrusted), wrote("u", 50, 3, Untrusted)];
    let record = commit(&case).unwrap().record;
    let version = record.recent.iter().find(|judged| judged.version == 3).unwrap();
    assert_eq!((version.attribution, version.principal.is_some()), (Untrusted, true));
}

#[test]
fn an_edit_where_nothing_is_governed_is_told_as_that() {
    let mut case = known(judged(3, 50, Ours, &right(), &right()));
    case.resolution.mode = Mode::Exempt;
    case.edits = vec![edit("s", 99, Action::SharingChanged, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), ["exempt_touched"]);
}

#[test]
fn a_write_that_follows_nobodys_edit_heats_nothing() {
    let mut case = known(judged(3, 50, Ours, &right(), &right()));
    case.resolution.owned.insert("idleSessionTimeout".to_owned(), json!("15"));
    let (decision, settlement) = settled(&case);
    assert!(matches!(decision.verdict, Verdict::Drifted { .. }));
    assert_eq!(settlement.commit.unwrap().record.heat, Heat::default());
}

#[test]
fn what_only_belongs_to_an_edit_that_was_told_is_settled_all_the_same() {
    let version = judged(3, 50, Untrusted, &right(), &foreign());
    let commit = commit(&with(known(version), vec![promoted("m", 60, 3, Untrusted)])).unwrap();
    assert_eq!((commit.seen, commit.alerts.len()), (vec!["m".to_owned()], 0));
}
