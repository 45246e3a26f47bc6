//! The regions that an account is looked at in.

use super::expand::work;
use crate::domain::policy::Policy;
use crate::domain::record::Known;
use crate::domain::signal::{Cause, Notice, Work};
use crate::domain::target::{AccountId, Region, default_regions, partition};
use crate::ports::{Access, Fault, World};

/// Those that the policy lists; or those that the account has enabled, as far as anybody knows.
pub(super) async fn regions<W: World>(world: &W, policy: &Policy, account: &AccountId) -> Result<Vec<Region>, Fault> {
    match policy.governed_regions() {
        Some(regions) => Ok(regions.to_vec()),
        None => Ok(of_known(policy, &world.known(account).await?)),
    }
}

/// The same, where it is known already what is known.
pub(super) fn of_known(policy: &Policy, known: &Known) -> Vec<Region> {
    match (policy.governed_regions(), &known.enabled) {
        (Some(regions), _) => regions.to_vec(),
        (None, Some(enabled)) => enabled.iter().filter(|region| policy.governs(region)).cloned().collect(),
        (None, None) => default_regions(partition(policy.home_region())),
    }
}

/// What a sweep looks at in an account, which is asked first which regions it has enabled. That it does not answer is no
/// reason to look nowhere.
pub(super) async fn swept<W: World>(
    world: &W,
    policy: &Policy,
    notice: &Notice,
    account: &AccountId,
) -> Result<Vec<Work>, Fault> {
    let access = Access { roles: policy.roles().to_vec(), correlation: notice.id.clone() };
    let regions = match world.enabled(account, &access).await {
        Ok(enabled) => {
            world.save_enabled(account, &enabled).await?;
            of_known(policy, &Known { enabled: Some(enabled), ..Known::default() })
        }
        Err(fault) => {
            tracing::warn!(%account, correlation = notice.id, error = %fault, "which regions are enabled is not known anew");
            regions(world, policy, account).await?
        }
    };
    Ok(regions.into_iter().map(|region| work(notice, account.clone(), region, Cause::Swept)).collect())
}
