//! What follows from one reconciliation: its commit with history and alerts, and the next message. Total and pure
//! (invariant 2).

mod advice;
pub(crate) mod alerts;
mod context;
mod exposure;
mod history;
pub(crate) mod incident;
mod intent;
mod next_record;
pub(crate) mod notify;
mod outcome;
mod parts;
pub(crate) mod schedule;
mod sharing;
mod state;
mod words;

use super::case::{Applied, Case, Decision};
use super::compaction::{Compacted, compact};
use super::fact::Facts;
use super::judgement::Judgement;
use super::milestones::Milestones;
use super::record::{Commit, Record, Settlement};

pub use history::{attach, detach};
pub use intent::log_intent;
pub use notify::ReportedEdit;
pub use schedule::{DELAY_MAX_S, delay_s};

/// One reconciliation: what was known, what was decided, and what came of it.
#[derive(Clone, Copy)]
struct Reconciliation<'a> {
    case: &'a Case,
    judgement: &'a Judgement,
    decision: &'a Decision,
    applied: &'a Applied,
}

/// Settles one reconciliation. `before` is the record as it was loaded.
pub fn settle(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    before: &Record,
) -> Settlement {
    let reconciliation = Reconciliation { case, judgement, decision, applied };
    let mut changes = notify::gather(reconciliation);
    let Compacted { facts, left, unnotified } = compact(&changes.facts, case.now);
    changes.overflow(case, &unnotified);
    changes.facts = facts;
    let mut record = next_record::next_record(reconciliation, &changes);
    let alerts = alerts::alerts(reconciliation, &changes, &mut record);
    let next = schedule::next(reconciliation, &changes, &mut record);
    let changes = !alerts.is_empty() || !left.is_empty() || is_changed(&record, before);
    let newer_call = record.milestones.newest_call != before.milestones.newest_call;
    if !changes && !newer_call && next.is_none() {
        return Settlement { commit: None, next };
    }
    record.generation = before.generation.saturating_add(1);
    record.updated = case.now;
    record.policy.clone_from(&case.policy);
    let history = changes.then(|| history::entry(reconciliation));
    Settlement { commit: Some(Commit { expected: before.generation, record, seen: left, history, alerts }), next }
}

/// Whether the record changed, apart from the observation itself, scheduled messages and the arrival of an event.
fn is_changed(record: &Record, before: &Record) -> bool {
    let bare = |record: &Record| Record {
        facts: Facts { last: None, ..record.facts.clone() },
        wakes: Vec::new(),
        milestones: Milestones { newest_call: None, ..record.milestones },
        ..record.clone()
    };
    bare(record) != bare(before)
}
