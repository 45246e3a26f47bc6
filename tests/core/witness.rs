//! What one observation and some calls say of a document that is known.

use std::collections::BTreeSet;

use runas_reactor::domain::document::Content;
use runas_reactor::domain::durations::{NAMES_MS, VERSIONS_MAX, VISIBLE_MS};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{Absence, CallFact, Delta, Echo, Facts, Intended, LastSeen, Notified};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::principal::Attribution::{Trusted, Untrusted};
use runas_reactor::domain::time::Time;
use runas_reactor::domain::witness::{calls, is_behind, known_content, wanted, witness};
use serde_json::json;

use crate::support::facts::{
    Doc, HOSTILE, KEY, LOGS, Story, accepted_field, at, call, created, deleted, denied, document, intent, observed,
    reported, via_reactor_role, wrote,
};

const VISIBLE: i64 = VISIBLE_MS / 1_000;
const YOUNG: i64 = NAMES_MS / 1_000;

fn known() -> Facts {
    Story::known().facts()
}

fn logs(value: &str) -> Content {
    document(&[(LOGS, value)])
}

/// The known document, as SSM shows it.
fn there() -> Doc {
    Doc::new().version(4, 0, &document(&[]))
}

fn change(to: &Content) -> Delta {
    Delta::Change(document(&[]).change_to(to))
}

/// What the version of this second changed, as far as an observation at second 100 can say.
fn delta(facts: &Facts, doc: &Doc, second: i64) -> Delta {
    observed(facts, &doc.observation(), 100).versions[&at(second)].delta.clone()
}

fn wants(facts: &Facts, doc: &Doc, second: i64) -> Vec<u64> {
    wanted(facts, &doc.read(&[]), at(second)).into_iter().collect()
}

#[test]
fn new_version_is_compared_with_the_one_before() {
    let doc = there().version(5, 90, &logs("new"));
    let facts = observed(&known(), &doc.observation(), 100);
    let version = &facts.versions[&at(90)];
    assert_eq!((version.number, version.previous, version.observed), (5, Some(at(0)), at(100)));
    assert_eq!((&version.delta, &version.digest), (&change(&logs("new")), &Some(logs("new").digest())));
    assert_eq!(facts.last, Some(LastSeen { at: at(100), latest: Some(at(90)), default: 5 }));
}

#[test]
fn content_of_a_known_version_is_not_read_again() {
    let doc = there().version(5, 90, &logs("new"));
    assert_eq!(wants(&known(), &doc, 100), Vec::<u64>::new());
    let unread = observed(&known(), &Observation::Present(Box::new(doc.read(&[]))), 100);
    assert_eq!(unread.versions[&at(90)].delta, change(&logs("new")));
}

/// Nothing can be said of an invalid version, whatever stood there before.
#[test]
fn predecessor_of_an_invalid_version_is_not_read_for_it() {
    let mut facts = known();
    facts.base.as_mut().unwrap().digest = None;
    assert_eq!(wants(&facts, &there().version(5, 90, &logs("new")), 100), [4]);
    assert_eq!(wants(&facts, &there().invalid(5, 90), 100), Vec::<u64>::new());
}

#[test]
fn content_of_the_reactor_s_version_is_known_by_what_it_put_over_the_accepted_one() {
    let off = document(&[("runAsDefaultUser", "root"), (LOGS, "new")]);
    let story = Story::known().version(80, &off).call(wrote(5, 80, Trusted)).reactor(85, &logs("new"));
    assert_eq!(known_content(&story.facts, at(85)), Some(logs("new")));
    assert_eq!(known_content(&story.facts, at(80)), Some(off));
    let doc = there().version(5, 80, &document(&[])).version(6, 85, &logs("new")).version(7, 90, &logs("newer"));
    assert_eq!(wants(&story.facts, &doc, 100), Vec::<u64>::new());
}

#[test]
fn content_that_was_not_accepted_is_not_known_and_is_read() {
    let story = Story::known().version(80, &logs(HOSTILE)).call(wrote(5, 80, Untrusted));
    assert_eq!(known_content(&story.facts, at(80)), None);
    let doc = there().version(5, 80, &logs(HOSTILE)).version(6, 90, &logs("new"));
    assert_eq!(wants(&story.facts, &doc, 100), [5]);
}

#[test]
fn invalid_version_is_stepped_over() {
    let doc = there().invalid(5, 80).invalid(6, 85).version(7, 90, &logs("new"));
    assert_eq!(delta(&known(), &doc, 90), change(&logs("new")));
    assert!(matches!(delta(&known(), &doc, 85), Delta::Invalid(_)));
    // It is known to be invalid by then, and is not read again.
    let known = observed(&known(), &there().invalid(5, 80).observation(), 85);
    let doc = there().invalid(5, 80).version(6, 90, &logs("new"));
    assert_eq!(wants(&known, &doc, 100), Vec::<u64>::new());
    assert_eq!(
        observed(&known, &Observation::Present(Box::new(doc.read(&[]))), 100).versions[&at(90)].delta,
        change(&logs("new"))
    );
}

#[test]
fn first_valid_version_after_an_invalid_document_is_compared_with_the_minimal_one() {
    let doc = Doc::new().invalid(1, 80).version(2, 90, &logs("new"));
    assert_eq!(delta(&known(), &doc, 90), Delta::Change(Content::minimal().change_to(&logs("new"))));
}

#[test]
fn version_after_a_missing_one_has_unknown_changes() {
    let doc = there().version(6, 90, &logs("new"));
    assert_eq!(delta(&known(), &doc, 90), Delta::Unsaid("version 5 is gone".to_owned()));
    let doc = Doc::new().invalid(5, 80).version(6, 90, &logs("new"));
    assert_eq!(delta(&known(), &doc, 90), Delta::Unsaid("a version before it is gone".to_owned()));
}

#[test]
fn unsaid_changes_are_read_again_while_they_are_young() {
    let doc = there().version(5, 80, &logs("one")).version(6, 90, &logs("two"));
    let unread = observed(&known(), &Observation::Present(Box::new(doc.read(&[]))), 100);
    assert!(matches!(unread.versions[&at(80)].delta, Delta::Unsaid(_)));
    assert!(matches!(unread.versions[&at(90)].delta, Delta::Unsaid(_)));
    assert_eq!(wants(&unread, &doc, 100 + YOUNG - 1), [5]);
    assert_eq!(wants(&unread, &doc, 100 + YOUNG), Vec::<u64>::new());
    let read = observed(&unread, &doc.observation(), 110);
    assert_eq!(read.versions[&at(80)].delta, change(&logs("one")));
    assert_eq!(read.versions[&at(80)].observed, at(100), "that it is there is known since then");
    let late = observed(&unread, &doc.observation(), 100 + YOUNG);
    assert!(matches!(late.versions[&at(80)].delta, Delta::Unsaid(_)));
}

#[test]
fn trusted_edit_that_could_not_be_read_at_first_is_accepted_later() {
    let doc = there().version(5, 80, &logs("one")).version(6, 90, &document(&[(LOGS, "one"), (KEY, "k")]));
    let facts = merge(&known(), &reported(&[wrote(5, 80, Trusted), wrote(6, 90, Trusted)]));
    let unread = observed(&facts, &Observation::Present(Box::new(doc.read(&[]))), 100);
    assert_eq!(accepted_field(&unread, LOGS), Some(json!("logs")));
    let read = observed(&unread, &doc.observation(), 110);
    assert_eq!((accepted_field(&read, LOGS), accepted_field(&read, KEY)), (Some(json!("one")), Some(json!("k"))));
}

#[test]
fn document_of_another_type_changes_no_field() {
    let doc = Doc::other_type().version(1, 90, &logs("new"));
    assert_eq!(delta(&known(), &doc, 90), Delta::OtherType("Command".to_owned()));
    assert_eq!(wants(&known(), &doc, 100), Vec::<u64>::new());
}

#[test]
fn observation_covers_the_newest_versions_of_a_long_list() {
    let newest = 4 + u64::try_from(VERSIONS_MAX).unwrap() + 5;
    let doc =
        (5..=newest).fold(there(), |doc, number| doc.version(number, i64::try_from(number).unwrap() + 10, &logs("x")));
    let facts = observed(&known(), &doc.observation(), 100);
    assert_eq!(facts.versions.len(), VERSIONS_MAX + 1);
    assert_eq!(facts.versions.values().next_back().map(|version| version.number), Some(newest));
}

#[test]
fn absence_is_stated_a_minute_after_the_youngest_version() {
    let facts = Story::known().version(40, &logs("new")).facts();
    let gone = |second| witness(&facts, &Observation::Absent, at(second)).absences;
    assert!(gone(40 + VISIBLE - 1).is_empty(), "a stale read says the same");
    let absence = Absence { default: None, first: at(40 + VISIBLE), after: at(10), notified: Notified::No };
    assert_eq!(gone(40 + VISIBLE), [(at(40), absence)].into());
}

#[test]
fn absence_begins_with_the_first_observation_without_the_document() {
    let facts = observed(&known(), &Observation::Absent, 100);
    let facts = observed(&facts, &Observation::Absent, 200);
    let absence = facts.absences[&at(0)];
    assert_eq!((facts.absences.len(), absence.first, absence.after), (1, at(100), at(10)));
}

#[test]
fn document_that_begins_anew_replaces_the_known_one() {
    let gone = |doc: Doc| witness(&known(), &doc.observation(), at(100)).absences.into_keys().collect::<Vec<Time>>();
    assert_eq!(gone(Doc::new().version(1, 90, &logs("new"))), [at(0)]);
    assert_eq!(gone(Doc::new().version(2, 90, &logs("new"))), [], "a list without version 1 says nothing about that");
    assert_eq!(gone(Doc::new().version(1, -10, &logs("new"))), [], "it is older than what is known");
    assert_eq!(gone(there().version(5, 90, &logs("new"))), []);
}

#[test]
fn default_found_elsewhere_is_a_fact() {
    let doc = there().version(5, 20, &logs("new"));
    let facts = observed(&known(), &doc.observation(), 30);
    let moved = |doc: Doc| witness(&facts, &doc.observation(), at(200)).absences;
    let expected = Absence { default: Some(4), first: at(200), after: at(30), notified: Notified::No };
    assert_eq!(moved(doc.clone().default(4)), [(at(30), expected)].into());
    assert!(moved(doc.clone()).is_empty(), "it is where it was");
    assert!(moved(doc.version(6, 150, &document(&[]))).is_empty(), "the latest is right");
}

#[test]
fn moves_of_the_default_are_compared_within_one_document() {
    let facts = observed(&known(), &there().version(5, 20, &logs("new")).observation(), 30);
    let other = Doc::new().version(1, 90, &logs("a")).version(2, 95, &logs("b")).default(1);
    let absences = witness(&facts, &other.observation(), at(200)).absences;
    assert_eq!(absences.values().map(|absence| absence.default).collect::<Vec<_>>(), [None], "the document is gone");
}

#[test]
fn default_is_not_taken_for_moved_within_a_minute_of_a_write_of_the_reactor() {
    let doc = there().version(5, 20, &logs("new"));
    let mut facts = observed(&known(), &doc.observation(), 30);
    facts.intents.insert("w".to_owned(), intent(Intended::Promote, 5, 25, None));
    let moved = |second| !witness(&facts, &doc.clone().default(4).observation(), at(second)).absences.is_empty();
    assert_eq!([moved(39 + VISIBLE), moved(40 + VISIBLE)], [false, true]);
}

/// Whether an observation at this second lacks something, with these calls known.
fn behind(calls: &[CallFact], doc: &Doc, second: i64) -> bool {
    is_behind(&merge(&known(), &reported(calls)), Some(&doc.seen()), at(second))
}

#[test]
fn observation_without_a_young_known_version_is_behind() {
    let facts = Story::known().version(40, &logs("new")).facts();
    let behind = |doc: &Doc, second| is_behind(&facts, Some(&doc.seen()), at(second));
    assert!(behind(&there(), 39 + VISIBLE));
    assert!(!behind(&there(), 40 + VISIBLE), "it is gone");
    assert!(!behind(&there().version(5, 40, &logs("new")), 41));
    assert!(is_behind(&facts, None, at(41)));
}

#[test]
fn observation_without_the_version_of_a_young_call_is_behind() {
    for (call, expected) in [
        (wrote(5, 90, Untrusted), true),
        (wrote(5, 90, Trusted), true),
        (wrote(4, 90, Untrusted), false),
        (denied(wrote(5, 90, Untrusted)), false),
        (created(90, Untrusted), false),
        (call(Action::Updated { version: None }, at(90), Untrusted), false),
        (call(Action::DefaultMoved { version: Some(5) }, at(90), Untrusted), false),
        (call(Action::SharingChanged, at(90), Untrusted), false),
    ] {
        assert_eq!(behind(std::slice::from_ref(&call), &there(), 100), expected, "{:?}", call.edit);
        assert!(!behind(&[call], &there(), 90 + VISIBLE), "after a minute");
    }
    assert!(!behind(&[wrote(5, 90, Untrusted)], &there().version(5, 90, &logs("new")), 100));
}

#[test]
fn observation_with_a_version_from_after_the_calls_second_is_not_behind() {
    for (second, expected) in [(90, true), (91, false)] {
        let facts = merge(&known(), &reported(&[wrote(6, 90, Trusted)]));
        let seen = there().version(5, second, &logs("new")).seen();
        assert_eq!(is_behind(&facts, Some(&seen), at(100)), expected, "{second}");
    }
}

#[test]
fn document_that_a_young_call_deleted_is_a_stale_read() {
    assert!(behind(&[deleted(90, Untrusted)], &there(), 100));
    assert!(!behind(&[deleted(90, Untrusted)], &there(), 90 + VISIBLE));
    assert!(!behind(&[denied(deleted(90, Untrusted))], &there(), 100));
    assert!(!behind(&[deleted(90, Untrusted)], &Doc::new().version(1, 95, &logs("new")), 100), "the next document");
    assert!(!behind(&[deleted(90, Untrusted)], &Doc::new().version(1, 90, &logs("new")), 100), "of the same second");
}

/// With CloudTrail's clock a minute behind, a deletion of this moment looks as old as one that everyone sees.
#[test]
fn age_of_a_call_is_taken_from_the_clock_of_ssm() {
    let facts = Story::known().behind_by(60).call(deleted(30, Trusted)).facts();
    let behind = |second| is_behind(&facts, Some(&there().seen()), at(second));
    assert_eq!([100, 89 + VISIBLE, 90 + VISIBLE].map(behind), [true, true, false]);
}

#[test]
fn observation_that_is_behind_is_not_the_last_one() {
    let facts = merge(&known(), &reported(&[wrote(5, 90, Untrusted)]));
    assert_eq!(witness(&facts, &there().observation(), at(100)).last, None);
    assert!(witness(&known(), &there().observation(), at(100)).last.is_some());
}

/// A write of version 5 that was logged at second 90.
fn writing(write: Intended) -> Facts {
    merge(&known(), &Facts { intents: [("w".to_owned(), intent(write, 5, 90, None))].into(), ..Facts::default() })
}

fn learned(facts: &Facts, call: &CallFact) -> Facts {
    calls(facts, std::slice::from_ref(call), &BTreeSet::new())
}

#[test]
fn echo_of_a_write_is_kept_as_such_and_is_no_call_of_another() {
    let moved = call(Action::DefaultMoved { version: Some(5) }, at(91), Untrusted);
    for (write, call, made) in [
        (Intended::Put, wrote(5, 91, Untrusted), Some(5)),
        (Intended::Put, moved.clone(), None),
        (Intended::Promote, moved, None),
    ] {
        let call = via_reactor_role(call);
        let echo = Echo { at: at(91), made, received: call.received };
        let expected = Facts { echoes: [(call.edit.id.clone(), echo)].into(), ..Facts::default() };
        assert_eq!(learned(&writing(write), &call), expected, "{write:?}");
    }
}

#[test]
fn event_of_a_deletion_shows_nothing() {
    let pruned = call(Action::VersionDeleted { version: Some(4) }, at(91), Untrusted);
    for (write, call) in [(Intended::Recreate, deleted(95, Untrusted)), (Intended::Prune, pruned)] {
        assert_eq!(learned(&writing(write), &via_reactor_role(call)), Facts::default(), "{write:?}");
    }
}

#[test]
fn failed_attempt_of_a_write_is_no_echo_and_no_denied_call() {
    let failed = via_reactor_role(denied(wrote(5, 91, Untrusted)));
    assert_eq!(learned(&writing(Intended::Put), &failed), Facts::default());
    assert_eq!(learned(&known(), &failed), Facts::default(), "a race that was lost");
}

#[test]
fn unexplained_call_by_the_reactors_role_is_foreign() {
    let call = via_reactor_role(wrote(6, 91, Untrusted));
    assert_eq!(learned(&writing(Intended::Put), &call), reported(std::slice::from_ref(&call)));
}

#[test]
fn call_by_the_reactors_role_older_than_the_intents_on_record_is_not_judged() {
    for (until, judged) in [(30, true), (31, false)] {
        let mut facts = known();
        facts.base.as_mut().unwrap().intents_until = at(until);
        let call = wrote(5, 91, Untrusted);
        assert_eq!(!learned(&facts, &via_reactor_role(call.clone())).calls.is_empty(), judged, "{until}");
        assert_eq!(learned(&facts, &call).calls.len(), 1, "by another role");
    }
}

#[test]
fn call_that_left_the_record_is_not_learned_again() {
    let call = wrote(5, 91, Untrusted);
    let left = BTreeSet::from([call.edit.id.clone()]);
    assert_eq!(calls(&known(), &[call], &left), Facts::default());
}
