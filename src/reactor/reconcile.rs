//! Reconciling one target: load and observe, merge, decide, log the intent and write, settle, commit, notify.

use super::gather::{case, heard, read_missing};
use super::lookup::{confirm, lookup, made_up};
use super::observe::OBSERVE_ATTEMPTS_MAX;
use super::prune;
use super::quick_check::{Begun, begin, record_check};
use super::report::{flush, tell_once};
use super::write::write;
use crate::domain::adoption::adopted;
use crate::domain::case::{Applied, Case, Decision, Refusal};
use crate::domain::decide::decide;
use crate::domain::edit::Edit;
use crate::domain::fact::{Facts, Intent, Notified};
use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::judgement::{Judgement, judge};
use crate::domain::merge::merge;
use crate::domain::mutant::{self, Mutant};
use crate::domain::policy::Policy;
use crate::domain::quick_check::QuickCheck;
use crate::domain::record::{LastCheck, Loaded, Record, Status};
use crate::domain::settle::settle;
use crate::domain::signal::{Cause, Task, Work};
use crate::domain::target::{AccountFacts, AccountState, Target};
use crate::domain::time::MINUTE_MS;
use crate::domain::witness;
use crate::ports::{Access, Attempt, Fault, FaultClass, Relapse, RoleUse, World};

/// Times a target is reconciled again because another invocation committed first.
const RACES_MAX: usize = 5;
/// A new account that Organizations does not list yet is asked for again after this.
const UNKNOWN_ACCOUNT_WAIT_S: u32 = 15;

/// What came of one target.
#[derive(Clone, Debug)]
pub struct PassReport {
    /// Where.
    pub target: Target,
    /// Why it was observed.
    pub cause: Cause,
    /// What was decided; absent where the account is not in the organisation.
    pub decision: Option<Decision>,
    /// What came of it.
    pub applied: Applied,
    /// How the target stands now.
    pub status: Status,
    /// Alerts that went out.
    pub alerts: usize,
    /// Observations that it took.
    pub looks: usize,
    /// From the signal to the end, in milliseconds.
    pub since_ms: i64,
}

/// What one invocation has learned of a target by itself; nothing of it is lost when another one commits first.
#[derive(Default)]
struct Progress {
    /// Calls that CloudTrail was asked for, and how the invocation's own writes ended.
    learned: Facts,
    refused: Vec<Refusal>,
}

/// Reconciles a target, again where another invocation was faster.
pub(super) async fn reconcile<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
) -> Result<PassReport, Fault> {
    let mut progress = Progress::default();
    let mut races = 0;
    loop {
        match round(world, policy, work, attempt, &mut progress).await {
            Err(fault) if fault.class == FaultClass::Conflict && races < RACES_MAX => {
                races += 1;
                world.sleep(u64::from(world.jitter() % 200)).await;
            }
            // A write did not land: the next observation tells why.
            Ok(None) => {}
            Ok(Some(report)) => return Ok(report),
            Err(fault) => return Err(fault),
        }
    }
}

async fn round<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
    progress: &mut Progress,
) -> Result<Option<PassReport>, Fault> {
    let access = Access::by(policy, &work.correlation);
    let Begun { mut loaded, observed, check } = begin(world, policy, work, &access).await?;
    let RoleUse { by_member_role, relapse } = world.entry(&work.target.account, &access).await;
    if let Some(relapse) = relapse {
        tell_relapse(world, policy, work, attempt, relapse).await?;
    }
    let Some(account) = account(world, loaded.facts.take(), work).await? else {
        return unknown_account(world, policy, work, attempt).await.map(Some);
    };
    if account.state != AccountState::Active {
        if attempt.again {
            flush(world, &work.target.account, Some(&work.target.region), attempt).await?;
        }
        return Ok(Some(not_observed(world, work, "the account has left the organisation, or is closed")));
    }
    let last_check = loaded.last_check.take();
    let known_before = is_known(&loaded, work);
    // As the ledger has it: what the invocation learned by itself is news, or how its write ended would not be committed.
    let mut before = loaded.record.clone();
    loaded.record.facts = merge(&loaded.record.facts, &progress.learned);
    let observation = read_missing(world, policy, work, &access, &loaded, observed.observation).await?;
    let mut case = case(world, policy, work, loaded, &account, observation, by_member_role);
    case.refused.clone_from(&progress.refused);
    ask_cloudtrail(world, policy, &mut case, &access, progress).await?;
    confirm_calls(world, policy, &mut case, (&access, attempt), progress).await?;
    let judgement = judge(&case);
    if let Some(alert) = adopted(&case, &judgement, policy.hub_account()) {
        tell_once(world, &alert, attempt).await?;
    }
    let decision = decide(&case, &judgement);
    let mut applied = Applied::Nothing;
    if let Some(planned) = &decision.write {
        applied = write(world, &mut case, &mut before, &access, planned).await?;
        progress.learned.intents.extend(own_intents(&case, &before));
    }
    if let Applied::Refused(refusal) = applied
        && refusal.is_outpaced()
        && progress.refused.len() + 1 < OBSERVE_ATTEMPTS_MAX
    {
        if refusal == Refusal::VersionLimit {
            let planned = prune::plan(world, &case, &mut progress.learned);
            prune::prune(world, &case, &access, &planned).await?;
        }
        progress.refused.push(refusal);
        return Ok(None);
    }
    let concluded = Concluded { case, judgement, decision, applied, before, check, last_check, known_before };
    conclude(world, &access, attempt, concluded, progress.refused.len() + 1).await.map(Some)
}

/// The intent of this round, with how it ended, which the ledger does not know yet.
fn own_intents<'a>(case: &'a Case, before: &Record) -> impl Iterator<Item = (String, Intent)> + 'a {
    let logged = before.facts.intents.clone();
    let ended =
        move |(name, intent): &(&String, &Intent)| logged.get(*name).is_some_and(|logged| logged.ended != intent.ended);
    let news = case.record.facts.intents.iter().filter(ended);
    news.map(|(name, intent)| (name.clone(), intent.clone()))
}

/// A message whose calls are known came before: its alerts may still wait to be sent.
fn is_known(loaded: &Loaded, work: &Work) -> bool {
    let settled = |edit: &Edit| {
        let call = loaded.record.facts.calls.get(&edit.id);
        loaded.seen.contains(&edit.id) || call.is_some_and(|call| call.notified == Notified::Named)
    };
    work.edits.iter().any(settled)
}

/// Adds what CloudTrail remembers to what is known.
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
    let seen = world.load(&case.target, &ids).await?.seen;
    let heard = heard(policy, &case.target, &edits, case.now);
    let learned = witness::calls(&case.record.facts, &heard, &seen);
    progress.learned = merge(&progress.learned, &learned);
    case.record.facts = merge(&case.record.facts, &learned);
    Ok(())
}

/// Adds what CloudTrail's own history says of calls that only events claim.
async fn confirm_calls<W: World>(
    world: &W,
    policy: &Policy,
    case: &mut Case,
    (access, attempt): (&Access, &Attempt),
    progress: &mut Progress,
) -> Result<(), Fault> {
    for call in confirm(world, case, access).await {
        if let Some(alert) = made_up(policy, case, &call) {
            tell_once(world, &alert, attempt).await?;
        }
        let calls = [(call.edit.id.clone(), call)].into();
        let learned = Facts { calls, ..Facts::default() };
        progress.learned = merge(&progress.learned, &learned);
        case.record.facts = merge(&case.record.facts, &learned);
    }
    Ok(())
}

/// A reconciliation that has come to its end but for what follows from it.
struct Concluded {
    case: Case,
    judgement: Judgement,
    decision: Decision,
    applied: Applied,
    /// The record as the ledger has it.
    before: Record,
    check: Option<QuickCheck>,
    last_check: Option<LastCheck>,
    known_before: bool,
}

async fn conclude<W: World>(
    world: &W,
    access: &Access,
    attempt: &Attempt,
    concluded: Concluded,
    observations: usize,
) -> Result<PassReport, Fault> {
    let Concluded { case, judgement, decision, applied, before, check, last_check, known_before } = concluded;
    let mut settlement = settle(&case, &judgement, &decision, &applied, &before);
    let mut status = before.status;
    // What is to follow comes first: one message too many does no harm, one too few would leave something waiting for ever.
    if let Some((work, delay)) = settlement.next {
        world.send(&[(Task::Work(work), delay)]).await?;
    }
    let mut superseded = Vec::new();
    if let Some(commit) = &mut settlement.commit {
        superseded = prune::plan(world, &case, &mut commit.record.facts);
        match world.commit(&case.target, commit).await {
            Err(fault) if fault.class == FaultClass::Conflict && mutant::on(Mutant::SkipGeneration) => {}
            committed => committed?,
        }
        status = commit.record.status;
    }
    let owed = settlement.commit.as_ref().is_some_and(|commit| !commit.alerts.is_empty());
    let again = attempt.again && !mutant::on(Mutant::LeaveWhatWasLeft);
    let mut alerts = 0;
    if owed || again || known_before {
        alerts += flush(world, &case.target.account, Some(&case.target.region), attempt).await?;
    }
    if let Some(check) = &check {
        let (last_check, generation) = match &settlement.commit {
            Some(commit) => (Some(&LastCheck { at: case.now, fingerprint: None }), commit.record.generation),
            None => (last_check.as_ref(), before.generation),
        };
        record_check(world, (&case, &decision, &applied), check, last_check, generation).await;
    }
    prune::prune(world, &case, access, &superseded).await?;
    log(&case, &decision, &applied, status, observations);
    Ok(PassReport {
        since_ms: world.now().since(case.since),
        target: case.target,
        cause: case.cause,
        decision: Some(decision),
        applied,
        status,
        alerts,
        looks: observations,
    })
}

/// What is known of the account. One that no event told of is looked up; so is one that has left, because it would send no
/// events: the news that it is back may be later than they.
async fn account<W: World>(world: &W, known: Option<AccountFacts>, work: &Work) -> Result<Option<AccountFacts>, Fault> {
    if known.as_ref().is_some_and(|facts| facts.state == AccountState::Active) {
        return Ok(known);
    }
    let found = world.account(&work.target.account).await?;
    if let Some(facts) = found.as_ref().filter(|_| found != known) {
        world.save_facts(facts).await?;
    }
    Ok(found.or(known))
}

/// An account that the organisation does not have: a new one may still come to be known, any other is told.
async fn unknown_account<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
) -> Result<PassReport, Fault> {
    let account = &work.target.account;
    let patience_ms = i64::from(policy.limits().readiness_minutes) * MINUTE_MS;
    if work.cause == Cause::AccountLifecycle && world.now().since(work.since) < patience_ms {
        let next = Work { requeues: work.requeues.saturating_add(1), ..work.clone() };
        world.send(&[(Task::Work(next), UNKNOWN_ACCOUNT_WAIT_S)]).await?;
        return Ok(not_observed(world, work, "the organisation does not know the account yet"));
    }
    let reason = format!("account {account} is not in the organisation, and yet it was heard of");
    let (found, hub, id) = (HubFinding::UnknownAccount, policy.hub_account(), Some(work.correlation.as_str()));
    let alert = about_hub(found, hub, account.as_str(), id, &reason, world.now());
    tell_once(world, &alert, attempt).await?;
    Ok(not_observed(world, work, &reason))
}

/// A gap role is for accounts that no member role reaches yet; its use elsewhere is told, once an account and day. An
/// invocation that dies before leaves it to the next session, minutes later.
async fn tell_relapse<W: World>(
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
    tell_once(world, &about_hub(found, hub, &format!("{account}:{day}"), id, &reason, now), attempt).await
}

fn not_observed<W: World>(world: &W, work: &Work, reason: &str) -> PassReport {
    let Target { account, region } = &work.target;
    tracing::warn!(%account, %region, correlation = work.correlation, reason, "not observed");
    PassReport {
        target: work.target.clone(),
        cause: work.cause,
        decision: None,
        applied: Applied::Nothing,
        status: Status::New,
        alerts: 0,
        looks: 0,
        since_ms: world.now().since(work.since),
    }
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
