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

fn glance() -> Glance {
    Glance {
        document_type: "Session".to_owned(),
        status: Status::Active,
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

/// A target in sync at version 3, and what was written down when it was found so.
fn loaded() -> Loaded {
    let record = Record {
        generation: 4,
        standing: Standing::InSync,
        facts: Facts { base: Some(base()), ..Facts::default() },
        ..Record::default()
    };
    Loaded { record, noted: Some(Noted { at: at(9), print: glance().print() }), ..Loaded::default() }
}

#[test]
fn the_same_print_brings_back_what_was_there() {
    let Some(Observation::Present(seen)) = remembered(&loaded(), &glance()) else { panic!("it is as it was") };
    assert_eq!((seen.latest.number, seen.latest.body.clone()), (3, Body::Valid(Content::minimal())));
    assert_eq!((&seen.default, seen.latest_created(), seen.latest_status()), (&seen.latest, at(7), Status::Active));
    assert!(seen.is_session() && !seen.older_exist);
}

#[test]
fn a_difference_takes_a_full_observation() {
    let differences: [fn(&mut Glance); 6] = [
        |glance| glance.document_type = "Command".to_owned(),
        |glance| glance.status = Status::Failed,
        |glance| (glance.latest, glance.default) = (4, 4),
        |glance| glance.default = 2,
        |glance| glance.created = Some(at(8)),
        |glance| glance.hash = "abd".to_owned(),
    ];
    for (nth, different) in differences.into_iter().enumerate() {
        let mut glance = glance();
        different(&mut glance);
        assert_eq!(remembered(&loaded(), &glance), None, "difference {nth}");
    }
}

#[test]
fn a_document_that_cannot_be_in_sync_has_no_print() {
    let wrong: [fn(&mut Glance); 5] = [
        |glance| glance.document_type = "Command".to_owned(),
        |glance| glance.status = Status::Pending,
        |glance| glance.default = 2,
        |glance| glance.created = None,
        |glance| glance.hash.clear(),
    ];
    for (nth, wrong) in wrong.into_iter().enumerate() {
        let mut glance = glance();
        wrong(&mut glance);
        assert_eq!(glance.print(), None, "{nth}");
    }
}

#[test]
fn a_record_that_is_not_calmly_in_sync_takes_a_full_observation() {
    for standing in [
        Standing::New,
        Standing::Drifted,
        Standing::Exempt,
        Standing::Held,
        Standing::BackingOff,
        Standing::Waiting,
        Standing::Unreachable,
    ] {
        let mut loaded = loaded();
        loaded.record.standing = standing;
        assert_eq!(remembered(&loaded, &glance()), None, "{standing:?}");
    }
    let unsettling: [fn(&mut Loaded); 5] = [
        |loaded| loaded.noted = None,
        |loaded| loaded.noted.as_mut().unwrap().print = None,
        |loaded| loaded.record.facts.base = None,
        |loaded| loaded.record.facts.base.as_mut().unwrap().until = at(6),
        |loaded| loaded.record.facts.base.as_mut().unwrap().digest = None,
    ];
    for (nth, unsettling) in unsettling.into_iter().enumerate() {
        let mut loaded = loaded();
        unsettling(&mut loaded);
        assert_eq!(remembered(&loaded, &glance()), None, "{nth}");
    }
}

/// What is written down of the look of a pass at the glance's document.
fn note(verdict: Verdict, applied: &Applied, change: impl FnOnce(&mut Seen), noted: Option<&Noted>) -> Option<Noted> {
    let Some(Observation::Present(mut seen)) = remembered(&loaded(), &glance()) else { panic!("it is as it was") };
    change(&mut seen);
    let case = Case { observation: Observation::Present(seen), ..case() };
    let decision = Decision { verdict, reasons: vec!["because".to_owned()], write: None, wait: None };
    to_note(&case, &decision, applied, &glance(), noted)
}

fn case() -> Case {
    let resolution = json!({ "mode": "enforce", "owned": {}, "reason": "defaults" });
    Case {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        account_name: String::new(),
        now: at(1_000),
        cause: Cause::Swept,
        since: at(1_000),
        requeues: 0,
        correlation: String::new(),
        calls: Vec::new(),
        heard: None,
        by_member_role: true,
        resolution: serde_json::from_value(resolution).unwrap(),
        policy: "1".to_owned(),
        limits: Limits {
            hold_minutes: 60,
            breaker_reverts: 5,
            breaker_minutes: 10,
            readiness_minutes: 120,
            gap_slo_minutes: 5,
        },
        observation: Observation::Absent,
        record: Record::default(),
        refused: Vec::new(),
        random: 0,
    }
}

#[test]
fn the_print_is_kept_of_what_was_in_sync_and_left_as_it_was() {
    let print = |noted: Option<Noted>| noted.and_then(|noted| noted.print);
    assert_eq!(print(note(Verdict::InSync, &Applied::Nothing, |_| {}, None)), glance().print());
    let landed = Applied::Landed { version: 4, at: at(1_000) };
    assert_eq!(print(note(Verdict::InSync, &landed, |_| {}, None)), None, "it is another document by now");
    assert_eq!(print(note(Verdict::Missing, &Applied::Nothing, |_| {}, None)), None);
    assert_eq!(print(note(Verdict::InSync, &Applied::Nothing, |seen| seen.latest.number = 4, None)), None);
    assert_eq!(print(note(Verdict::InSync, &Applied::Nothing, |seen| seen.default.number = 2, None)), None);
}

#[test]
fn a_check_is_written_down_again_after_half_a_day() {
    for (age_ms, expected) in [(NOTED_MS, false), (NOTED_MS + 1, true)] {
        let noted = Noted { at: at(1_000 - age_ms), print: glance().print() };
        let written = note(Verdict::InSync, &Applied::Nothing, |_| {}, Some(&noted));
        assert_eq!(written.is_some(), expected, "{age_ms}");
    }
}
