//! What follows from one pass: what to remember, whom to tell, when to look again. Total and pure (invariant 2).

mod history;
mod incident;
mod memory;
mod news;
mod telling;

use super::case::{Applied, Case, Decision, Refusal, Verdict, WaitsOn};
use super::decide::{UNSETTLED_HOPS_MAX, UNSETTLED_MS, past_obstacle};
use super::edit::Edit;
use super::mutant::{self, Mutant};
use super::record::{Commit, Record, Settlement};
use super::signal::{Cause, Work};
use super::time::{MINUTE_MS, SECOND_MS, Time};

pub use history::{attach, detach};
pub use news::{News, ToldEdit};

/// Messages that may follow one another for one cause, before we leave the rest to the sweep (invariant 8).
pub const HOPS_MAX: u32 = 500;
/// SQS delays a message by no more than this [docs: SQS quotas].
pub const DELAY_MAX_S: u32 = 900;
/// How often a new account is looked at until its own write has come back as an event.
const WATCH_MS: i64 = 5 * MINUTE_MS;

/// Settles one pass.
pub fn settle(case: &Case, decision: &Decision, applied: &Applied) -> Settlement {
    if let Some(next) = postponed(case, decision, applied) {
        return Settlement { commit: None, next: Some(next) };
    }
    let news = News::gather(case, decision);
    let mut record = memory::remember(case, decision, applied, &news);
    let alerts = telling::alerts(case, decision, applied, &news, &mut record);
    let next = next(case, decision, applied, &news, &mut record);
    if alerts.is_empty() && news.is_empty() && record == case.record {
        return Settlement { commit: None, next };
    }
    record.generation = case.record.generation.saturating_add(1);
    record.updated = case.now;
    record.policy.clone_from(&case.policy);
    let history = history::entry(case, decision, applied);
    let commit = Commit { expected: case.record.generation, record, seen: news.settled, history, alerts };
    Settlement { commit: Some(commit), next }
}

/// What is remembered before the document is deleted to be made anew. A deletion has no condition; so that two invocations do
/// not delete each other's document, only the one that gets this committed goes on.
pub fn reserve(case: &Case, decision: &Decision) -> Commit {
    deletion(case, decision, Some(case.now))
}

/// What is remembered where another document had taken its place by then, and nothing was deleted: the last deletion of ours
/// is the one that was before, or nobody would be believed to have made the other one.
pub fn withdraw(case: &Case, decision: &Decision, before: Option<Time>) -> Commit {
    deletion(case, decision, before)
}

fn deletion(case: &Case, decision: &Decision, by_us: Option<Time>) -> Commit {
    let mut record = case.record.clone();
    record.generation = record.generation.saturating_add(1);
    record.deleted_by_us = by_us;
    let history = history::entry(case, decision, &Applied::Nothing);
    Commit { expected: case.record.generation, record, seen: Vec::new(), history, alerts: Vec::new() }
}

/// Nothing can be said yet: the same message again, with its edits, and nothing remembered.
fn postponed(case: &Case, decision: &Decision, applied: &Applied) -> Option<(Work, u32)> {
    if case.hop >= HOPS_MAX {
        return None;
    }
    let until = match (&decision.wait, applied) {
        (Some(wait), _) if wait.on == WaitsOn::Visibility => wait.until,
        (_, Applied::Refused(refusal)) if outpaced(*refusal) && !contested(case) => again_at(case),
        _ => return None,
    };
    Some(successor(case, unsettled_edits(case), until))
}

/// Refused because of what somebody else did at that moment, so that trying again can help.
pub(super) fn outpaced(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Moved | Refusal::Duplicate | Refusal::Maybe | Refusal::Replacing | Refusal::Full => true,
        Refusal::Denied | Refusal::Invalid => false,
    }
}

/// Somebody has been faster than we are for so long that people have to hear of it before we are through.
fn contested(case: &Case) -> bool {
    match case.cause {
        Cause::Touched => case.now.since(case.since) >= MINUTE_MS,
        Cause::Vended | Cause::Swept => case.hop >= UNSETTLED_HOPS_MAX,
    }
}

fn again_at(case: &Case) -> Time {
    case.now.plus_ms(SECOND_MS * i64::from(1 + case.hop.min(29)))
}

fn next(case: &Case, decision: &Decision, applied: &Applied, news: &News, record: &mut Record) -> Option<(Work, u32)> {
    if mutant::on(Mutant::NeverRest) {
        return Some(successor(case, Vec::new(), case.now.plus_ms(MINUTE_MS)));
    }
    if case.hop >= HOPS_MAX {
        return None;
    }
    let patient = case.now.since(case.since) < i64::from(case.limits.readiness_minutes) * MINUTE_MS;
    let refused = matches!(applied, Applied::Refused(_));
    let watched = case.cause == Cause::Vended && (record.awaiting_echo.is_some() || refused) && patient;
    let at_war = record.incident.as_ref().is_some_and(|incident| incident.escalated);
    let quiet = matches!(decision.verdict, Verdict::InSync);
    let until = match (&decision.wait, applied) {
        _ if !news.invisible.is_empty() => case.now.plus_ms(UNSETTLED_MS),
        (Some(wait), _) => wait.until,
        (None, Applied::Refused(refusal)) if outpaced(*refusal) => again_at(case),
        // What may not be written may be written later, like what cannot be read; the event of our own try is no reason.
        (None, Applied::Refused(Refusal::Denied)) if case.cause == Cause::Touched && patient => past_obstacle(case),
        (None, _) if watched => case.now.plus_ms(WATCH_MS),
        // One message watches a war. Every event of it would start another that goes on until the end.
        (None, _) if at_war && record.probe.is_some_and(|at| at > case.now) => return None,
        (None, _) if at_war => {
            let minutes = i64::from(case.limits.breaker_minutes.max(1));
            let until = case.now.plus_ms(if quiet { minutes * MINUTE_MS } else { WATCH_MS });
            record.probe = Some(until);
            until
        }
        (None, _) => return None,
    };
    let edits = if mutant::on(Mutant::LoseEditsWhileWaiting) {
        Vec::new()
    } else if news::carries_edits(decision) {
        unsettled_edits(case)
    } else {
        news.invisible.clone()
    };
    Some(successor(case, edits, until))
}

fn unsettled_edits(case: &Case) -> Vec<Edit> {
    case.edits.iter().filter(|edit| !edit.seen).map(|edit| edit.edit.clone()).collect()
}

fn successor(case: &Case, edits: Vec<Edit>, until: Time) -> (Work, u32) {
    let work = Work {
        target: case.target.clone(),
        cause: case.cause,
        edits,
        correlation: case.correlation.clone(),
        since: case.since,
        hop: case.hop.saturating_add(1),
        not_before: Some(until),
    };
    (work, delay_s(case.now, until))
}

/// The delay, in whole seconds, of a message that is not to be worked on before `until`.
pub fn delay_s(now: Time, until: Time) -> u32 {
    let ms = until.since(now).max(0).saturating_add(SECOND_MS - 1);
    u32::try_from(ms / SECOND_MS).unwrap_or(DELAY_MAX_S).min(DELAY_MAX_S)
}
