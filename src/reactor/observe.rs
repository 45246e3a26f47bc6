//! A consistent observation of a target: read again while its answers disagree, or SSM is not done with the latest version.

use std::collections::BTreeSet;

use crate::domain::observation::{DocumentStatus, Observation, Obstacle, Seen, Unreadable};
use crate::domain::target::Target;
use crate::ports::{Access, Clock, Documents, Fault, FaultClass};

/// Observations of a target in one reconciliation, before the message waits.
pub(super) const OBSERVE_ATTEMPTS_MAX: usize = 3;
/// Reads of one observation until its answers agree, before the message comes again.
const READS_MAX: u32 = 4;
/// The pause before the second read; each further one is twice as long.
const REREAD_MS: u64 = 100;

/// Polls of a version's status before the rest is left to a later observation.
pub(super) const POLLS_MAX: u32 = 20;
pub(super) const POLL_MS: u64 = 250;

/// What observing brought.
pub(super) struct Observed {
    pub(super) observation: Observation,
    /// Whether it took a pause, in which another invocation may have committed.
    pub(super) waited: bool,
}

/// Observes a target. An obstacle that a later attempt of the same call would meet again is an observation; answers that
/// keep disagreeing are a fault, so that the message comes again.
pub(super) async fn observe<W: Documents + Clock + Sync>(
    world: &W,
    target: &Target,
    access: &Access,
    between: &BTreeSet<u64>,
) -> Result<Observed, Fault> {
    let obstacle = |obstacle, fault: &Fault| {
        let detail = format!("{}: {}", fault.code, fault.message);
        Observed { observation: Observation::Unknown(Unreadable { obstacle, detail }), waited: false }
    };
    match settled(world, target, access, between).await {
        Err(fault) => match fault.class {
            FaultClass::Denied => Ok(obstacle(Obstacle::Denied, &fault)),
            FaultClass::DeniedByScp => Ok(obstacle(Obstacle::DeniedByScp, &fault)),
            FaultClass::NotReady => Ok(obstacle(Obstacle::NotReady, &fault)),
            FaultClass::RegionOff => Ok(obstacle(Obstacle::RegionOff, &fault)),
            FaultClass::Throttled
            | FaultClass::Transient
            | FaultClass::NotFound
            | FaultClass::Conflict
            | FaultClass::Duplicate
            | FaultClass::VersionLimit
            | FaultClass::Invalid => Err(fault),
        },
        observed => observed,
    }
}

/// Reads the versions whose contents it takes to say what is new. Further versions may be made meanwhile; each observation
/// reads all that the one before it missed.
pub(super) async fn complete<W: Documents + Clock + Sync>(
    world: &W,
    target: &Target,
    access: &Access,
    mut observation: Observation,
    wanted: impl Fn(&Seen) -> BTreeSet<u64>,
) -> Result<Observation, Fault> {
    let mut between = BTreeSet::new();
    for _ in 0..OBSERVE_ATTEMPTS_MAX {
        let Observation::Present(seen) = &observation else { break };
        let missing = wanted(seen);
        if missing.is_empty() {
            break;
        }
        between.extend(missing);
        observation = observe(world, target, access, &between).await?.observation;
    }
    Ok(observation)
}

/// Observes, and again while SSM says that the latest version is still on its way.
async fn settled<W: Documents + Clock + Sync>(
    world: &W,
    target: &Target,
    access: &Access,
    between: &BTreeSet<u64>,
) -> Result<Observed, Fault> {
    let mut observed = consistent(world, target, access, between).await?;
    for _ in 0..POLLS_MAX {
        let pending = matches!(&observed.observation, Observation::Present(seen) if seen.latest_status() == DocumentStatus::Pending);
        if !pending {
            break;
        }
        world.sleep(POLL_MS).await;
        let observation = consistent(world, target, access, between).await?.observation;
        observed = Observed { observation, waited: true };
    }
    Ok(observed)
}

/// Reads until the answers agree. A write lands between two calls, or reads lag behind, for moments only; but a writer can go
/// on, so that the number of reads is bounded.
async fn consistent<W: Documents + Clock + Sync>(
    world: &W,
    target: &Target,
    access: &Access,
    between: &BTreeSet<u64>,
) -> Result<Observed, Fault> {
    let mut waited = false;
    let mut read = 1;
    loop {
        match world.observe(target, access, between).await {
            Err(fault) if fault.class == FaultClass::Conflict && read < READS_MAX => {
                tracing::info!(%target, read, error = %fault, "the answers disagree");
                world.sleep((REREAD_MS << (read - 1)) + u64::from(world.jitter()) % REREAD_MS).await;
                waited = true;
                read += 1;
            }
            outcome => return outcome.map(|observation| Observed { observation, waited }),
        }
    }
}
