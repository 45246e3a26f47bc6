//! The first observation of a document: what is the base, what is adopted, and what a call takes back.

use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::durations::NAMES_MS;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{CallFact, Delta, Facts, Intended};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::principal::Attribution::{Trusted, Untrusted};
use runas_reactor::domain::witness::{wanted, witness};
use serde_json::json;

use crate::support::facts::{
    BUCKET, Doc, HOSTILE, KEY, LOGS, Story, accepted, accepted_field, at, call, content, created, document, intent,
    observed, reported, wrote,
};

const YOUNG: i64 = NAMES_MS / 1_000;

/// What is known after the first observation of this document at this second, with these calls at hand.
fn first(doc: &Doc, second: i64, calls: &[CallFact]) -> Facts {
    observed(&reported(calls), &doc.observation(), second)
}

fn base_number(facts: &Facts, doc: &Doc) -> Option<u64> {
    let until = facts.base_until();
    doc.seen().versions.iter().find(|info| info.created == until).map(|info| info.number)
}

fn logs(value: &str) -> Content {
    document(&[(LOGS, value)])
}

/// Three versions: the second is a pipeline's edit, the third a hostile one.
fn three() -> Doc {
    Doc::new().version(1, 0, &document(&[])).version(2, 10, &logs("new")).version(
        3,
        20,
        &document(&[(LOGS, "new"), (BUCKET, HOSTILE)]),
    )
}

#[test]
fn versions_are_the_base_from_ten_minutes_on() {
    let doc = three();
    for (second, base) in [(YOUNG + 9, Some(1)), (YOUNG + 10, Some(2)), (YOUNG + 19, Some(2)), (YOUNG + 20, Some(3))] {
        assert_eq!(base_number(&first(&doc, second, &[]), &doc), base, "{second}");
    }
}

#[test]
fn document_that_is_older_than_its_absence_was_missed_by_a_stale_read() {
    for (second, adopted) in [(9, true), (10, false)] {
        let facts = Story::no_document().facts();
        let facts = observed(&facts, &Doc::new().version(1, second, &document(&[])).observation(), 100);
        assert_eq!(facts.versions[&at(second)].adopted, adopted, "absent at second 10, made at {second}");
    }
}

#[test]
fn younger_versions_are_adopted() {
    let facts = first(&three(), YOUNG + 5, &[]);
    let adopted: Vec<u64> =
        facts.open_versions().filter(|(_, version)| version.adopted).map(|(_, v)| v.number).collect();
    assert_eq!(adopted, [2, 3]);
    assert_eq!(accepted_field(&facts, BUCKET), Some(json!(HOSTILE)), "nothing speaks against it yet");
}

#[test]
fn base_is_what_the_newest_version_in_it_holds() {
    let base = first(&three(), YOUNG + 15, &[]).base.unwrap();
    assert_eq!((base.content, base.digest), (Some(logs("new")), Some(logs("new").digest())));
    assert!(!base.blurred);
}

#[test]
fn versions_from_the_first_named_one_on_are_not_in_the_base() {
    let facts = first(&three(), YOUNG + 100, &[wrote(2, 10, Trusted)]);
    assert_eq!(base_number(&facts, &three()), Some(1));
    assert_eq!(accepted_field(&facts, LOGS), Some(json!("new")));
    let hostile = first(&three(), YOUNG + 100, &[wrote(3, 20, Untrusted)]);
    assert_eq!(base_number(&hostile, &three()), Some(2));
    assert_eq!(accepted(&hostile).content, Some(logs("new")));
}

#[test]
fn foreign_edit_of_a_moment_ago_is_taken_back_when_its_call_comes() {
    let facts = first(&three(), 25, &[]);
    assert_eq!(accepted_field(&facts, BUCKET), Some(json!(HOSTILE)));
    let named = merge(&facts, &reported(&[wrote(3, 20, Untrusted)]));
    assert_eq!(accepted_field(&named, BUCKET), None);
    assert_eq!(accepted_field(&named, LOGS), Some(json!("new")), "what is adopted below it stays");
}

#[test]
fn call_that_comes_before_or_after_the_first_observation_gives_the_same_content() {
    for call in [wrote(2, 10, Untrusted), wrote(3, 20, Untrusted), created(0, Untrusted), wrote(3, 20, Trusted)] {
        let before = first(&three(), 30, std::slice::from_ref(&call));
        let after = merge(&first(&three(), 30, &[]), &reported(std::slice::from_ref(&call)));
        assert_eq!(accepted(&before).content, accepted(&after).content, "{:?}", call.edit);
    }
}

#[test]
fn call_older_than_the_base_changes_nothing_of_it() {
    let facts = merge(&first(&three(), YOUNG + 30, &[]), &reported(&[wrote(3, 20, Untrusted)]));
    assert_eq!(accepted_field(&facts, BUCKET), Some(json!(HOSTILE)));
}

#[test]
fn nameless_version_on_top_of_a_named_one_is_adopted_without_what_it_carries_over() {
    let doc = Doc::new().version(1, 0, &document(&[])).version(2, 10, &document(&[(BUCKET, HOSTILE)])).version(
        3,
        20,
        &document(&[(BUCKET, HOSTILE), (LOGS, "new")]),
    );
    let facts = first(&doc, 25, &[wrote(2, 10, Untrusted)]);
    assert_eq!(
        accepted(&facts).content.unwrap().change_to(&logs("new")),
        Content::minimal().change_to(&Content::minimal())
    );
}

#[test]
fn call_about_an_earlier_document_does_not_shrink_the_base() {
    let old = created(-3 * 86_400, Untrusted);
    assert_eq!(base_number(&first(&three(), YOUNG + 100, &[old]), &three()), Some(3));
    for other in [Action::Deleted, Action::DefaultMoved { version: Some(2) }] {
        let facts = first(&three(), YOUNG + 100, &[call(other, at(10), Untrusted)]);
        assert_eq!(base_number(&facts, &three()), Some(3), "{other:?} makes no version");
    }
}

#[test]
fn base_beside_a_deleted_version_is_the_one_before() {
    // Version 4 is gone. What the pipeline had in version 3 is not lost.
    let doc = Doc::new().version(3, 0, &document(&[(BUCKET, "audit")])).version(
        5,
        YOUNG + 90,
        &document(&[(BUCKET, HOSTILE)]),
    );
    let facts = first(&doc, YOUNG + 95, &[wrote(5, YOUNG + 90, Untrusted)]);
    assert_eq!(accepted_field(&facts, BUCKET), Some(json!("audit")));
    let version = &facts.versions[&at(YOUNG + 90)];
    assert_eq!((&version.delta, version.previous), (&Delta::Unsaid("version 4 is gone".to_owned()), None));
}

#[test]
fn base_that_is_no_session_document_has_no_content_and_hides_what_follows() {
    let invalid = Doc::new().invalid(1, 0).version(2, YOUNG + 5, &document(&[(BUCKET, HOSTILE)]));
    let other_type = Doc::other_type().version(1, 0, &document(&[]));
    for doc in [&invalid, &other_type] {
        let base = first(doc, YOUNG + 5, &[]).base.unwrap();
        assert_eq!((base.content, base.digest, base.blurred), (None, None, true), "{doc:?}");
    }
    let facts = first(&invalid, YOUNG + 10, &[wrote(2, YOUNG + 5, Trusted)]);
    assert_eq!(accepted_field(&facts, BUCKET), None, "what follows may carry over what it held");
}

#[test]
fn document_made_after_it_was_found_absent_is_not_adopted() {
    let absent = observed(&Facts::default(), &Observation::Absent, 10);
    assert_eq!(absent.base.as_ref().map(|base| (base.content.clone(), base.blurred)), Some((None, false)));
    let facts = observed(&absent, &Doc::new().version(1, 20, &document(&[(BUCKET, HOSTILE)])).observation(), 30);
    assert!(!facts.versions[&at(20)].adopted);
    assert_eq!(accepted(&facts).content, None);
}

#[test]
fn stale_absent_read_before_the_first_observation_counts_for_nothing() {
    let absent = observed(&Facts::default(), &Observation::Absent, 25);
    assert_eq!(accepted(&observed(&absent, &three().observation(), 30)), accepted(&first(&three(), 30, &[])));
    let late = observed(&absent, &three().observation(), YOUNG + 15);
    assert_eq!(base_number(&late, &three()), Some(2));
}

#[test]
fn document_that_the_reactor_made_is_not_observed_for_the_first_time() {
    // The absent read is right: the reactor created the document, by a clock that is behind.
    let own = document(&[]);
    let mut absent = observed(&Facts::default(), &Observation::Absent, 25);
    absent.intents.insert("runas-reactor-1".to_owned(), intent(Intended::Put, 1, 24, Some(&own)));
    let doc = Doc::new().version(1, 24, &own).named("runas-reactor-1");
    assert!(!observed(&absent, &doc.observation(), 30).versions[&at(24)].adopted);
}

#[test]
fn known_document_is_not_judged_anew() {
    let facts = first(&three(), 30, &[]);
    let later = three().version(4, 35, &document(&[(KEY, HOSTILE)]));
    let facts = observed(&facts, &later.observation(), YOUNG + 40);
    assert_eq!(base_number(&facts, &three()), None, "no version was old at the first observation");
    assert!(!facts.versions[&at(35)].adopted);
    assert_eq!(accepted_field(&facts, KEY), None);
}

#[test]
fn contents_of_the_base_and_of_everything_young_are_wanted() {
    let doc = three();
    let wanted = |second, calls: &[CallFact]| -> Vec<u64> {
        wanted(&reported(calls), &doc.read(&[]), at(second)).into_iter().collect()
    };
    assert_eq!(wanted(30, &[]), [1, 2], "the latest is read anyway");
    assert_eq!(wanted(YOUNG + 15, &[]), [2], "the base, which the young one is compared with");
    assert_eq!(wanted(YOUNG + 30, &[]), Vec::<u64>::new());
    assert_eq!(wanted(YOUNG + 30, &[wrote(2, 10, Trusted)]), [1, 2]);
}

#[test]
fn first_version_of_a_young_document_is_taken_whole() {
    let there = content(&json!({ KEY: "k" }));
    let facts = first(&Doc::new().version(1, 20, &there), 30, &[]);
    assert_eq!(facts.versions[&at(20)].delta, Delta::First(there.clone()));
    assert_eq!(accepted_field(&facts, KEY), Some(json!("k")));
}

#[test]
fn document_that_cannot_be_read_says_nothing() {
    let why = runas_reactor::domain::observation::Unreadable {
        obstacle: runas_reactor::domain::observation::Obstacle::Denied,
        detail: "AccessDenied".to_owned(),
    };
    assert_eq!(witness(&Facts::default(), &Observation::Unknown(why), at(30)), Facts::default());
    let mut seen = three().seen();
    seen.latest.body = Body::Invalid { why: "not a JSON object".to_owned() };
    let facts = observed(&Facts::default(), &Observation::Present(Box::new(seen)), 30);
    assert!(matches!(facts.versions[&at(20)].delta, Delta::Invalid(_)));
}
