//! What a reconciliation leaves in the record, alerts and incident apart.

use super::notify::News;
use crate::domain::case::{Applied, Case, Decision, Verdict, WaitsOn};
use crate::domain::decide::is_patient;
use crate::domain::document::Content;
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::fact::{Facts, LastSeen, Notified};
use crate::domain::judgement::Judgement;
use crate::domain::mutant::{self, Mutant};
use crate::domain::observation::Observation;
use crate::domain::policy::Mode;
use crate::domain::record::{Record, Standing};
use crate::domain::signal::Cause;
use crate::domain::time::MINUTE_MS;

/// The record after a reconciliation.
pub(super) fn next_record(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    news: &News,
) -> Record {
    let mut record = Record { facts: news.facts.clone(), ..case.record.clone() };
    keep_owned(case, judgement, decision, &mut record.facts);
    if let Applied::Landed { version, at } = applied {
        record.facts.last = Some(LastSeen { at: *at, latest: None, default: *version });
    }
    record.standing = standing(case, decision, applied, news);
    record.why = if record.standing == Standing::InSync { String::new() } else { decision.reasons.join("; ") };
    if let Some(base) = &mut record.facts.base {
        // The reactor has said by now what deserves a review.
        base.notified = Notified::Named;
    }
    record.milestones.pass(case, record.standing == Standing::InSync);
    record
}

/// A version of another author that is in sync holds the policy's values: they are accepted with it, and stay when the policy
/// gives those fields up.
fn keep_owned(case: &Case, judgement: &Judgement, decision: &Decision, facts: &mut Facts) {
    let Observation::Present(seen) = &case.observation else { return };
    let enforced = decision.verdict == Verdict::InSync && case.resolution.mode == Mode::Enforce;
    let accepted = judgement.accepted.content.clone().unwrap_or_else(Content::minimal);
    if enforced && !accepted.drift(&case.resolution.owned).is_empty() {
        facts.owned.insert(seen.latest_created(), case.resolution.owned.clone());
    }
}

fn standing(case: &Case, decision: &Decision, applied: &Applied, news: &News) -> Standing {
    let right = matches!(decision.verdict, Verdict::InSync) || matches!(applied, Applied::Landed { .. });
    if let Verdict::Unknown { .. } = decision.verdict {
        return unreadable(case, decision);
    }
    match case.resolution.mode {
        Mode::Exempt => return Standing::Exempt,
        // The alert about the act that waits for its name tells the drift too.
        Mode::Observe if !right && news.wait.is_some() && case.record.standing != Standing::Drifted => {
            return Standing::Waiting;
        }
        Mode::Observe if !right => return Standing::Drifted,
        Mode::Observe | Mode::Enforce => {}
    }
    match decision.wait.as_ref().map(|wait| &wait.on) {
        Some(WaitsOn::Hold(_)) => Standing::Held,
        Some(WaitsOn::EditWar) => Standing::BackingOff,
        Some(WaitsOn::Obstacle | WaitsOn::Visibility | WaitsOn::Name | WaitsOn::Intent) => Standing::Waiting,
        None if right => Standing::InSync,
        None if matches!(applied, Applied::Refused(refusal) if refusal.is_outpaced())
            && case.requeues < REQUEUES_MAX =>
        {
            Standing::BackingOff
        }
        None => Standing::Unreachable,
    }
}

fn unreadable(case: &Case, decision: &Decision) -> Standing {
    if mutant::on(Mutant::UnknownIsGreen) {
        return Standing::InSync;
    }
    let patience_ms = i64::from(case.limits.readiness_minutes) * MINUTE_MS;
    match (case.record.standing, case.cause) {
        // On-call knows, and it is not over.
        (Standing::Unreachable, _) => Standing::Unreachable,
        (_, Cause::Vended) if decision.wait.is_some() && is_patient(case) => Standing::Waiting,
        // Another message waits for the new account, and alerts if it waits in vain.
        (Standing::Waiting, Cause::Touched | Cause::Swept) if case.now.since(case.record.updated) < patience_ms => {
            Standing::Waiting
        }
        _ => Standing::Unreachable,
    }
}
