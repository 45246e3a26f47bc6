//! The accounts and regions that an operator's command is about, found out from the organisation and the accounts themselves.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::pace::{Paced, patiently};
use crate::cli::login::Failure;
use crate::cli::printer::Printer;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region};
use crate::ports::{Access, Clock, Directory, Fault, Ledger};

/// Accounts asked for at a time.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Which accounts: those below OUs, or single ones; all of the organisation where neither is named.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Which<'a> {
    pub(in crate::cli) ous: &'a [OuId],
    pub(in crate::cli) accounts: &'a [AccountId],
}

/// Asks for them.
pub(in crate::cli) struct Finder<'a, W> {
    pub(in crate::cli) world: &'a W,
    pub(in crate::cli) policy: &'a Policy,
    /// Whether there is a ledger that knows which regions accounts once had.
    pub(in crate::cli) remembers: bool,
    /// Names the role sessions.
    pub(in crate::cli) correlation: &'static str,
    pub(in crate::cli) printer: &'a Printer,
}

/// Where to look.
pub(in crate::cli) struct Places {
    /// By account; those that are closed left out.
    pub(in crate::cli) open: Vec<(Known, Vec<Region>)>,
    /// Accounts that are closed, or about to be.
    pub(in crate::cli) closed: usize,
    /// Accounts that did not say which regions they have enabled, and why: there may be targets beside those of `open`.
    pub(in crate::cli) silent: Vec<(AccountId, Fault)>,
}

/// What the organisation says of an account.
pub(in crate::cli) type Known = (AccountId, Result<AccountFacts, Fault>);

/// Why the places are not known.
#[derive(Debug)]
pub(in crate::cli) enum NotFound {
    /// An account that was asked for by its id.
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

impl<W: Directory + Ledger + Clock + Sync> Finder<'_, W> {
    /// The accounts in these regions, or where none are given, in those that each has enabled.
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
            accounts.extend(patiently(self.world, async || self.world.accounts(None).await).await?);
        }
        for ou in ous {
            accounts.extend(patiently(self.world, async || self.world.accounts(Some(ou)).await).await?);
        }
        Ok(accounts)
    }

    /// What is known of each account. One that left between two calls is left out; one that was asked for must be there.
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

    /// Where to look: in the regions that an account has enabled, or where it does not say, in those of which it once did, or
    /// that all have. That may be too few, so that the accounts which do not say are counted.
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
            let enabled = patiently(self.world, async || self.world.enabled_regions(account, &access).await).await;
            let told = match &enabled {
                Err(_) if self.remembers => self.world.reported_regions(account).await?.map(|told| told.regions),
                _ => None,
            };
            let regions = self.policy.regions_of(enabled.as_ref().ok().or(told.as_ref()));
            let silent = enabled.err().map(|fault| (account.clone(), fault));
            Ok::<_, Fault>(((known, regions), silent))
        });
        self.printer.progress("asking which regions are enabled");
        let (places, silent): (Vec<_>, Vec<_>) =
            stream::iter(each).buffered(ACCOUNTS_AT_ONCE).try_collect::<Vec<_>>().await?.into_iter().unzip();
        Ok((places, silent.into_iter().flatten().collect()))
    }
}
