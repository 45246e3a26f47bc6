//! Summarises the ledger's rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::ledger::view::{Inventory, TargetRow};
use crate::cli::ExitStatus;
use crate::domain::milestones::Milestones;
use crate::domain::policy::{Mode, Policy};
use crate::domain::record::{Enabled, Status};
use crate::domain::sweep::{Sweep, ungoverned, was_missed};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region, Target};
use crate::domain::time::Time;

/// The known state of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct TargetStatus {
    pub(in crate::cli) target: Target,
    pub(in crate::cli) name: String,
    pub(in crate::cli) status: Status,
    pub(in crate::cli) why: String,
    /// When the record last changed; absent where the target was never observed.
    pub(in crate::cli) updated: Option<Time>,
    /// The last recorded check.
    pub(in crate::cli) checked: Option<Time>,
    /// The last complete sweep has not checked it either, so its status is outdated.
    pub(in crate::cli) not_checked: bool,
    pub(in crate::cli) policy: String,
}

/// The progress of a new account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct NewAccount {
    pub(in crate::cli) account: AccountId,
    pub(in crate::cli) name: String,
    pub(in crate::cli) since: Time,
    /// When its last target was configured; absent while one is not.
    pub(in crate::cli) until: Option<Time>,
    /// The milestones of each region.
    pub(in crate::cli) regions: BTreeMap<Region, Milestones>,
}

/// Regions that the same accounts have enabled and the policy does not govern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Ungoverned {
    pub(in crate::cli) regions: Vec<Region>,
    pub(in crate::cli) accounts: BTreeSet<AccountId>,
}

/// The selection of targets.
pub(in crate::cli) struct Query<'a> {
    pub(in crate::cli) ou: Option<&'a OuId>,
    pub(in crate::cli) statuses: &'a [Status],
    pub(in crate::cli) now: Time,
}

/// The status of the selected targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Overview {
    /// The most urgent lines first, those in sync last.
    pub(in crate::cli) lines: Vec<TargetStatus>,
    pub(in crate::cli) new_accounts: Vec<NewAccount>,
    /// Enabled regions that are not governed; absent where only some statuses were selected.
    pub(in crate::cli) ungoverned: Option<Vec<Ungoverned>>,
    /// Number of accounts that have not recently reported their enabled regions.
    pub(in crate::cli) silent: usize,
    /// Number of selected accounts that are known and in the organisation.
    pub(in crate::cli) accounts: usize,
    /// The last sweep.
    pub(in crate::cli) sweep: Option<Sweep>,
    /// Number of targets whose account left or was closed, or whose region is no longer governed.
    pub(in crate::cli) past: usize,
}

impl Overview {
    pub(in crate::cli) fn of(
        inventory: &Inventory,
        policy: Option<&Policy>,
        sweep: Option<Sweep>,
        query: &Query<'_>,
    ) -> Self {
        let Query { ou, statuses, now } = *query;
        let swept = sweep.as_ref().and_then(Sweep::completed);
        let below = |facts: &&AccountFacts| ou.is_none_or(|ou| facts.ou_path.contains(ou));
        let active = |facts: &&AccountFacts| facts.state == AccountState::Active;
        let accounts: BTreeMap<&AccountId, &AccountFacts> =
            inventory.accounts.iter().filter(below).filter(active).map(|facts| (&facts.account, facts)).collect();
        let mut overview = Self { accounts: accounts.len(), sweep, ..Self::default() };
        let (mut checked, mut new_accounts) =
            (BTreeSet::new(), BTreeMap::<&AccountId, BTreeMap<Region, Milestones>>::new());
        let hidden: BTreeSet<&AccountId> =
            inventory.accounts.iter().filter(|facts| !below(facts)).map(|facts| &facts.account).collect();
        for row in &inventory.targets {
            let account = &row.target.account;
            let reported = inventory.enabled.get(account);
            let Some(facts) =
                accounts.get(account).filter(|_| policy.is_none_or(|policy| counts(policy, reported, row)))
            else {
                overview.past += usize::from(!hidden.contains(account));
                continue;
            };
            checked.insert(&row.target);
            if row.milestones.vended.is_some() {
                new_accounts.entry(account).or_default().insert(row.target.region.clone(), row.milestones);
            }
            overview.lines.push(TargetStatus {
                target: row.target.clone(),
                name: facts.name.clone(),
                status: row.status,
                why: row.why.clone(),
                updated: Some(row.updated),
                checked: Some(row.checked),
                not_checked: swept.is_some_and(|began| was_missed(began, row.checked)),
                policy: row.policy.clone(),
            });
        }
        // Adds governed targets that were never observed: unknown must not appear as right.
        for facts in accounts.values() {
            let reported = inventory.enabled.get(&facts.account).map(|reported| &reported.regions);
            let governed = policy.map(|policy| policy.regions_of(reported));
            let targets = governed.into_iter().flatten().map(|region| Target::new(facts.account.clone(), region));
            overview.lines.extend(targets.filter(|target| !checked.contains(target)).map(|target| TargetStatus {
                target,
                name: facts.name.clone(),
                status: Status::New,
                why: "never checked".to_owned(),
                updated: None,
                checked: None,
                not_checked: false,
                policy: String::new(),
            }));
        }
        if let Some(policy) = policy.filter(|_| statuses.is_empty()) {
            overview.find_ungoverned(policy, accounts.values().copied(), &inventory.enabled, swept, now);
        }
        overview.new_accounts = new_accounts
            .into_iter()
            .filter_map(|(account, regions)| new_account(accounts.get(account)?, regions))
            .collect();
        overview.new_accounts.sort_by(|a, b| (a.until.is_some(), b.since).cmp(&(b.until.is_some(), a.since)));
        overview.lines.retain(|line| statuses.is_empty() || statuses.contains(&line.status));
        overview.lines.sort_by(|a, b| (urgency(a), &a.target).cmp(&(urgency(b), &b.target)));
        overview
    }

    fn find_ungoverned<'a>(
        &mut self,
        policy: &Policy,
        accounts: impl Iterator<Item = &'a AccountFacts>,
        enabled: &BTreeMap<AccountId, Enabled>,
        swept: Option<Time>,
        now: Time,
    ) {
        let mut by_region = BTreeMap::<&Region, BTreeSet<AccountId>>::new();
        for facts in accounts {
            if policy.resolve(facts, now).mode == Mode::Exempt {
                continue;
            }
            let reported = enabled.get(&facts.account);
            let old = |reported: &Enabled| swept.is_some_and(|began| was_missed(began, reported.at));
            self.silent += usize::from(reported.is_none_or(old));
            for region in reported.into_iter().flat_map(|reported| ungoverned(policy, facts, &reported.regions, now)) {
                by_region.entry(region).or_default().insert(facts.account.clone());
            }
        }
        let mut by_accounts = BTreeMap::<BTreeSet<AccountId>, Vec<Region>>::new();
        for (region, accounts) in by_region {
            by_accounts.entry(accounts).or_default().push(region.clone());
        }
        let ungoverned = by_accounts.into_iter().map(|(accounts, regions)| Ungoverned { regions, accounts });
        self.ungoverned = Some(ungoverned.collect());
    }

    /// Number of targets per status, the most urgent first.
    pub(in crate::cli) fn counts(&self) -> Vec<(Status, usize)> {
        let mut counts: Vec<(Status, usize)> = Vec::new();
        for line in &self.lines {
            match counts.iter_mut().find(|(status, _)| *status == line.status) {
                Some((_, count)) => *count += 1,
                None => counts.push((line.status, 1)),
            }
        }
        counts
    }

    pub(in crate::cli) fn exit_status(&self) -> ExitStatus {
        let unread = |line: &TargetStatus| matches!(line.status, Status::Unreachable | Status::Waiting | Status::New);
        let unknown = |line: &TargetStatus| line.not_checked || unread(line);
        if self.lines.iter().any(unknown) {
            ExitStatus::Unreachable
        } else if self.lines.iter().any(|line| !line.is_fine()) {
            ExitStatus::Drift
        } else {
            ExitStatus::Success
        }
    }
}

/// Whether the policy governs a target; not if its account has since reported the region as not enabled.
fn counts(policy: &Policy, reported: Option<&Enabled>, row: &TargetRow) -> bool {
    let region = &row.target.region;
    let off = |reported: &Enabled| !reported.regions.contains(region) && row.checked <= reported.at;
    policy.governs(region) && (policy.governed_regions().is_some() || !reported.is_some_and(off))
}

fn new_account(facts: &AccountFacts, regions: BTreeMap<Region, Milestones>) -> Option<NewAccount> {
    let since = regions.values().filter_map(|passed| passed.vended).min()?;
    let until = last(&regions, |passed| passed.configured);
    Some(NewAccount { account: facts.account.clone(), name: facts.name.clone(), since, until, regions })
}

/// When the last of the regions passed a milestone; `None` while one has not.
fn last(regions: &BTreeMap<Region, Milestones>, milestone: fn(&Milestones) -> Option<Time>) -> Option<Time> {
    let passed: Option<Vec<Time>> = regions.values().map(milestone).collect();
    passed?.into_iter().max()
}

impl NewAccount {
    /// When its first target could be read.
    pub(in crate::cli) fn reached(&self) -> Option<Time> {
        self.regions.values().filter_map(|passed| passed.reached).min()
    }

    /// When a member role first worked.
    pub(in crate::cli) fn member_role(&self) -> Option<Time> {
        self.regions.values().filter_map(|passed| passed.member_role).min()
    }

    /// Number of its regions that have passed a milestone.
    pub(in crate::cli) fn count(&self, milestone: fn(&Milestones) -> Option<Time>) -> usize {
        self.regions.values().filter_map(milestone).count()
    }
}

impl TargetStatus {
    /// Needs no attention.
    pub(in crate::cli) fn is_fine(&self) -> bool {
        matches!(self.status, Status::InSync | Status::Exempt) && !self.not_checked
    }
}

fn urgency(line: &TargetStatus) -> u8 {
    match line.status {
        Status::InSync | Status::Exempt if line.not_checked => 0,
        Status::Unreachable => 0,
        Status::BackingOff => 1,
        Status::Drifted => 2,
        Status::Held => 3,
        Status::Waiting => 4,
        Status::New => 5,
        Status::Exempt => 6,
        Status::InSync => 7,
    }
}

#[cfg(test)]
mod tests;
