//! A sweep observes every target, whether or not an event came. It walks the organisation in steps of one message each, and
//! refreshes the facts of the accounts that it meets.
//!
//! The ledger holds its progress. A step does its idempotent work, stores its completion, and then sends the message for
//! the next step. A redelivered step message sends the message for the step that is due.

use futures_util::stream::{self, StreamExt as _};

use super::expand::{list, refresh};
use super::publish::notify_once;
use crate::domain::policy::Policy;
use crate::domain::record::Known;
use crate::domain::signal::{InboundEvent, Signal, Task};
use crate::domain::sweep::{OuWalk, StartResult, Sweep};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region};
use crate::domain::time::Time;
use crate::ports::{Attempt, Directory as _, Fault, FaultClass, Ledger as _, Queue as _, Sweeps as _, World};

/// Calls on the tree in one step, and the number of accounts after which a step makes no further call.
const STEP_CALLS_MAX: usize = 8;
const ACCOUNTS_MAX: usize = 60;
/// Organizations allows the organisation five such calls a second [docs: `orgs_reference_limits`]; this pace leaves some to
/// others.
const PACE_MS: u64 = 250;
/// Accounts whose rows are read and written concurrently.
const CONCURRENCY: usize = 32;

/// Paces calls to Organizations. Steps do not know of each other, so that the first call of each waits too.
#[derive(Default)]
struct Pace(Option<Time>);

impl Pace {
    async fn keep<W: World>(&mut self, world: &W) {
        let now = world.now();
        let passed = self.0.map_or(0, |last| u64::try_from(now.since(last)).unwrap_or(0));
        world.sleep(PACE_MS.saturating_sub(passed)).await;
        self.0 = Some(world.now());
    }
}

/// The outcome of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepResult {
    /// Messages that it sent.
    pub(super) sent: usize,
    /// Targets of the accounts that it met.
    pub(super) targets: u64,
}

/// Starts a sweep, or continues one.
pub(super) async fn sweep<W: World>(
    world: &W,
    policy: &Policy,
    event: &InboundEvent,
    attempt: &Attempt,
) -> Result<StepResult, Fault> {
    let one_message = StepResult { sent: 1, targets: 0 };
    let last = world.sweeps().sweep().await?;
    let due = match (&event.signal, last) {
        (Signal::SweepStep(step), Some(last)) if last.ended.is_none() => {
            if last.step == *step {
                return go_on(world, policy, last, attempt).await;
            }
            last.step
        }
        (Signal::SweepStep(_), _) => return Ok(StepResult::default()),
        (_, last) => match Sweep::begin(last, &event.id, world.now()) {
            StartResult::New(sweep, previous) => {
                if let Some(previous) = previous {
                    let alert = previous.unfinished(policy.hub_account(), world.now());
                    notify_once(world, &alert, attempt).await?;
                }
                world.sweeps().save_sweep(&sweep).await?;
                tracing::info!(correlation = sweep.id, sweep = sweep.number, "sweep begun");
                next(world, sweep.step).await?;
                return Ok(one_message);
            }
            StartResult::UnderWay(step) => step,
        },
    };
    // Another invocation continues the sweep, or died before it sent the next step's message.
    if !attempt.again {
        tracing::info!(correlation = event.id, due, "a sweep is under way, and elsewhere");
        return Ok(StepResult::default());
    }
    next(world, due).await?;
    Ok(one_message)
}

/// One step: some pages of the tree and their accounts; after the last page, the accounts that the walk did not meet.
async fn go_on<W: World>(world: &W, policy: &Policy, mut sweep: Sweep, attempt: &Attempt) -> Result<StepResult, Fault> {
    let before = sweep.targets;
    let mut walk = match sweep.walk.take() {
        Some(walk) => walk,
        None => OuWalk::from(root(world, policy).await?),
    };
    let mut accounts = Vec::new();
    let mut pace = Pace::default();
    for _ in 0..STEP_CALLS_MAX {
        let Some(cursor) = walk.next().filter(|_| accounts.len() < ACCOUNTS_MAX).cloned() else { break };
        pace.keep(world).await;
        accounts.extend(list(world, &mut walk, &cursor).await?);
    }
    let mut sent = meet(world, policy, &mut sweep, accounts, attempt).await?;
    let mut ended = false;
    if walk.next().is_none() {
        let unmet = world.sweeps().unmet(sweep.number).await?;
        ended = unmet.len() <= STEP_CALLS_MAX;
        let found = find(world, unmet, pace).await?;
        sent += meet(world, policy, &mut sweep, found, attempt).await?;
    }
    if ended && let Some(alert) = sweep.newly_ungoverned(policy.hub_account(), world.now()) {
        notify_once(world, &alert, attempt).await?;
    }
    sweep.walk = Some(walk);
    sweep.done(world.now(), ended);
    world.sweeps().save_sweep(&sweep).await?;
    let Sweep { id, number, step, accounts, targets, .. } = &sweep;
    tracing::info!(correlation = id, sweep = number, step, accounts, targets, ended, "sweep: step done");
    if !ended {
        next(world, *step).await?;
        sent += 1;
    }
    Ok(StepResult { sent, targets: targets.saturating_sub(before) })
}

/// Sends the message for a step.
async fn next<W: World>(world: &W, step: u64) -> Result<(), Fault> {
    world.queue().send(&[(Task::SweepStep(step), 0)]).await
}

/// The root of the organisation, from the management account's path: that needs no further call and no permission for it.
async fn root<W: World>(world: &W, policy: &Policy) -> Result<OuId, Fault> {
    let facts = world.directory().account(policy.management_account()).await?;
    facts.and_then(|facts| facts.ou_path.into_iter().next()).ok_or_else(|| Fault {
        class: FaultClass::NotFound,
        call: "DescribeAccount",
        code: "NoRoot".to_owned(),
        message: format!(
            "the policy's management account {} is not in the organisation: correct `organization` in the policy",
            policy.management_account()
        ),
        outcome_unknown: false,
    })
}

/// Looks up known accounts that the walk did not meet: moved during the walk, or gone.
async fn find<W: World>(world: &W, unmet: Vec<AccountId>, mut pace: Pace) -> Result<Vec<AccountFacts>, Fault> {
    let mut found = Vec::new();
    for account in unmet.iter().take(STEP_CALLS_MAX) {
        pace.keep(world).await;
        let facts = refresh(world, account).await?;
        if facts.state != AccountState::Left {
            found.push(facts);
        }
    }
    Ok(found)
}

/// Sends a message for each active account.
async fn meet<W: World>(
    world: &W,
    policy: &Policy,
    sweep: &mut Sweep,
    accounts: Vec<AccountFacts>,
    attempt: &Attempt,
) -> Result<usize, Fault> {
    let met: Vec<_> = stream::iter(accounts)
        .map(|listed| meet_one(world, policy, sweep, listed, attempt))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut tasks = Vec::new();
    for met in met {
        let (facts, known) = met?;
        sweep.accounts += 1;
        if facts.state == AccountState::Active {
            let enabled = known.enabled.map(|enabled| enabled.regions);
            sweep.targets += u64::try_from(policy.regions_of(enabled.as_ref()).len()).unwrap_or(u64::MAX);
            sweep.has_met(policy, &facts, &enabled.unwrap_or_default(), world.now());
            let AccountFacts { account, .. } = facts;
            tasks.push((Task::SweepAccount { account, sweep: sweep.id.clone(), began: sweep.began }, 0));
        }
    }
    if !tasks.is_empty() {
        world.queue().send(&tasks).await?;
    }
    Ok(tasks.len())
}

/// Refreshes an account's stored facts. A page may be stale: where it differs, Organizations is asked about the account.
async fn meet_one<W: World>(
    world: &W,
    policy: &Policy,
    sweep: &Sweep,
    listed: AccountFacts,
    attempt: &Attempt,
) -> Result<(AccountFacts, Known), Fault> {
    let known = world.ledger().known(&listed.account).await?;
    let facts = match &known.facts {
        Some(known) if *known == listed => listed,
        Some(_) => refresh(world, &listed.account).await?,
        None => {
            world.ledger().save_facts(&listed).await?;
            listed
        }
    };
    world.sweeps().met(&facts.account, sweep.number).await?;
    let regions = policy.regions_of(known.enabled.as_ref().map(|enabled| &enabled.regions));
    let missed = |(region, checked): &(&Region, &Time)| regions.contains(region) && sweep.missed(**checked);
    let missed: Vec<_> =
        known.last_checks.iter().filter(missed).map(|(region, checked)| (region.clone(), *checked)).collect();
    if facts.state == AccountState::Active && !missed.is_empty() {
        let alert = sweep.not_checked(&facts.account, &facts.name, &missed, world.now());
        notify_once(world, &alert, attempt).await?;
    }
    Ok((facts, known))
}
