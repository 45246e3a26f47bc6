//! What a plan approves: its own writes, on documents that are still as it saw them.

use std::collections::BTreeMap;

use crate::cli::plan::entry::{DocumentState, PlanEntry};
use crate::domain::case::{Case, Decision, Refusal, Write};
use crate::domain::observation::Observation;
use crate::domain::target::Target;
use crate::reactor::Approval;

/// The entries of a plan, as an approval of their writes.
#[derive(Debug)]
pub(super) struct PlanApproval {
    entries: BTreeMap<Target, PlanEntry>,
}

impl PlanApproval {
    pub(super) fn of(entries: &[PlanEntry]) -> Self {
        Self { entries: entries.iter().map(|entry| (entry.target.clone(), entry.clone())).collect() }
    }
}

impl Approval for PlanApproval {
    fn approve(&self, case: &Case, decision: &Decision) -> Result<(), String> {
        let Some(entry) = self.entries.get(&case.target) else {
            return Err(format!("the plan has no entry of {}", case.target));
        };
        is_as_seen(entry, case)?;
        is_planned(entry, case, decision)
    }
}

/// Requires that the document is as the plan saw it, or already as planned. A document that cannot be read is not written.
fn is_as_seen(entry: &PlanEntry, case: &Case) -> Result<(), String> {
    let Some(now) = DocumentState::of(&case.observation) else { return Ok(()) };
    // A write of this run or of one before may have ended between deleting and recreating the document.
    let tried = case.redelivered || !case.refused.is_empty();
    let between = matches!(entry.write, Some(Write::Recreate { .. })) && now == DocumentState::Absent;
    if planned_version(entry, &case.observation).is_some() || tried && between || entry.seen.as_ref() == Some(&now) {
        return Ok(());
    }
    let unconfirmed = if case.refused.contains(&Refusal::Unconfirmed) {
        "; a write of this run had no clear answer, and may be part of that"
    } else {
        ""
    };
    Err(format!("{}{unconfirmed}", changed(entry.seen.as_ref(), &now)))
}

/// Requires that the write is the planned one, on the planned base, or the rest of it.
fn is_planned(entry: &PlanEntry, case: &Case, decision: &Decision) -> Result<(), String> {
    let Some(write) = &decision.write else { return Ok(()) };
    let planned = match (&entry.write, write) {
        (Some(Write::Put { base: planned, content }), Write::Put { base, content: now }) => {
            planned == base && content.same_as(now)
        }
        (
            Some(Write::Recreate { content }),
            Write::Recreate { content: now } | Write::Put { base: None, content: now },
        ) => content.same_as(now),
        (_, Write::Promote { version }) => planned_version(entry, &case.observation) == Some(*version),
        (planned, now) => planned.as_ref() == Some(now),
    };
    if planned { Ok(()) } else { Err("what would be written now is not what the plan shows".to_owned()) }
}

/// The version that is already as planned: the latest, with the planned content or as the planned default.
fn planned_version(entry: &PlanEntry, observation: &Observation) -> Option<u64> {
    let Observation::Present(seen) = observation else { return None };
    let latest = &seen.latest;
    match &entry.write {
        Some(Write::Put { content, .. } | Write::Recreate { content }) if seen.is_session() => {
            latest.body.content().filter(|there| there.same_as(content)).map(|_| latest.number)
        }
        Some(Write::Promote { version }) => match (&entry.seen, DocumentState::of(observation)) {
            (
                Some(DocumentState::Present { created: then, latest_sha256: before, .. }),
                Some(DocumentState::Present { created, latest_sha256, .. }),
            ) => (latest.number == *version && created == *then && latest_sha256 == *before).then_some(*version),
            _ => None,
        },
        _ => None,
    }
}

/// How the document differs from the one that the plan saw.
fn changed(then: Option<&DocumentState>, now: &DocumentState) -> String {
    match (then, now) {
        (Some(DocumentState::Absent), DocumentState::Present { latest, .. }) => {
            format!("there was no document, and now there is one (version {latest})")
        }
        (_, DocumentState::Absent) => "there was a document, and now there is none".to_owned(),
        (
            Some(DocumentState::Present { latest: then, default: default_then, .. }),
            DocumentState::Present { latest, default, .. },
        ) if latest != then || default != default_then => {
            format!("the latest version was {then} and the default {default_then}; now they are {latest} and {default}")
        }
        _ => "the document was deleted and made anew".to_owned(),
    }
}

#[cfg(test)]
mod tests;
