//! Prunes versions that are older than the page that SSM lists; the ledger's history holds their changes.

use crate::domain::case::Case;
use crate::domain::fact::{Facts, Intended, Intent};
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::Mode;
use crate::ports::{Access, Documents as _, Fault, World};

/// Versions deleted in one reconciliation.
const PRUNED_MAX: u64 = 5;

/// Plans the deletion of superseded versions, and adds it to the facts as an intent, so that its events count as the reactor's
/// own once these are committed.
pub(super) fn plan<W: World>(world: &W, case: &Case, facts: &mut Facts) -> Vec<u64> {
    let superseded = superseded(case);
    let Some(newest) = superseded.iter().max() else { return superseded };
    let name = format!("prune-{:08x}{:08x}", world.jitter(), world.jitter());
    let intent = Intent::new(Intended::Prune, newest + 1, world.now());
    facts.intents.insert(name, intent);
    superseded
}

/// Deletes superseded versions.
pub(super) async fn prune<W: World>(world: &W, case: &Case, access: &Access, versions: &[u64]) -> Result<(), Fault> {
    for version in versions {
        match world.documents().prune(&case.target, access, *version).await {
            Ok(()) => {}
            // The version limit is far away: leave the version to the next reconciliation.
            Err(fault) if !fault.retryable() => tracing::warn!(error = %fault, version, "version not pruned"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn superseded(case: &Case) -> Vec<u64> {
    let Observation::Present(seen) = &case.observation else { return Vec::new() };
    if !seen.older_exist || case.resolution.mode != Mode::Enforce {
        return Vec::new();
    }
    let oldest = oldest(seen);
    (oldest.saturating_sub(PRUNED_MAX).max(1)..oldest).filter(|number| *number != seen.default.number).collect()
}

fn oldest(seen: &Seen) -> u64 {
    seen.versions.iter().map(|version| version.number).min().unwrap_or(1)
}
