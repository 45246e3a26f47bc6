//! Whose version it is, heard in the worst order, and invocations that see each other's work half done. The simulator found
//! these; each is told here by its shortest story.

use runas_reactor::domain::case::{Refusal, Verdict, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::Content;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::principal::Attribution::{Ours, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::record::{Accounted, Judged, Record};
use runas_reactor::domain::settle::reserve;
use serde_json::{Value, json};

use super::cases::*;

const HOSTILE: &str = "evil-bucket";

fn evil() -> Value {
    right_but("s3BucketName", HOSTILE)
}

/// The pipeline has created the document; mallory deleted it and made another; the pipeline's event came first and alone.
fn deceived() -> runas_reactor::domain::case::Case {
    let mut case = case();
    case.record = Record { accounted: None, accepted: Some(content(&right())), ..Record::default() };
    case.observation = document(&[(1, 95, body(&evil()))], 1);
    case.edits = vec![edit("a", 90, Action::Created, Trusted)];
    let (_, settlement) = settled(&case);
    case.record = settlement.commit.unwrap().record;
    assert_eq!(accepted(&case.record).input("s3BucketName"), Some(&json!(HOSTILE)), "the story is another one");
    case
}

fn accepted(record: &Record) -> &Content {
    record.accepted.as_ref().unwrap()
}

#[test]
fn an_acceptance_is_taken_back_when_the_one_who_made_the_version_is_heard_of() {
    let mut case = deceived();
    case.edits = vec![edit("b", 95, Action::Created, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(written(&decision).input("s3BucketName"), None, "{:?}", decision.reasons);
    let told = alerts(&settlement);
    assert!(told.iter().any(|alert| alert.severity == Severity::High && alert.text.contains("mallory")), "{told:#?}");
}

#[test]
fn an_acceptance_is_taken_back_when_a_deletion_in_between_is_heard_of() {
    let mut case = deceived();
    case.edits = vec![edit("b", 93, Action::Deleted, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(written(&decision).input("s3BucketName"), None, "{:?}", decision.reasons);
    // And it stays so when the pipeline's event comes again.
    case.record = settlement.commit.unwrap().record;
    case.edits = vec![edit("c", 90, Action::Created, Trusted)];
    let (_, settlement) = settled(&case);
    let record = settlement.commit.map_or(case.record, |commit| commit.record);
    assert_eq!(accepted(&record).input("s3BucketName"), None);
}

#[test]
fn what_is_taken_back_is_what_was_accepted_before_and_not_what_the_document_held() {
    // Version 2 dropped the field that mallory's version 1 had brought: going back must not bring it again.
    let mut case = case();
    case.record = in_sync(3, 96);
    case.record.recent = vec![Judged {
        claimed: Some(at(95)),
        undo: content(&right()).change_to(&content(&right_but("cloudWatchLogGroupName", "old"))),
        ..judged(2, 95, Trusted, &evil(), &right())
    }];
    case.observation = document(&[(1, 94, body(&evil())), (2, 95, body(&right())), (3, 96, body(&right()))], 3);
    case.edits = vec![edit("b", 95, Action::Deleted, Untrusted)];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("s3BucketName"), None);
    assert_eq!(written(&decision).input("cloudWatchLogGroupName"), Some(&json!("old")));
}

#[test]
fn a_late_author_is_named_though_another_document_has_a_version_of_that_number_by_now() {
    let mut case = case();
    case.record = in_sync(2, 99);
    case.record.recent = vec![judged(2, 60, Unattributed, &right(), &evil())];
    case.observation = document(&[(1, 98, body(&right())), (2, 99, body(&right()))], 2);
    case.edits = vec![wrote("a", 60, 2, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), ["author_known"]);
}

#[test]
fn a_pipelines_call_is_not_taken_for_the_one_that_made_our_version_before_it() {
    // We made version 1 half a second before the pipeline replaced the document; events tell whole seconds.
    let logs = right_but("cloudWatchLogGroupName", "logs-new");
    let mut case = case();
    case.record = in_sync(2, 97);
    let ours = Judged { created: at(93).plus_ms(432), ..judged(1, 93, Ours, &right(), &right()) };
    let theirs = Judged { created: at(94).plus_ms(933), ..judged(1, 94, Unattributed, &right(), &logs) };
    case.record.recent = vec![theirs, ours];
    case.observation = document(&[(1, 94, body(&logs)), (2, 97, body(&right()))], 2);
    seen(&mut case).versions[1].created = at(94).plus_ms(933);
    case.edits = vec![edit("a", 94, Action::Created, Trusted)];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("cloudWatchLogGroupName"), Some(&json!("logs-new")));

    // One of that second is as likely to be what the call made.
    case.record.recent[1].created = at(94);
    assert_eq!(settled(&case).0.write, None);
}

#[test]
fn a_version_on_another_base_than_ours_is_another_documents() {
    // While we waited for our version 2, a pipeline replaced the document, and another invocation wrote the same on top.
    let mut case = case();
    case.record = in_sync(2, 0);
    case.record.accounted =
        Some(Accounted { version: 2, created: None, landed: Some(at(99)), base: Some(at(90)), body: None });
    let logs = right_but("cloudWatchLogGroupName", "logs-new");
    case.observation = document(&[(1, 96, body(&logs)), (2, 97, body(&right()))], 2);
    case.edits = vec![edit("a", 96, Action::Created, Trusted)];
    let (decision, _) = settled(&case);
    assert_eq!(written(&decision).input("cloudWatchLogGroupName"), Some(&json!("logs-new")));
}

#[test]
fn the_version_of_an_invocation_that_has_more_to_tell_is_waited_for() {
    let mut case = case();
    case.record = in_sync(4, 50);
    let restored = body(&right_but("cloudWatchLogGroupName", "logs-new"));
    case.observation = document(&[(4, 50, body(&right())), (5, 98, restored)], 4);
    seen(&mut case).versions[0].name = Some("runas-reactor-1".to_owned());
    let verdict = decide(&case).verdict;
    assert!(matches!(verdict, Verdict::Unsettled { .. }), "{verdict:?}");
    // Not for ever, and anybody can copy a name: what can run code is not waited for when his own call made us look.
    case.now = at(109);
    case.edits = vec![wrote("a", 98, 5, Untrusted)];
    assert_eq!(written(&decide(&case)).input("cloudWatchLogGroupName"), Some(&json!("logs")));
    case.now = at(100);
    case.observation = document(
        &[(4, 50, body(&right())), (5, 98, body(&right_but("shellProfile", json!({ "linux": "id", "windows": "" }))))],
        4,
    );
    seen(&mut case).versions[0].name = Some("runas-reactor-1".to_owned());
    assert_eq!(written(&decide(&case)).input("shellProfile"), None);
}

#[test]
fn one_invocation_replaces_a_document_and_the_others_wait_for_it() {
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation = document(&[(1, 95, body(&right()))], 1);
    seen(&mut case).document_type = "Command".to_owned();
    let decision = decide(&case);
    assert!(matches!(decision.write, Some(Write::Recreate { .. })), "{:?}", decision.reasons);
    case.record = reserve(&case, &decision).record;
    assert_eq!(decide(&case).write, None);
    // The one that said so goes on after a step that failed; a document that is made later is nobody's yet.
    case.refused = vec![Refusal::Replacing];
    assert!(decide(&case).write.is_some());
    case.refused = Vec::new();
    seen(&mut case).versions[0].created = at(101);
    case.now = at(102);
    assert!(decide(&case).write.is_some());
}

#[test]
fn who_wrote_while_nobody_could_read_is_remembered_until_somebody_can() {
    let mut case = case();
    case.record = in_sync(4, 50);
    case.observation = unknown();
    case.since = at(-8_000);
    case.edits = vec![wrote("a", 95, 5, Trusted)];
    let record = settled(&case).1.commit.unwrap().record;
    assert_eq!(record.unplaced.len(), 1);
    case.record = record;
    let logs = right_but("cloudWatchLogGroupName", "logs-new");
    case.observation = document(&[(4, 50, body(&right())), (5, 95, body(&logs))], 5);
    // As the shell hands it on: settled, and still of use.
    case.edits[0].seen = true;
    let record = settled(&case).1.commit.unwrap().record;
    assert_eq!(accepted(&record).input("cloudWatchLogGroupName"), Some(&json!("logs-new")));
    assert!(record.unplaced.is_empty());
}

#[test]
fn making_a_version_the_default_after_we_wrote_on_top_of_it_is_a_story_of_its_own() {
    let mut case = case();
    case.record = in_sync(6, 93);
    case.record.recent = vec![judged(5, 90, Untrusted, &right(), &evil())];
    case.observation = document(&[(4, 50, body(&right())), (5, 90, body(&evil())), (6, 93, body(&right()))], 5);
    case.edits = vec![promoted("a", 97, 5, Untrusted)];
    assert_eq!(kinds(&settled(&case).1), ["edit_reverted"]);
}

#[test]
fn what_we_own_stays_as_we_put_it_however_late_a_pipeline_is_known_to_have_changed_it() {
    // Seed 2001653: the same as if its event had come first, and we had put the field right after it.
    let off = right_but("runAsEnabled", false);
    let mut case = case();
    case.record = in_sync(3, 95);
    case.record.recent = vec![judged(2, 93, Unattributed, &right(), &off)];
    case.observation = document(&[(2, 93, body(&off)), (3, 95, body(&right()))], 3);
    case.edits = vec![wrote("p", 93, 2, Trusted)];
    let record = settled(&case).1.commit.unwrap().record;
    assert_eq!(record.accepted.unwrap().input("runAsEnabled"), Some(&json!(true)));
}

#[test]
fn of_two_changes_of_one_moment_the_later_version_counts() {
    let (one, two) = (right_but("cloudWatchLogGroupName", "one"), right_but("cloudWatchLogGroupName", "two"));
    let mut case = case();
    case.record = in_sync(4, 95);
    case.record.accepted = Some(content(&two));
    case.record.recent = vec![judged(2, 93, Unattributed, &right(), &one), judged(3, 93, Trusted, &one, &two)];
    case.observation = document(&[(2, 93, body(&one)), (3, 93, body(&two)), (4, 95, body(&two))], 4);
    case.edits = vec![wrote("p", 93, 2, Trusted)];
    let record = settled(&case).1.commit.unwrap().record;
    assert_eq!(record.accepted.unwrap().input("cloudWatchLogGroupName"), Some(&json!("two")));
}
