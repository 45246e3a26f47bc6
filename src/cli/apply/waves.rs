//! The order in which a plan is applied: a few accounts first, then wave by wave, risky ones last.

use std::collections::BTreeMap;

use crate::cli::plan::entry::PlanEntry;
use crate::domain::target::AccountId;

/// The entries of one account.
pub(super) type Share<'a> = (&'a AccountId, Vec<&'a PlanEntry>);

/// Accounts that are finished before the next wave begins.
pub(super) type Wave<'a> = Vec<Share<'a>>;

/// The waves of a plan. The order is deterministic, so that a later run resumes where an earlier one stopped.
pub(super) fn waves<'a>(entries: &'a [PlanEntry], canary: usize, size: usize) -> Vec<Wave<'a>> {
    let mut accounts: BTreeMap<&AccountId, Vec<&PlanEntry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.action.writes() && entry.write.is_some()) {
        accounts.entry(&entry.target.account).or_default().push(entry);
    }
    let mut shares: Vec<Share<'a>> = accounts.into_iter().collect();
    shares.sort_by_key(|(_, entries)| entries.iter().any(|entry| entry.is_risky()));
    let later = shares.split_off(canary.min(shares.len()));
    let mut waves: Vec<Wave<'a>> = vec![shares];
    waves.extend(later.chunks(size.max(1)).map(<[Share<'a>]>::to_vec));
    waves.retain(|wave| !wave.is_empty());
    waves
}
