//! The decision about a target, without its effects: the same observation, case and decision as in a reconciliation.

use std::collections::BTreeSet;

use super::gather::{case, read_missing};
use super::observe::observe;
use crate::domain::case::{Case, Decision};
use crate::domain::decide::decide;
use crate::domain::judgement::judge;
use crate::domain::policy::Policy;
use crate::domain::record::Loaded;
use crate::domain::signal::Work;
use crate::domain::target::AccountFacts;
use crate::ports::{Access, Fault, World};

/// Observes the target of `work` and decides. The trait bounds exclude the ledger, the topic and the queue.
///
/// # Errors
/// The document cannot be read; trying again may help.
pub async fn preview<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    facts: &AccountFacts,
    loaded: Loaded,
) -> Result<(Case, Decision), Fault> {
    let access = Access::by(policy, &work.correlation);
    let observed = observe(world, &work.target, &access, &BTreeSet::new()).await?.observation;
    let observation = read_missing(world, policy, work, (&access, facts), &loaded, observed).await?;
    let case = case(world, policy, work, loaded, facts, observation, true);
    let decision = decide(&case, &judge(&case));
    Ok((case, decision))
}
