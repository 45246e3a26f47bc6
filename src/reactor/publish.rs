//! Publishes alerts: moves them from the outbox to the topic, and marks them sent.
//!
//! An invocation claims an alert before it publishes it, so that concurrent invocations do not both publish it. A claim
//! ends with the invocation's time. If the invocation dies, the redelivered message publishes what it left.

use std::sync::atomic::Ordering;

use crate::domain::finding::Alert;
use crate::domain::target::{AccountId, Region};
use crate::ports::{Attempt, Fault, FaultClass, Notifier as _, Outbox as _, World};

/// Publishes the unsent alerts of one region of an account, or those without a region. On a fault the rest stays in the
/// outbox, and the message comes again.
pub(super) async fn flush<W: World>(
    world: &W,
    account: &AccountId,
    region: Option<&Region>,
    attempt: &Attempt,
) -> Result<(), Fault> {
    for alert in world.outbox().unsent(account).await? {
        // Other regions of the account may be in progress; each publishes its own alerts.
        if alert.region.as_ref() == region {
            notify(world, &alert, attempt).await?;
        }
    }
    Ok(())
}

/// Keeps an alert that belongs to no commit, and publishes it once.
pub(super) async fn notify_once<W: World>(world: &W, alert: &Alert, attempt: &Attempt) -> Result<(), Fault> {
    if world.outbox().keep_alert(alert).await? {
        notify(world, alert, attempt).await?;
    }
    Ok(())
}

/// Publishes an alert unless another invocation has claimed it, which may yet fail. A redelivered message may be the last
/// one, so it fails and comes again when the claim is over.
async fn notify<W: World>(world: &W, alert: &Alert, attempt: &Attempt) -> Result<(), Fault> {
    if !world.outbox().claim(alert, attempt, world.now()).await? {
        return if attempt.again { Err(claimed(alert)) } else { Ok(()) };
    }
    world.notifier().publish(alert).await?;
    world.outbox().mark_sent(alert).await?;
    tracing::info!(account = %alert.account, alert = alert.id, kind = alert.kind, subject = alert.subject, "alert published");
    attempt.published.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn claimed(alert: &Alert) -> Fault {
    Fault {
        class: FaultClass::Transient,
        call: "UpdateItem",
        code: "Claimed".to_owned(),
        message: format!("alert {} is being published by another invocation, or was when it stopped", alert.id),
        outcome_unknown: false,
    }
}
