//! CloudTrail's own event history: the calls that no event told of, and those that only an event claims.

use crate::domain::attribution::{Author, pair};
use crate::domain::case::Case;
use crate::domain::confirmation::{answered, due};
use crate::domain::durations::VISIBLE_MS;
use crate::domain::edit::Edit;
use crate::domain::fact::{CallFact, Facts, Notified};
use crate::domain::finding::{Alert, HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::signal::Cause;
use crate::domain::time::Time;
use crate::ports::{Access, Documents, Fault, Lookup, World};

/// The calls that CloudTrail remembers of the time in which something happened that no event told of; asked by a sweep, since
/// elsewhere the events are on their way. A denial is no reason to leave what was found; a call that can succeed later is
/// made later.
pub(super) async fn lookup<W: World>(world: &W, case: &Case, access: &Access) -> Result<Vec<Edit>, Fault> {
    let Some(since) = missed_since(case) else { return Ok(Vec::new()) };
    match Documents::lookup_events(world, &case.target, access, &Lookup::Since(since)).await {
        Ok(calls) => Ok(calls),
        Err(fault) if fault.retryable() => Err(fault),
        Err(fault) => {
            tracing::warn!(target = %case.target, error = %fault, "CloudTrail does not tell who made a change");
            Ok(Vec::new())
        }
    }
}

/// Calls that CloudTrail's history has confirmed, or does not know. What keeps it from answering must not hold up a write: the
/// call stays unconfirmed, and is asked for again.
pub(super) async fn confirm<W: World>(world: &W, case: &Case, access: &Access) -> Vec<CallFact> {
    let mut checked = Vec::new();
    for call in due(&case.record.facts, case.now) {
        match world.lookup_events(&case.target, access, &Lookup::Event(call.edit.id.clone())).await {
            Ok(found) => checked.extend(answered(&call, &found, case.now)),
            Err(fault) => {
                let event = call.edit.id;
                tracing::warn!(target = %case.target, event, error = %fault, "CloudTrail does not confirm a trusted call");
            }
        }
    }
    checked
}

/// What on-call is told of a trusted call that CloudTrail does not know.
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

/// Since when a call may be missing; `None` where every fact has a name.
fn missed_since(case: &Case) -> Option<Time> {
    if case.cause != Cause::Sweep {
        return None;
    }
    let facts = &case.record.facts;
    let nameless = nameless_versions(facts);
    let absences = facts.absences.values().filter(|absence| absence.notified == Notified::No);
    nameless.into_iter().chain(absences.map(|absence| absence.after)).min().map(|since| since.plus_ms(-VISIBLE_MS))
}

fn nameless_versions(facts: &Facts) -> Vec<Time> {
    let pairing = pair(facts);
    let nameless = facts.open_versions().filter(|(created, version)| {
        let unknown = pairing.author(facts, *created, version) == Author::Nameless;
        unknown && !version.adopted && version.notified == Notified::No
    });
    nameless.map(|(created, _)| created).collect()
}
