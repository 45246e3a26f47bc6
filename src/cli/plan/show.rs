//! Renders a plan for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;
use serde_json::Value;

use super::entry::{Action, PlanEntry, Planned};
use super::file::{Plan, Summary};
use super::groups::Group;
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};
use crate::domain::target::AccountId;
use crate::domain::text::{MESSAGE_CHARS_MAX, clean};

/// Limit of a value.
const VALUE_CHARS_MAX: usize = 72;
/// Limit of an account's name.
const NAME_CHARS_MAX: usize = 32;
/// Accounts named per group, unless `--all` is given.
const ACCOUNTS_MAX: usize = 6;
/// Different values named per field.
const VALUES_MAX: usize = 3;

impl Action {
    fn symbol(self) -> &'static str {
        match self {
            Self::InSync => "=",
            Self::Exempt => "x",
            Self::Wait => "*",
            Self::Observe => "?",
            Self::Create => "+",
            Self::Change => "~",
            Self::Replace => "-/+",
            Self::Unreachable => "!",
        }
    }

    pub(in crate::cli) fn in_words(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Exempt => "exempt",
            Self::Wait => "waiting",
            Self::Observe => "observed only",
            Self::Create => "create",
            Self::Change => "change",
            Self::Replace => "replace",
            Self::Unreachable => "unreachable",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::InSync | Self::Create => GOOD,
            Self::Exempt => QUIET,
            Self::Wait | Self::Observe | Self::Change => CAUTION,
            Self::Replace | Self::Unreachable => BAD,
        }
    }
}

/// The whole plan; `all` names every account, including those in sync.
pub(super) fn plan(plan: &Plan, all: bool) -> String {
    let mut out = heading(plan);
    for group in Group::all(&plan.entries).iter().filter(|group| all || group.action != Action::InSync) {
        out.push('\n');
        show_group(&mut out, group, plan.summary.regions.len(), all);
    }
    out.push_str(&adopted(&plan.entries));
    let _ = writeln!(out, "\n{}", summary(&plan.summary));
    out
}

fn heading(plan: &Plan) -> String {
    let Summary { accounts, regions, .. } = &plan.summary;
    let policy = clean(&format!("policy {} ({})", plan.policy.label, plan.policy.source), MESSAGE_CHARS_MAX);
    let names: Vec<String> = regions.iter().map(ToString::to_string).collect();
    format!("{}\n", styled(HEADING, &format!("{}, {policy}: {}", counted(*accounts, "account"), names.join(", "))))
}

fn show_group(out: &mut String, group: &Group<'_>, regions: usize, all: bool) {
    let style = group.action.style();
    let what = styled(style, &format!("{:>3} {}", group.action.symbol(), group.action.in_words()));
    let risky = if group.is_risky() { format!(", {}", styled(BAD, "risky")) } else { String::new() };
    let (targets, accounts) = (counted(group.entries.len(), "target"), counted(group.accounts(), "account"));
    let _ = writeln!(out, "{what}: {targets} of {accounts}{risky}");
    for note in &group.notes {
        let _ = writeln!(out, "      {}", clean(note, MESSAGE_CHARS_MAX));
    }
    for planned in group.changes {
        let _ = writeln!(out, "{}", change(planned));
    }
    for (places, accounts) in group.places() {
        let codes: Vec<&str> = places.iter().map(|region| region.as_str()).collect();
        let place = if codes.len() == regions { "everywhere".to_owned() } else { format!("in {}", codes.join(", ")) };
        let line = format!("{place}: {}", named(&accounts, if all { accounts.len() } else { ACCOUNTS_MAX }));
        let _ = writeln!(out, "      {}", styled(QUIET, &line));
    }
}

/// The first accounts by id and name, and how many more there are.
fn named(accounts: &[(&AccountId, &str)], shown: usize) -> String {
    let one = |(id, name): &(&AccountId, &str)| format!("{id} {}", clean(name, NAME_CHARS_MAX)).trim_end().to_owned();
    let first: Vec<String> = accounts.iter().take(shown).map(one).collect();
    match accounts.len().saturating_sub(shown) {
        0 => first.join(", "),
        more => format!("{}, and {more} more", first.join(", ")),
    }
}

fn change(planned: &Planned) -> String {
    let field = clean(&planned.change.field, NAME_CHARS_MAX);
    let (from, to) = (value(planned.change.from.as_ref()), value(planned.change.to.as_ref()));
    match planned.risk {
        Some(risk) => {
            format!(
                "    {} {field}: {from} -> {to}  {}",
                styled(BAD, "!"),
                styled(BAD, &format!("({})", risk.in_words()))
            )
        }
        None => format!("      {field}: {from} -> {to}"),
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "(none)".to_owned(), |value| clean(&value.to_string(), VALUE_CHARS_MAX))
}

/// Fields that are adopted as found and never reviewed.
fn adopted(entries: &[PlanEntry]) -> String {
    let mut fields: BTreeMap<&str, (usize, BTreeSet<String>)> = BTreeMap::new();
    for entry in entries {
        for field in &entry.adopts {
            let (targets, values) = fields.entry(field).or_default();
            *targets += 1;
            values.insert(value(entry.today.get(field)));
        }
    }
    if fields.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(HEADING, "Seen for the first time and kept as they are; please review:"));
    for (field, (targets, values)) in fields {
        let more = match values.len().saturating_sub(VALUES_MAX) {
            0 => String::new(),
            more => format!(", and {more} other values"),
        };
        let values: Vec<String> = values.into_iter().take(VALUES_MAX).collect();
        let _ = writeln!(out, "      {field}: {} in {}{more}", values.join(", "), counted(targets, "target"));
    }
    out
}

/// `Plan: 3 to create, 41 to change, 2 exempt, 1 unreachable, 73 in sync.`
pub(in crate::cli) fn summary(summary: &Summary) -> String {
    let of = |action| summary.actions.get(&action).copied().unwrap_or_default();
    let part = |action: Action, words: &str| match of(action) {
        0 => None,
        count => Some(format!("{count} {words}")),
    };
    let parts = [
        part(Action::Create, "to create"),
        part(Action::Change, "to change"),
        part(Action::Replace, "to replace"),
        part(Action::Observe, "observed only"),
        part(Action::Wait, "waiting"),
        part(Action::Exempt, "exempt"),
        part(Action::Unreachable, "unreachable"),
        part(Action::InSync, "in sync"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let changes = Action::ALL.into_iter().filter(|action| action.writes()).map(of).sum::<usize>();
    let style = match (of(Action::Unreachable), changes + of(Action::Observe) + of(Action::Wait)) {
        (0, 0) => GOOD,
        (0, _) => HEADING,
        _ => BAD,
    };
    let head = if changes == 0 { "No changes" } else { "Plan" };
    let risky = if summary.risky == 0 { String::new() } else { format!(" {} risky.", summary.risky) };
    let closed = match summary.closed_accounts {
        0 => String::new(),
        closed => format!(" {} left out: closed.", counted(closed, "account")),
    };
    format!("{}{risky}{closed}", styled(style, &format!("{head}: {}.", parts.join(", "))))
}

pub(in crate::cli) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
