//! The regions in which an account is observed.

use crate::domain::policy::Policy;
use crate::domain::record::Enabled;
use crate::domain::signal::{Cause, InboundEvent, Work};
use crate::domain::sweep::LAST_CHECK_MS;
use crate::domain::target::{AccountId, Region};
use crate::ports::{Access, Directory as _, Fault, Ledger as _, World};

/// The regions of an account by its last report, without asking it.
pub(super) async fn regions<W: World>(world: &W, policy: &Policy, account: &AccountId) -> Result<Vec<Region>, Fault> {
    let reported = match policy.governed_regions() {
        Some(_) => None,
        None => world.ledger().reported_regions(account).await?,
    };
    Ok(policy.regions_of(reported.as_ref().map(|reported| &reported.regions)))
}

/// The work of a sweep in one account. Asks the account for its enabled regions first; on a fault the last report counts.
pub(super) async fn swept<W: World>(
    world: &W,
    policy: &Policy,
    event: &InboundEvent,
    account: &AccountId,
) -> Result<Vec<Work>, Fault> {
    let access = Access::by(policy, &event.id);
    let reported = world.ledger().reported_regions(account).await?;
    let enabled = match world.directory().enabled_regions(account, &access).await {
        Ok(regions) => {
            let now = Enabled { regions, at: world.now() };
            let is_known =
                |reported: &Enabled| reported.regions == now.regions && now.at.since(reported.at) < LAST_CHECK_MS;
            if !reported.as_ref().is_some_and(is_known) {
                world.ledger().save_regions(account, &now).await?;
            }
            Some(now)
        }
        Err(fault) => {
            tracing::warn!(%account, correlation = event.id, error = %fault, "which regions are enabled is not known anew");
            reported
        }
    };
    let regions = policy.regions_of(enabled.as_ref().map(|enabled| &enabled.regions));
    Ok(regions.into_iter().map(|region| event.work(account.clone(), region, Cause::Sweep)).collect())
}
