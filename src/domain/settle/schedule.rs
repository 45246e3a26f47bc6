//! When a target is observed again without an event: collects all waits, and sends one message for the earliest.

use super::Reconciliation;
use super::incident::is_wrong;
use super::notify::Changes;
use crate::domain::breaker::window_ms;
use crate::domain::case::{Applied, Case, Refusal};
use crate::domain::decide::{is_patient, past_obstacle};
use crate::domain::durations::{REQUEUES_MAX, WATCH_MS};
use crate::domain::fact::{Ended, Facts, Intended, Intent};
use crate::domain::own_writes::earliest_call;
use crate::domain::record::{Record, Wake};
use crate::domain::signal::{Cause, Work};
use crate::domain::time::{SECOND_MS, Time};

/// SQS delays a message by no more than this [docs: SQS quotas].
pub const DELAY_MAX_S: u32 = 900;

/// The next message of the reactor's own. The record remembers all that are on their way, so that no event adds another.
/// They are sent after the commit. A redelivered message therefore forgets them: the invocation before it may have stopped in
/// between, and a surplus message is harmless.
pub(super) fn next(reconciliation: Reconciliation, changes: &Changes, record: &mut Record) -> Option<(Work, u32)> {
    let case = reconciliation.case;
    let waits = waits(reconciliation, changes, record);
    record.wakes.retain(|wake| wake.at > case.now && !case.redelivered);
    let until = waits.into_iter().min().filter(|_| case.requeues < REQUEUES_MAX)?;
    let until = until.max(case.now.plus_ms(SECOND_MS));
    let comes_anyway = |wake: &Wake| wake.at <= until && wake.cause == case.cause;
    if record.wakes.iter().any(comes_anyway) {
        return None;
    }
    let (work, delay) = later(case, until);
    record.wakes.push(Wake { at: case.now.plus_ms(i64::from(delay) * SECOND_MS), cause: case.cause });
    Some((work, delay))
}

/// The times of everything that the target waits for.
fn waits(
    Reconciliation { case, decision, applied, .. }: Reconciliation,
    changes: &Changes,
    record: &Record,
) -> Vec<Time> {
    let mut waits: Vec<Time> = Vec::new();
    // SSM or a principal has to act first.
    waits.extend(decision.wait.as_ref().filter(|_| !matches!(applied, Applied::Refused(_))).map(|wait| wait.until));
    // An alert waits for a principal.
    waits.extend(changes.wait);
    match applied {
        // Another writer was faster.
        Applied::Refused(refusal) if refusal.is_outpaced() => {
            waits.push(case.now.plus_ms(SECOND_MS * i64::from(1 + case.requeues.min(29))));
        }
        // A denied write may be allowed later; the event of the attempt itself triggers no retry.
        Applied::Refused(Refusal::Denied | Refusal::DeniedByScp) if case.cause != Cause::Sweep && is_patient(case) => {
            waits.push(past_obstacle(case));
        }
        Applied::Refused(_) | Applied::Nothing | Applied::Landed { .. } => {}
    }
    // A new account is observed until its events arrive.
    let unwatched = unechoed(&record.facts).is_some() || matches!(applied, Applied::Refused(_));
    if case.cause == Cause::AccountLifecycle && unwatched && is_patient(case) {
        waits.push(case.now.plus_ms(WATCH_MS));
    }
    // An incident closes when no act came for the policy's window.
    let closes = record.incident.as_ref().filter(|_| !is_wrong(record.status));
    waits.extend(closes.map(|incident| incident.last.plus_ms(window_ms(&case.limits))));
    waits
}

/// The newest write of the reactor, if no event of it or of a later one has come back.
pub(super) fn unechoed(facts: &Facts) -> Option<(&String, &Intent)> {
    let written = |(_, intent): &(&String, &Intent)| {
        intent.write != Intended::Prune && matches!(intent.ended, Some(Ended::Landed(_)))
    };
    let newest = facts.intents.iter().filter(written).max_by_key(|(_, intent)| intent.from);
    newest.filter(|(_, intent)| !facts.echoes.values().any(|echo| echo.at >= earliest_call(intent)))
}

/// The work of observing the target again at `until`, and its delay in seconds.
fn later(case: &Case, until: Time) -> (Work, u32) {
    let work = Work {
        target: case.target.clone(),
        cause: case.cause,
        edits: Vec::new(),
        correlation: case.correlation.clone(),
        since: case.since,
        requeues: case.requeues.saturating_add(1),
        not_before: Some(until),
    };
    (work, delay_s(case.now, until))
}

/// The delay until `until` in whole seconds, at most [`DELAY_MAX_S`].
pub fn delay_s(now: Time, until: Time) -> u32 {
    let ms = until.since(now).max(0).saturating_add(SECOND_MS - 1);
    u32::try_from(ms / SECOND_MS).unwrap_or(DELAY_MAX_S).min(DELAY_MAX_S)
}
