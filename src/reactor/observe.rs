//! A consistent observation of a target: reads repeat while answers disagree, or while the latest version is pending.

use std::collections::BTreeSet;

use crate::domain::observation::{DocumentStatus, Observation, Obstacle, Seen, Shares, Unreadable};
use crate::domain::target::Target;
use crate::ports::{Access, Documents, Fault, FaultClass, World};

/// Rounds of observation in one reconciliation, before the message waits.
pub(super) const OBSERVE_ATTEMPTS_MAX: usize = 3;
/// Reads of one observation until the answers agree, before the message comes again.
const READS_MAX: u32 = 4;
/// The pause before the second read, in milliseconds; doubled for each further one.
const REREAD_MS: u64 = 100;

/// Polls of a version's status, before a later observation takes over.
pub(super) const POLLS_MAX: u32 = 20;
pub(super) const POLL_MS: u64 = 250;

/// The result of observing.
pub(super) struct Observed {
    pub(super) observation: Observation,
    /// Whether it paused, so that another invocation may have committed meanwhile.
    pub(super) waited: bool,
}

/// Observes a target. An obstacle that the same call would meet again is an observation. Answers that keep disagreeing are
/// a fault, so that the message comes again.
pub(super) async fn observe<W: World>(
    world: &W,
    target: &Target,
    access: &Access,
    between: &BTreeSet<u64>,
) -> Result<Observed, Fault> {
    match settled(world, target, access, between).await {
        Err(fault) => {
            let why = unreadable(fault)?;
            Ok(Observed { observation: Observation::Unknown(why), waited: false })
        }
        observed => observed,
    }
}

/// The obstacle behind a fault; any other fault stays one.
fn unreadable(fault: Fault) -> Result<Unreadable, Fault> {
    let obstacle = match fault.class {
        FaultClass::Denied => Obstacle::Denied,
        FaultClass::DeniedByScp => Obstacle::DeniedByScp,
        FaultClass::NotReady => Obstacle::NotReady,
        FaultClass::RegionOff => Obstacle::RegionOff,
        FaultClass::Throttled
        | FaultClass::Transient
        | FaultClass::NotFound
        | FaultClass::Conflict
        | FaultClass::Duplicate
        | FaultClass::VersionLimit
        | FaultClass::Invalid => return Err(fault),
    };
    Ok(Unreadable { obstacle, detail: format!("{}: {}", fault.code, fault.message) })
}

/// Reads with whom the document is shared. An obstacle is an answer, as in [`observe`].
pub(super) async fn shares<W: World>(world: &W, target: &Target, access: &Access) -> Result<Shares, Fault> {
    match world.documents().shares(target, access).await {
        Ok(accounts) => Ok(Shares::With(accounts)),
        Err(fault) => unreadable(fault).map(Shares::Unknown),
    }
}

/// Reads the further versions that `wanted` asks for. New versions may appear meanwhile; each round reads all that the one
/// before missed.
pub(super) async fn complete<W: World>(
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

/// Observes until SSM no longer reports the latest version as pending.
async fn settled<W: World>(
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

/// Reads until the answers agree. Writes between two calls, and stale reads, are short; the bound is for a caller that
/// keeps writing.
async fn consistent<W: World>(
    world: &W,
    target: &Target,
    access: &Access,
    between: &BTreeSet<u64>,
) -> Result<Observed, Fault> {
    let mut waited = false;
    let mut read = 1;
    loop {
        match world.documents().observe(target, access, between).await {
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
