//! Applying a write: a fixed script without choices. Write, wait until SSM has it, make it the default.

use crate::domain::case::{Applied, Refusal, Write};
use crate::domain::observation::{Status, VERSION_NAME};
use crate::domain::target::Target;
use crate::ports::{Access, Fault, FaultClass, World, Written};

/// Looks at the status of a version before we leave it to a later look.
pub(super) const POLLS_MAX: u32 = 20;
pub(super) const POLL_MS: u64 = 250;

/// Applies one write.
pub(super) async fn apply<W: World>(
    world: &W,
    target: &Target,
    access: &Access,
    write: &Write,
) -> Result<Applied, Fault> {
    let script = async {
        match write {
            Write::Promote { version } => {
                world.promote(target, access, *version).await?;
                Ok(*version)
            }
            Write::Put { base, content } => {
                let (text, name) = (content.render(world.jitter()), version_name(world));
                let written = match base {
                    Some(base) => world.update(target, access, *base, &text, &name).await?,
                    None => world.create(target, access, &text, &name).await?,
                };
                let version = active(world, target, access, written).await?;
                if base.is_some() {
                    world.promote(target, access, version).await.map_err(maybe)?;
                }
                Ok(version)
            }
            Write::Recreate { content } => {
                world.delete(target, access).await?;
                let (text, name) = (content.render(world.jitter()), version_name(world));
                let written = world.create(target, access, &text, &name).await.map_err(maybe)?;
                active(world, target, access, written).await
            }
        }
    };
    match script.await {
        Ok(version) => Ok(Applied::Landed { version, at: world.now() }),
        Err(fault) => refused(write, fault).map(Applied::Refused),
    }
}

/// The first step of the script took effect: whatever a later one answers, look again.
fn maybe(fault: Fault) -> Fault {
    Fault { maybe_applied: true, ..fault }
}

async fn active<W: World>(world: &W, target: &Target, access: &Access, written: Written) -> Result<u64, Fault> {
    let mut status = written.status;
    for _ in 0..POLLS_MAX {
        if status != Status::Pending {
            break;
        }
        status = world.status(target, access, written.version).await.map_err(maybe)?;
        if status == Status::Pending {
            world.sleep(POLL_MS).await;
        }
    }
    match status {
        Status::Active => Ok(written.version),
        Status::Pending | Status::Deleting | Status::Failed => Err(Fault {
            class: FaultClass::Moved,
            call: "DescribeDocument",
            code: format!("{status:?}"),
            message: format!("version {} did not become active", written.version),
            maybe_applied: true,
        }),
    }
}

/// What a fault of the script means for the decision; what says nothing about the document is for the queue to retry.
fn refused(write: &Write, fault: Fault) -> Result<Refusal, Fault> {
    tracing::info!(error = %fault, maybe_applied = fault.maybe_applied, "write did not land");
    match fault.class {
        _ if fault.maybe_applied && matches!(write, Write::Recreate { .. }) => Ok(Refusal::Replacing),
        FaultClass::Moved | FaultClass::NotFound => Ok(Refusal::Moved),
        FaultClass::Duplicate => Ok(Refusal::Duplicate),
        FaultClass::Full => Ok(Refusal::Full),
        // The first step was allowed; only a new look tells what is left to be refused.
        _ if fault.maybe_applied => Ok(Refusal::Maybe),
        FaultClass::Denied | FaultClass::DeniedByScp | FaultClass::RegionOff => Ok(Refusal::Denied),
        FaultClass::Invalid => Ok(Refusal::Invalid),
        FaultClass::Transient | FaultClass::Throttled | FaultClass::NotReady => Err(fault),
    }
}

fn version_name<W: World>(world: &W) -> String {
    format!("{VERSION_NAME}{:08x}{:08x}", world.jitter(), world.jitter())
}
