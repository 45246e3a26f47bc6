use super::*;
use crate::domain::document::Content;
use crate::domain::fact::{Base, Facts, Notified};
use crate::domain::policy::Limits;
use crate::domain::record::Record;
use crate::domain::signal::Cause;
use crate::domain::target::Target;
use serde_json::json;

fn at(ms: i64) -> Time {
    Time::from_ms(ms)
}

fn quick_check() -> QuickCheck {
    QuickCheck {
        document_type: "Session".to_owned(),
        status: DocumentStatus::Active,
        latest: 3,
        default: 3,
        created: Some(at(7)),
        hash: "abc".to_owned(),
    }
}

fn base() -> Base {
    Base {
        content: Some(Content::minimal()),
        until: at(7),
        at: at(9),
        digest: Some(Content::minimal().digest()),
        blurred: false,
        foreign: std::collections::BTreeSet::new(),
        calls_until: Time::ZERO,
        intents_until: Time::ZERO,
        observed: Time::ZERO,
        clock_ms: None,
        notified: Notified::Named,
    }
}

/// A target in sync at version 3, with the check that was recorded then.
fn loaded() -> Loaded {
    let record = Record {
        generation: 4,
        status: Status::InSync,
        facts: Facts { base: Some(base()), ..Facts::default() },
        ..Record::default()
    };
    Loaded {
        record,
        last_check: Some(LastCheck { at: at(9), fingerprint: quick_check().fingerprint() }),
        ..Loaded::default()
    }
}

#[test]
fn the_same_print_brings_back_what_was_there() {
    let Some(Observation::Present(seen)) = remembered(&loaded(), &quick_check()) else { panic!("it is as it was") };
    assert_eq!((seen.latest.number, seen.latest.body.clone()), (3, Body::Valid(Content::minimal())));
    assert_eq!(
        (&seen.default, seen.latest_created(), seen.latest_status()),
        (&seen.latest, at(7), DocumentStatus::Active)
    );
    assert!(seen.is_session() && !seen.older_exist);
}

#[test]
fn a_difference_takes_a_full_observation() {
    let differences: [fn(&mut QuickCheck); 6] = [
        |quick_check| quick_check.document_type = "Command".to_owned(),
        |quick_check| quick_check.status = DocumentStatus::Failed,
        |quick_check| (quick_check.latest, quick_check.default) = (4, 4),
        |quick_check| quick_check.default = 2,
        |quick_check| quick_check.created = Some(at(8)),
        |quick_check| quick_check.hash = "abd".to_owned(),
    ];
    for (nth, different) in differences.into_iter().enumerate() {
        let mut quick_check = quick_check();
        different(&mut quick_check);
        assert_eq!(remembered(&loaded(), &quick_check), None, "difference {nth}");
    }
}

#[test]
fn a_document_that_cannot_be_in_sync_has_no_print() {
    let wrong: [fn(&mut QuickCheck); 5] = [
        |quick_check| quick_check.document_type = "Command".to_owned(),
        |quick_check| quick_check.status = DocumentStatus::Pending,
        |quick_check| quick_check.default = 2,
        |quick_check| quick_check.created = None,
        |quick_check| quick_check.hash.clear(),
    ];
    for (nth, wrong) in wrong.into_iter().enumerate() {
        let mut quick_check = quick_check();
        wrong(&mut quick_check);
        assert_eq!(quick_check.fingerprint(), None, "{nth}");
    }
}

#[test]
fn a_record_that_is_not_calmly_in_sync_takes_a_full_observation() {
    for status in [
        Status::New,
        Status::Drifted,
        Status::Exempt,
        Status::Held,
        Status::BackingOff,
        Status::Waiting,
        Status::Unreachable,
    ] {
        let mut loaded = loaded();
        loaded.record.status = status;
        assert_eq!(remembered(&loaded, &quick_check()), None, "{status:?}");
    }
    let unsettling: [fn(&mut Loaded); 5] = [
        |loaded| loaded.last_check = None,
        |loaded| loaded.last_check.as_mut().unwrap().fingerprint = None,
        |loaded| loaded.record.facts.base = None,
        |loaded| loaded.record.facts.base.as_mut().unwrap().until = at(6),
        |loaded| loaded.record.facts.base.as_mut().unwrap().digest = None,
    ];
    for (nth, unsettling) in unsettling.into_iter().enumerate() {
        let mut loaded = loaded();
        unsettling(&mut loaded);
        assert_eq!(remembered(&loaded, &quick_check()), None, "{nth}");
    }
}

/// The check that is recorded after a reconciliation of the quick check's document.
fn note(
    verdict: Verdict,
    applied: &Applied,
    change: impl FnOnce(&mut Seen),
    last_check: Option<&LastCheck>,
) -> Option<LastCheck> {
    let Some(Observation::Present(mut seen)) = remembered(&loaded(), &quick_check()) else { panic!("it is as it was") };
    change(&mut seen);
    let case = Case { observation: Observation::Present(seen), ..case() };
    let decision = Decision { verdict, reasons: vec!["because".to_owned()], write: None, wait: None };
    check_to_record(&case, &decision, applied, &quick_check(), last_check)
}

fn case() -> Case {
    let resolution = json!({ "mode": "enforce", "owned": {}, "reason": "defaults" });
    Case {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        account_name: String::new(),
        now: at(1_000),
        cause: Cause::Sweep,
        since: at(1_000),
        requeues: 0,
        redelivered: false,
        correlation: String::new(),
        calls: Vec::new(),
        newest_call: None,
        by_member_role: true,
        resolution: serde_json::from_value(resolution).unwrap(),
        policy: "1".to_owned(),
        limits: Limits::default(),
        observation: Observation::Absent,
        record: Record::default(),
        refused: Vec::new(),
        random: 0,
    }
}

#[test]
fn the_print_is_kept_of_what_was_in_sync_and_left_as_it_was() {
    let fingerprint = |last_check: Option<LastCheck>| last_check.and_then(|last_check| last_check.fingerprint);
    assert_eq!(fingerprint(note(Verdict::InSync, &Applied::Nothing, |_| {}, None)), quick_check().fingerprint());
    let landed = Applied::Landed { version: 4, at: at(1_000) };
    assert_eq!(fingerprint(note(Verdict::InSync, &landed, |_| {}, None)), None, "it is another document by now");
    assert_eq!(fingerprint(note(Verdict::Missing, &Applied::Nothing, |_| {}, None)), None);
    assert_eq!(fingerprint(note(Verdict::InSync, &Applied::Nothing, |seen| seen.latest.number = 4, None)), None);
    assert_eq!(fingerprint(note(Verdict::InSync, &Applied::Nothing, |seen| seen.default.number = 2, None)), None);
}

#[test]
fn a_check_is_written_down_again_after_half_a_day() {
    for (age_ms, expected) in [(LAST_CHECK_MS, false), (LAST_CHECK_MS + 1, true)] {
        let last_check = LastCheck { at: at(1_000 - age_ms), fingerprint: quick_check().fingerprint() };
        let written = note(Verdict::InSync, &Applied::Nothing, |_| {}, Some(&last_check));
        assert_eq!(written.is_some(), expected, "{age_ms}");
    }
}
