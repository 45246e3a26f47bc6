//! Deliberate defects, as a careless change could cause them: a distorted core, or a distorted port.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::domain::case::{Applied, Case, Decision, Verdict, Write};
use crate::domain::decide::decide;
use crate::domain::document::Content;
use crate::domain::finding::Alert;
use crate::domain::judgement::{Judgement, judge};
use crate::domain::observation::{Observation, Shares};
use crate::domain::policy::Mode;
use crate::domain::policy::schema::OnSharing;
use crate::domain::record::{Record, Settlement, Status};
use crate::domain::settle::settle;
use crate::domain::signal::{Cause, Work};
use crate::domain::time::MINUTE_MS;
use crate::ports::{Fault, FaultClass, Outbox as _, World as _};
use crate::reactor::{Core, PolicySource, Reactor};
use crate::sim::faults::{FaultInjector, Faulty};
use crate::sim::intercept::{About, Call, Intercepted, Interceptor};
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
        play_with(story, |world| Reactor::new(self.distorts(world), PolicySource::Table).with_core(self.core()))
    }

    fn distorts(self, world: FaultInjector) -> Distorted {
        Intercepted::new(world, Distortion { turn: self, claimed: Mutex::default() })
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

/// A world with a defect: injected faults behind an interceptor that answers wrongly.
type Distorted = Intercepted<FaultInjector, Distortion>;

impl Faulty for Distorted {
    fn injector(&self) -> &FaultInjector {
        self.inner()
    }
}

struct Distortion {
    turn: WrongTurn,
    /// Ids of the alerts that were claimed.
    claimed: Mutex<BTreeSet<String>>,
}

impl Interceptor<FaultInjector> for Distortion {
    async fn intercept<T: Send + 'static>(
        &self,
        world: &FaultInjector,
        call: Call,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        match (self.turn, call.method, call.about) {
            (WrongTurn::SkipGeneration, "commit", _) => match work.await {
                Err(fault) if fault.class == FaultClass::Conflict => Ok(answer(())),
                committed => committed,
            },
            (WrongTurn::PublishWithoutClaim, "claim", _) => Ok(answer(true)),
            (WrongTurn::MarkBeforePublishing, "publish", About::Alert(alert)) => {
                world.outbox().mark_sent(&alert).await?;
                work.await
            }
            (WrongTurn::LeaveWhatWasLeft, "claim", About::Alert(alert)) => {
                let claimed = work.await?;
                self.claimed.lock().unwrap().insert(alert.id);
                Ok(claimed)
            }
            (WrongTurn::LeaveWhatWasLeft, "unsent", _) => {
                let mut unsent = work.await?;
                let alerts: &mut Vec<Alert> = (&mut unsent as &mut dyn Any).downcast_mut().unwrap();
                alerts.retain(|alert| !self.claimed.lock().unwrap().contains(&alert.id));
                Ok(unsent)
            }
            _ => work.await,
        }
    }
}

/// A wrong answer of an intercepted call.
fn answer<T: 'static>(wrong: impl Any) -> T {
    *(Box::new(wrong) as Box<dyn Any>).downcast().unwrap()
}
