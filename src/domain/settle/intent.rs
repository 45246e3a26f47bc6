//! The intent that is logged before a write, so that the reactor knows its own versions without guessing.

use crate::domain::case::{Case, Write};
use crate::domain::compaction::is_within_bounds;
use crate::domain::document::Content;
use crate::domain::fact::{Facts, Intended, Intent};
use crate::domain::observation::Observation;
use crate::domain::policy::Owned;
use crate::domain::record::{Commit, Record};

/// Adds the intent of the next write to the case, under the `name` that its version will have. Returns the commit that logs
/// it, with the facts known by then. If those exceed a row, only intents are logged: after a crash, the next observation and
/// the redelivered message bring the rest.
pub fn log_intent(case: &mut Case, name: &str, write: &Write, before: &Record) -> Commit {
    let intent = intent(case, write);
    let known = &mut case.record.facts;
    known.intents.insert(name.to_owned(), intent);
    let facts = if is_within_bounds(known) {
        known.clone()
    } else {
        Facts { intents: known.intents.clone(), ..before.facts.clone() }
    };
    let generation = before.generation.saturating_add(1);
    let record = Record { facts, generation, updated: case.now, ..before.clone() };
    Commit { expected: before.generation, record, seen: Vec::new(), history: None, alerts: Vec::new() }
}

fn intent(case: &Case, write: &Write) -> Intent {
    let seen = match &case.observation {
        Observation::Present(seen) => Some(seen),
        Observation::Absent | Observation::Unknown(_) => None,
    };
    let (intended, number, content): (_, _, Option<&Content>) = match write {
        Write::Put { base, content } => (Intended::Put, base.unwrap_or(0) + 1, Some(content)),
        Write::Promote { version } => (Intended::Promote, *version, None),
        Write::Recreate { content } => (Intended::Recreate, 1, Some(content)),
        Write::Unshare { .. } => (Intended::Unshare, seen.map_or(0, |seen| seen.latest.number), None),
    };
    Intent {
        digest: content.map(Content::digest),
        owned: content.map_or_else(Owned::new, |_| case.resolution.owned.clone()),
        over: seen.map(|seen| seen.latest_created()),
        ..Intent::new(intended, number, case.now)
    }
}
