//! Finds the accounts and regions of a command, from Organizations and from the accounts themselves.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::pace::{Paced, patiently};
use crate::cli::login::Failure;
use crate::cli::printer::Printer;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region};
use crate::ports::{Access, Directory, Fault, Ledger, World};

/// Accounts asked concurrently.
const ACCOUNTS_AT_ONCE: usize = 8;

/// The selected accounts: below OUs, or by id; the whole organisation where neither is given.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Which<'a> {
    pub(in crate::cli) ous: &'a [OuId],
    pub(in crate::cli) accounts: &'a [AccountId],
}

/// Finds the places.
pub(in crate::cli) struct Finder<'a, W> {
    pub(in crate::cli) world: &'a W,
    pub(in crate::cli) policy: &'a Policy,
    /// Whether a ledger is available, which holds the regions that accounts last reported.
    pub(in crate::cli) remembers: bool,
    /// Names the role sessions.
    pub(in crate::cli) correlation: &'static str,
    pub(in crate::cli) printer: &'a Printer,
}

/// The places to work on.
pub(in crate::cli) struct Places {
    /// Open accounts with their regions.
    pub(in crate::cli) open: Vec<(Known, Vec<Region>)>,
    /// Number of accounts that are closed or closing.
    pub(in crate::cli) closed: usize,
    /// Accounts that did not list their enabled regions, and why; they may have targets besides those of `open`.
    pub(in crate::cli) silent: Vec<(AccountId, Fault)>,
}

/// An account, and its facts from Organizations.
pub(in crate::cli) type Known = (AccountId, Result<AccountFacts, Fault>);

/// Why the places could not be found.
#[derive(Debug)]
pub(in crate::cli) enum NotFound {
    /// An account given by id does not exist.
    Account(AccountId),
    /// A call failed.
    Fault(Fault),
}

impl From<Fault> for NotFound {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<NotFound> for Failure {
    fn from(not_found: NotFound) -> Self {
        match not_found {
            NotFound::Account(account) => {
                Self::Error(format!("account {account} is not in the organisation; fix: see whether its id is right"))
            }
            NotFound::Fault(fault) => fault.into(),
        }
    }
}

/// The regions that were named, or else those of the policy; `None` where each account says itself.
pub(in crate::cli) fn chosen_regions(policy: &Policy, named: &[Region]) -> Result<Option<Vec<Region>>, Failure> {
    if let Some(region) = named.iter().find(|region| !policy.governs(region)) {
        let problem = format!("--region {region}: the policy does not govern it; fix: name one of its `regions`");
        return Err(Failure::Usage(problem));
    }
    let regions = Some(named).filter(|regions| !regions.is_empty()).or_else(|| policy.governed_regions());
    Ok(regions.map(|regions| regions.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()))
}

impl<W: World> Finder<'_, W> {
    /// Finds the accounts in these regions, or in each account's enabled ones where none are given.
    pub(in crate::cli) async fn find(&self, which: Which<'_>, regions: Option<&[Region]>) -> Result<Places, NotFound> {
        let accounts = self.accounts(which).await?;
        let mut known = self.facts(&accounts, !which.accounts.is_empty()).await?;
        known.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (open, closed): (Vec<Known>, Vec<Known>) = known
            .into_iter()
            .partition(|(_, facts)| !matches!(facts, Ok(facts) if facts.state != AccountState::Active));
        let (open, silent) = self.regions(open, regions).await?;
        Ok(Places { open, closed: closed.len(), silent })
    }

    async fn accounts(&self, Which { ous, accounts }: Which<'_>) -> Result<BTreeSet<AccountId>, NotFound> {
        if !accounts.is_empty() {
            return Ok(accounts.iter().cloned().collect());
        }
        self.printer.progress("listing accounts");
        let mut accounts = BTreeSet::new();
        if ous.is_empty() {
            accounts.extend(patiently(self.world, async || self.world.directory().accounts(None).await).await?);
        }
        for ou in ous {
            accounts.extend(patiently(self.world, async || self.world.directory().accounts(Some(ou)).await).await?);
        }
        Ok(accounts)
    }

    /// The facts of each account. An account that left between two calls is left out; one given by id must exist.
    async fn facts(&self, accounts: &BTreeSet<AccountId>, named: bool) -> Result<Vec<Known>, NotFound> {
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
                Ok(None) if named => return Err(NotFound::Account(account)),
                Ok(None) => {}
                Err(fault) => known.push((account, Err(fault))),
            }
        }
        Ok(known)
    }

    /// The regions of each account: its enabled ones, else those that it last reported, else those that all accounts have.
    /// The fallbacks may be incomplete, so the accounts that used one are returned too.
    async fn regions(
        &self,
        known: Vec<Known>,
        regions: Option<&[Region]>,
    ) -> Result<(Vec<(Known, Vec<Region>)>, Vec<(AccountId, Fault)>), Fault> {
        if let Some(regions) = regions {
            return Ok((known.into_iter().map(|known| (known, regions.to_vec())).collect(), Vec::new()));
        }
        let access = Access::by(self.policy, self.correlation);
        let each = known.into_iter().map(async |known| {
            let account = &known.0;
            let enabled =
                patiently(self.world, async || self.world.directory().enabled_regions(account, &access).await).await;
            let reported = match &enabled {
                Err(_) if self.remembers => {
                    self.world.ledger().reported_regions(account).await?.map(|reported| reported.regions)
                }
                _ => None,
            };
            let regions = self.policy.regions_of(enabled.as_ref().ok().or(reported.as_ref()));
            let silent = enabled.err().map(|fault| (account.clone(), fault));
            Ok::<_, Fault>(((known, regions), silent))
        });
        self.printer.progress("asking which regions are enabled");
        let (places, silent): (Vec<_>, Vec<_>) =
            stream::iter(each).buffered(ACCOUNTS_AT_ONCE).try_collect::<Vec<_>>().await?.into_iter().unzip();
        Ok((places, silent.into_iter().flatten().collect()))
    }
}
