//! CloudTrail's event history tells who made a change without an event, and whether a call was made that an event claims.

use crate::domain::attribution::{Author, pair};
use crate::domain::case::Case;
use crate::domain::confirmation::{answered, due};
use crate::domain::durations::VISIBLE_MS;
use crate::domain::edit::Edit;
use crate::domain::fact::{CallFact, Notified};
use crate::domain::finding::{Alert, HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::settle::incident::is_over;
use crate::domain::signal::Cause;
use crate::domain::time::Time;
use crate::ports::{Access, Documents, Fault, Lookup, World};

/// Looks up the calls behind changes without an event: in a sweep, before on-call is notified of a change without a
/// principal, and when an incident is over, for the principals that it still lacks. Before that their events may be on their
/// way. A denial leaves such a change without a principal; a retryable fault fails the reconciliation.
pub(super) async fn lookup<W: World>(world: &W, case: &Case, access: &Access) -> Result<Vec<Edit>, Fault> {
    let Some(since) = missed_since(case) else { return Ok(Vec::new()) };
    match world.documents().lookup_events(&case.target, access, &Lookup::Since(since)).await {
        Ok(calls) => Ok(calls),
        Err(fault) if fault.retryable() => Err(fault),
        Err(fault) => {
            tracing::warn!(target = %case.target, error = %fault, "CloudTrail does not tell who made a change");
            Ok(Vec::new())
        }
    }
}

/// Calls that the event history has confirmed or refuted. A fault must not hold up a write: the call stays unconfirmed, and
/// a later reconciliation asks again.
pub(super) async fn confirm<W: World>(world: &W, case: &Case, access: &Access) -> Vec<CallFact> {
    let mut checked = Vec::new();
    for call in due(&case.record.facts, case.now) {
        match world.documents().lookup_events(&case.target, access, &Lookup::Event(call.edit.id.clone())).await {
            Ok(found) => checked.extend(answered(&call, &found, case.now)),
            Err(fault) => {
                let event = call.edit.id;
                tracing::warn!(target = %case.target, event, error = %fault, "CloudTrail does not confirm a trusted call");
            }
        }
    }
    checked
}

/// The alert about a trusted call that the event history refutes.
pub(super) fn made_up(policy: &Policy, case: &Case, call: &CallFact) -> Option<Alert> {
    if call.is_trusted() {
        return None;
    }
    let edit = &call.edit;
    let reason = format!(
        "the event history of {} has no call of {} that {} at {}, as event {} claims",
        case.target,
        edit.principal.called(),
        edit.action.in_words(),
        edit.at,
        edit.id
    );
    Some(about_hub(HubFinding::MadeUp, policy.hub_account(), &edit.id, Some(&case.correlation), &reason, case.now))
}

/// The time from which on a call may be missing; `None` where nothing is to be asked.
fn missed_since(case: &Case) -> Option<Time> {
    let over = case.record.incident.as_ref().is_some_and(|incident| is_over(incident, case));
    let missed = |notified: Notified| match notified {
        Notified::No => case.cause == Cause::Sweep,
        Notified::Nameless | Notified::Alarmed => over,
        Notified::Named => false,
    };
    let facts = &case.record.facts;
    let pairing = pair(facts);
    let versions = facts.open_versions().filter(|(created, version)| {
        let nameless = pairing.author(facts, *created, version) == Author::Nameless;
        nameless && !version.adopted && missed(version.notified)
    });
    let absences = facts.absences.values().filter(|absence| missed(absence.notified));
    let since = versions.map(|(created, _)| created).chain(absences.map(|absence| absence.after)).min();
    since.map(|since| since.plus_ms(-VISIBLE_MS))
}
