//! Deliberate defects, as a careless change could cause them: a distorted core, or a decorator of one port.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::case::{Applied, Case, Decision, Verdict, Write};
use crate::domain::decide::decide;
use crate::domain::document::Content;
use crate::domain::finding::Alert;
use crate::domain::judgement::{Judgement, judge};
use crate::domain::observation::{Observation, Shares};
use crate::domain::policy::schema::OnSharing;
use crate::domain::policy::{Mode, Policy};
use crate::domain::record::{Commit, Enabled, Known, LastCheck, Loaded, Record, Settlement, Status};
use crate::domain::settle::settle;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::{AccountFacts, AccountId, Target};
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::{Attempt, Clock, Fault, FaultClass, Ledger, Notifier, Outbox, World};
use crate::reactor::{Core, PolicySource, Reactor};
use crate::sim::faults::{FaultInjector, Faulty};
use crate::sim::stories::play::{Played, play_with};
use crate::sim::stories::step::Story;

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongTurn {
    /// Accepts a version of an unknown author.
    AcceptUnattributed,
    /// Writes in observe mode.
    WriteWhereObserving,
    /// Recreates a missing document without its accepted content.
    RecreateBlank,
    /// Ignores the default version.
    IgnoreDefault,
    /// Takes an unreadable target for one in sync.
    UnknownIsGreen,
    /// Leaves sharing by an untrusted actor.
    LeaveShared,
    /// Ends sharing by a trusted actor, too.
    UnshareAll,
    /// Loses the calls of a target that waits.
    LoseCallsWhileWaiting,
    /// Sends a message after every message.
    NeverRest,
    /// Ignores another invocation's commit.
    SkipGeneration,
    /// Publishes an alert without a claim.
    PublishWithoutClaim,
    /// Never publishes an alert that another invocation claimed before it died.
    LeaveWhatWasLeft,
    /// Marks an alert as sent before it is published.
    MarkBeforePublishing,
}

impl WrongTurn {
    /// Plays a story with the defect.
    pub(super) fn play(self, story: &Story) -> Played {
        play_with(story, |world| Reactor::new(Distorted::new(self, world), PolicySource::Table).with_core(self.core()))
    }

    fn core(self) -> Core {
        let right = Core { decide, settle };
        match self {
            Self::AcceptUnattributed => Core {
                decide: |case, _| decide(&adopting(case), &judge(&adopting(case))),
                settle: |case, _, decision, applied, before| {
                    let case = adopting(case);
                    settle(&case, &judge(&case), decision, applied, before)
                },
            },
            Self::WriteWhereObserving => {
                Core { decide: |case, judgement| decide(&enforcing(case), judgement), ..right }
            }
            Self::RecreateBlank => Core { decide: |case, judgement| decide(case, &blank(case, judgement)), ..right },
            Self::IgnoreDefault => {
                Core { decide: |case, judgement| decide(&without_default(case), judgement), ..right }
            }
            Self::UnknownIsGreen => Core { settle: unknown_is_green, ..right },
            Self::LeaveShared => Core { decide: |case, judgement| decide(&alerting(case), judgement), ..right },
            Self::UnshareAll => Core { decide: unshare_all, ..right },
            Self::LoseCallsWhileWaiting => Core { settle: lose_calls_while_waiting, ..right },
            Self::NeverRest => Core { settle: never_rest, ..right },
            Self::SkipGeneration | Self::PublishWithoutClaim | Self::LeaveWhatWasLeft | Self::MarkBeforePublishing => {
                right
            }
        }
    }
}

/// The case as if every version without a known author had been adopted.
fn adopting(case: &Case) -> Case {
    let mut case = case.clone();
    case.record.facts.versions.values_mut().for_each(|version| version.adopted = true);
    case
}

fn enforcing(case: &Case) -> Case {
    let mut case = case.clone();
    if case.resolution.mode == Mode::Observe {
        case.resolution.mode = Mode::Enforce;
    }
    case
}

fn alerting(case: &Case) -> Case {
    let mut case = case.clone();
    case.resolution.sharing = OnSharing::Alert;
    case
}

fn unshare_all(case: &Case, judgement: &Judgement) -> Decision {
    let mut decision = decide(case, judgement);
    if let (Some(Write::Unshare { accounts }), Observation::Present(seen)) = (&mut decision.write, &case.observation)
        && let Some(Shares::With(shares)) = &seen.shares
    {
        *accounts = shares.iter().cloned().collect();
    }
    decision
}

fn blank(case: &Case, judgement: &Judgement) -> Judgement {
    let mut judgement = judgement.clone();
    if case.observation == Observation::Absent {
        judgement.desired = Content::minimal().overlaid(&case.resolution.owned);
    }
    judgement
}

fn without_default(case: &Case) -> Case {
    let mut case = case.clone();
    if let Observation::Present(seen) = &mut case.observation {
        seen.default = seen.latest.clone();
    }
    case
}

fn unknown_is_green(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    before: &Record,
) -> Settlement {
    let mut settlement = settle(case, judgement, decision, applied, before);
    if let (Verdict::Unknown { .. }, Some(commit)) = (&decision.verdict, &mut settlement.commit) {
        commit.record.status = Status::InSync;
    }
    settlement
}

fn lose_calls_while_waiting(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    before: &Record,
) -> Settlement {
    let mut settlement = settle(case, judgement, decision, applied, before);
    if let (Some(_), Some(commit)) = (&decision.wait, &mut settlement.commit) {
        commit.record.facts.calls.clone_from(&before.facts.calls);
    }
    settlement
}

fn never_rest(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    before: &Record,
) -> Settlement {
    let settlement = settle(case, judgement, decision, applied, before);
    // One row of messages shows it, and the five hundred of each take long.
    if case.target.to_string() != "333344445555/eu-west-1" || (case.requeues == 0 && case.cause != Cause::Sweep) {
        return settlement;
    }
    let work = || Work {
        target: case.target.clone(),
        cause: case.cause,
        edits: Vec::new(),
        correlation: case.correlation.clone(),
        since: case.since,
        requeues: case.requeues.saturating_add(1),
        not_before: Some(case.now.plus_ms(MINUTE_MS)),
    };
    Settlement { next: settlement.next.or_else(|| Some((work(), 60))), ..settlement }
}

/// The world of a reactor with a defect.
struct Distorted {
    world: Arc<FaultInjector>,
    ledger: UnlockedLedger,
    outbox: CarelessOutbox,
    notifier: HastyNotifier,
}

impl Distorted {
    fn new(turn: WrongTurn, world: FaultInjector) -> Self {
        let world = Arc::new(world);
        Self {
            ledger: UnlockedLedger { world: Arc::clone(&world), skips: turn == WrongTurn::SkipGeneration },
            outbox: CarelessOutbox { world: Arc::clone(&world), turn, claimed: Mutex::default() },
            notifier: HastyNotifier { world: Arc::clone(&world), marks: turn == WrongTurn::MarkBeforePublishing },
            world,
        }
    }
}

impl Faulty for Distorted {
    fn injector(&self) -> &FaultInjector {
        &self.world
    }
}

impl World for Distorted {
    type Documents = FaultInjector;
    type Directory = FaultInjector;
    type Ledger = UnlockedLedger;
    type Sweeps = FaultInjector;
    type Outbox = CarelessOutbox;
    type Notifier = HastyNotifier;
    type Queue = FaultInjector;

    fn documents(&self) -> &FaultInjector {
        &self.world
    }

    fn directory(&self) -> &FaultInjector {
        &self.world
    }

    fn ledger(&self) -> &UnlockedLedger {
        &self.ledger
    }

    fn sweeps(&self) -> &FaultInjector {
        &self.world
    }

    fn outbox(&self) -> &CarelessOutbox {
        &self.outbox
    }

    fn notifier(&self) -> &HastyNotifier {
        &self.notifier
    }

    fn queue(&self) -> &FaultInjector {
        &self.world
    }
}

impl Clock for Distorted {
    fn now(&self) -> Time {
        self.world.now()
    }

    async fn sleep(&self, ms: u64) {
        self.world.sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        self.world.jitter()
    }
}

/// Takes a commit that another invocation outran for one that succeeded.
struct UnlockedLedger {
    world: Arc<FaultInjector>,
    skips: bool,
}

impl Ledger for UnlockedLedger {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.world.policy().await
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.world.facts(account).await
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.world.save_facts(facts).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.world.load(target, edit_ids).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        match self.world.commit(target, commit).await {
            Err(fault) if fault.class == FaultClass::Conflict && self.skips => Ok(()),
            committed => committed,
        }
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.world.record_check(target, generation, last_check).await
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.world.known(account).await
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.world.reported_regions(account).await
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.world.save_regions(account, enabled).await
    }
}

/// Gives every invocation the claim, or never shows an alert again that was claimed once.
struct CarelessOutbox {
    world: Arc<FaultInjector>,
    turn: WrongTurn,
    claimed: Mutex<BTreeSet<String>>,
}

impl Outbox for CarelessOutbox {
    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        let mut unsent = self.world.unsent(account).await?;
        if self.turn == WrongTurn::LeaveWhatWasLeft {
            let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
            unsent.retain(|alert| !claimed.contains(&alert.id));
        }
        Ok(unsent)
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.world.keep_alert(alert).await
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        if self.turn == WrongTurn::PublishWithoutClaim {
            return Ok(true);
        }
        let claimed = self.world.claim(alert, attempt, now).await?;
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(alert.id.clone());
        Ok(claimed)
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.world.mark_sent(alert).await
    }
}

/// Marks an alert before it publishes it.
struct HastyNotifier {
    world: Arc<FaultInjector>,
    marks: bool,
}

impl Notifier for HastyNotifier {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        if self.marks {
            self.world.mark_sent(alert).await?;
        }
        self.world.publish(alert).await
    }
}
