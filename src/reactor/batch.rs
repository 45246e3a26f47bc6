//! A batch of messages: decoded, expanded, coalesced by target, worked on side by side, and answered message by message.
//!
//! A message that cannot be decoded is put aside with the reason and told once; it never blocks its batch. Only what could
//! not be finished goes back to the queue.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream;

use super::expand::{Expansion, expand, timely};
use super::reconcile::{PassReport, reconcile};
use super::regions::swept;
use super::report::{flush, tell_once};
use super::retry::REPLY_MS;
use super::sweep::sweep;
use super::{Reactor, hour_of};
use crate::domain::decode::{Decoded, decode};
use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::settle::delay_s;
use crate::domain::signal::{Cause, InboundEvent, Signal, Task, Work};
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, FaultClass, World};

/// Targets worked on at the same time.
const CONCURRENCY: usize = 32;
/// What is left undone this long before the deadline is handed back.
const RESERVE_MS: i64 = 1_500;

/// One message of a batch.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The queue's id for it.
    pub id: String,
    /// What it says.
    pub body: String,
    /// The handle to change its visibility with; absent where there is no queue behind it.
    pub receipt: Option<String>,
    /// How often it was received, this time included, and the messages that it is the successor of.
    pub receives: u32,
}

/// What came of a batch.
#[derive(Clone, Debug, Default)]
pub struct BatchReport {
    /// Messages that have to come again.
    pub failed: BTreeSet<String>,
    /// Messages that are settled, and come again as a successor.
    pub retried: BTreeSet<String>,
    /// Targets that were looked at.
    pub passes: Vec<PassReport>,
    /// Messages without consequence, and why.
    pub ignored: Vec<(String, String)>,
    /// Messages that were put aside, and why.
    pub undecodable: Vec<(String, String)>,
    /// Messages of our own that were sent.
    pub sent: usize,
}

/// The works of one target, and the messages behind them.
struct Group {
    work: Work,
    messages: BTreeSet<String>,
    /// One of the messages was received before: an earlier attempt may have stopped anywhere.
    again: bool,
}

/// What the messages of a batch come to.
#[derive(Default)]
struct Sorted<'a> {
    groups: BTreeMap<Target, Group>,
    sweeps: Vec<(&'a Message, Box<InboundEvent>)>,
    /// Accounts that a sweep has come to: their targets share credentials, and are looked at side by side.
    swept: Vec<(&'a Message, Box<InboundEvent>, AccountId)>,
}

impl<W: World> Reactor<W> {
    /// Works on a batch until `deadline`. Whatever goes wrong stays with the message that it went wrong for.
    pub async fn batch(&self, messages: &[Message], deadline: Time) -> BatchReport {
        let began = self.world.now();
        let mut report = BatchReport::default();
        let working_until = deadline.plus_ms(-RESERVE_MS);
        let again = messages.iter().any(|message| message.receives > 1);
        let all = messages.iter().map(|message| message.id.clone()).collect();
        let attempt = Attempt { messages: all, again, deadline };
        let policy = match self.by(working_until, Box::pin(self.policy(&attempt))).await {
            Ok(policy) => policy,
            Err(fault) => {
                tracing::error!(error = %fault, "no policy, so no decision: every message comes again");
                for message in messages {
                    self.give_back(deadline, message, &fault, &mut report).await;
                }
                return report;
            }
        };
        let mut sorted = Sorted::default();
        for message in messages {
            let own = BTreeSet::from([message.id.clone()]);
            let attempt = Attempt { messages: own, again: message.receives > 1, deadline };
            let sort = Box::pin(self.sort(&policy, message, &attempt, &mut sorted, &mut report));
            if let Err(fault) = self.by(working_until, sort).await {
                self.give_back(deadline, message, &fault, &mut report).await;
            }
        }
        // Whoever has touched a document does not wait for what only a sweep has to know.
        let touched = std::mem::take(&mut sorted.groups);
        self.reconcile_all(&policy, touched, messages, deadline, &mut report).await;
        let swept = self.place_swept(&policy, sorted.swept, deadline, &mut report).await;
        self.reconcile_all(&policy, swept, messages, deadline, &mut report).await;
        for (message, event) in sorted.sweeps {
            let own = BTreeSet::from([message.id.clone()]);
            let attempt = Attempt { messages: own, again: message.receives > 1, deadline };
            let step = Box::pin(sweep(&self.world, &policy, &event, &attempt));
            match self.by(working_until, step).await {
                Ok(sent) => report.sent += sent,
                Err(fault) => self.give_back(deadline, message, &fault, &mut report).await,
            }
        }
        if self.world.now() < working_until && (again || self.policy_read_since(began)) {
            self.tell_what_was_left(&policy, &attempt).await;
        }
        report.passes.sort_by(|a, b| a.target.cmp(&b.target));
        report
    }

    /// Sends an alert about the policy that an invocation left when it died: it belongs to no message. With nothing to hand
    /// back after it, it has all the time that is left, so that what is published is also marked as sent.
    async fn tell_what_was_left(&self, policy: &Policy, attempt: &Attempt) {
        let attempt = Attempt { again: false, ..attempt.clone() };
        let left = Box::pin(flush(&self.world, policy.hub_account(), None, &attempt));
        if let Err(fault) = self.by(attempt.deadline.plus_ms(-REPLY_MS), left).await {
            tracing::warn!(error = %fault, "alerts left behind were not told; the next batch tries again");
        }
    }

    /// Decodes one message and finds its place: put aside, ignored, expanded into messages, in a group to work on, or for
    /// later, because nobody waits for a sweep.
    async fn sort<'a>(
        &self,
        policy: &Policy,
        message: &'a Message,
        attempt: &Attempt,
        sorted: &mut Sorted<'a>,
        report: &mut BatchReport,
    ) -> Result<(), Fault> {
        let event = match decode(&message.body) {
            Decoded::Signal(event) => Box::new(timely(*event, self.world.now())),
            Decoded::Ignored { reason, .. } => {
                tracing::info!(message_id = message.id, reason, "ignored");
                report.ignored.push((message.id.clone(), reason));
                return Ok(());
            }
            Decoded::Untrusted { reason, about } => {
                let about = about.unwrap_or_default();
                let sender = about.account.as_ref().map(AccountId::as_str);
                let id = about.id.as_deref().unwrap_or(&message.id);
                return self.distrust(policy, attempt, message, (sender, id), reason, report).await;
            }
            Decoded::Undecodable { reason } => return self.put_aside(policy, message, attempt, reason, report).await,
        };
        match &event.signal {
            Signal::Sweep | Signal::SweepStep(_) => {
                sorted.sweeps.push((message, event));
                return Ok(());
            }
            Signal::AccountSwept { account } => {
                let account = account.clone();
                sorted.swept.push((message, event, account));
                return Ok(());
            }
            _ => {}
        }
        match expand(&self.world, policy, *event.clone()).await? {
            Expansion::UntrustedSource(reason) => {
                let sender = event.reporter.as_ref().map(AccountId::as_str);
                self.distrust(policy, attempt, message, (sender, &event.id), reason, report).await
            }
            Expansion::Nothing(reason) => {
                tracing::info!(message_id = message.id, correlation = event.id, reason, "nothing to look at");
                report.ignored.push((message.id.clone(), reason));
                Ok(())
            }
            Expansion::Works(works) => self.place(message, works, &mut sorted.groups, report).await,
        }
    }

    /// Works on targets side by side.
    async fn reconcile_all(
        &self,
        policy: &Policy,
        groups: BTreeMap<Target, Group>,
        messages: &[Message],
        deadline: Time,
        report: &mut BatchReport,
    ) {
        let until = deadline.plus_ms(-RESERVE_MS);
        let passes: Vec<_> = stream::iter(groups.into_values())
            .map(|group| async move {
                let attempt = Attempt { messages: group.messages.clone(), again: group.again, deadline };
                let outcome = self.by(until, reconcile(&self.world, policy, &group.work, &attempt)).await;
                (group, outcome)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (group, outcome) in passes {
            match outcome {
                Ok(pass) => report.passes.push(pass),
                Err(fault) => {
                    for message in messages.iter().filter(|message| group.messages.contains(&message.id)) {
                        self.give_back(deadline, message, &fault, report).await;
                    }
                }
            }
        }
    }

    /// Finds out where to look in the accounts that a sweep has come to.
    async fn place_swept(
        &self,
        policy: &Policy,
        swept_accounts: Vec<(&Message, Box<InboundEvent>, AccountId)>,
        deadline: Time,
        report: &mut BatchReport,
    ) -> BTreeMap<Target, Group> {
        let until = deadline.plus_ms(-RESERVE_MS);
        let mut groups = BTreeMap::new();
        let asked: Vec<_> = stream::iter(swept_accounts)
            .map(|(message, event, account)| async move {
                (message, self.by(until, Box::pin(swept(&self.world, policy, &event, &account))).await)
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (message, works) in asked {
            match works {
                Ok(works) => works.into_iter().for_each(|work| join_group(&mut groups, work, message)),
                Err(fault) => self.give_back(deadline, message, &fault, report).await,
            }
        }
        groups
    }

    async fn place(
        &self,
        message: &Message,
        works: Vec<Work>,
        groups: &mut BTreeMap<Target, Group>,
        report: &mut BatchReport,
    ) -> Result<(), Fault> {
        let now = self.world.now();
        let single = works.len() == 1;
        let mut later = Vec::new();
        for work in works {
            match work.not_before.filter(|at| *at > now) {
                Some(at) => {
                    let requeues = work.requeues.saturating_add(1);
                    later.push((Task::Work(Work { requeues, ..work }), delay_s(now, at)));
                }
                None if single => join_group(groups, work, message),
                None => later.push((Task::Work(work), 0)),
            }
        }
        if !later.is_empty() {
            self.world.send(&later).await?;
            report.sent += later.len();
        }
        Ok(())
    }

    async fn put_aside(
        &self,
        policy: &Policy,
        message: &Message,
        attempt: &Attempt,
        reason: String,
        report: &mut BatchReport,
    ) -> Result<(), Fault> {
        tracing::warn!(message_id = message.id, reason, "undecodable: put aside");
        self.world.dead_letter(&message.body, &reason).await?;
        let (found, hub, id) = (HubFinding::Undecodable, policy.hub_account(), &message.id);
        let alert = about_hub(found, hub, id, Some(id), &reason, self.world.now());
        tell_once(&self.world, &alert, attempt).await?;
        report.undecodable.push((message.id.clone(), reason));
        Ok(())
    }

    /// Told once an hour for each sender, and counted, so that a flood of forgeries is no flood of alerts.
    async fn distrust(
        &self,
        policy: &Policy,
        attempt: &Attempt,
        message: &Message,
        (sender, id): (Option<&str>, &str),
        reason: String,
        report: &mut BatchReport,
    ) -> Result<(), Fault> {
        tracing::warn!(message_id = message.id, correlation = id, sender, reason, "untrusted_source");
        let now = self.world.now();
        let key = format!("{}:{}", sender.unwrap_or("nobody"), hour_of(now));
        let alert = about_hub(HubFinding::Untrusted, policy.hub_account(), &key, Some(id), &reason, now);
        tell_once(&self.world, &alert, attempt).await?;
        report.ignored.push((message.id.clone(), reason));
        Ok(())
    }

    /// A piece of work, given up when its time is up. Giving up is as safe as a crash: the message comes again.
    pub(super) async fn by<T>(&self, end: Time, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let out_of_time = || Fault {
            class: FaultClass::Transient,
            call: "reconcile",
            code: "Deadline".to_owned(),
            message: "the function's time is up; handed back".to_owned(),
            outcome_unknown: true,
        };
        let left = u64::try_from(end.since(self.world.now())).map_err(|_| out_of_time())?;
        let alarm = std::pin::pin!(self.world.sleep(left));
        match select(std::pin::pin!(work), alarm).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(out_of_time()),
        }
    }
}

/// Adds a work to the group of its target, keeping every edit once.
fn join_group(groups: &mut BTreeMap<Target, Group>, work: Work, message: &Message) {
    let again = message.receives > 1;
    let Some(group) = groups.get_mut(&work.target) else {
        let messages = BTreeSet::from([message.id.clone()]);
        groups.insert(work.target.clone(), Group { work, messages, again });
        return;
    };
    group.messages.insert(message.id.clone());
    group.again |= again;
    if group.work.edits.is_empty() && !work.edits.is_empty() {
        group.work.correlation = work.correlation;
    }
    // A new account is waited for, whatever else is going on there; a touch is more than a routine look.
    let outranks = work.cause == Cause::AccountLifecycle || group.work.cause == Cause::Sweep;
    if outranks && group.work.cause != work.cause {
        group.work.cause = work.cause;
        group.work.since = work.since;
    }
    // What has been tried for a while is not young again because of a new event.
    if group.work.cause == Cause::DocumentEvent && work.cause == Cause::DocumentEvent {
        group.work.since = group.work.since.min(work.since);
    }
    group.work.requeues = group.work.requeues.min(work.requeues);
    let known: BTreeSet<String> = group.work.edits.iter().map(|edit| edit.id.clone()).collect();
    group.work.edits.extend(work.edits.into_iter().filter(|edit| !known.contains(&edit.id)));
}

#[cfg(test)]
mod tests;
