//! Groups equal lines of a plan: in an organisation of hundreds of accounts, most differences are the same.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Action, PlanEntry, Planned};
use crate::domain::target::{AccountId, Region};

/// Targets with the same differences and notes.
pub(super) struct Group<'a> {
    pub(super) action: Action,
    pub(super) changes: &'a [Planned],
    /// Notes on the group; for obstacles only the first cause, which names its account.
    pub(super) notes: Vec<String>,
    pub(super) entries: Vec<&'a PlanEntry>,
}

/// Regions, and the accounts with the same finding there.
pub(super) type RegionsOfAccounts<'a> = (Vec<&'a Region>, Vec<(&'a AccountId, &'a str)>);

impl<'a> Group<'a> {
    /// All groups: ordered by action, risky ones last, larger ones first.
    pub(super) fn all(entries: &'a [PlanEntry]) -> Vec<Self> {
        let mut groups: BTreeMap<(Action, bool, String), Self> = BTreeMap::new();
        for entry in entries {
            let (key, notes) = notes(entry);
            let key = format!("{key} {}", serde_json::to_string(&entry.changes).unwrap_or_default());
            let group = groups.entry((entry.action, entry.is_risky(), key));
            let new = || Self { action: entry.action, changes: &entry.changes, notes, entries: Vec::new() };
            group.or_insert_with(new).entries.push(entry);
        }
        let mut groups: Vec<((Action, bool, String), Self)> = groups.into_iter().collect();
        let size = |group: &Self| std::cmp::Reverse(group.entries.len());
        groups.sort_by(|((a, risky_a, _), x), ((b, risky_b, _), y)| (a, risky_a, size(x)).cmp(&(b, risky_b, size(y))));
        groups.into_iter().map(|(_, group)| group).collect()
    }

    pub(super) fn is_risky(&self) -> bool {
        self.entries.first().is_some_and(|entry| entry.is_risky())
    }

    pub(super) fn accounts(&self) -> usize {
        self.entries.iter().map(|entry| &entry.target.account).collect::<BTreeSet<_>>().len()
    }

    /// The group's accounts by their regions; most accounts first.
    pub(super) fn places(&self) -> Vec<RegionsOfAccounts<'a>> {
        let mut regions: BTreeMap<(&AccountId, &str), Vec<&Region>> = BTreeMap::new();
        for entry in &self.entries {
            regions.entry((&entry.target.account, &entry.account_name)).or_default().push(&entry.target.region);
        }
        let mut places: BTreeMap<Vec<&Region>, Vec<(&AccountId, &str)>> = BTreeMap::new();
        for (account, regions) in regions {
            places.entry(regions).or_default().push(account);
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by_key(|(_, accounts)| std::cmp::Reverse(accounts.len()));
        places
    }
}

/// The key that makes entries equal besides their differences, and the notes to show.
fn notes(entry: &PlanEntry) -> (String, Vec<String>) {
    if let (Action::Unreachable, Some(blocked)) = (entry.action, &entry.obstacle) {
        let notes = vec![format!("cause: {}", blocked.cause), format!("fix: {}", blocked.fix)];
        return (format!("{} {}", blocked.kind, blocked.fix), notes);
    }
    let note = match (entry.action, &entry.baseline.exemption) {
        (Action::Exempt, Some(exemption)) => {
            format!("{}: {} (until {})", exemption.owner, exemption.reason, exemption.expires)
        }
        (Action::Exempt | Action::Wait, _) => entry.reasons.join("; "),
        // The first reason says what is wrong with the document.
        (Action::Replace, _) => entry.reasons.first().cloned().unwrap_or_default(),
        (Action::Observe, _) => "nothing would be written".to_owned(),
        (Action::InSync | Action::Create | Action::Change | Action::Unreachable, _) => String::new(),
    };
    let notes = if note.is_empty() { Vec::new() } else { vec![note.clone()] };
    (note, notes)
}
