//! What a pass would decide about a target, and nothing of what would follow: the same looks, the same case, the same decision.

use std::collections::BTreeSet;

use super::observe::{observe, read_between};
use super::pass::case;
use crate::domain::case::{Case, Decision};
use crate::domain::decide::decide;
use crate::domain::policy::Policy;
use crate::domain::record::Loaded;
use crate::domain::signal::Work;
use crate::domain::target::AccountFacts;
use crate::ports::{Access, Clock, Documents, Fault};

/// Looks at the target of `work` and decides. The bounds say it: neither ledger nor topic nor queue is within reach, and of
/// the document's calls only `observe` is made.
///
/// # Errors
/// What could not be read, and says nothing about the document: trying again may help.
pub async fn preview<W: Documents + Clock + Sync>(
    world: &W,
    policy: &Policy,
    work: &Work,
    facts: &AccountFacts,
    loaded: Loaded,
) -> Result<(Case, Decision), Fault> {
    let access = Access { roles: policy.roles().to_vec(), correlation: work.correlation.clone() };
    let seen = observe(world, &work.target, &access, &BTreeSet::new()).await?.observation;
    let mut case = case(world, policy, work, loaded, facts, seen);
    read_between(world, &mut case, &access).await?;
    let decision = decide(&case);
    Ok((case, decision))
}
