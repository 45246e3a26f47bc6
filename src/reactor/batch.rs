//! A batch of messages: decoded, expanded, coalesced by target, worked on concurrently, and answered message by message.
//!
//! An undecodable message goes to the dead-letter queue with the reason, is alerted once, and never blocks its batch. Only
//! unfinished messages go back to the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream;

use super::expand::{Expansion, expand, timely};
use super::message::{BatchReport, Message};
use super::publish::{flush, notify_once};
use super::reconcile::reconcile;
use super::regions::swept;
use super::sweep::sweep;
use super::{InForce, POLICY_AGE_MAX_MS, REPLY_MS, Reactor, hour_of};
use crate::domain::decode::{Decoded, decode};
use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::settle::delay_s;
use crate::domain::signal::{Cause, InboundEvent, Signal, Task, Work};
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, FaultClass, Queue as _, World};

/// Targets that are worked on concurrently.
const CONCURRENCY: usize = 32;
/// Work that is unfinished this long before the deadline goes back to the queue.
const RESERVE_MS: i64 = 1_500;

/// The coalesced work of one target, and the messages behind it.
struct Group {
    work: Work,
    messages: BTreeSet<String>,
    /// One of the messages was received before: an earlier attempt may have stopped anywhere.
    again: bool,
}

/// The messages of a batch, sorted by what they need.
#[derive(Default)]
struct Sorted<'a> {
    groups: BTreeMap<Target, Group>,
    sweeps: Vec<(&'a Message, Box<InboundEvent>)>,
    /// Accounts that a sweep has reached: an account's targets share credentials, and are observed concurrently.
    swept: Vec<(&'a Message, Box<InboundEvent>, AccountId)>,
}

/// The attempt at one message of a batch.
fn attempt_at(message: &Message, batch: &Attempt) -> Attempt {
    Attempt { messages: BTreeSet::from([message.id.clone()]), again: message.receives > 1, ..batch.clone() }
}

impl<W: World> Reactor<W> {
    /// Works on a batch until `deadline`. A fault affects only the message that it occurred for.
    pub async fn batch(&self, messages: &[Message], deadline: Time) -> BatchReport {
        let began = self.world.now();
        let mut report = BatchReport::default();
        let working_until = deadline.plus_ms(-RESERVE_MS);
        let again = messages.iter().any(|message| message.receives > 1);
        let all = messages.iter().map(|message| message.id.clone()).collect();
        let attempt = Attempt { messages: all, again, deadline, published: Arc::default() };
        let policy = self.policy(began.plus_ms(-POLICY_AGE_MAX_MS), &attempt);
        let in_force = match self.by(working_until, Box::pin(policy)).await {
            Ok(in_force) => in_force,
            Err(fault) => {
                tracing::error!(error = %fault, "no policy, so no decision: every message comes again");
                for message in messages {
                    self.give_back(deadline, message, &fault, &mut report).await;
                }
                return report;
            }
        };
        let policy = &in_force.policy;
        let mut sorted = Sorted::default();
        for message in messages {
            let attempt = attempt_at(message, &attempt);
            let sort = Box::pin(self.sort(policy, message, &attempt, &mut sorted, &mut report));
            if let Err(fault) = self.by(working_until, sort).await {
                self.give_back(deadline, message, &fault, &mut report).await;
            }
        }
        // Targets of events come first; sweep work waits.
        let touched = std::mem::take(&mut sorted.groups);
        self.reconcile_all(&in_force, touched, messages, &attempt, &mut report).await;
        let swept = self.place_swept(policy, sorted.swept, deadline, &mut report).await;
        self.reconcile_all(&in_force, swept, messages, &attempt, &mut report).await;
        for (message, event) in sorted.sweeps {
            let attempt = attempt_at(message, &attempt);
            let step = Box::pin(sweep(&self.world, policy, &event, &attempt));
            match self.by(working_until, step).await {
                Ok(step) => {
                    report.sent += step.sent;
                    report.to_sweep += step.targets;
                }
                Err(fault) => self.give_back(deadline, message, &fault, &mut report).await,
            }
        }
        if self.world.now() < working_until && (again || self.policy_read_since(began)) {
            self.notify_leftovers(policy, &attempt).await;
        }
        report.alerts = attempt.published.load(Ordering::Relaxed);
        report.reconciled.sort_by(|a, b| a.target.cmp(&b.target));
        report
    }

    /// Sends an alert about the policy that an earlier invocation kept and did not send; it belongs to no message. Nothing
    /// follows it, so it may use all the remaining time: a published alert should also be marked as sent.
    async fn notify_leftovers(&self, policy: &Policy, attempt: &Attempt) {
        let attempt = Attempt { again: false, ..attempt.clone() };
        let left = Box::pin(flush(&self.world, policy.hub_account(), None, &attempt));
        if let Err(fault) = self.by(attempt.deadline.plus_ms(-REPLY_MS), left).await {
            tracing::warn!(error = %fault, "alerts left behind were not published; the next batch tries again");
        }
    }

    /// Decodes one message and disposes of it: dead-letter queue, ignored, expanded into messages, grouped by target, or
    /// left for the end of the batch as a sweep.
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
            Signal::Bypass(bypass) => {
                return self.report_bypass(policy, &message.id, &event, bypass, attempt, report).await;
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

    /// Reconciles targets concurrently.
    async fn reconcile_all(
        &self,
        policy: &InForce,
        groups: BTreeMap<Target, Group>,
        messages: &[Message],
        attempt: &Attempt,
        report: &mut BatchReport,
    ) {
        let deadline = attempt.deadline;
        let until = deadline.plus_ms(-RESERVE_MS);
        let outcomes: Vec<_> = stream::iter(groups.into_values())
            .map(|group| async move {
                let attempt = Attempt { messages: group.messages.clone(), again: group.again, ..attempt.clone() };
                let outcome = self.by(until, reconcile(self, policy, &group.work, &attempt)).await;
                (group, outcome)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (group, outcome) in outcomes {
            match outcome {
                Ok(reconciled) => report.reconciled.push(reconciled),
                Err(fault) => {
                    for message in messages.iter().filter(|message| group.messages.contains(&message.id)) {
                        self.give_back(deadline, message, &fault, report).await;
                    }
                }
            }
        }
    }

    /// Finds the targets of the accounts that a sweep has reached.
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
            self.world.queue().send(&later).await?;
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
        self.world.queue().dead_letter(&message.body, &reason).await?;
        let (found, hub, id) = (HubFinding::Undecodable, policy.hub_account(), &message.id);
        let alert = about_hub(found, hub, id, Some(id), &reason, self.world.now());
        notify_once(&self.world, &alert, attempt).await?;
        report.undecodable.push((message.id.clone(), reason));
        Ok(())
    }

    /// Alerts once an hour for each sender and counts the rest, so that a flood of forgeries causes no flood of alerts.
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
        let key = format!("{}:{}", sender.unwrap_or("unknown"), hour_of(now));
        let alert = about_hub(HubFinding::Untrusted, policy.hub_account(), &key, Some(id), &reason, now);
        notify_once(&self.world, &alert, attempt).await?;
        report.ignored.push((message.id.clone(), reason));
        Ok(())
    }

    /// Runs `work` until `end`. Cancelling is as safe as a crash: the message comes again.
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

/// Adds `work` to the group of its target, keeping every edit once.
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
    // A lifecycle event outranks every other cause, and a document event outranks a sweep.
    let outranks = work.cause == Cause::AccountLifecycle || group.work.cause == Cause::Sweep;
    if outranks && group.work.cause != work.cause {
        group.work.cause = work.cause;
        group.work.since = work.since;
    }
    // A new event does not make work that was tried for a while young again.
    if group.work.cause == Cause::DocumentEvent && work.cause == Cause::DocumentEvent {
        group.work.since = group.work.since.min(work.since);
    }
    group.work.requeues = group.work.requeues.min(work.requeues);
    let known: BTreeSet<String> = group.work.edits.iter().map(|edit| edit.id.clone()).collect();
    group.work.edits.extend(work.edits.into_iter().filter(|edit| !known.contains(&edit.id)));
}

#[cfg(test)]
mod tests;
