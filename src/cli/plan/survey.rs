//! Observes every target of a plan, and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::entry::{Action, Blocked, PlanEntry};
use super::pace::patiently;
use super::places::{Finder, Known, Places, Which, chosen_regions};
use crate::cli::login::Failure;
use crate::cli::printer::Printer;
use crate::domain::policy::schema::OnSharing;
use crate::domain::policy::{Mode, Owned, Policy, Resolution};
use crate::domain::record::Loaded;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::{AccountFacts, AccountId, OuId, Region, Target};
use crate::ports::{Clock, Fault, Ledger, World};
use crate::reactor::preview;

/// The selection of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Accounts below these OUs, or
    pub(super) ous: Vec<OuId>,
    /// these; all of the organisation where neither is named.
    pub(super) accounts: Vec<AccountId>,
    /// All governed regions where empty.
    pub(super) regions: Vec<Region>,
}

/// Observes the targets of a plan.
pub(super) struct Surveyor<'a, W> {
    pub(super) world: &'a W,
    pub(super) policy: &'a Policy,
    /// Whether a ledger is available, with earlier observations.
    pub(super) remembers: bool,
    pub(super) concurrency: usize,
    pub(super) printer: &'a Printer,
}

/// The observed targets.
pub(super) struct Survey {
    /// Ordered by account and region.
    pub(super) entries: Vec<PlanEntry>,
    pub(super) accounts: usize,
    pub(super) regions: Vec<Region>,
    /// Number of accounts that are closed or closing.
    pub(super) closed: usize,
    /// Accounts that did not list their enabled regions, and why; they may have further targets.
    pub(super) silent: Vec<(AccountId, Fault)>,
}

impl<W: World> Surveyor<'_, W> {
    pub(super) async fn survey(&self, scope: &Scope) -> Result<Survey, Failure> {
        let regions = chosen_regions(self.policy, &scope.regions)?;
        let finder = Finder {
            world: self.world,
            policy: self.policy,
            remembers: self.remembers,
            correlation: "plan",
            printer: self.printer,
        };
        let which = Which { ous: &scope.ous, accounts: &scope.accounts };
        let Places { open: places, closed, silent } = finder.find(which, regions.as_deref()).await?;
        let entries = self.entries(&places).await?;
        if entries.is_empty() {
            let problem = "there is no account to plan for; fix: name other OUs or accounts";
            return Err(Failure::Error(problem.to_owned()));
        }
        let regions: BTreeSet<Region> = entries.iter().map(|entry| entry.target.region.clone()).collect();
        Ok(Survey { entries, accounts: places.len(), regions: regions.into_iter().collect(), closed, silent })
    }

    async fn entries(&self, places: &[(Known, Vec<Region>)]) -> Result<Vec<PlanEntry>, Failure> {
        let total: usize = places.iter().map(|(_, regions)| regions.len()).sum();
        let (done, unreachable) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pairs = places.iter().flat_map(|(known, regions)| regions.iter().map(move |region| (known, region)));
        let each = pairs.map(async |((account, facts), region)| {
            let target = Target::new(account.clone(), region.clone());
            let entry = match facts {
                Ok(facts) => self.entry(target, facts).await?,
                Err(fault) => PlanEntry::unknown(target, None, nothing_known(), Blocked::fault(fault)),
            };
            let lost = usize::from(entry.action == Action::Unreachable);
            let lost = unreachable.fetch_add(lost, Ordering::Relaxed) + lost;
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.printer.progress(&format!("looking: {count} of {total} targets, {lost} unreachable"));
            Ok::<_, Fault>(entry)
        });
        let mut entries: Vec<PlanEntry> = stream::iter(each).buffer_unordered(self.concurrency).try_collect().await?;
        self.printer.progress("");
        entries.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(entries)
    }

    /// Plans one target. An unreadable ledger ends the plan, because every line depends on it.
    async fn entry(&self, target: Target, facts: &AccountFacts) -> Result<PlanEntry, Fault> {
        let nothing = BTreeSet::new();
        let remembered = async || {
            if self.remembers { self.world.ledger().load(&target, &nothing).await } else { Ok(Loaded::default()) }
        };
        let loaded = patiently(self.world, remembered).await?;
        let work = look_at(target.clone(), "plan", self.world);
        let decided =
            patiently(self.world, async || preview(self.world, self.policy, &work, facts, loaded.clone()).await);
        Ok(match decided.await {
            Ok((case, decision)) => PlanEntry::decided(&case, &decision),
            Err(fault) => {
                let baseline = self.policy.resolve(facts, self.world.now());
                PlanEntry::unknown(target, Some(facts), baseline, Blocked::fault(&fault))
            }
        })
    }
}

/// The work message for an observation that the operator asked for.
pub(in crate::cli) fn look_at(target: Target, correlation: &str, clock: &impl Clock) -> Work {
    Work {
        target,
        cause: Cause::Sweep,
        edits: Vec::new(),
        correlation: correlation.to_owned(),
        since: clock.now(),
        requeues: 0,
        not_before: None,
    }
}

/// The resolution for an account whose facts are unknown.
fn nothing_known() -> Resolution {
    let reason = "the organisation did not say where the account is".to_owned();
    Resolution { mode: Mode::Observe, owned: Owned::new(), reason, exemption: None, sharing: OnSharing::Alert }
}

/// Number of entries per action.
pub(super) fn count(entries: &[PlanEntry]) -> BTreeMap<Action, usize> {
    let mut counts: BTreeMap<Action, usize> = Action::ALL.map(|action| (action, 0)).into();
    for entry in entries {
        *counts.entry(entry.action).or_default() += 1;
    }
    counts
}
