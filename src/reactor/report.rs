//! Telling: what is in the outbox goes to the topic, and is marked.
//!
//! Whoever tells an alert claims it first, so that two invocations at the same moment do not both tell it. A claim ends with
//! the invocation's time: what a dead one leaves behind is told when its message comes again.

use crate::domain::finding::Alert;
use crate::domain::target::{AccountId, Region};
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass, World};

/// One try at a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// The message was received before: an earlier try may have stopped anywhere.
    pub(super) again: bool,
    /// When the function's time is up.
    pub(super) deadline: Time,
}

/// Tells what the outbox holds for a region of an account, or for no region. A fault leaves the rest there, and the message
/// comes again.
pub(super) async fn flush<W: World>(
    world: &W,
    account: &AccountId,
    region: Option<&Region>,
    attempt: Attempt,
) -> Result<usize, Fault> {
    let mut told = 0;
    for alert in world.unsent(account).await? {
        // Other regions of the account may be in hand at this moment; each tells its own.
        if alert.region.as_ref() == region && tell(world, &alert, attempt).await? {
            told += 1;
        }
    }
    Ok(told)
}

/// Tells an alert that belongs to no target, once.
pub(super) async fn tell_once<W: World>(world: &W, alert: &Alert, attempt: Attempt) -> Result<(), Fault> {
    if world.keep_alert(alert).await? {
        tell(world, alert, attempt).await?;
    }
    Ok(())
}

/// Tells an alert unless somebody else is about to. An earlier try at this message may be that somebody, and dead: then the
/// message has to come again when the claim is over.
async fn tell<W: World>(world: &W, alert: &Alert, attempt: Attempt) -> Result<bool, Fault> {
    if !world.claim(alert, world.now(), attempt.deadline).await? {
        return if attempt.again { Err(claimed(alert)) } else { Ok(false) };
    }
    world.publish(alert).await?;
    world.mark_sent(alert).await?;
    tracing::info!(account = %alert.account, alert = alert.id, kind = alert.kind, subject = alert.subject, "alert told");
    Ok(true)
}

fn claimed(alert: &Alert) -> Fault {
    Fault {
        class: FaultClass::Transient,
        call: "UpdateItem",
        code: "Claimed".to_owned(),
        message: format!("alert {} is being told by another invocation, or was when it stopped", alert.id),
        maybe_applied: false,
    }
}
