//! A new document at which several hands are at once, before anybody remembers it: two of us, or one that is cut short, and
//! a pipeline. Whoever commits first may be another than he who wrote.

use runas_reactor::domain::advance::wanted;
use runas_reactor::domain::case::{Case, Write};
use runas_reactor::domain::document::Body;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::principal::Attribution::{Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::Record;
use serde_json::{Value, json};

use super::cases::*;

/// Versions that were made from second 90 on, two seconds apart; those of these numbers are called like ours.
fn new(versions: &[Value], ours: &[u64]) -> Case {
    let made: Vec<(u64, i64, Body)> = (1..)
        .zip((90..).step_by(2))
        .zip(versions)
        .map(|((number, when), inputs)| (number, when, body(inputs)))
        .collect();
    let mut case = case();
    // What is called like ours is waited for until then.
    case.now = at(110);
    case.observation = document(&made, 1);
    for version in &mut seen(&mut case).versions {
        version.name = ours.contains(&version.number).then(|| "runas-reactor-1".to_owned());
    }
    case
}

fn logs(group: &str) -> Value {
    right_but("cloudWatchLogGroupName", group)
}

/// What is remembered after a pass.
fn record(case: &Case) -> Record {
    settled(case).1.commit.map_or_else(|| case.record.clone(), |commit| commit.record)
}

fn log_group(record: &Record) -> &Value {
    record.accepted.as_ref().unwrap().input("cloudWatchLogGroupName").unwrap()
}

#[test]
fn what_one_of_us_has_undone_of_a_pipelines_is_done_again() {
    // Seed 1653: we made version 1; a pipeline wrote on top of it; one of us, who did not know whose that was, undid it.
    let mut case = new(&[right(), logs("new"), right()], &[1, 3]);
    case.edits = vec![wrote("p", 92, 2, Trusted)];
    assert_eq!(written(&settled(&case).0).input("cloudWatchLogGroupName"), Some(&json!("new")));
}

#[test]
fn it_is_done_again_however_late_the_pipelines_event_comes() {
    let mut case = new(&[right(), logs("new"), right()], &[1, 3]);
    case.record = record(&case);
    assert_eq!(log_group(&case.record), "logs", "nobody vouches for it yet");
    assert_eq!(case.record.recent[0].attribution, Unattributed);
    case.edits = vec![wrote("p", 92, 2, Untrusted)];
    assert_eq!(log_group(&record(&case)), "logs", "by a hand that we do not trust");
    case.edits = vec![wrote("p", 92, 2, Trusted)];
    assert_eq!(log_group(&record(&case)), "new");
}

#[test]
fn somebody_is_told_of_what_was_undone() {
    let case = new(&[right(), logs("evil"), right()], &[1, 3]);
    let told = alerts(&settled(&case).1);
    assert!(told.iter().any(|alert| alert.text.contains("wrote version 2")), "{told:#?}");
    // Not of what is still there, nor of the fields that we own.
    let case = new(&[right_but("runAsEnabled", false), logs("new"), logs("new")], &[3]);
    assert!(kinds(&settled(&case).1).iter().all(|kind| !kind.starts_with("edit")), "{:?}", kinds(&settled(&case).1));
}

#[test]
fn what_another_than_us_has_changed_since_stays_as_it_is() {
    // Version 3 keeps what it found in version 2.
    let mut case = new(&[logs("one"), logs("two"), right_but("cloudWatchLogGroupName", "two")], &[3]);
    case.record = record(&case);
    case.edits = vec![edit("p", 90, Action::Created, Trusted)];
    assert_eq!(log_group(&record(&case)), "two");
}

#[test]
fn nothing_on_top_of_a_pipelines_version_is_adopted_whatever_it_is_called() {
    for ours in [&[3][..], &[]] {
        let evil = right_but("s3BucketName", "evil");
        let mut case = new(&[right(), right(), evil], ours);
        case.edits = vec![wrote("p", 92, 2, Trusted)];
        assert_eq!(record(&case).accepted.unwrap().input("s3BucketName"), None);
        // A replay tells nothing of what has followed since: what is there is adopted like anything that was there before us.
        let day = 24 * 3_600;
        for version in &mut seen(&mut case).versions {
            version.created = version.created.plus_ms(-2 * day * 1_000);
        }
        case.edits = vec![wrote("p", 92 - 2 * day, 2, Trusted)];
        assert_eq!(record(&case).accepted.unwrap().input("s3BucketName"), Some(&json!("evil")));
    }
}

#[test]
fn what_we_may_have_undone_is_read_while_it_is_young() {
    let mut case = new(&[right(), logs("a"), logs("b"), right(), right()], &[4]);
    seen(&mut case).between.clear();
    let asked = |case: &mut Case| {
        let there = seen(case).clone();
        wanted(case, &there).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(asked(&mut case), [2, 3, 4], "the first is the default");
    case.now = at(95);
    assert_eq!(asked(&mut case), [2, 3, 4], "what was made while we looked is young, too");
    case.now = at(90 + 602);
    assert_eq!(asked(&mut case), [2, 3, 4], "with the one before");
    case.now = at(96 + 600);
    assert_eq!(asked(&mut case), Vec::<u64>::new());
    case.now = at(110);
    seen(&mut case).versions.iter_mut().for_each(|version| version.name = Some("lza".to_owned()));
    assert_eq!(asked(&mut case), Vec::<u64>::new(), "nobody of us was here");
}

#[test]
fn a_document_that_we_made_and_nobody_remembers_takes_no_further_write() {
    let case = new(&[right_but("runAsEnabled", false), right()], &[2]);
    assert_eq!(settled(&case).0.write, Some(Write::Promote { version: 2 }));
}

#[test]
fn what_we_remember_of_a_document_is_not_judged_anew() {
    // The same versions as at a first sight, and a record that says what became of them.
    let mut case = new(&[right(), logs("evil"), right()], &[3]);
    assert_eq!(record(&case).recent.len(), 1, "nobody remembers it");
    case.record = in_sync(3, 94);
    assert_eq!(record(&case).recent, []);
}
