//! Telling: what is in the outbox goes to the topic, and is marked.
//!
//! Whoever tells an alert claims it first, so that two invocations at the same moment do not both tell it. A claim ends with
//! the invocation's time: what a dead one leaves behind is told when its message comes again.

use crate::domain::finding::Alert;
use crate::domain::mutant::{self, Mutant};
use crate::domain::target::{AccountId, Region};
use crate::ports::{Attempt, Fault, FaultClass, World};

/// Tells what the outbox holds for a region of an account, or for no region. A fault leaves the rest there, and the message
/// comes again.
pub(super) async fn flush<W: World>(
    world: &W,
    account: &AccountId,
    region: Option<&Region>,
    attempt: &Attempt,
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
pub(super) async fn tell_once<W: World>(world: &W, alert: &Alert, attempt: &Attempt) -> Result<(), Fault> {
    if world.keep_alert(alert).await? {
        tell(world, alert, attempt).await?;
    }
    Ok(())
}

/// Tells an alert unless somebody else is about to. Whether they come to it is not known: a message that comes again, and
/// may be the only one left, has to come once more when the claim is over.
async fn tell<W: World>(world: &W, alert: &Alert, attempt: &Attempt) -> Result<bool, Fault> {
    if !mutant::on(Mutant::TellWithoutClaim) && !world.claim(alert, attempt, world.now()).await? {
        return if attempt.again { Err(claimed(alert)) } else { Ok(false) };
    }
    if mutant::on(Mutant::MarkBeforeTelling) {
        world.mark_sent(alert).await?;
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
        outcome_unknown: false,
    }
}
