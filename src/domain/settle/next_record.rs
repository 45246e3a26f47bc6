//! The record after a reconciliation, except for its incident and the marks of alerts.

use super::Reconciliation;
use super::notify::Changes;
use crate::domain::case::{Applied, Case, Decision, Verdict, WaitsOn};
use crate::domain::document::Content;
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::fact::{Facts, LastSeen, Notified};
use crate::domain::milestones::Milestones;
use crate::domain::observation::Observation;
use crate::domain::policy::Mode;
use crate::domain::record::{Record, Status};
use crate::domain::signal::Cause;

/// The record after a reconciliation.
pub(super) fn next_record(reconciliation: Reconciliation, changes: &Changes) -> Record {
    let Reconciliation { case, decision, applied, .. } = reconciliation;
    let mut record = Record { facts: changes.facts.clone(), ..case.record.clone() };
    keep_owned(reconciliation, &mut record.facts);
    if let Applied::Landed { version, at } = applied {
        record.facts.last = Some(LastSeen { at: *at, latest: None, default: *version });
    }
    record.status = status(reconciliation, changes);
    record.why = if record.status == Status::InSync { String::new() } else { decision.reasons.join("; ") };
    if let Some(base) = &mut record.facts.base {
        // The alert about what needs a review went out before.
        base.notified = Notified::Named;
    }
    record.milestones = milestones(case, record.milestones, record.status == Status::InSync);
    record
}

/// The milestones after the reconciliation; `right` says whether the target is in sync at its end.
fn milestones(case: &Case, before: Milestones, right: bool) -> Milestones {
    let now = Some(case.now);
    let new = case.cause == Cause::AccountLifecycle && before.configured.is_none();
    let read = !matches!(case.observation, Observation::Unknown(_));
    Milestones {
        vended: before.vended.or(Some(case.since).filter(|_| new)),
        reached: before.reached.or(now.filter(|_| read)),
        configured: before.configured.or(now.filter(|_| right)),
        member_role: before.member_role.or(now.filter(|_| read && case.by_member_role)),
        newest_call: before.newest_call.max(case.newest_call),
    }
}

/// Accepts the policy's values together with a compliant version of another author: they stay when the policy gives those
/// fields up.
fn keep_owned(Reconciliation { case, judgement, decision, .. }: Reconciliation, facts: &mut Facts) {
    let Observation::Present(seen) = &case.observation else { return };
    let enforced = decision.verdict == Verdict::InSync && case.resolution.mode == Mode::Enforce;
    let accepted = judgement.accepted.content.clone().unwrap_or_else(Content::minimal);
    if enforced && !accepted.drift(&case.resolution.owned).is_empty() {
        facts.owned.insert(seen.latest_created(), case.resolution.owned.clone());
    }
}

fn status(Reconciliation { case, decision, applied, .. }: Reconciliation, changes: &Changes) -> Status {
    let right = matches!(decision.verdict, Verdict::InSync) || matches!(applied, Applied::Landed { .. });
    if let Verdict::Unknown { .. } = decision.verdict {
        return unreadable(case, decision);
    }
    match case.resolution.mode {
        Mode::Exempt => return Status::Exempt,
        // The alert about the act that waits for a principal reports the drift too.
        Mode::Observe if !right && changes.wait.is_some() && case.record.status != Status::Drifted => {
            return Status::Waiting;
        }
        Mode::Observe if !right => return Status::Drifted,
        Mode::Observe | Mode::Enforce => {}
    }
    match decision.wait.as_ref().map(|wait| &wait.on) {
        Some(WaitsOn::Hold(_)) => Status::Held,
        Some(WaitsOn::EditWar | WaitsOn::Sharing) => Status::BackingOff,
        Some(WaitsOn::Obstacle | WaitsOn::Visibility | WaitsOn::Name | WaitsOn::Intent) => Status::Waiting,
        None if right => Status::InSync,
        None if matches!(applied, Applied::Refused(refusal) if refusal.is_outpaced())
            && case.requeues < REQUEUES_MAX =>
        {
            Status::BackingOff
        }
        None => Status::Unreachable,
    }
}

fn unreadable(case: &Case, decision: &Decision) -> Status {
    let patience_ms = case.limits.patience_ms();
    let waits = match case.cause {
        Cause::AccountLifecycle => decision.wait.is_some(),
        // Another message waits for the new account, and alerts if the wait fails.
        Cause::DocumentEvent | Cause::Sweep => {
            case.record.status == Status::Waiting && case.now.since(case.record.updated) < patience_ms
        }
    };
    // Once on-call is notified, the target stays unreachable as long as the obstacle persists.
    if waits && case.record.status != Status::Unreachable { Status::Waiting } else { Status::Unreachable }
}
