//! What events did not tell, CloudTrail may remember.

use crate::domain::attribution::{Author, pair};
use crate::domain::case::Case;
use crate::domain::durations::VISIBLE_MS;
use crate::domain::edit::Edit;
use crate::domain::fact::{Facts, Notified};
use crate::domain::signal::Cause;
use crate::domain::time::Time;
use crate::ports::{Access, Documents, Fault, World};

/// The calls that CloudTrail remembers of the time in which something happened that no event told of; asked by a sweep, since
/// elsewhere the events are on their way. A denial is no reason to leave what was found; a call that can succeed later is
/// made later.
pub(super) async fn lookup<W: World>(world: &W, case: &Case, access: &Access) -> Result<Vec<Edit>, Fault> {
    let Some(since) = missed_since(case) else { return Ok(Vec::new()) };
    match Documents::called(world, &case.target, access, since).await {
        Ok(calls) => Ok(calls),
        Err(fault) if fault.retryable() => Err(fault),
        Err(fault) => {
            tracing::warn!(target = %case.target, error = %fault, "CloudTrail does not tell who made a change");
            Ok(Vec::new())
        }
    }
}

/// Since when a call may be missing; `None` where every fact has a name.
fn missed_since(case: &Case) -> Option<Time> {
    if case.cause != Cause::Swept {
        return None;
    }
    let facts = &case.record.facts;
    let nameless = nameless_versions(facts);
    let gone = facts.gone.values().filter(|absence| absence.notified == Notified::No).map(|absence| absence.after);
    let moved = facts.moved.iter().filter(|(_, moved)| moved.notified == Notified::No).map(|(after, _)| *after);
    nameless.into_iter().chain(gone).chain(moved).min().map(|since| since.plus_ms(-VISIBLE_MS))
}

fn nameless_versions(facts: &Facts) -> Vec<Time> {
    let pairing = pair(facts);
    let nameless = facts.open_versions().filter(|(created, version)| {
        let unknown = pairing.author(facts, *created, version) == Author::Nameless;
        unknown && !version.adopted && version.notified == Notified::No
    });
    nameless.map(|(created, _)| created).collect()
}
