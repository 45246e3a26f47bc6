//! Expands a signal into targets, if its sender may send it. A signal about several targets becomes one message for each.
//!
//! | signal | who may send it | what is believed |
//! | --- | --- | --- |
//! | an account created (or not), enrolled, moved, left, closed; an OU registered | the management account | which account or OU; Organizations is asked about it |
//! | a region of an account enabled or disabled | the management account, or that account | which region |
//! | a call on the document | any account, about itself: EventBridge's envelope names account and region | the call. Whether its principal is trusted is the policy's, and the document is observed. A trusted call that can run code, redirect sessions or share the document is dropped again if CloudTrail's history does not have it: [`crate::domain::confirmation`] |
//! | a call that gets past the document | any account, about itself | the call, which is alerted unless the policy trusts its caller; nothing is written |
//! | work and sweeps | the roles of function, schedule and operators, by the queue's policy (`infra/hub.yaml`) | target, cause and calls |
//!
//! [`crate::domain::decode`] rejects what AWS did not deliver and what an archive replays, before it comes here.

use std::collections::BTreeSet;

use super::regions::regions;
use crate::domain::policy::Policy;
use crate::domain::signal::{Cause, InboundEvent, Signal, Work};
use crate::domain::sweep::{Cursor, List, OuWalk};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region};
use crate::domain::time::{HOUR_MS, Time};
use crate::ports::{Directory as _, Fault, FaultClass, Ledger as _, Page, World};

/// The outcome of expanding a signal.
#[derive(Debug)]
pub(super) enum Expansion {
    /// Targets to observe.
    Works(Vec<Work>),
    /// Nothing to observe, and why.
    Nothing(String),
    /// The sender may not send this signal, and why.
    UntrustedSource(String),
}

/// Expands a signal. Refreshes the stored facts of an account where the signal says that they changed.
pub(super) async fn expand<W: World>(world: &W, policy: &Policy, event: InboundEvent) -> Result<Expansion, Fault> {
    if let Some(why) = untrusted_source(policy, &event) {
        return Ok(Expansion::UntrustedSource(why));
    }
    let vended = |account: AccountId, regions: Vec<Region>| {
        let works = regions.into_iter().map(|region| event.work(account.clone(), region, Cause::AccountLifecycle));
        Expansion::Works(works.collect())
    };
    let expansion = match &event.signal {
        Signal::AccountVended { account }
        | Signal::AccountEnrolled { account }
        | Signal::AccountJoined { account }
        | Signal::AccountMoved { account } => {
            // Organizations may list a new account a little after its own event; the targets wait for it.
            if let Some(facts) = world.directory().account(account).await? {
                world.ledger().save_facts(&facts).await?;
            }
            vended(account.clone(), regions(world, policy, account).await?)
        }
        // A late event may arrive after the account is back: ask Organizations instead of believing it.
        Signal::AccountLeft { account } | Signal::AccountClosed { account } => {
            Expansion::Nothing(match refresh(world, account).await?.state {
                AccountState::Active => format!("account {account} is in the organisation all the same"),
                AccountState::Closed | AccountState::Left => format!("account {account} is not governed any more"),
            })
        }
        Signal::VendFailed { why, .. } => Expansion::Nothing(format!("an account was not created: {why}")),
        Signal::OuRegistered { ou } => {
            let mut works = Vec::new();
            for account in accounts_below(world, ou).await? {
                let regions = regions(world, policy, &account).await?;
                works.extend(
                    regions.into_iter().map(|region| event.work(account.clone(), region, Cause::AccountLifecycle)),
                );
            }
            Expansion::Works(works)
        }
        // `super::batch` handles sweeps before it expands.
        Signal::Sweep | Signal::SweepStep(_) | Signal::AccountSwept { .. } => Expansion::Nothing("a sweep".to_owned()),
        // `super::bypass` alerts it; there is nothing to observe.
        Signal::Bypass(_) => Expansion::Nothing("a call beside the document".to_owned()),
        Signal::RegionChanged { target, enabled: true } => vended(target.account.clone(), vec![target.region.clone()]),
        Signal::RegionChanged { target, enabled: false } => {
            Expansion::Works(vec![event.work(target.account.clone(), target.region.clone(), Cause::Sweep)])
        }
        // An observation would lead to the same failing call, whose event would lead to the next; the calling invocation
        // waits by itself. Only an operator probes: no reconciliation repeats that call, and its event is a milestone.
        Signal::DocumentTouched { target, edit: Some(edit) }
            if edit.failed.is_some()
                && !edit.is_probe()
                && policy.is_reactor_role(&edit.principal, &target.account) =>
        {
            Expansion::Nothing("a failed call of the reactor's own".to_owned())
        }
        Signal::DocumentTouched { target, edit } => {
            let mut work = event.work(target.account.clone(), target.region.clone(), Cause::DocumentEvent);
            work.edits.extend(edit.as_deref().cloned());
            Expansion::Works(vec![work])
        }
        Signal::Work(work) => Expansion::Works(vec![work.as_ref().clone()]),
    };
    Ok(governed(policy, expansion))
}

/// EventBridge gives up delivering after 24 h [docs: eb-rule-retry-policy]; one more hour is for the reactor's queue.
const DELIVERY_MS: i64 = 25 * HOUR_MS;

/// Replaces a time that no delivery explains (none, or of a wrong clock): it must not start a deadline.
pub(super) fn timely(event: InboundEvent, now: Time) -> InboundEvent {
    let timely = (0..=DELIVERY_MS).contains(&now.since(event.at));
    if timely { event } else { InboundEvent { at: now, ..event } }
}

/// Signals about accounts and OUs count only from the management account, signals about a region also from the account
/// itself.
fn untrusted_source(policy: &Policy, event: &InboundEvent) -> Option<String> {
    let reporter = event.reporter.as_ref();
    let from_management = reporter == Some(policy.management_account());
    let (trusted, senders) = match &event.signal {
        Signal::AccountVended { .. }
        | Signal::AccountEnrolled { .. }
        | Signal::VendFailed { .. }
        | Signal::AccountJoined { .. }
        | Signal::AccountMoved { .. }
        | Signal::AccountLeft { .. }
        | Signal::AccountClosed { .. }
        | Signal::OuRegistered { .. } => (from_management, "the management account"),
        Signal::RegionChanged { target, .. } => {
            (from_management || reporter == Some(&target.account), "the management account or that account")
        }
        Signal::DocumentTouched { .. }
        | Signal::Bypass(_)
        | Signal::Sweep
        | Signal::SweepStep(_)
        | Signal::AccountSwept { .. }
        | Signal::Work(_) => (true, "any account"),
    };
    let sender = reporter.map_or_else(|| "an unknown account".to_owned(), ToString::to_string);
    (!trusted).then(|| format!("{} from {sender}, which is not {senders}", event.signal.kind()))
}

/// Asks Organizations about an account and stores the answer. Facts of an account that left stay stored; it is no longer
/// observed.
pub(super) async fn refresh<W: World>(world: &W, account: &AccountId) -> Result<AccountFacts, Fault> {
    let known = world.ledger().facts(account).await?;
    let left = || AccountFacts {
        account: account.clone(),
        name: String::new(),
        ou_path: Vec::new(),
        state: AccountState::Active,
    };
    let facts = match world.directory().account(account).await? {
        Some(facts) => facts,
        None => AccountFacts { state: AccountState::Left, ..known.clone().unwrap_or_else(left) },
    };
    if known.as_ref() != Some(&facts) {
        world.ledger().save_facts(&facts).await?;
    }
    Ok(facts)
}

/// Every account below an OU, nested OUs included. An OU that moves during the walk may be met twice, with its accounts.
async fn accounts_below<W: World>(world: &W, top: &OuId) -> Result<BTreeSet<AccountId>, Fault> {
    let mut found = BTreeSet::new();
    let mut walk = OuWalk::from(top.clone());
    while let Some(cursor) = walk.next().cloned() {
        found.extend(list(world, &mut walk, &cursor).await?.into_iter().map(|facts| facts.account));
    }
    Ok(found)
}

/// Reads the next page of the walk and returns the accounts on it; none where the OU is gone.
pub(super) async fn list<W: World>(world: &W, walk: &mut OuWalk, cursor: &Cursor) -> Result<Vec<AccountFacts>, Fault> {
    let (page, Some(parent)) = (cursor.page.as_deref(), cursor.path.last()) else { return Ok(Vec::new()) };
    let (ous, accounts) = match cursor.list {
        List::Ous => (there(world.directory().ous_in(parent, page).await)?, Page::default()),
        List::Accounts => (Page::default(), there(world.directory().accounts_in(&cursor.path, page).await)?),
    };
    walk.listed(ous.items, ous.next.or(accounts.next));
    Ok(accounts.items)
}

/// Turns a missing OU into an empty page: an OU can be deleted during the walk.
fn there<T>(page: Result<Page<T>, Fault>) -> Result<Page<T>, Fault> {
    match page {
        Err(fault) if fault.class == FaultClass::NotFound => Ok(Page::default()),
        page => page,
    }
}

fn governed(policy: &Policy, expansion: Expansion) -> Expansion {
    let Expansion::Works(works) = expansion else { return expansion };
    let (governed, other): (Vec<Work>, Vec<Work>) =
        works.into_iter().partition(|work| policy.governs(&work.target.region));
    match (governed.is_empty(), other.first()) {
        (true, Some(work)) => Expansion::Nothing(format!("region {} is not governed", work.target.region)),
        (true, None) => Expansion::Nothing("there is no account to observe".to_owned()),
        (false, _) => Expansion::Works(governed),
    }
}
