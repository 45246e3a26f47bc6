//! Telling: what is in the outbox goes to the topic, and is marked.

use crate::domain::finding::Alert;
use crate::domain::target::Target;
use crate::ports::{Fault, World};

/// Tells what the outbox holds for a target. A fault leaves the rest there, and the message comes again.
pub(super) async fn flush<W: World>(world: &W, target: &Target) -> Result<usize, Fault> {
    let mut told = 0;
    for alert in world.unsent(&target.account).await? {
        // Other regions of the account may be in hand at this moment; each tells its own.
        if alert.region.as_ref() == Some(&target.region) {
            publish(world, &alert).await?;
            told += 1;
        }
    }
    Ok(told)
}

/// Tells an alert that belongs to no target, once.
pub(super) async fn tell_once<W: World>(world: &W, alert: &Alert) -> Result<(), Fault> {
    if world.keep_alert(alert).await? {
        publish(world, alert).await?;
    }
    Ok(())
}

async fn publish<W: World>(world: &W, alert: &Alert) -> Result<(), Fault> {
    world.publish(alert).await?;
    world.mark_sent(alert).await?;
    tracing::info!(account = %alert.account, alert = alert.id, kind = alert.kind, subject = alert.subject, "alert told");
    Ok(())
}
