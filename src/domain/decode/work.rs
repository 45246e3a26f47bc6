//! Messages of the reactor's own: work on one target, the schedule of sweeps, and the steps of a sweep.

use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::arn::is_sound;
use super::envelope::{Envelope, Parsed, ignored, undecodable};
use super::lenient::{id_at, is_usable_id, number_at, str_at, text_at};
use crate::domain::edit::Edit;
use crate::domain::signal::{InboundEvent, Signal, Task, Work};
use crate::domain::text::{AGENT_CHARS_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, clean, quote};
use crate::domain::time::Time;

/// Edits in one work message, which stays well under SQS's 1 MiB. A caller with more edits sends several messages.
pub const EDITS_MAX: usize = 100;
/// More requeues than any chain of the reactor has: such a message goes round in a loop, and is undecodable.
pub const LOOP_REQUEUES: u32 = 10_000;
/// The schema version of the reactor's own messages.
const SCHEMA: u64 = 1;

/// The message that [`decode`](super::decode) reads back as `work`.
pub fn encode_work(work: &Work) -> String {
    #[derive(Serialize)]
    struct WorkBody<'a> {
        kind: &'static str,
        schema: u64,
        #[serde(flatten)]
        work: &'a Work,
    }
    // It holds strings, numbers and maps with string keys, which serialise without an error.
    serde_json::to_string(&WorkBody { kind: "work", schema: SCHEMA, work }).unwrap_or_default()
}

/// The message that [`decode`](super::decode) reads back as `task`.
pub fn encode(task: &Task) -> String {
    match task {
        Task::Work(work) => encode_work(work),
        Task::SweepStep(step) => json!({ "kind": "sweep", "schema": SCHEMA, "step": step }).to_string(),
        Task::SweepAccount { account, sweep, began } => {
            json!({ "kind": "sweep", "schema": SCHEMA, "account": account, "executionId": sweep, "scheduledTime": began })
                .to_string()
        }
    }
}

/// Whether the reactor's own messages have this kind.
pub(super) fn is_kind(kind: &str) -> bool {
    ["work", "sweep"].contains(&kind)
}

/// A message without EventBridge's envelope: the reactor's own, or unknown.
pub(super) fn own(envelope: Envelope<'_>) -> Parsed {
    let Some(kind) = str_at(envelope.body, "kind") else {
        return foreign(envelope);
    };
    let parse: fn(Envelope<'_>) -> Parsed = match kind {
        "work" => work,
        "sweep" => sweep,
        kind => {
            return undecodable(format!("{} is no kind of message that this release knows (work, sweep)", quote(kind)));
        }
    };
    match number_at(envelope.body, "schema") {
        Some(SCHEMA) => parse(envelope),
        Some(other) => undecodable(format!(
            "schema {other} of {} is not the {SCHEMA} that this release reads; redrive it under the release that wrote it",
            quote(kind)
        )),
        None => undecodable(format!("{} has no `schema`; write `\"schema\": {SCHEMA}` beside `kind`", quote(kind))),
    }
}

/// A schedule of EventBridge: a rule's (`aws.events`), or the Scheduler's own if no input was given.
pub(super) fn scheduled(envelope: Envelope<'_>) -> InboundEvent {
    let at = envelope.time().unwrap_or(Time::ZERO);
    let id = envelope.id().unwrap_or_else(|| format!("sweep-{at}"));
    InboundEvent { signal: Signal::Sweep, id, at, reporter: envelope.account().ok(), principal: None }
}

/// The input of the reactor's schedule in the Scheduler:
/// `{"kind": "sweep", "schema": 1, "scheduledTime": "<aws.scheduler.scheduled-time>", "executionId": …}`.
///
/// With a `step` or an `account` it is a task: the sweep continues with that step, or has reached that account.
fn sweep(envelope: Envelope<'_>) -> Parsed {
    if envelope.body.contains_key("step") {
        let Some(step) = number_at(envelope.body, "step") else {
            return undecodable("a sweep's `step` is a number from 1 upwards; to begin a sweep, leave it out");
        };
        let signal = Signal::SweepStep(step);
        return Ok(InboundEvent {
            signal,
            id: format!("sweep-step-{step}"),
            at: Time::ZERO,
            reporter: None,
            principal: None,
        });
    }
    let at = str_at(envelope.body, "scheduledTime").and_then(|at| at.parse().ok()).unwrap_or(Time::ZERO);
    let id = id_at(envelope.body, "executionId").unwrap_or_else(|| format!("sweep-{at}"));
    let signal = match envelope.body.get("account").map(|account| account.as_str().unwrap_or_default().parse()) {
        None => Signal::Sweep,
        Some(Ok(account)) => Signal::AccountSwept { account },
        Some(Err(_)) => return undecodable("a sweep's `account` is twelve digits; to sweep all, leave it out"),
    };
    Ok(InboundEvent { signal, id, at, reporter: None, principal: None })
}

fn work(envelope: Envelope<'_>) -> Parsed {
    let edits = envelope.body.get("edits").and_then(Value::as_array).map_or(0, Vec::len);
    if edits > EDITS_MAX {
        return undecodable(format!(
            "a work message with {edits} edits; at most {EDITS_MAX} are allowed, so send several"
        ));
    }
    let mut work = match Work::deserialize(envelope.body) {
        Ok(work) => work,
        Err(error) => return undecodable(format!("not a work message: {error}")),
    };
    if work.requeues > LOOP_REQUEUES {
        return undecodable(format!(
            "a work message after {} requeues; more than {LOOP_REQUEUES} is a loop",
            work.requeues
        ));
    }
    if !is_usable_id(&work.correlation) || !work.edits.iter().all(|edit| is_usable_id(&edit.id)) {
        return undecodable(
            "a work message whose `correlation`, or the `id` of an edit, is empty, too long or unprintable",
        );
    }
    work.edits.iter_mut().for_each(bound);
    let (id, at) = (work.correlation.clone(), work.since);
    Ok(InboundEvent { signal: Signal::Work(Box::new(work)), id, at, reporter: None, principal: None })
}

/// Only the reactor's role can send work. Its text is bounded nevertheless, like everything that is decoded.
fn bound(edit: &mut Edit) {
    edit.agent = clean(&edit.agent, AGENT_CHARS_MAX);
    edit.source_ip = clean(&edit.source_ip, NAME_CHARS_MAX);
    edit.failed = edit.failed.take().map(|code| clean(&code, ID_CHARS_MAX));
    let who = &mut edit.principal;
    who.kind = clean(&who.kind, ID_CHARS_MAX);
    who.arn = who.arn.take().filter(|arn| is_sound(arn));
    who.name = who.name.take().map(|name| clean(&name, NAME_CHARS_MAX));
}

/// A message of another sender.
fn foreign(envelope: Envelope<'_>) -> Parsed {
    let has = |key: &str| text_at(envelope.body, key).is_some();
    if has("RequestType") && has("ResponseURL") && has("StackId") {
        return ignored(
            "a CloudFormation custom resource's request; it is answered where it is invoked, not from the queue",
        );
    }
    undecodable(
        "neither `detail-type` (an EventBridge event) nor `kind` (a message of the reactor's own) is there: send whole events",
    )
}
