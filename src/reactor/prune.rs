//! Prunes versions that are older than the page that SSM lists; the ledger's history holds their changes.

use crate::domain::case::Case;
use crate::domain::fact::{Intended, Intent};
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::Mode;
use crate::domain::target::Target;
use crate::ports::{Access, Clock, Documents as _, Fault, World};

/// Versions deleted in one reconciliation.
const PRUNED_MAX: u64 = 5;

/// Versions to delete.
pub(super) struct Superseded {
    versions: Vec<u64>,
    /// The intent to delete them, with its name. Committed before the deletion, it explains the events of these calls.
    pub(super) intent: Option<(String, Intent)>,
}

impl Superseded {
    /// The superseded versions of the observed document.
    pub(super) fn of(case: &Case, world: &impl Clock) -> Self {
        let versions = superseded(case);
        let intent = versions.iter().max().map(|newest| {
            let name = format!("prune-{:08x}{:08x}", world.jitter(), world.jitter());
            (name, Intent::new(Intended::Prune, newest + 1, world.now()))
        });
        Self { versions, intent }
    }

    /// Deletes them.
    pub(super) async fn prune<W: World>(&self, world: &W, target: &Target, access: &Access) -> Result<(), Fault> {
        for version in &self.versions {
            match world.documents().prune(target, access, *version).await {
                Ok(()) => {}
                // The version limit is far away: leave the version to the next reconciliation.
                Err(fault) if !fault.retryable() => tracing::warn!(error = %fault, version, "version not pruned"),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
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
