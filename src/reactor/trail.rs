//! What events did not tell, CloudTrail may remember.

use std::collections::BTreeSet;

use super::pass::case;
use crate::domain::case::Case;
use crate::domain::decode::EDITS_MAX;
use crate::domain::policy::Policy;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::AccountFacts;
use crate::domain::unheard::unheard;
use crate::ports::{Access, Fault, World};

/// Where a sweep has found a change that no event told of: the case as it would be if the events had come. That it cannot be
/// asked whose change it is, is no reason to leave it.
pub(super) async fn attributed<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    access: &Access,
    facts: &AccountFacts,
    found: Case,
) -> Result<Case, Fault> {
    let Some(since) = unheard(&found) else { return Ok(found) };
    let mut edits = match world.called(&found.target, access, since).await {
        Ok(edits) => edits,
        Err(fault) if fault.retryable() => return Err(fault),
        Err(fault) => {
            tracing::warn!(target = %found.target, error = %fault, "nobody told who made a change, nor does CloudTrail");
            return Ok(found);
        }
    };
    edits.truncate(EDITS_MAX);
    if edits.is_empty() {
        return Ok(found);
    }
    let ids: BTreeSet<String> = edits.iter().map(|edit| edit.id.clone()).collect();
    let loaded = world.load(&found.target, &ids).await?;
    let work = Work { cause: Cause::Touched, edits, ..work.clone() };
    Ok(case(world, policy, &work, loaded, facts, found.observation))
}
