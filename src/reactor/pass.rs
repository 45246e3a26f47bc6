//! One pass over one target: resolve and observe, decide, apply, settle, commit, report.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::apply::apply;
use super::glance::{Begun, begin, note};
use super::observe::{OBSERVE_ATTEMPTS_MAX, observe, read_between};
use super::replace::reserve;
use super::report::{flush, tell_once};
use super::trail::attributed;
use crate::domain::case::{Applied, AttributedEdit, Case, Decision, Refusal, Write};
use crate::domain::decide::{decide, replacing};
use crate::domain::decode::EDITS_MAX;
use crate::domain::edit::Edit;
use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::glance::{Glance, Noted};
use crate::domain::mutant::{self, Mutant};
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::{Mode, Policy};
use crate::domain::record::{Loaded, Record, Standing};
use crate::domain::settle::settle;
use crate::domain::signal::{Cause, Errand, Work};
use crate::domain::target::{AccountFacts, AccountState, Target};
use crate::domain::time::MINUTE_MS;
use crate::ports::{Access, Attempt, Clock, Fault, FaultClass, World};

/// Times a pass is done again because another invocation committed first.
pub(super) const RACES_MAX: usize = 3;
/// A new account that Organizations does not list yet is asked for again after this.
const STRANGER_WAIT_S: u32 = 15;
/// Superseded versions beyond the fifty that SSM lists on a page, deleted in one pass.
const PRUNED_MAX: u64 = 5;

/// What came of one pass.
#[derive(Clone, Debug)]
pub struct PassReport {
    /// Where.
    pub target: Target,
    /// Why we looked.
    pub cause: Cause,
    /// What was decided; absent where the account is not ours to look at.
    pub decision: Option<Decision>,
    /// What came of it.
    pub applied: Applied,
    /// How the target stands now.
    pub standing: Standing,
    /// Alerts that were told.
    pub alerts: usize,
    /// Looks that it took.
    pub looks: usize,
    /// From the signal to the end of the pass, in milliseconds.
    pub since_ms: i64,
}

/// Does one pass, again where another invocation was faster.
pub(super) async fn reconcile<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    attempt: &Attempt,
) -> Result<PassReport, Fault> {
    let mut race = 0;
    loop {
        match pass(world, policy, work, attempt).await {
            Err(fault) if fault.class == FaultClass::Moved && race < RACES_MAX => {
                race += 1;
                world.sleep(u64::from(world.jitter() % 200)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn pass<W: World>(world: &W, policy: &Policy, work: &Work, attempt: &Attempt) -> Result<PassReport, Fault> {
    let access = Access { roles: policy.roles().to_vec(), correlation: work.correlation.clone() };
    let Begun { mut loaded, first, glance } = begin(world, policy, work, &access).await?;
    let noted = loaded.noted.take();
    let Some(facts) = facts(world, loaded.facts.take(), work).await? else {
        return stranger(world, policy, work, attempt).await;
    };
    if facts.state != AccountState::Active {
        if attempt.again {
            flush(world, &work.target.account, Some(&work.target.region), attempt).await?;
        }
        return Ok(not_looked_at(world, work, "the account has left the organisation, or is closed"));
    }
    let mut case = case(world, policy, work, loaded, &facts, first.observation);
    // Whose a change was can only be asked where its contents are known.
    read_between(world, &mut case, &access).await?;
    let mut case = attributed(world, policy, work, &access, &facts, case).await?;
    // The try before this one is over, and may have stopped at any point of that.
    if attempt.again && replacing(&case).is_some() {
        case.refused.push(Refusal::Replacing);
    }
    let mut looks = 1;
    let (decision, applied) = loop {
        read_between(world, &mut case, &access).await?;
        let decision = decide(&case);
        let applied = match &decision.write {
            Some(Write::Recreate { .. }) if !reserve(world, &mut case, &decision, &access).await? => {
                Applied::Refused(Refusal::Moved)
            }
            Some(write) => apply(world, &work.target, &access, write).await?,
            None => Applied::Nothing,
        };
        match applied {
            Applied::Refused(refusal) if looks < OBSERVE_ATTEMPTS_MAX && may_look_again(refusal) => {
                if refusal == Refusal::Full {
                    prune(world, &case, &access).await?;
                }
                case.refused.push(refusal);
                case.nonce = world.jitter();
                case.now = world.now();
                look_again(world, &mut case, &access).await?;
                looks += 1;
            }
            applied => break (decision, applied),
        }
    };
    let passed = Passed { case, decision, applied, looks, glance, noted };
    finish(world, &access, attempt, passed).await
}

/// A pass that has come to its end but for what follows from it.
struct Passed {
    case: Case,
    decision: Decision,
    applied: Applied,
    looks: usize,
    glance: Option<Glance>,
    noted: Option<Noted>,
}

async fn finish<W: World>(world: &W, access: &Access, attempt: &Attempt, passed: Passed) -> Result<PassReport, Fault> {
    let Passed { case, decision, applied, looks, glance, noted } = passed;
    let settlement = settle(&case, &decision, &applied);
    let mut alerts = 0;
    let mut standing = case.record.standing;
    // What is to follow comes first: one message too many does no harm, one too few would leave a war unwatched.
    if let Some((work, delay)) = settlement.next {
        let errands: Vec<_> = in_messages(work).into_iter().map(|work| (Errand::Work(work), delay)).collect();
        world.send(&errands).await?;
    }
    if let Some(commit) = &settlement.commit {
        match world.commit(&case.target, commit).await {
            Err(fault) if fault.class == FaultClass::Moved && mutant::on(Mutant::SkipGeneration) => {}
            committed => committed?,
        }
        standing = commit.record.standing;
    }
    // A message that comes again finds its edits settled, and perhaps an alert that nobody came to tell.
    let owed = settlement.commit.as_ref().is_some_and(|commit| !commit.alerts.is_empty());
    let again = attempt.again && !mutant::on(Mutant::LeaveWhatWasLeft);
    if owed || again || case.edits.iter().any(|edit| edit.seen) {
        alerts += flush(world, &case.target.account, Some(&case.target.region), attempt).await?;
    }
    if let Some(glance) = &glance {
        let (noted, generation) = match &settlement.commit {
            Some(commit) => (Some(&Noted { at: case.now, print: None }), commit.record.generation),
            None => (noted.as_ref(), case.record.generation),
        };
        note(world, (&case, &decision, &applied), glance, noted, generation).await;
    }
    if settlement.commit.is_some() {
        prune(world, &case, access).await?;
    }
    let since_ms = world.now().since(case.since);
    log(&case, &decision, &applied, standing, looks);
    Ok(PassReport {
        target: case.target,
        cause: case.cause,
        decision: Some(decision),
        applied,
        standing,
        alerts,
        looks,
        since_ms,
    })
}

/// One work in as many messages as its edits take.
fn in_messages(mut work: Work) -> Vec<Work> {
    let mut works = Vec::new();
    while work.edits.len() > EDITS_MAX {
        let rest = work.edits.split_off(EDITS_MAX);
        works.push(work.clone());
        work.edits = rest;
    }
    works.push(work);
    works
}

/// Looks again where somebody else was faster, and reads again what we remember: it may have been one of us.
async fn look_again<W: World>(world: &W, case: &mut Case, access: &Access) -> Result<(), Fault> {
    let ids: BTreeSet<String> = case.edits.iter().map(|edit| edit.edit.id.clone()).collect();
    let nothing = BTreeSet::new();
    let (loaded, observed) = join(world.load(&case.target, &ids), observe(world, &case.target, access, &nothing)).await;
    let loaded = loaded?;
    for edit in &mut case.edits {
        edit.seen = loaded.seen.contains(&edit.edit.id);
    }
    case.record = loaded.record;
    case.observation = observed?.observation;
    Ok(())
}

/// What is known of the account. One that nobody has told us of is looked up; so is one that has left, because it would send
/// no events: the news that it is back may be later than they.
async fn facts<W: World>(world: &W, known: Option<AccountFacts>, work: &Work) -> Result<Option<AccountFacts>, Fault> {
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
async fn stranger<W: World>(world: &W, policy: &Policy, work: &Work, attempt: &Attempt) -> Result<PassReport, Fault> {
    let account = &work.target.account;
    let patience_ms = i64::from(policy.limits().readiness_minutes) * MINUTE_MS;
    if work.cause == Cause::Vended && world.now().since(work.since) < patience_ms {
        let next = Work { hop: work.hop.saturating_add(1), ..work.clone() };
        world.send(&[(Errand::Work(next), STRANGER_WAIT_S)]).await?;
        return Ok(not_looked_at(world, work, "the organisation does not know the account yet"));
    }
    let reason = format!("account {account} is not in the organisation, and yet it was heard of");
    let (found, hub, id) = (HubFinding::UnknownAccount, policy.hub_account(), Some(work.correlation.as_str()));
    let alert = about_hub(found, hub, account.as_str(), id, &reason, world.now());
    tell_once(world, &alert, attempt).await?;
    Ok(not_looked_at(world, work, &reason))
}

fn not_looked_at<W: World>(world: &W, work: &Work, reason: &str) -> PassReport {
    let Target { account, region } = &work.target;
    tracing::warn!(%account, %region, correlation = work.correlation, reason, "not looked at");
    PassReport {
        target: work.target.clone(),
        cause: work.cause,
        decision: None,
        applied: Applied::Nothing,
        standing: Standing::New,
        alerts: 0,
        looks: 0,
        since_ms: world.now().since(work.since),
    }
}

pub(super) fn case<W: Clock>(
    world: &W,
    policy: &Policy,
    work: &Work,
    loaded: Loaded,
    facts: &AccountFacts,
    observation: Observation,
) -> Case {
    let now = world.now();
    let attributed = |edit: &Edit| AttributedEdit {
        attribution: policy.attribute(&edit.principal),
        by_our_role: policy.by_our_role(&edit.principal, &work.target.account),
        seen: loaded.seen.contains(&edit.id),
        edit: edit.clone(),
    };
    Case {
        target: work.target.clone(),
        account_name: facts.name.clone(),
        now,
        cause: work.cause,
        since: work.since,
        hop: work.hop,
        correlation: work.correlation.clone(),
        edits: work.edits.iter().map(attributed).chain(unplaced(policy, &loaded.record)).collect(),
        resolution: policy.resolve(facts, now),
        policy: policy.label().to_owned(),
        limits: policy.limits(),
        observation,
        record: loaded.record,
        refused: Vec::new(),
        nonce: world.jitter(),
    }
}

/// Calls that were told when the target could not be read: they still say who made which version.
fn unplaced(policy: &Policy, record: &Record) -> impl Iterator<Item = AttributedEdit> {
    record.unplaced.iter().map(|edit| AttributedEdit {
        attribution: policy.attribute(&edit.principal),
        by_our_role: false,
        seen: true,
        edit: edit.clone(),
    })
}

fn may_look_again(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Moved | Refusal::Duplicate | Refusal::Maybe | Refusal::Replacing | Refusal::Full => true,
        Refusal::Denied | Refusal::Invalid => false,
    }
}

/// Keeps the version history short: what lies behind the page that SSM lists is superseded, and its change is in our history.
async fn prune<W: World>(world: &W, case: &Case, access: &Access) -> Result<(), Fault> {
    let Observation::Present(seen) = &case.observation else { return Ok(()) };
    if !seen.older_exist || case.resolution.mode != Mode::Enforce {
        return Ok(());
    }
    for version in superseded(case, seen) {
        match world.prune(&case.target, access, version).await {
            Ok(()) => {}
            // It is there to stay for now; the limit is far away and the next pass tries again.
            Err(fault) if !fault.retryable() => tracing::warn!(error = %fault, version, "version not pruned"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn superseded(case: &Case, seen: &Seen) -> Vec<u64> {
    let oldest = seen.versions.iter().map(|version| version.number).min().unwrap_or(1);
    let accounted = case.record.accounted.as_ref().map(|accounted| accounted.version);
    (oldest.saturating_sub(PRUNED_MAX).max(1)..oldest)
        .filter(|number| *number != seen.default.number && Some(*number) != accounted)
        .collect()
}

fn log(case: &Case, decision: &Decision, applied: &Applied, standing: Standing, looks: usize) {
    tracing::info!(
        account = %case.target.account,
        region = %case.target.region,
        correlation = case.correlation,
        cause = ?case.cause,
        verdict = ?decision.verdict,
        applied = ?applied,
        standing = ?standing,
        reasons = decision.reasons.join("; "),
        policy = case.policy,
        looks,
        "reconciled"
    );
}
