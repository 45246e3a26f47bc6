//! Accounts, their places in the tree, and the times from which their roles work.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sim, fault};
use crate::domain::target::{AccountFacts, AccountId, OuId, Region};
use crate::domain::time::Time;
use crate::ports::{Access, Clock as _, Directory, Fault, FaultClass, Page};

/// One simulated account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name, place and state.
    pub facts: AccountFacts,
    /// Roles that the hub can assume, each with its start.
    pub roles: BTreeMap<String, Time>,
    /// When SSM starts to answer.
    pub ready: Time,
    /// Default regions that are disabled.
    pub regions_off: BTreeSet<Region>,
    /// Further regions that are enabled.
    pub opted_in: BTreeSet<Region>,
}

/// The default regions of every account; fewer than AWS has.
const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];

pub(super) type Accounts = BTreeMap<AccountId, Account>;

impl Sim {
    /// Adds or replaces an account.
    pub fn put_account(&self, account: Account) {
        self.state().accounts.insert(account.facts.account.clone(), account);
    }

    /// Changes an account.
    pub fn change_account(&self, id: &AccountId, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.state().accounts.get_mut(id) {
            change(account);
        }
    }

    /// Removes an account from the organisation.
    pub fn take_account(&self, id: &AccountId) -> Option<Account> {
        self.state().accounts.remove(id)
    }

    /// An account.
    pub fn find_account(&self, id: &AccountId) -> Option<Account> {
        self.state().accounts.get(id).cloned()
    }

    /// Every account.
    pub fn accounts(&self) -> Vec<Account> {
        self.state().accounts.values().cloned().collect()
    }

    /// The role that admits the hub, or why none does.
    pub(super) fn enter(&self, id: &AccountId, region: &Region, access: &Access) -> Result<String, Fault> {
        let now = self.now();
        let state = self.state();
        let denied = |why: &str| {
            fault(FaultClass::Denied, "AssumeRole", "AccessDenied", &format!("{why} ({})", access.roles.join(", ")))
        };
        let Some(account) = state.accounts.get(id) else { return Err(denied("no such account")) };
        let usable = |role: &&String| account.roles.get(*role).is_some_and(|from| *from <= now);
        let Some(role) = access.roles.iter().find(usable) else { return Err(denied("no role can be assumed")) };
        if account.ready > now {
            let code = "SubscriptionRequiredException";
            return Err(fault(FaultClass::NotReady, "GetDocument", code, "the account is being set up"));
        }
        if account.regions_off.contains(region) {
            let code = "UnrecognizedClientException";
            return Err(fault(FaultClass::RegionOff, "GetDocument", code, "the region is not enabled"));
        }
        Ok(role.clone())
    }
}

/// Items per page; few, so that lists have several pages.
const PAGE: usize = 3;

fn paged<T>(items: impl Iterator<Item = T>, page: Option<&str>) -> Page<T> {
    let from: usize = page.and_then(|page| page.parse().ok()).unwrap_or(0);
    let mut items: Vec<T> = items.skip(from).take(PAGE + 1).collect();
    let next = (items.len() > PAGE).then(|| (from + PAGE).to_string());
    items.truncate(PAGE);
    Page { items, next }
}

impl Directory for Sim {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.call().await;
        Ok(self.state().accounts.get(account).map(|account| account.facts.clone()))
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.call().await;
        let state = self.state();
        let paths = state.accounts.values().map(|account| &account.facts.ou_path);
        let pairs = paths.flat_map(|path| path.iter().zip(path.iter().skip(1)));
        let below: BTreeSet<&OuId> = pairs.filter(|(above, _)| *above == parent).map(|(_, below)| below).collect();
        Ok(paged(below.into_iter().cloned(), page))
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.call().await;
        let state = self.state();
        let here = state.accounts.values().filter(|account| account.facts.ou_path.last() == path.last());
        Ok(paged(here.map(|account| AccountFacts { ou_path: path.to_vec(), ..account.facts.clone() }), page))
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.call().await;
        let all = REGIONS.iter().filter_map(|region| region.parse::<Region>().ok());
        let known = self.find_account(account);
        let (off, on) = known.map(|account| (account.regions_off, account.opted_in)).unwrap_or_default();
        let enabled: BTreeSet<Region> = all.filter(|region| !off.contains(region)).chain(on).collect();
        // The service has one endpoint for all regions, so any enabled region serves.
        let anywhere =
            enabled.first().ok_or_else(|| fault(FaultClass::Denied, "ListRegions", "AccessDenied", "no region"))?;
        self.enter(account, anywhere, access)?;
        Ok(enabled)
    }

    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.call().await;
        let state = self.state();
        let below = |account: &&Account| under.is_none_or(|ou| account.facts.ou_path.contains(ou));
        Ok(state.accounts.values().filter(below).map(|account| account.facts.account.clone()).collect())
    }
}
