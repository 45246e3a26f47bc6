//! The cheap look of a sweep, and what is written down so that the next one can be as cheap.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::observe::{Observed, observe};
use super::pass::case;
use crate::domain::case::{Applied, Case, Decision, Verdict};
use crate::domain::decide::decide;
use crate::domain::glance::{Glance, Noted, remembered, to_note};
use crate::domain::policy::Policy;
use crate::domain::record::Loaded;
use crate::domain::signal::{Cause, Work};
use crate::ports::{Access, Fault, World};

/// How a pass begins.
pub(super) struct Begun {
    pub(super) loaded: Loaded,
    pub(super) first: Observed,
    /// What a glance has told, where one was taken.
    pub(super) glance: Option<Glance>,
}

/// Reads what is remembered, and looks. Where nothing is known to have happened, one call may be all that it takes.
pub(super) async fn begin<W: World>(world: &W, policy: &Policy, work: &Work, access: &Access) -> Result<Begun, Fault> {
    let ids: BTreeSet<String> = work.edits.iter().map(|edit| edit.id.clone()).collect();
    let mut glance = None;
    if work.cause == Cause::Swept && ids.is_empty() {
        let (loaded, glanced) = join(world.load(&work.target, &ids), world.glance(&work.target, access)).await;
        let loaded = loaded?;
        // What stands in its way, the full look will meet again, and say.
        glance = glanced.ok();
        if let Some(first) = glance.as_ref().and_then(|glance| as_it_was(world, policy, work, &loaded, glance)) {
            return Ok(Begun { loaded, first, glance });
        }
    }
    let nothing = BTreeSet::new();
    let (loaded, first) = join(world.load(&work.target, &ids), observe(world, &work.target, access, &nothing)).await;
    let (mut loaded, first) = (loaded?, first?);
    if first.waited {
        loaded = world.load(&work.target, &ids).await?;
    }
    Ok(Begun { loaded, first, glance })
}

/// What is there, where it is as it was, and that is what the policy wants by now. Anything else deserves a full look.
fn as_it_was<W: World>(world: &W, policy: &Policy, work: &Work, loaded: &Loaded, glance: &Glance) -> Option<Observed> {
    let (facts, observation) = (loaded.facts.as_ref()?, remembered(loaded, glance)?);
    let case = case(world, policy, work, loaded.clone(), facts, observation);
    let right = decide(&case).verdict == Verdict::InSync;
    right.then_some(Observed { observation: case.observation, waited: false })
}

/// Writes the look down, if there is something to write down. It is no reason to do the pass again if that fails.
pub(super) async fn note<W: World>(
    world: &W,
    (case, decision, applied): (&Case, &Decision, &Applied),
    glance: &Glance,
    noted: Option<&Noted>,
    generation: u64,
) {
    let Some(look) = to_note(case, decision, applied, glance, noted) else { return };
    if let Err(fault) = world.note(&case.target, generation, &look).await {
        tracing::warn!(target = %case.target, error = %fault, "the look was not written down; the next sweep looks again");
    }
}
