//! Edit wars: how many answers make one, how long the reactor keeps off, and when it is over.

use runas_reactor::domain::attribution::pair;
use runas_reactor::domain::breaker::{Breaker, breaker};
use runas_reactor::domain::case::WaitsOn;
use runas_reactor::domain::fact::{Ended, Facts, Intended};
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::SECOND_MS;

use crate::support::case::*;
use crate::support::facts;

/// `who` edits and the reactor answers, so many times, this many seconds apart.
fn fought(who: Who, times: u32, apart: i64) -> Scenario {
    let mut target = Scenario::in_sync();
    for run in 0..times {
        if run > 0 {
            target.wait(apart);
        }
        let mut inputs = run_as_off();
        inputs["maxSessionDuration"] = run.to_string().into();
        let call = target.writes(who, &inputs);
        target.hears(&[call]);
    }
    target
}

fn state(target: &Scenario) -> Breaker {
    judge(&target.case(Cause::Sweep, &[])).breaker
}

/// Seconds until the next write.
fn pause(target: &Scenario) -> Option<i64> {
    state(target).until.map(|until| until.since(target.now) / SECOND_MS)
}

#[test]
fn as_many_answers_as_the_policy_says_are_a_war() {
    for (times, war) in [(4, false), (5, true)] {
        let target = fought(MALLORY, times, 20);
        let found = state(&target);
        assert_eq!((found.answers, found.war, found.until.is_some()), (times, war, war));
    }
}

#[test]
fn answers_older_than_the_policys_window_do_not_count() {
    let mut target = fought(MALLORY, 5, 20);
    target.wait(600 - 80 - 1);
    assert_eq!(state(&target).answers, 5);
    target.wait(1);
    assert_eq!(state(&target).answers, 4, "the first is ten minutes old");
}

#[test]
fn writes_that_answer_no_act_heat_nothing() {
    // The policy changes back and forth; nobody edits.
    let mut target = Scenario::in_sync();
    for run in 0..8 {
        target.wait(20);
        target.resolution.owned.insert("runAsDefaultUser".to_owned(), format!("ops{run}").into());
        assert!(target.sweeps().decision.write.is_some(), "run {run}");
    }
    assert_eq!(state(&target).answers, 0);
}

#[test]
fn refused_writes_are_no_answers() {
    let mut target = fought(MALLORY, 5, 20);
    for intent in target.record.facts.intents.values_mut() {
        intent.ended = Some(Ended::Refused);
    }
    assert_eq!(state(&target).answers, 0);
}

#[test]
fn write_of_an_invocation_that_stopped_counts_as_an_answer() {
    let mut target = fought(MALLORY, 5, 20);
    for intent in target.record.facts.intents.values_mut() {
        intent.ended = None;
    }
    assert_eq!(state(&target).answers, 5);
}

#[test]
fn one_write_that_answers_many_acts_is_one_answer() {
    let mut target = Scenario::in_sync();
    let mut calls = Vec::new();
    for _ in 0..10 {
        target.wait(1);
        calls.push(target.writes(MALLORY, &run_as_off()));
    }
    target.hears(&calls);
    assert_eq!(state(&target).answers, 1);
}

#[test]
fn trusted_writers_at_war_are_kept_apart_for_at_most_five_minutes() {
    let mut target = fought(PIPELINE, 5, 20);
    let mut pauses = Vec::new();
    for run in 0..7 {
        pauses.push(pause(&target).unwrap());
        target.limits.breaker.within_minutes = 600;
        target.runs(pauses[run]);
        let mut inputs = run_as_off();
        inputs["maxSessionDuration"] = (100 + run).to_string().into();
        let call = target.writes(PIPELINE, &inputs);
        target.hears(&[call]);
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300]);
}

#[test]
fn against_a_foreign_principal_the_reactor_keeps_off_ten_seconds_at_most() {
    for times in [5, 6, 9] {
        let target = fought(MALLORY, times, 11);
        let expected = if times == 5 { 5 } else { 10 };
        assert_eq!(pause(&target), Some(expected), "{times}");
    }
}

#[test]
fn mallory_gains_nothing_from_a_war_of_pipelines() {
    let mut target = fought(PIPELINE, 5, 30);
    target.limits.breaker.within_minutes = 600;
    for run in 0..4 {
        target.runs(pause(&target).unwrap());
        let mut inputs = run_as_off();
        inputs["maxSessionDuration"] = (100 + run).to_string().into();
        let call = target.writes(PIPELINE, &inputs);
        target.hears(&[call]);
    }
    target.wait(15);
    assert!(pause(&target).unwrap() > 30, "the pipelines are kept apart");
    let call = target.writes(MALLORY, &run_as_off());
    assert!(target.hears(&[call]).decision.write.is_some());
}

#[test]
fn wait_of_a_war_is_over_at_the_moment_that_it_names() {
    let mut target = fought(MALLORY, 6, 11);
    let call = target.writes(MALLORY, &run_as_off());
    target.wait(1);
    let reconciliation = target.hears(&[call]);
    let wait = reconciliation.decision.wait.clone().unwrap();
    assert_eq!((wait.on, wait.until.since(target.now)), (WaitsOn::EditWar, 9 * SECOND_MS));
    target.now = wait.until.plus_ms(-1);
    assert!(target.sweeps().decision.write.is_none());
    target.now = wait.until;
    assert!(target.sweeps().decision.write.is_some());
}

#[test]
fn war_cools_down_within_the_policys_window_however_long_it_was() {
    let mut target = Scenario::in_sync();
    for _ in 0..120 {
        let call = target.writes(MALLORY, &run_as_off());
        target.hears(&[call]);
        target.runs(3);
    }
    assert!(state(&target).war);
    target.runs(611);
    assert!(!state(&target).war && target.record.incident.is_none(), "{:?}", target.record.incident);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn adopted_versions_and_failed_calls_are_no_acts_of_a_war() {
    let mut target = Scenario::blank();
    target.writes(MALLORY, &right());
    target.wait(1);
    let failed = target.fails(MALLORY, runas_reactor::domain::edit::Action::Deleted, "AccessDenied");
    target.hears(&[failed]);
    let case = target.case(Cause::Sweep, &[]);
    let found = breaker(&case.record.facts, &judge(&case).pairing, &case.limits, case.now);
    assert_eq!(found.last_act, None);
}

#[test]
fn act_counts_for_less_than_the_policys_window() {
    let facts = facts::reported(&[facts::deleted(0, Attribution::Untrusted)]);
    let limits = Scenario::in_sync().limits;
    let last_act = |ms| breaker(&facts, &pair(&facts), &limits, facts::at_ms(ms)).last_act;
    assert_eq!([599_999, 600_000].map(last_act), [Some(facts::at(0)), None]);
}

#[test]
fn acts_and_writes_of_an_edit_war_are_timed_by_one_clock() {
    let story = facts::Story::known().behind_by(60).call(facts::deleted(30, Attribution::Untrusted));
    let facts = story.intent("answer", facts::intent(Intended::Put, 1, 95, None)).facts();
    let found = breaker(&facts, &pair(&facts), &Scenario::in_sync().limits, facts::at(100));
    assert_eq!((found.answers, found.last_act), (1, Some(facts::at(90))));
}

/// Whatever makes the reactor write on and on, it slows down.
#[test]
fn twice_as_many_writes_slow_down_though_no_act_is_known() {
    let limits = Scenario::in_sync().limits;
    let until = |writes: i64, ms: i64| {
        let seconds = std::iter::once(0).chain(std::iter::repeat_n(598, usize::try_from(writes - 1).unwrap()));
        let logged = seconds.map(|second| facts::intent(Intended::Put, 5, second, None));
        let intents = logged.enumerate().map(|(number, intent)| (number.to_string(), intent)).collect();
        let facts = Facts { intents, ..Facts::default() };
        breaker(&facts, &pair(&facts), &limits, facts::at_ms(ms)).until
    };
    let paused = Some(facts::at(603));
    assert_eq!([9, 10, 11].map(|writes| until(writes, 599_999)), [None, paused, paused]);
    assert_eq!(until(10, 600_000), None, "the first is as old as the window");
}
