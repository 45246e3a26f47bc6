//! One invocation, step by step: it calls the core in the order in which the reactor's shell does.

use std::collections::BTreeSet;
use std::rc::Rc;

use runas_reactor::domain::case::{Applied, Case, Decision, Refusal, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::Content;
use runas_reactor::domain::durations::{CALLS_MAX, LEASE_MS, VERSIONS_MAX};
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::fact::{CallFact, Ended, Facts, Intent, Notified};
use runas_reactor::domain::judgement::{Judgement, judge};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::policy::Limits;
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::record::Settlement;
use runas_reactor::domain::record::{Commit, Record};
use runas_reactor::domain::settle::{log_intent, settle};
use runas_reactor::domain::time::Time;
use runas_reactor::domain::witness;

use super::{Actor, Message, RaisedAlert, STEP_MS, World, principal, resolution, target};

/// Observations of a target in one reconciliation.
const OBSERVE_ATTEMPTS_MAX: usize = 3;
/// Times a target is reconciled again because another invocation committed first.
const RACES_MAX: usize = 5;
/// The pause after such a race.
const RACE_MS: i64 = 50;

/// An invocation with one message.
#[derive(Clone)]
pub(crate) struct Invocation {
    pub(super) message: Message,
    /// What it learned by itself; nothing of it is lost when another one commits first.
    learned: Facts,
    refused: Vec<Refusal>,
    races: usize,
    stage: Stage,
}

/// What it is about to do.
#[derive(Clone)]
enum Stage {
    Load,
    Observe(Rc<Record>, BTreeSet<String>),
    LogIntent(Box<Round>),
    Write(Box<Round>, Lease),
    Promote(Box<Round>, Lease),
    Settle(Box<Round>, Applied),
    Commit(Box<Round>, Settlement),
    Send(Box<Round>, Settlement),
    Flush,
}

/// One observation, and what was decided.
#[derive(Clone)]
struct Round {
    case: Case,
    /// The record as the ledger has it.
    before: Record,
    judgement: Judgement,
    decision: Decision,
    known_before: bool,
}

/// The write that an intent was logged for.
#[derive(Clone)]
struct Lease {
    name: String,
    until: Time,
    version: u64,
}

/// The stage after a step, the pause before it, and whether a crash in between makes a difference.
type Next = (Option<(Invocation, i64)>, bool);

impl Invocation {
    pub(super) fn new(message: Message) -> Self {
        Self { message, learned: Facts::default(), refused: Vec::new(), races: 0, stage: Stage::Load }
    }

    pub(super) fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Write(..) | Stage::Promote(..))
    }

    pub(super) fn step(mut self, world: &mut World) -> Next {
        match std::mem::replace(&mut self.stage, Stage::Load) {
            Stage::Load => self.load(world),
            Stage::Observe(record, seen) => self.observe(world, &record, &seen),
            Stage::LogIntent(round) => self.log_intent(world, round),
            Stage::Write(round, lease) => self.write(world, round, lease),
            Stage::Promote(round, lease) => self.promote(world, round, &lease),
            Stage::Settle(round, applied) => self.settle(world, round, &applied),
            Stage::Commit(round, settlement) => self.commit(world, round, settlement),
            Stage::Send(round, settlement) => self.send(world, &round, settlement),
            Stage::Flush => {
                world.flush();
                (None, true)
            }
        }
    }

    fn goes_on(mut self, stage: Stage, effect: bool) -> Next {
        self.stage = stage;
        (Some((self, STEP_MS)), effect)
    }

    fn load(self, world: &World) -> Next {
        let seen = world.seen.clone();
        self.goes_on(Stage::Observe(Rc::clone(&world.record), seen), false)
    }

    fn observe(mut self, world: &mut World, record: &Record, seen: &BTreeSet<String>) -> Next {
        let known_before = self.message.work.edits.iter().any(|edit| {
            let call = record.facts.calls.get(&edit.id);
            seen.contains(&edit.id) || call.is_some_and(|call| call.notified == Notified::Named)
        });
        let before = record.clone();
        let known = Record { facts: merge(&before.facts, &self.learned), ..before.clone() };
        let case = self.case(world, known, seen);
        let judgement = judge(&case);
        let decision = decide(&case, &judgement);
        let write = decision.write.is_some();
        let events: Vec<&str> = self.message.work.edits.iter().map(|edit| edit.id.as_str()).collect();
        world.tell(|| format!("    with {events:?}: {}", decision.reasons.join("; ")));
        let round = Box::new(Round { case, before, judgement, decision, known_before });
        self.stage = Stage::Load;
        let stage = if write { Stage::LogIntent(round) } else { Stage::Settle(round, Applied::Nothing) };
        self.goes_on(stage, true)
    }

    fn case(&self, world: &World, mut record: Record, seen: &BTreeSet<String>) -> Case {
        let work = &self.message.work;
        let calls = witness::calls(&record.facts, &call_facts(&work.edits, world.now), seen);
        record.facts = merge(&record.facts, &calls);
        let observation = complete(world, &record.facts);
        record.facts = merge(&record.facts, &witness::witness(&record.facts, &observation, world.now));
        Case {
            target: target(),
            account_name: "workload".to_owned(),
            now: world.now,
            cause: work.cause,
            since: work.since,
            requeues: work.requeues,
            redelivered: self.message.receives > 1,
            correlation: work.correlation.clone(),
            calls: work.edits.iter().map(|edit| edit.id.clone()).collect(),
            newest_call: work.edits.iter().map(|edit| edit.at).max(),
            by_member_role: true,
            resolution: resolution(world.mode),
            policy: "policy".to_owned(),
            limits: Limits::default(),
            observation,
            record,
            refused: self.refused.clone(),
            random: u32::try_from(world.names).unwrap_or_default(),
        }
    }

    /// Another invocation committed first: everything once more.
    fn raced(mut self, world: &mut World) -> Next {
        self.races += 1;
        if self.races > RACES_MAX {
            world.given_up += 1;
            world.comes_again(self.message);
            return (None, false);
        }
        self.stage = Stage::Load;
        (Some((self, RACE_MS)), false)
    }

    fn log_intent(self, world: &mut World, mut round: Box<Round>) -> Next {
        let write = round.decision.write.clone().expect("a write was decided");
        let name = world.next_name();
        let commit = log_intent(&mut round.case, &name, &write, &round.before);
        let intent = &round.case.record.facts.intents[&name];
        let lease = Lease { until: intent.until, version: intent.number, name };
        if !world.commit(&commit) {
            return self.raced(world);
        }
        round.before = commit.record;
        let promotes = matches!(write, Write::Promote { .. });
        let stage = if promotes { Stage::Promote(round, lease) } else { Stage::Write(round, lease) };
        self.goes_on(stage, true)
    }

    fn write(self, world: &mut World, round: Box<Round>, lease: Lease) -> Next {
        let (base, content): (_, &Content) = match &round.decision.write {
            Some(Write::Put { base, content }) => (*base, content),
            _ => panic!("no story replaces the document by way of a deletion"),
        };
        let content = content.clone();
        if !lease.is_left(world) {
            return self.refused(round, &lease, Refusal::Conflict);
        }
        lease.check(world);
        if world.write(Actor::Reactor, base, content, Some(lease.name.clone())).is_none() {
            return self.refused(round, &lease, Refusal::Conflict);
        }
        world.puts += 1;
        if base.is_some() {
            return self.goes_on(Stage::Promote(round, lease), true);
        }
        self.landed(world, round, &lease)
    }

    fn promote(self, world: &mut World, round: Box<Round>, lease: &Lease) -> Next {
        if !lease.is_left(world) {
            return self.refused(round, lease, Refusal::Conflict);
        }
        lease.check(world);
        match world.promote(Actor::Reactor, lease.version) {
            None => self.refused(round, lease, Refusal::Conflict),
            Some(_) => self.landed(world, round, lease),
        }
    }

    fn landed(mut self, world: &World, mut round: Box<Round>, lease: &Lease) -> Next {
        self.ended(&mut round, lease, Ended::Landed(world.now));
        let applied = Applied::Landed { version: lease.version, at: world.now };
        self.goes_on(Stage::Settle(round, applied), true)
    }

    fn refused(mut self, mut round: Box<Round>, lease: &Lease, refusal: Refusal) -> Next {
        self.ended(&mut round, lease, Ended::Refused);
        if refusal.is_outpaced() && self.refused.len() + 1 < OBSERVE_ATTEMPTS_MAX {
            self.refused.push(refusal);
            return self.goes_on(Stage::Load, false);
        }
        self.goes_on(Stage::Settle(round, Applied::Refused(refusal)), false)
    }

    fn ended(&mut self, round: &mut Round, lease: &Lease, ended: Ended) {
        let intent = round.case.record.facts.intents.get_mut(&lease.name).expect("its intent");
        intent.ended = Some(ended);
        self.learned.intents.insert(lease.name.clone(), intent.clone());
    }

    fn settle(self, world: &mut World, round: Box<Round>, applied: &Applied) -> Next {
        let settlement = settle(&round.case, &round.judgement, &round.decision, applied, &round.before);
        if settlement.commit.is_some() {
            return self.goes_on(Stage::Commit(round, settlement), false);
        }
        self.send(world, &round, settlement)
    }

    fn commit(self, world: &mut World, round: Box<Round>, settlement: Settlement) -> Next {
        if settlement.commit.as_ref().is_some_and(|commit| !world.commit(commit)) {
            return self.raced(world);
        }
        if settlement.next.is_some() {
            return self.goes_on(Stage::Send(round, settlement), true);
        }
        self.flushes(&round, &settlement, true)
    }

    /// Sends what is to follow, after the commit.
    fn send(self, world: &mut World, round: &Round, mut settlement: Settlement) -> Next {
        let next = settlement.next.take();
        let sends = next.is_some();
        if let Some((work, delay)) = next {
            let at = world.now.plus_ms(i64::from(delay) * 1_000);
            world.send(work, at);
        }
        self.flushes(round, &settlement, sends)
    }

    fn flushes(self, round: &Round, settlement: &Settlement, effect: bool) -> Next {
        let owed = settlement.commit.as_ref().is_some_and(|commit| !commit.alerts.is_empty());
        let flushes = owed || round.case.redelivered || round.known_before;
        if flushes { self.goes_on(Stage::Flush, effect) } else { (None, effect) }
    }
}

impl Lease {
    /// No call of a write begins in the last third of its lease.
    fn is_left(&self, world: &World) -> bool {
        self.until.since(world.now) >= LEASE_MS / 3
    }

    /// A write has an open intent in the ledger, and no other invocation has one.
    fn check(&self, world: &mut World) {
        let open = |intent: &Intent| intent.is_open(world.now);
        let intents = &world.record.facts.intents;
        if !intents.get(&self.name).is_some_and(open) {
            world.broken.push(format!("{} writes without a logged intent", self.name));
        } else if intents.iter().any(|(name, intent)| *name != self.name && open(intent)) {
            world.broken.push(format!("{} writes while the intent of another is open", self.name));
        }
    }
}

impl World {
    /// A transaction of the ledger, under its generation check.
    fn commit(&mut self, commit: &Commit) -> bool {
        if self.record.generation != commit.expected {
            return false;
        }
        let facts = &commit.record.facts;
        self.observed.extend(facts.versions.keys().chain(facts.base.as_ref().map(|base| &base.until)));
        if facts.versions.len() > VERSIONS_MAX || facts.calls.len() > CALLS_MAX {
            self.broken.push("the record is out of its bounds".to_owned());
        }
        for alert in &commit.alerts {
            self.outbox.entry(alert.id.clone()).or_insert_with(|| (Rc::new(RaisedAlert::of(alert)), false));
            self.tell(|| format!("    {}: {}", alert.kind, alert.subject));
            self.counted += match &self.record.incident {
                Some(incident) if alert.kind == "incident_resolved" => incident.edits.saturating_sub(incident.shown),
                _ => 0,
            };
        }
        self.seen.extend(commit.seen.iter().cloned());
        self.record = Rc::new(commit.record.clone());
        true
    }

    /// Sends what the outbox holds.
    fn flush(&mut self) {
        self.outbox.values_mut().for_each(|(_, sent)| *sent = true);
    }
}

/// The observation with the contents that it takes to say what is new.
fn complete(world: &World, facts: &Facts) -> Observation {
    let mut between = BTreeSet::new();
    let mut observation = world.observe(&between);
    for _ in 0..OBSERVE_ATTEMPTS_MAX {
        let Observation::Present(seen) = &observation else { break };
        let missing = witness::wanted(facts, seen, world.now);
        if missing.is_empty() {
            break;
        }
        between.extend(missing);
        observation = world.observe(&between);
    }
    observation
}

/// The calls of a message, as facts.
fn call_facts(edits: &[Edit], now: Time) -> Vec<CallFact> {
    edits.iter().map(|edit| call_fact(edit, now)).collect()
}

/// What the policy makes of a call.
pub(super) fn call_fact(edit: &Edit, received: Time) -> CallFact {
    let trusted = edit.principal == principal(Actor::Pipeline);
    CallFact {
        edit: edit.clone(),
        attribution: if trusted { Attribution::Trusted } else { Attribution::Untrusted },
        via_reactor_role: edit.principal == principal(Actor::Reactor),
        received,
        checked: false,
        over: false,
        notified: Notified::No,
    }
}
