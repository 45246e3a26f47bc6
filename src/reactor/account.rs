//! The account of a target: its facts, what happens where Organizations does not list it, and its gap role's relapse.

use super::publish::notify_once;
use super::reconciled::Reconciled;
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::settle::DELAY_MAX_S;
use crate::domain::signal::{Cause, Task, Work};
use crate::domain::target::{AccountFacts, AccountState};
use crate::domain::time::SECOND_MS;
use crate::ports::{Attempt, Directory as _, Fault, Ledger as _, Queue as _, Relapse, World};

/// The fewest seconds until the next attempt at a new account that Organizations does not list yet.
const UNKNOWN_ACCOUNT_WAIT_S: u32 = 15;

/// Facts of the account. Organizations is asked about an unknown account, and about an inactive one: events of an account
/// that is back may overtake the event of its return.
pub(super) async fn account<W: World>(
    world: &W,
    known: Option<AccountFacts>,
    work: &Work,
) -> Result<Option<AccountFacts>, Fault> {
    if known.as_ref().is_some_and(|facts| facts.state == AccountState::Active) {
        return Ok(known);
    }
    let found = world.directory().account(&work.target.account).await?;
    if let Some(facts) = found.as_ref().filter(|_| found != known) {
        world.ledger().save_facts(facts).await?;
    }
    Ok(found.or(known))
}

/// Handles an account that the organisation does not list: a new one may still appear, any other is alerted.
pub(super) async fn unknown_account<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
) -> Result<Reconciled, Fault> {
    let account = &work.target.account;
    let patience_ms = policy.limits().patience_ms();
    let is_young = work.cause == Cause::AccountLifecycle && world.now().since(work.since) < patience_ms;
    if is_young && work.requeues < REQUEUES_MAX {
        let next = Work { requeues: work.requeues.saturating_add(1), ..work.clone() };
        world.queue().send(&[(Task::Work(next), unknown_account_wait_s(patience_ms))]).await?;
        return Ok(Reconciled::not_observed(world, work, "the organisation does not know the account yet"));
    }
    let reason = format!("account {account} is not in the organisation, although an event names it");
    let (found, hub, id) = (HubFinding::UnknownAccount, policy.hub_account(), Some(work.correlation.as_str()));
    let alert = about_hub(found, hub, account.as_str(), id, &reason, world.now());
    notify_once(world, &alert, attempt).await?;
    Ok(Reconciled::not_observed(world, work, &reason))
}

/// Seconds until the next attempt: the messages of one chain last for the whole patience, as far as SQS delays them so long.
fn unknown_account_wait_s(patience_ms: i64) -> u32 {
    let share_s = patience_ms / SECOND_MS / i64::from(REQUEUES_MAX);
    u32::try_from(share_s).unwrap_or(DELAY_MAX_S).clamp(UNKNOWN_ACCOUNT_WAIT_S, DELAY_MAX_S)
}

/// Alerts the use of a gap role where the member role worked before, once per account and day. If the invocation dies
/// first, the next session reports the relapse again, minutes later.
pub(super) async fn notify_relapse<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
    Relapse { role, member_role_used }: Relapse,
) -> Result<(), Fault> {
    let account = &work.target.account;
    let now = world.now();
    let day: String = now.to_string().chars().take(10).collect();
    let reason =
        format!("account {account} was reached through {role}; its member role was last used at {member_role_used}");
    let (found, hub, id) = (HubFinding::GapRoleUsed, policy.hub_account(), Some(work.correlation.as_str()));
    notify_once(world, &about_hub(found, hub, &format!("{account}:{day}"), id, &reason, now), attempt).await
}
