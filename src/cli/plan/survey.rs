//! Looking at everything that a plan is about, and writing nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::entry::{Action, Blocked, Entry};
use super::pace::{Paced, patiently};
use crate::cli::login::Failure;
use crate::cli::printer::Printer;
use crate::domain::policy::{Mode, Owned, Policy, Resolution};
use crate::domain::record::Loaded;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region, Target};
use crate::ports::{Access, Clock, Directory, Documents, Fault, Ledger};
use crate::reactor::preview;

/// Accounts asked for at a time.
const ACCOUNTS_AT_ONCE: usize = 8;

/// What a plan is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Accounts below these OUs, or
    pub(super) ous: Vec<OuId>,
    /// these; all of the organisation where neither is named.
    pub(super) accounts: Vec<AccountId>,
    /// All that are governed where none is named.
    pub(super) regions: Vec<Region>,
}

/// How it is looked at.
pub(super) struct Surveyor<'a, W> {
    pub(super) world: &'a W,
    pub(super) policy: &'a Policy,
    /// Whether there is a ledger to know earlier looks from.
    pub(super) remembers: bool,
    pub(super) concurrency: usize,
    pub(super) printer: &'a Printer,
}

/// What was found.
pub(super) struct Survey {
    /// By account and region.
    pub(super) entries: Vec<Entry>,
    pub(super) accounts: usize,
    pub(super) regions: Vec<Region>,
    /// Accounts that are closed, or about to be.
    pub(super) closed: usize,
    /// Accounts that did not say which regions they have enabled, and why: there may be targets that nobody looked at.
    pub(super) silent: Vec<(AccountId, Fault)>,
}

/// Where to look.
struct Places {
    places: Vec<(Known, Vec<Region>)>,
    /// Accounts that did not say which regions they have enabled, and why.
    silent: Vec<(AccountId, Fault)>,
}

/// What the organisation says of an account.
type Known = (AccountId, Result<AccountFacts, Fault>);

impl<W: Directory + Documents + Ledger + Clock + Sync> Surveyor<'_, W> {
    pub(super) async fn survey(&self, scope: &Scope) -> Result<Survey, Failure> {
        let regions = self.regions(scope)?;
        let accounts = self.accounts(scope).await?;
        let mut known = self.facts(&accounts, !scope.accounts.is_empty()).await?;
        known.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (open, closed): (Vec<Known>, Vec<Known>) = known
            .into_iter()
            .partition(|(_, facts)| !matches!(facts, Ok(facts) if facts.state != AccountState::Active));
        let Places { places, silent } = self.places(open, regions.as_deref()).await?;
        let entries = self.entries(&places).await?;
        if entries.is_empty() {
            let problem = "there is no account to plan for; fix: name other OUs or accounts";
            return Err(Failure::Error(problem.to_owned()));
        }
        let regions: BTreeSet<Region> = entries.iter().map(|entry| entry.target.region.clone()).collect();
        Ok(Survey {
            entries,
            accounts: places.len(),
            regions: regions.into_iter().collect(),
            closed: closed.len(),
            silent,
        })
    }

    /// The same for all accounts; `None` where each account says itself.
    fn regions(&self, scope: &Scope) -> Result<Option<Vec<Region>>, Failure> {
        if let Some(region) = scope.regions.iter().find(|region| !self.policy.governs(region)) {
            let problem = format!("--region {region}: the policy does not govern it; fix: name one of its `regions`");
            return Err(Failure::Usage(problem));
        }
        let named = Some(scope.regions.as_slice()).filter(|regions| !regions.is_empty());
        let regions = named.or_else(|| self.policy.governed_regions());
        Ok(regions.map(|regions| regions.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()))
    }

    /// Where to look: in the regions that an account has enabled, or where it does not say, in those of which it once did, or
    /// that all have. That may be too few, so that the accounts which do not say are counted.
    async fn places(&self, known: Vec<Known>, regions: Option<&[Region]>) -> Result<Places, Failure> {
        if let Some(regions) = regions {
            let places = known.into_iter().map(|known| (known, regions.to_vec())).collect();
            return Ok(Places { places, silent: Vec::new() });
        }
        let access = Access::by(self.policy, "plan");
        let each = known.into_iter().map(async |known| {
            let account = &known.0;
            let enabled = patiently(self.world, async || self.world.enabled_regions(account, &access).await).await;
            let told = match &enabled {
                Err(_) if self.remembers => self.world.told_regions(account).await?.map(|told| told.regions),
                _ => None,
            };
            let regions = self.policy.regions_of(enabled.as_ref().ok().or(told.as_ref()));
            let silent = enabled.err().map(|fault| (account.clone(), fault));
            Ok::<_, Fault>(((known, regions), silent))
        });
        self.printer.progress("asking which regions are enabled");
        let (places, silent): (Vec<_>, Vec<_>) =
            stream::iter(each).buffered(ACCOUNTS_AT_ONCE).try_collect::<Vec<_>>().await?.into_iter().unzip();
        Ok(Places { places, silent: silent.into_iter().flatten().collect() })
    }

    async fn accounts(&self, scope: &Scope) -> Result<BTreeSet<AccountId>, Failure> {
        if !scope.accounts.is_empty() {
            return Ok(scope.accounts.iter().cloned().collect());
        }
        self.printer.progress("listing accounts");
        let mut accounts = BTreeSet::new();
        if scope.ous.is_empty() {
            accounts.extend(patiently(self.world, async || self.world.accounts(None).await).await?);
        }
        for ou in &scope.ous {
            accounts.extend(patiently(self.world, async || self.world.accounts(Some(ou)).await).await?);
        }
        Ok(accounts)
    }

    /// What is known of each account. One that left between two calls is left out; one that was asked for must be there.
    async fn facts(&self, accounts: &BTreeSet<AccountId>, named: bool) -> Result<Vec<Known>, Failure> {
        let paced = Paced::new(self.world);
        let done = AtomicUsize::new(0);
        let each = accounts.iter().map(async |account| {
            let facts = paced.account(account).await;
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.printer.progress(&format!("asking for accounts: {count} of {}", accounts.len()));
            (account.clone(), facts)
        });
        let all: Vec<_> = stream::iter(each).buffer_unordered(ACCOUNTS_AT_ONCE).collect().await;
        let mut known = Vec::new();
        for (account, facts) in all {
            match facts {
                Ok(Some(facts)) => known.push((account, Ok(facts))),
                Ok(None) if named => {
                    let problem =
                        format!("account {account} is not in the organisation; fix: see whether its id is right");
                    return Err(Failure::Error(problem));
                }
                Ok(None) => {}
                Err(fault) => known.push((account, Err(fault))),
            }
        }
        Ok(known)
    }

    async fn entries(&self, places: &[(Known, Vec<Region>)]) -> Result<Vec<Entry>, Failure> {
        let total: usize = places.iter().map(|(_, regions)| regions.len()).sum();
        let (done, unreachable) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pairs = places.iter().flat_map(|(known, regions)| regions.iter().map(move |region| (known, region)));
        let each = pairs.map(async |((account, facts), region)| {
            let target = Target::new(account.clone(), region.clone());
            let entry = match facts {
                Ok(facts) => self.entry(target, facts).await?,
                Err(fault) => Entry::unknown(target, None, nothing_known(), Blocked::fault(fault)),
            };
            let lost = usize::from(entry.action == Action::Unreachable);
            let lost = unreachable.fetch_add(lost, Ordering::Relaxed) + lost;
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.printer.progress(&format!("looking: {count} of {total} targets, {lost} unreachable"));
            Ok::<_, Fault>(entry)
        });
        let mut entries: Vec<Entry> = stream::iter(each).buffer_unordered(self.concurrency).try_collect().await?;
        self.printer.progress("");
        entries.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(entries)
    }

    /// One target. That the ledger cannot be read ends the plan: without it, every line would be another one.
    async fn entry(&self, target: Target, facts: &AccountFacts) -> Result<Entry, Fault> {
        let nothing = BTreeSet::new();
        let remembered = async || {
            if self.remembers { self.world.load(&target, &nothing).await } else { Ok(Loaded::default()) }
        };
        let loaded = patiently(self.world, remembered).await?;
        let work = look_at(target.clone(), "plan", self.world);
        let decided =
            patiently(self.world, async || preview(self.world, self.policy, &work, facts, loaded.clone()).await);
        Ok(match decided.await {
            Ok((case, decision)) => Entry::decided(&case, &decision),
            Err(fault) => {
                let baseline = self.policy.resolve(facts, self.world.now());
                Entry::unknown(target, Some(facts), baseline, Blocked::fault(&fault))
            }
        })
    }
}

/// The work of a look that nothing but the operator asked for.
pub(in crate::cli) fn look_at(target: Target, correlation: &str, clock: &impl Clock) -> Work {
    Work {
        target,
        cause: Cause::Swept,
        edits: Vec::new(),
        correlation: correlation.to_owned(),
        since: clock.now(),
        hop: 0,
        not_before: None,
    }
}

/// What the policy says of an account that nothing is known of.
fn nothing_known() -> Resolution {
    let reason = "the organisation did not say where the account is".to_owned();
    Resolution { mode: Mode::Observe, owned: Owned::new(), reason, exemption: None }
}

/// How many of each.
pub(super) fn count(entries: &[Entry]) -> BTreeMap<Action, usize> {
    let mut counts: BTreeMap<Action, usize> = Action::ALL.map(|action| (action, 0)).into();
    for entry in entries {
        *counts.entry(entry.action).or_default() += 1;
    }
    counts
}
