//! Reconciling one target: load and observe, merge, decide, log the intent and write, settle, commit, notify.

use std::collections::BTreeMap;

use super::account::{account, notify_relapse, unknown_account};
use super::approval::not_approved;
use super::core::Core;
use super::gather::{call_facts, case, read_missing};
use super::lookup::{confirm, lookup, made_up};
use super::observe::OBSERVE_ATTEMPTS_MAX;
use super::prune::Superseded;
use super::publish::{flush, notify_once};
use super::quick_check::{Start, begin, record_check};
use super::reconciled::{ConfigurationLag, Reconciled};
use super::write::write;
use super::{InForce, Reactor};
use crate::domain::adoption::adopted;
use crate::domain::case::{Applied, Case, Decision, Refusal};
use crate::domain::edit::Edit;
use crate::domain::fact::{Facts, Intent, Notified};
use crate::domain::judgement::{Judgement, judge};
use crate::domain::merge::merge;
use crate::domain::policy::Policy;
use crate::domain::quick_check::QuickCheck;
use crate::domain::record::{LastCheck, Loaded, Record, Status};
use crate::domain::signal::{Task, Work};
use crate::domain::target::AccountState;
use crate::domain::time::{MINUTE_MS, Time};
use crate::domain::witness;
use crate::ports::{Access, AccountAccess, Attempt, Documents as _, Fault, FaultClass, Ledger as _, Queue as _, World};

/// Repetitions of a reconciliation because another invocation committed first.
const RACES_MAX: usize = 5;

/// Facts that this invocation learned; they survive a commit of another invocation.
#[derive(Default)]
struct Progress {
    /// Calls from CloudTrail's event history, and how the invocation's own writes ended.
    learned: Facts,
    refused: Vec<Refusal>,
    /// The policy was read again: once is enough, however the clocks of two invocations differ.
    policy_read: bool,
}

/// The end of one round.
enum Round {
    Done(Box<Reconciled>),
    /// A write did not land: observe again to find out why.
    Again,
    /// Another invocation worked on the target by another policy, at this moment or before it.
    PolicyOutdated(Time),
}

impl Round {
    fn done(report: Reconciled) -> Self {
        Self::Done(Box::new(report))
    }
}

/// Reconciles a target; starts over where another invocation committed first, or knows a newer policy.
pub(super) async fn reconcile<W: World>(
    reactor: &Reactor<W>,
    policy: &InForce,
    work: &Work,
    attempt: &Attempt,
) -> Result<Reconciled, Fault> {
    let mut policy = policy.clone();
    let mut progress = Progress::default();
    let mut races = 0;
    loop {
        match round(reactor, &policy, work, attempt, &mut progress).await {
            Err(fault) if fault.class == FaultClass::Conflict && races < RACES_MAX => {
                races += 1;
                reactor.world.sleep(u64::from(reactor.world.jitter() % 200)).await;
            }
            Ok(Round::Again) => {}
            Ok(Round::PolicyOutdated(since)) => {
                progress.policy_read = true;
                policy = reactor.policy(since, attempt).await?;
            }
            Ok(Round::Done(report)) => return Ok(*report),
            Err(fault) => return Err(fault),
        }
    }
}

async fn round<W: World>(
    reactor: &Reactor<W>,
    in_force: &InForce,
    work: &Work,
    attempt: &Attempt,
    progress: &mut Progress,
) -> Result<Round, Fault> {
    let (Reactor { world, core, approval, .. }, policy) = (reactor, in_force.policy.as_ref());
    let access = Access::by(policy, &work.correlation);
    let Start { mut loaded, observed, check } = begin(reactor, policy, work, &access).await?;
    if !progress.policy_read && in_force.is_outdated(&loaded.record) {
        return Ok(Round::PolicyOutdated(loaded.record.updated));
    }
    let AccountAccess { by_member_role, relapse } =
        world.documents().account_access(&work.target.account, &access).await;
    if let Some(relapse) = relapse {
        notify_relapse(world, policy, work, attempt, relapse).await?;
    }
    let Some(account) = account(world, loaded.facts.take(), work).await? else {
        return unknown_account(world, policy, work, attempt).await.map(Round::done);
    };
    if account.state != AccountState::Active {
        if attempt.again {
            flush(world, &work.target.account, Some(&work.target.region), attempt).await?;
        }
        let report = Reconciled::not_observed(world, work, "the account has left the organisation, or is closed");
        return Ok(Round::done(report));
    }
    let last_check = loaded.last_check.take();
    let known_before = is_known(&loaded, work);
    // The record as the ledger has it. Without what this invocation has learned since: settling compares with it, to see what
    // is not committed yet.
    let mut before = loaded.record.clone();
    loaded.record.facts = merge(&loaded.record.facts, &progress.learned);
    let observation = read_missing(world, policy, work, (&access, &account), &loaded, observed.observation).await?;
    let mut case = case(world, policy, work, loaded, &account, observation, by_member_role);
    case.redelivered = attempt.again;
    case.refused.clone_from(&progress.refused);
    if approval.is_none() {
        ask_cloudtrail(world, policy, &mut case, &access, progress).await?;
        confirm_calls(world, policy, &mut case, (&access, attempt), progress).await?;
    }
    let judgement = judge(&case);
    let decision = (core.decide)(&case, &judgement);
    if let Some(approval) = approval {
        approval.approve(&case, &decision).map_err(not_approved)?;
    }
    if let Some(alert) = adopted(&case, &judgement, policy.hub_account()) {
        notify_once(world, &alert, attempt).await?;
    }
    let superseded = Superseded::of(&case, world);
    let (mut applied, mut fault) = (Applied::Nothing, None);
    if let Some(planned) = &decision.write {
        case.record.facts.intents.extend(superseded.intent.clone());
        (applied, fault) = write(world, &mut case, &mut before, &access, planned).await?;
        progress.learned.intents.extend(own_intents(&case, &before));
    }
    if let Applied::Refused(refusal) = applied
        && refusal.is_outpaced()
        && progress.refused.len() + 1 < OBSERVE_ATTEMPTS_MAX
    {
        if refusal == Refusal::VersionLimit {
            superseded.prune(world, &case.target, &access).await?;
        }
        progress.refused.push(refusal);
        return Ok(Round::Again);
    }
    let concluded =
        Concluded { case, judgement, decision, applied, fault, superseded, before, check, last_check, known_before };
    conclude(world, *core, &access, attempt, concluded, progress.refused.len() + 1).await.map(Round::done)
}

/// The intents of this round whose end the ledger does not know yet.
fn own_intents<'a>(case: &'a Case, before: &Record) -> impl Iterator<Item = (String, Intent)> + 'a {
    let logged = before.facts.intents.clone();
    let ended =
        move |(name, intent): &(&String, &Intent)| logged.get(*name).is_some_and(|logged| logged.ended != intent.ended);
    let news = case.record.facts.intents.iter().filter(ended);
    news.map(|(name, intent)| (name.clone(), intent.clone()))
}

/// Whether a call of the message is known already: it is a redelivery, and its alerts may still be unsent.
fn is_known(loaded: &Loaded, work: &Work) -> bool {
    let settled = |edit: &Edit| {
        let call = loaded.record.facts.calls.get(&edit.id);
        loaded.seen.contains(&edit.id) || call.is_some_and(|call| call.notified == Notified::Named)
    };
    work.edits.iter().any(settled)
}

/// Adds the calls of CloudTrail's event history to the facts. The reactor's own calls among them echo nothing: an echo shows
/// that events arrive.
async fn ask_cloudtrail<W: World>(
    world: &W,
    policy: &Policy,
    case: &mut Case,
    access: &Access,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let edits = lookup(world, case, access).await?;
    if edits.is_empty() {
        return Ok(());
    }
    let ids = edits.iter().map(|edit| edit.id.clone()).collect();
    let seen = world.ledger().load(&case.target, &ids).await?.seen;
    let calls = call_facts(policy, &case.target, &edits, case.now);
    let learned = Facts { echoes: BTreeMap::new(), ..witness::calls(&case.record.facts, &calls, &seen) };
    progress.learned = merge(&progress.learned, &learned);
    case.record.facts = merge(&case.record.facts, &learned);
    Ok(())
}

/// Adds the event history's verdict on calls that only events claim.
async fn confirm_calls<W: World>(
    world: &W,
    policy: &Policy,
    case: &mut Case,
    (access, attempt): (&Access, &Attempt),
    progress: &mut Progress,
) -> Result<(), Fault> {
    for call in confirm(world, case, access).await {
        if let Some(alert) = made_up(policy, case, &call) {
            notify_once(world, &alert, attempt).await?;
        }
        let calls = [(call.edit.id.clone(), call)].into();
        let learned = Facts { calls, ..Facts::default() };
        progress.learned = merge(&progress.learned, &learned);
        case.record.facts = merge(&case.record.facts, &learned);
    }
    Ok(())
}

/// A reconciliation after its decision and write, before settling.
struct Concluded {
    case: Case,
    judgement: Judgement,
    decision: Decision,
    applied: Applied,
    fault: Option<Fault>,
    superseded: Superseded,
    /// The record as stored.
    before: Record,
    check: Option<QuickCheck>,
    last_check: Option<LastCheck>,
    known_before: bool,
}

async fn conclude<W: World>(
    world: &W,
    core: Core,
    access: &Access,
    attempt: &Attempt,
    concluded: Concluded,
    observations: usize,
) -> Result<Reconciled, Fault> {
    let Concluded { case, judgement, decision, applied, fault, superseded, before, check, last_check, known_before } =
        concluded;
    let mut settlement = (core.settle)(&case, &judgement, &decision, &applied, &before);
    let (mut status, mut lag) = (before.status, None);
    if let Some(commit) = &mut settlement.commit {
        commit.record.facts.intents.extend(superseded.intent.clone());
        world.ledger().commit(&case.target, commit).await?;
        status = commit.record.status;
        let objective_ms = i64::from(case.limits.alerts.configuration_lag_minutes) * MINUTE_MS;
        lag = commit.record.milestones.lag_since(&before.milestones).map(|ms| ConfigurationLag { ms, objective_ms });
    }
    // Send the next message after the commit. Where the ledger fails for hours, each attempt at this message would otherwise
    // send one that fails as well.
    if let Some((work, delay)) = settlement.next {
        world.queue().send(&[(Task::Work(work), delay)]).await?;
    }
    let owed = settlement.commit.as_ref().is_some_and(|commit| !commit.alerts.is_empty());
    if owed || attempt.again || known_before {
        flush(world, &case.target.account, Some(&case.target.region), attempt).await?;
    }
    if let Some(check) = &check {
        let (last_check, generation) = match &settlement.commit {
            Some(commit) => (Some(&LastCheck { at: case.now, fingerprint: None }), commit.record.generation),
            None => (last_check.as_ref(), before.generation),
        };
        record_check(world, (&case, &decision, &applied), check, last_check, generation).await;
    }
    if settlement.commit.is_some() {
        superseded.prune(world, &case.target, access).await?;
    }
    log(&case, &decision, &applied, status, observations);
    Ok(Reconciled {
        since_ms: world.now().since(case.since),
        target: case.target,
        cause: case.cause,
        decision: Some(decision),
        applied,
        fault,
        status,
        observations,
        requeues: case.requeues,
        lag,
    })
}

fn log(case: &Case, decision: &Decision, applied: &Applied, status: Status, observations: usize) {
    tracing::info!(
        account = %case.target.account,
        region = %case.target.region,
        correlation = case.correlation,
        cause = ?case.cause,
        verdict = ?decision.verdict,
        applied = ?applied,
        status = ?status,
        reasons = decision.reasons.join("; "),
        policy = case.policy,
        observations,
        "reconciled"
    );
}
