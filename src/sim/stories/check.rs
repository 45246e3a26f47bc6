//! The checker: what must hold after every step, when the organisation is at rest, and at the end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::instances::Instances;
use super::stage::{EVIL, Expected, REGIONS, ROLE, Stage};
use super::step::Step;
use super::truth::{Author, Truth};
use crate::domain::document::{Content, FieldChange, parse};
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::finding::Alert;
use crate::domain::policy::Owned;
use crate::domain::principal::UNKNOWN;
use crate::domain::record::Status;
use crate::domain::settle::DELAY_MAX_S;
use crate::domain::target::{AccountId, AccountState, Target};
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::Clock as _;
use crate::sim::faults::{Faulty, InjectedFault, Made};
use crate::sim::intercept::About;
use crate::sim::{Called, Document, Sim};

/// Limit of an alert: 64 KB, below SNS's 256 KB.
const ALERT_BYTES_MAX: usize = 65_536;
const OBSERVATIONS_MAX: usize = 3;
/// Window of the stories' policy: further acts of a known principal are counted within it.
const WINDOW_MS: i64 = 10 * MINUTE_MS;

/// A violation, in one sentence.
pub(super) type Violation = String;

/// The checker and its state.
#[derive(Debug, Default)]
pub(super) struct Checker {
    truths: BTreeMap<Target, Truth>,
    calls: usize,
    alerts_checked: usize,
    published: BTreeMap<String, Publication>,
    /// When an alert about a target last named a principal.
    named: BTreeMap<(Target, String), Time>,
    /// When an alert about a target that was only observed last reported an act without a name.
    nameless: BTreeMap<Target, Time>,
    /// Edit wars, in which single edits are counted instead of reported. The end is absent during the war.
    wars: BTreeMap<Target, (Time, Option<Time>)>,
    /// When a policy was last pushed; the earlier one may stay in use for another minute.
    pushed: Option<Time>,
    /// Writes of running invocations: the target and the invocation's number.
    writers: Vec<(Target, u64)>,
    /// What was expected of each account when the organisation was last at rest.
    settled: BTreeMap<AccountId, Expected>,
}

/// A publication of an alert.
#[derive(Debug)]
struct Publication {
    by: u64,
    marked: bool,
    /// A fault occurred between publishing and marking.
    excused: bool,
}

impl Checker {
    /// Starts from the existing documents: their content is accepted, and each may be corrected once.
    pub(super) fn new(stage: &Stage, sim: &Sim) -> Self {
        let mut checker = Self::default();
        let calls = sim.calls_after(0);
        checker.calls = calls.len();
        for call in &calls {
            checker.truths.entry(call.target.clone()).or_default().follow(call, sim.unseen_ms(), sim.skew_ms());
        }
        for target in stage.targets() {
            checker.truths.entry(target).or_default().begin();
        }
        checker.settle(stage, sim);
        checker
    }

    /// Accounts for a step that justifies a Put or cancels owed alerts.
    pub(super) fn expect(&mut self, stage: &Stage, step: Step, now: Time) {
        let number = match step {
            Step::Move(number, _) | Step::Rejoin(number) | Step::Leave(number) | Step::Close(number) => Some(number),
            Step::Push(_) => {
                self.pushed = Some(now);
                None
            }
            Step::Vend => return self.expect_new(stage, now),
            _ => return,
        };
        let account = number
            .and_then(|number| Some(stage.target(super::step::TargetIndex { account: number, region: 0 })?.account));
        // An account may move away and back; the reactor may still believe the state in between.
        self.settled.retain(|settled, _| account.as_ref().is_some_and(|account| account != settled));
        for (target, truth) in &mut self.truths {
            if account.as_ref().is_none_or(|account| *account == target.account) {
                truth.allowed += 1;
                // The next sweep applies a new policy.
                truth.blind |= matches!(step, Step::Push(_));
                if matches!(step, Step::Leave(_) | Step::Close(_)) {
                    truth.leave();
                }
            }
        }
    }

    fn expect_new(&mut self, stage: &Stage, now: Time) {
        let other_policy = self.pushed.is_some_and(|at| now.since(at) < 2 * MINUTE_MS);
        for target in stage.targets() {
            self.truths.entry(target).or_insert_with(|| {
                let mut truth = Truth::default();
                truth.begin();
                // The earlier policy may stay in use for another minute.
                truth.allowed += 1;
                truth.blind = other_policy;
                truth
            });
        }
    }

    /// Checks what must hold at any time.
    pub(super) fn step(
        &mut self,
        stage: &Stage,
        sim: &Sim,
        made: Vec<Made>,
        instances: &mut Instances<'_, impl Faulty>,
    ) -> Result<(), Violation> {
        let calls = sim.calls_after(self.calls);
        self.calls += calls.len();
        for call in &calls {
            self.truths.entry(call.target.clone()).or_default().follow(call, sim.unseen_ms(), sim.skew_ms());
        }
        self.cut_short(&calls, &made, instances);
        for (target, truth) in &self.truths {
            if truth.puts > truth.allowed {
                return Err(format!("{target}: {} Puts of the reactor, and reasons for {}", truth.puts, truth.allowed));
            }
        }
        for made in made {
            self.made(stage, sim, &made, instances)?;
        }
        for (at, alert) in sim.alerts_after(self.alerts_checked) {
            self.alerts_checked += 1;
            self.published_alert(at, &alert)?;
        }
        for report in instances.reports.drain(..) {
            if let Some(reconciled) =
                report.reconciled.iter().find(|reconciled| reconciled.observations > OBSERVATIONS_MAX)
            {
                return Err(format!(
                    "{}: {} observations in one reconciliation",
                    reconciled.target, reconciled.observations
                ));
            }
        }
        Ok(())
    }

    /// An invocation may write what a pipeline's event reported and die before it commits. Another one that knows only of
    /// the write may then revert it, which justifies one more Put.
    fn cut_short(&mut self, calls: &[Called], made: &[Made], instances: &Instances<'_, impl Faulty>) {
        let written = calls.iter().filter(|call| call.failed.is_none() && call.action.made_version().is_some());
        for call in written.filter(|call| Author::of(call) == Author::Us) {
            let about = About::Document(call.target.clone());
            let wrote = |made: &&Made| {
                made.at == call.at && made.call.about == about && ["create", "update"].contains(&made.call.method)
            };
            let writer = made.iter().find(wrote);
            self.writers.extend(writer.map(|made| (call.target.clone(), made.invocation)));
        }
        let truths = &mut self.truths;
        self.writers.retain(|(target, invocation)| {
            if let Some(truth) = truths.get_mut(target).filter(|_| instances.troubled.contains(invocation)) {
                truth.cut_short();
                return false;
            }
            instances.flying(*invocation)
        });
    }

    fn made(
        &mut self,
        stage: &Stage,
        sim: &Sim,
        made: &Made,
        instances: &Instances<'_, impl Faulty>,
    ) -> Result<(), Violation> {
        match &made.call.about {
            About::Document(target) => self.on_document(stage, sim, target, made),
            About::Alert(_) if made.call.method == "claim" => Ok(()),
            About::Alert(alert) => self.on_alert(&alert.id, made, instances),
            About::Messages(messages) => {
                let wrong = messages.iter().find(|(requeues, delay)| *requeues > REQUEUES_MAX || *delay > DELAY_MAX_S);
                wrong.map_or(Ok(()), |(requeues, delay)| {
                    Err(format!("a message after {requeues} requeues, delayed by {delay} s"))
                })
            }
            About::Other => Ok(()),
        }
    }

    fn on_document(&self, stage: &Stage, sim: &Sim, target: &Target, made: &Made) -> Result<(), Violation> {
        let roles = made.call.access.as_ref().map(|access| access.roles.as_slice()).unwrap_or_default();
        if roles != [ROLE] {
            return Err(format!("{target}: {} with the roles {roles:?}", made.call.method));
        }
        if !REGIONS.contains(&target.region.as_str()) {
            return Err(format!("{target}: {} in a region that is not governed", made.call.method));
        }
        let write = ["create", "update", "promote", "delete", "prune", "unshare"].contains(&made.call.method);
        let now = sim.find_account(&target.account).map(|account| stage.expected(&account.facts));
        let before = self.settled.get(&target.account).copied();
        if write && now == Some(Expected::Watched) && before == now {
            return Err(format!("{target}: {} in observe mode", made.call.method));
        }
        Ok(())
    }

    fn on_alert(&mut self, id: &str, made: &Made, instances: &Instances<'_, impl Faulty>) -> Result<(), Violation> {
        if made.call.method == "mark_sent" {
            let effective = matches!(made.fault, None | Some(InjectedFault::TimeoutAfter | InjectedFault::StopAfter));
            if let Some(publication) = self.published.get_mut(id) {
                publication.marked |= effective;
                publication.excused |= made.fault.is_some();
            }
            return Ok(());
        }
        if matches!(
            made.fault,
            Some(InjectedFault::Refused(_) | InjectedFault::TimeoutBefore | InjectedFault::StopBefore)
        ) {
            return Ok(());
        }
        let again = Publication { by: made.invocation, marked: false, excused: made.fault.is_some() };
        match self.published.insert(id.to_owned(), again) {
            Some(before) if before.marked => Err(format!("published again after it was marked as sent: {id}")),
            Some(before) if !before.excused && !instances.troubled.contains(&before.by) => {
                Err(format!("published twice: {id}"))
            }
            Some(before) if instances.flying(before.by) => {
                Err(format!("published while another invocation was publishing it: {id}"))
            }
            _ => Ok(()),
        }
    }

    fn published_alert(&mut self, at: Time, alert: &Alert) -> Result<(), Violation> {
        let size = alert.text.len() + alert.data.to_string().len();
        if size > ALERT_BYTES_MAX {
            return Err(format!("an alert of {size} bytes: {}", alert.id));
        }
        let Some(region) = &alert.region else { return Ok(()) };
        let target = Target::new(alert.account.clone(), region.clone());
        match (alert.kind.as_str(), self.wars.get_mut(&target)) {
            ("edit_war", _) => drop(self.wars.insert(target.clone(), (at, None))),
            ("incident_resolved", Some((_, end))) => *end = Some(at),
            _ => {}
        }
        if alert.text.contains(UNKNOWN) && is_of_observed(alert) {
            self.nameless.insert(target.clone(), at);
        }
        for name in names(&alert.text) {
            self.named.insert((target.clone(), name.to_owned()), at);
        }
        Ok(())
    }

    /// Checks what must hold when the queue is empty and no invocation runs; `swept` means that every target was checked.
    pub(super) fn at_rest(&mut self, stage: &Stage, sim: &Sim, swept: bool) -> Result<(), Violation> {
        // An alert without a target is published by the next batch that reads the policy.
        let overdue = |alert: &&Alert| alert.region.is_some() || (swept && !self.published.contains_key(&alert.id));
        if let Some(alert) = sim.unsent_alerts().iter().find(overdue) {
            return Err(format!("an alert that is never published: {}", alert.id));
        }
        let dead = sim.dead_letters();
        if let Some((body, reason)) = dead.iter().find(|(body, reason)| !body.contains("garbage") || reason.is_empty())
        {
            return Err(format!("a dead letter ({reason}): {}", body.chars().take(200).collect::<String>()));
        }
        if dead.len() < stage.garbage {
            return Err(format!("{} messages were garbage, {} were put aside", stage.garbage, dead.len()));
        }
        for target in stage.targets() {
            self.target_at_rest(stage, sim, &target, swept)?;
        }
        self.settle(stage, sim);
        Ok(())
    }

    fn settle(&mut self, stage: &Stage, sim: &Sim) {
        let accounts = sim.accounts().into_iter();
        self.settled = accounts.map(|a| (a.facts.account.clone(), stage.expected(&a.facts))).collect();
    }

    fn target_at_rest(&mut self, stage: &Stage, sim: &Sim, target: &Target, swept: bool) -> Result<(), Violation> {
        let Some(truth) = self.truths.get_mut(target) else { return Ok(()) };
        for owed in std::mem::take(&mut truth.owed) {
            let key = (target.clone(), owed.who.clone());
            // Repeated acts are counted in the open incident within the policy's window.
            let named = self.named.get(&key).is_some_and(|at| *at >= owed.at.plus_ms(-WINDOW_MS));
            let counted = self.wars.get(target).is_some_and(|(_, end)| end.is_none_or(|end| end >= owed.at));
            // A late name is added to the open incident.
            let incident = sim.record(target).and_then(|record| record.incident);
            let enriched = incident.is_some_and(|it| it.opponents.iter().any(|who| who.contains(&owed.who)));
            // In observe mode, an act that was reported without a name is not reported again with it.
            let nameless = self.nameless.get(target).is_some_and(|at| *at >= owed.at);
            if !named && !counted && !enriched && !nameless {
                return Err(format!("{target}: no alert says that {} {}", owed.who, owed.action.in_words()));
            }
        }
        let Some(account) = sim.find_account(&target.account) else { return Ok(()) };
        if account.facts.state != AccountState::Active {
            return Ok(());
        }
        let reachable = account.ready <= sim.now()
            && account.roles.get(ROLE).is_some_and(|from| *from <= sim.now())
            && !account.regions_off.contains(&target.region);
        if reachable {
            truth.rest();
        }
        let Expected::Enforced { user, idle } = stage.expected(&account.facts) else { return Ok(()) };
        let status = sim.record(target).map_or(Status::New, |record| record.status);
        if !reachable {
            let green = swept && status == Status::InSync;
            return if green { Err(format!("{target}: green, and it cannot be read")) } else { Ok(()) };
        }
        match wrong(sim.document(target).as_ref(), &owned(user, idle), truth) {
            None if swept && status != Status::InSync => Err(format!("{target}: right, and {status:?}")),
            None => {
                if let Some(document) = sim.document(target).filter(|_| !truth.awaits_clock()) {
                    truth.resume_from(&parse(text_of(&document, document.latest())));
                }
                truth.blind &= !swept;
                Ok(())
            }
            Some(wrong) if swept || (status == Status::InSync && !truth.blind) => {
                Err(format!("{target}: {status:?}, and yet {wrong}"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn owned(user: &str, idle: Option<&str>) -> Owned {
    let idle = idle.map(|minutes| ("idleSessionTimeout".to_owned(), Value::from(minutes)));
    let run_as = [("runAsEnabled".to_owned(), Value::from(true)), ("runAsDefaultUser".to_owned(), Value::from(user))];
    run_as.into_iter().chain(idle).collect()
}

/// How a document differs from the accepted content with the owned fields over it.
fn wrong(document: Option<&Document>, owned: &Owned, truth: &Truth) -> Option<String> {
    let Some(document) = document else { return Some("there is no document".to_owned()) };
    if document.document_type != "Session" {
        return Some(format!("the document is of type {}", document.document_type));
    }
    if document.default != document.latest() {
        return Some(format!("the default is {} and the latest {}", document.default, document.latest()));
    }
    if let Some(wrong) = truth.wrongly_shared(&document.shares) {
        return Some(wrong);
    }
    let text = text_of(document, document.latest());
    let body = parse(text);
    let Some(content) = body.content() else { return Some("the content is not valid".to_owned()) };
    if let Some(drift) = content.drift(owned).first() {
        return Some(format!("{} is {:?}", drift.field, drift.from));
    }
    if text.contains(EVIL) {
        return Some(format!("what an untrusted actor wrote is kept: {text}"));
    }
    let should = truth.accepted.clone().unwrap_or_else(Content::minimal).overlaid(owned);
    let lost = should.change_to(content);
    // A field that an earlier baseline owned keeps its value: the reactor's changes are accepted like a pipeline's.
    let owned = |change: &&FieldChange| change.field == "idleSessionTimeout" && change.to == Some(Value::from("15"));
    let knowable = truth.unknowable.is_none() && !truth.awaits_clock();
    let lost = lost.iter().find(|change| !owned(change)).filter(|_| knowable)?;
    Some(format!("{} is {:?}, and a trusted actor made it {:?}", lost.field, lost.to, lost.from))
}

fn text_of(document: &Document, version: u64) -> &str {
    document.versions.get(&version).map_or("", |version| &version.text)
}

/// Whether an alert says that its target was only observed. The account may have moved since.
fn is_of_observed(alert: &Alert) -> bool {
    ["mode observe", "exempt until"].iter().any(|mode| alert.text.contains(mode))
}

/// The names of a story's actors in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.contains("mallory-") || word.starts_with("oncall-"))
}
