//! Renders the results of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::outcome::TargetOutcome;
use crate::cli::plan::entry::Action;
use crate::cli::plan::show::counted;
use crate::cli::printer::{BAD, GOOD, HEADING, styled};
use crate::domain::target::Target;
use crate::domain::text::{MESSAGE_CHARS_MAX, clean, escaped};

/// Version of the JSON.
const SCHEMA_VERSION: u32 = 1;
/// Targets named with their failure.
const TARGETS_MAX: usize = 50;

/// The action and the outcome of each entry that was to be written.
pub(super) type Outcomes = BTreeMap<Target, (Action, TargetOutcome)>;

/// For programs.
pub(super) fn data(plan: &str, outcomes: &Outcomes) -> String {
    let entries = outcomes.iter().map(|(target, (action, outcome))| {
        let mut entry = json!({ "account": target.account, "region": target.region, "action": action });
        if let (Some(entry), Ok(serde_json::Value::Object(outcome))) =
            (entry.as_object_mut(), serde_json::to_value(outcome))
        {
            entry.extend(outcome);
        }
        entry
    });
    let entries: Vec<_> = entries.collect();
    let counts: BTreeMap<&str, usize> = counts(outcomes);
    escaped(&format!(
        "{:#}\n",
        json!({ "schema_version": SCHEMA_VERSION, "plan": plan, "summary": counts, "entries": entries })
    ))
}

/// For people: failures with their reasons, then the totals.
pub(super) fn table(outcomes: &Outcomes) -> String {
    let mut out = String::new();
    let undone = outcomes.iter().filter_map(|(target, (_, outcome))| Some((target, outcome, outcome.why()?)));
    let undone: Vec<_> = undone.collect();
    for (target, outcome, why) in undone.iter().take(TARGETS_MAX) {
        let what = styled(BAD, outcome.in_words());
        let _ = writeln!(out, "{what} {target}: {}", clean(why, MESSAGE_CHARS_MAX));
    }
    if undone.len() > TARGETS_MAX {
        let _ = writeln!(out, "and {} more; --output json names all", undone.len() - TARGETS_MAX);
    }
    let style = if outcomes.values().all(|(_, outcome)| outcome.is_done()) { GOOD } else { HEADING };
    let _ = writeln!(out, "{}", styled(style, &summary(outcomes)));
    out
}

/// `Applied: 40 written, 1 stale, 3 not begun.`
pub(super) fn summary(outcomes: &Outcomes) -> String {
    let order = ["written", "already right", "waiting", "stale", "unreachable", "failed", "not begun"];
    let counts = counts(outcomes);
    let parts = order.into_iter().filter_map(|word| Some(format!("{} {word}", counts.get(word)?)));
    let parts: Vec<String> = parts.collect();
    format!("Applied, of {}: {}.", counted(outcomes.len(), "target"), parts.join(", "))
}

fn counts(outcomes: &Outcomes) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (_, outcome) in outcomes.values() {
        *counts.entry(outcome.in_words()).or_default() += 1;
    }
    counts
}
