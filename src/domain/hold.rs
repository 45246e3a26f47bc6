//! Targets that stay wrong on purpose for a while: derived from the facts, never stored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::attribution::{Author, Pairing};
use super::clock_skew::ClockSkew;
use super::durations::REPLACEMENT_MS;
use super::fact::{CallFact, Facts};
use super::policy::Limits;
use super::principal::Attribution;
use super::time::{DAY_MS, MINUTE_MS, Time};

/// Why a target is left as it is, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Until when.
    pub until: Time,
    /// Why, for people.
    pub why: String,
}

/// The hold in force at `now`. A break-glass edit stands for the policy's minutes, unless an untrusted principal acts after
/// it. A trusted principal that deletes the document has a while to create the next one.
pub fn hold(facts: &Facts, pairing: &Pairing, limits: &Limits, now: Time, absent: bool) -> Option<Hold> {
    let emergency = last_emergency(facts, pairing).and_then(|(at, call)| stands(facts, limits, at, call));
    let deletions = facts.calls.values().filter(|call| absent && call.deletes());
    let replacement = deletions.max_by_key(|call| call.edit.at).filter(|call| call.is_trusted()).map(|call| Hold {
        until: ClockSkew::of(facts).ssm_time(call.edit.at).plus_ms(REPLACEMENT_MS),
        why: format!("a trusted deletion by {}, perhaps to replace the document", call.edit.principal.called()),
    });
    emergency.into_iter().chain(replacement).filter(|hold| hold.until > now).max_by_key(|hold| hold.until)
}

/// How long a break-glass act stands, if the minutes of a day are not used up.
fn stands(facts: &Facts, limits: &Limits, at: Time, call: &CallFact) -> Option<Hold> {
    let left = daily_minutes_left(facts, limits, call);
    let by = call.edit.principal.called();
    let why = if left < limits.break_glass.hold_minutes {
        format!("break-glass by {by}, up to {} minutes in 24 hours", limits.break_glass.daily_minutes)
    } else {
        format!("break-glass by {by}")
    };
    let until = at.plus_ms(i64::from(left.min(limits.break_glass.hold_minutes)) * MINUTE_MS);
    (left > 0).then_some(Hold { until, why })
}

/// Whether the last act is a break-glass one that does not stand, because the minutes of a day are used up.
pub fn is_daily_limit_reached(facts: &Facts, pairing: &Pairing, limits: &Limits) -> bool {
    last_emergency(facts, pairing).is_some_and(|(_, call)| daily_minutes_left(facts, limits, call) == 0)
}

/// The reason why a break-glass act does not stand, for people.
pub fn daily_limit(limits: &Limits) -> String {
    format!(
        "break-glass edits of a document stand for {} minutes in 24 hours, and these are used up",
        limits.break_glass.daily_minutes
    )
}

/// The times of break-glass acts in the 24 hours up to the last one, each cut to its minute, so that a record holds all of
/// them however many they are.
pub fn emergencies(facts: &Facts) -> BTreeSet<Time> {
    let calls = facts.calls.values().filter(|call| is_emergency(call));
    let clock = ClockSkew::of(facts);
    let mut times: BTreeSet<Time> = calls.map(|call| minute(&clock, call)).collect();
    times.extend(&facts.emergencies);
    if let Some(last) = times.last().copied() {
        times.retain(|at| last.since(*at) < DAY_MS);
    }
    times
}

fn is_emergency(call: &CallFact) -> bool {
    call.attribution == Attribution::BreakGlass && call.edit.failed.is_none()
}

fn minute(clock: &ClockSkew, call: &CallFact) -> Time {
    let at = clock.ssm_time(call.edit.at);
    at.plus_ms(-at.ms().rem_euclid(MINUTE_MS))
}

/// What the acts before this one leave of the policy's minutes in 24 hours. An act stands until the next one at most.
fn daily_minutes_left(facts: &Facts, limits: &Limits, act: &CallFact) -> u32 {
    let act = minute(&ClockSkew::of(facts), act);
    let times: Vec<Time> = emergencies(facts).into_iter().filter(|at| *at <= act).collect();
    let gaps = times.iter().zip(times.iter().skip(1)).map(|(at, next)| next.since(*at) / MINUTE_MS);
    let used: i64 = gaps.map(|minutes| minutes.min(limits.break_glass.hold_minutes.into())).sum();
    limits.break_glass.daily_minutes.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
}

/// The newest act that is neither the reactor's nor a trusted principal's, with its time, if it is a break-glass one.
fn last_emergency<'a>(facts: &'a Facts, pairing: &Pairing) -> Option<(Time, &'a CallFact)> {
    let author = |(created, version)| match pairing.author(facts, created, version) {
        Author::Known(call) => Some((created, call)),
        Author::Reactor(_) | Author::Nameless => None,
    };
    let acts = |call: &&CallFact| call.edit.failed.is_none() && call.edit.action.made_version().is_none();
    let clock = ClockSkew::of(facts);
    let others = facts.calls.values().filter(acts).map(|call| (clock.ssm_time(call.edit.at), call));
    let foreign = facts.open_versions().filter_map(author).chain(others).filter(|(_, call)| !call.is_trusted());
    let last = foreign.max_by_key(|(at, call)| (*at, call.attribution));
    last.filter(|(_, call)| call.attribution == Attribution::BreakGlass)
}
