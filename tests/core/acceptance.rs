//! A version whose content an operator accepts.

use runas_reactor::domain::acceptance::{Acceptance, Unacceptable, accept};
use runas_reactor::domain::document::Content;
use runas_reactor::domain::fact::{Base, Facts, Notified};
use runas_reactor::domain::principal::Attribution::{Trusted, Untrusted};
use runas_reactor::domain::record::{Commit, Record};
use runas_reactor::domain::target::Target;
use serde_json::json;

use crate::support::facts::*;

/// Mallory set two values, the pipeline set one of them again, and the reactor dropped both.
fn withheld() -> (Facts, Doc) {
    let hostile = document(&[(BUCKET, "bucket"), (KEY, HOSTILE)]);
    let carried = document(&[(BUCKET, "bucket")]);
    let story = Story::known().version(100, &hostile).call(wrote(5, 100, Untrusted));
    let story = story.reactor(110, &document(&[])).version(200, &carried).call(wrote(7, 200, Trusted));
    let story = story.reactor(210, &document(&[]));
    assert_eq!(story.field(BUCKET), None, "a foreign version set it first");
    let doc = Doc::new().version(7, 200, &carried).version(8, 210, &document(&[]));
    (story.facts(), doc)
}

fn accepts(facts: &Facts, doc: &Doc, version: u64) -> Result<Commit, Unacceptable> {
    let acceptance = Acceptance {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        version,
        by: "arn:aws:sts::222233334444:assumed-role/Operator/alice".to_owned(),
        reason: "LOG-12".to_owned(),
        correlation: "accept-7".to_owned(),
        at: at(300),
    };
    let record = Record { facts: facts.clone(), generation: 9, ..Record::default() };
    accept(&acceptance, &record, &doc.seen(), &owned()).map(|(_, commit)| commit)
}

#[test]
fn what_the_version_holds_is_accepted_and_the_policys_fields_are_the_policys() {
    let (facts, doc) = withheld();
    let commit = accepts(&facts, &doc, 7).unwrap();
    assert_eq!(accepted_field(&commit.record.facts, BUCKET), Some(json!("bucket")));
    let off = Doc::new().version(7, 200, &document(&[(BUCKET, "b"), ("runAsDefaultUser", "root")]));
    let commit = accepts(&facts, &off.version(8, 210, &document(&[])), 7).unwrap();
    let facts = &commit.record.facts;
    assert_eq!(accepted_field(facts, "runAsDefaultUser"), Some(json!("ops")));
    assert_eq!(accepted_field(facts, BUCKET), Some(json!("b")));
}

#[test]
fn what_comes_later_is_judged_against_it() {
    let (facts, doc) = withheld();
    let accepted = accepts(&facts, &doc, 7).unwrap().record.facts;
    let wrote_later = |content: &Content, who| {
        let seen = doc.clone().version(9, 400, content);
        let mut later = observed(&accepted, &seen.observation(), 401);
        let call = wrote(9, 400, who);
        later.calls.insert(call.edit.id.clone(), call);
        later
    };
    let logs = wrote_later(&document(&[(BUCKET, "bucket"), (LOGS, "new")]), Trusted);
    assert_eq!(accepted_field(&logs, LOGS), Some(json!("new")));
    assert_eq!(accepted_field(&logs, BUCKET), Some(json!("bucket")));
    let mallory = wrote_later(&document(&[(BUCKET, HOSTILE)]), Untrusted);
    assert_eq!(accepted_field(&mallory, BUCKET), Some(json!("bucket")));
    let carried = wrote_later(&document(&[(BUCKET, "bucket"), (KEY, HOSTILE)]), Trusted);
    assert_eq!(accepted_field(&carried, KEY), None, "that a foreign version set this value is not forgotten");
}

/// An operator accepts what she read: what came after it is judged as before.
#[test]
fn version_written_after_the_accepted_one_is_not_accepted_with_it() {
    let (facts, doc) = withheld();
    let mallorys = doc.version(9, 290, &document(&[(BUCKET, HOSTILE)]));
    let seen = observed(&facts, &mallorys.observation(), 291);
    let accepted = accepts(&seen, &mallorys, 7).unwrap().record.facts;
    assert!(accepted.versions.contains_key(&at(290)), "it is a fact still");
    assert_eq!(accepted_field(&accepted, BUCKET), Some(json!("bucket")));
}

#[test]
fn it_is_committed_under_the_generation_check_with_who_and_why() {
    let (facts, doc) = withheld();
    let commit = accepts(&facts, &doc, 7).unwrap();
    assert_eq!((commit.expected, commit.record.generation), (9, 10));
    let history = commit.history.unwrap();
    assert!(history.summary.contains("alice") && history.summary.contains("LOG-12"), "{}", history.summary);
    let [alert] = &commit.alerts[..] else { panic!("one alert") };
    assert!(alert.text.contains("alice") && alert.text.contains("LOG-12"), "{}", alert.text);
}

#[test]
fn record_begins_anew_with_the_accepted_version() {
    let (mut facts, doc) = withheld();
    let before = facts.base.take().unwrap();
    facts.base = Some(Base { blurred: true, calls_until: at(4), ..before });
    facts.owned = [100, 200, 210].map(|second| (at(second), owned())).into();
    let record = accepts(&facts, &doc, 7).unwrap().record;
    assert_eq!(record.updated, at(300));
    assert_eq!(record.facts.versions.keys().collect::<Vec<_>>(), [&at(210)]);
    assert_eq!(record.facts.owned.keys().collect::<Vec<_>>(), [&at(210)]);
    let base = record.facts.base.unwrap();
    let expected = Base {
        content: Some(document(&[(BUCKET, "bucket")])),
        until: at(200),
        at: at(300),
        foreign: base.foreign.clone(),
        calls_until: at(4),
        observed: at(300),
        notified: Notified::Named,
        ..Base::default()
    };
    assert_eq!(base, expected);
}

#[test]
fn version_that_cannot_be_accepted_is_refused_with_what_to_do() {
    let (facts, doc) = withheld();
    let why = |version| accepts(&facts, &doc, version).unwrap_err().to_string();
    assert!(why(5).contains("no version 5") && why(5).contains("fix: name one of"), "{}", why(5));
    assert!(why(8).contains("nothing that is not accepted already"), "{}", why(8));
    let invalid = Doc::new().invalid(7, 200).version(8, 210, &document(&[]));
    let problem = accepts(&facts, &invalid, 7).unwrap_err();
    assert!(matches!(problem, Unacceptable::Invalid(7, _)), "{problem}");
}
