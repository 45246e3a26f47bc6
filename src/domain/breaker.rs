//! Edit wars, derived from the facts: how often the reactor answered others in the window, and how long it pauses.
//!
//! Between trusted writers it pauses for up to five minutes, because both mean well and a person has to intervene. Against
//! others it pauses for at most ten seconds, or a few edits would buy wrong content.

use super::attribution::{Author, Pairing};
use super::clock_skew::ClockSkew;
use super::durations::{RETRY_MS, WATCH_MS};
use super::fact::{Ended, Facts, Intended, Intent};
use super::policy::Limits;
use super::time::{MINUTE_MS, Time};

/// What happened at a target within the policy's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Writes of the reactor that answered another principal's act.
    pub answers: u32,
    /// Whether these are as many as the policy calls a war.
    pub war: bool,
    /// No write before this.
    pub until: Option<Time>,
    /// The newest act of another principal within the window.
    pub last_act: Option<Time>,
}

/// Derives the breaker from the facts.
pub fn breaker(facts: &Facts, pairing: &Pairing, limits: &Limits, now: Time) -> Breaker {
    let begin = now.plus_ms(-window_ms(limits));
    let acts = acts(facts, pairing, begin);
    let writes: Vec<&Intent> =
        facts.intents.values().filter(|intent| is_write(intent) && intent.from > begin).collect();
    let answers = writes.iter().filter(|intent| answers_any(intent, &writes, &acts)).count();
    let answers = u32::try_from(answers).unwrap_or(u32::MAX);
    let war = answers >= limits.breaker.reverts.max(1);
    let hostile = acts.iter().any(|(_, trusted)| !trusted);
    let last = writes.iter().map(|intent| intent.from).max();
    // The reactor also slows down when it keeps writing for no known reason.
    let pressing = answers.max(u32::try_from(writes.len()).unwrap_or(u32::MAX) / 2);
    let over = pressing.saturating_sub(limits.breaker.reverts).min(10);
    let most = if hostile { 2 * RETRY_MS } else { WATCH_MS };
    let pause = RETRY_MS.saturating_mul(2_i64.saturating_pow(over)).min(most);
    let until = last
        .filter(|_| pressing >= limits.breaker.reverts.max(1))
        .map(|last| last.plus_ms(pause))
        .filter(|until| *until > now);
    Breaker { answers, war, until, last_act: acts.iter().map(|(at, _)| *at).max() }
}

/// The policy's window in which writes count, in milliseconds.
pub fn window_ms(limits: &Limits) -> i64 {
    i64::from(limits.breaker.within_minutes.max(1)) * MINUTE_MS
}

fn is_write(intent: &Intent) -> bool {
    intent.write != Intended::Prune && intent.ended != Some(Ended::Refused)
}

/// Whether an act lies between this write and the one before it.
fn answers_any(intent: &Intent, writes: &[&Intent], acts: &[(Time, bool)]) -> bool {
    let before = writes.iter().map(|other| other.from).filter(|from| *from < intent.from).max();
    acts.iter().any(|(at, _)| *at <= intent.from && before.is_none_or(|before| *at > before))
}

/// Acts of others since `begin`: when, and whether by a trusted principal.
fn acts(facts: &Facts, pairing: &Pairing, begin: Time) -> Vec<(Time, bool)> {
    let versions = facts.open_versions().filter(|(_, version)| !version.adopted).filter_map(|(created, version)| {
        match pairing.author(facts, created, version) {
            Author::Reactor(_) => None,
            Author::Known(call) => Some((created, call.is_trusted())),
            Author::Nameless => Some((created, false)),
        }
    });
    let calls = facts.calls.values().filter(|call| call.edit.failed.is_none() && !call.makes_version());
    let clock = ClockSkew::of(facts);
    let calls = calls.map(|call| (clock.ssm_time(call.edit.at), call.is_trusted()));
    let absences = facts.absences.values().map(|absence| (absence.first, false));
    versions.chain(calls).chain(absences).filter(|(at, _)| *at > begin).collect()
}
