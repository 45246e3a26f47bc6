//! Accounts and their OUs, from Organizations. Its limits are low (`ListParents` 5 a second for the whole organisation
//! [docs: `orgs_reference_limits`]), so parents of OUs are cached for a few minutes; the OU of an account never is.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{Account, AccountState as State, ParentType};

use super::client::{Clients, Lazy};
use super::fault::Call;
use super::regions::AccountRegions;
use super::session::Sessions;
use crate::clock;
use crate::domain::sweep::OU_DEPTH_MAX;
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId, Region};
use crate::domain::text::{NAME_CHARS_MAX, clean};
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::{Access, Directory, Fault, FaultClass, Page};

#[cfg(feature = "cli")]
mod all;
#[cfg(test)]
mod tests;

const DESCRIBE: Call = Call::read("DescribeAccount");
const PARENTS: Call = Call::read("ListParents");
const ACCOUNTS: Call = Call::read("ListAccountsForParent");
const OUS: Call = Call::read("ListOrganizationalUnitsForParent");

const KEEP_MS: i64 = 3 * MINUTE_MS;
/// An organisation has 2,000 OUs by default [docs: `orgs_reference_limits`].
const OUS_MAX: usize = 4_096;

/// The organisation.
pub struct Organizations {
    client: Lazy<Client>,
    parents: Mutex<HashMap<OuId, (OuId, Time)>>,
    regions: AccountRegions,
}

impl Organizations {
    pub(super) fn new(clients: &Clients, sessions: Arc<Sessions>) -> Self {
        let regions = AccountRegions::new(clients, sessions);
        Self { client: clients.organizations(), parents: Mutex::default(), regions }
    }

    async fn describe(&self, account: &AccountId) -> Result<AccountFacts, Fault> {
        let sent = self.client.describe_account().account_id(account.as_str()).send().await;
        let Some(described) = sent.map_err(|error| DESCRIBE.failed(&error))?.account else {
            return Err(DESCRIBE.fault(FaultClass::Transient, "Incomplete", "the answer holds no account"));
        };
        let ou_path = match path_of(&described) {
            Some(path) => path,
            None => self.walk(account).await?,
        };
        Ok(facts_of(&described, account.clone(), ou_path))
    }

    /// The path from the root to the account, outermost OU first.
    async fn walk(&self, account: &AccountId) -> Result<Vec<OuId>, Fault> {
        let mut path = vec![self.ask_parent(account.as_str()).await?];
        while let Some(top) = path.last().filter(|top| !is_root(top)) {
            if path.len() >= OU_DEPTH_MAX {
                return Err(PARENTS.fault(FaultClass::Invalid, "TooDeep", "the OUs above the account do not end"));
            }
            let above = self.parent_of(top).await?;
            path.push(above);
        }
        path.reverse();
        Ok(path)
    }

    async fn parent_of(&self, ou: &OuId) -> Result<OuId, Fault> {
        let now = clock::now();
        let kept = {
            let parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
            parents.get(ou).filter(|(_, at)| now.since(*at) < KEEP_MS).map(|(parent, _)| parent.clone())
        };
        if let Some(parent) = kept {
            return Ok(parent);
        }
        let parent = self.ask_parent(ou.as_str()).await?;
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        if parents.len() >= OUS_MAX {
            parents.clear();
        }
        parents.insert(ou.clone(), (parent.clone(), now));
        Ok(parent)
    }

    async fn ask_parent(&self, child: &str) -> Result<OuId, Fault> {
        let sent = self.client.list_parents().child_id(child).send().await;
        let parents = sent.map_err(|error| PARENTS.failed(&error))?.parents.unwrap_or_default();
        let parent = parents
            .iter()
            .find(|parent| matches!(parent.r#type(), Some(ParentType::OrganizationalUnit | ParentType::Root)));
        parent
            .and_then(|parent| parent.id()?.parse().ok())
            .ok_or_else(|| PARENTS.fault(FaultClass::Transient, "Incomplete", "the answer names no parent"))
    }
}

impl Directory for Organizations {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        match self.describe(account).await {
            Ok(facts) => Ok(Some(facts)),
            // AccountNotFoundException, or ChildNotFoundException where the account left between the calls.
            Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        let sent = self
            .client
            .list_organizational_units_for_parent()
            .parent_id(parent.as_str())
            .set_next_token(page.map(str::to_owned))
            .send()
            .await;
        let answer = sent.map_err(|error| OUS.failed(&error))?;
        let ous = answer.organizational_units.unwrap_or_default();
        Ok(Page { items: ous.iter().filter_map(|ou| ou.id()?.parse().ok()).collect(), next: token(answer.next_token) })
    }

    /// A page has at most 20 accounts (API model).
    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        let sent = self
            .client
            .list_accounts_for_parent()
            .set_parent_id(path.last().map(|parent| parent.as_str().to_owned()))
            .set_next_token(page.map(str::to_owned))
            .send()
            .await;
        let answer = sent.map_err(|error| ACCOUNTS.failed(&error))?;
        let listed = |account: &Account| Some(facts_of(account, account.id()?.parse().ok()?, path.to_vec()));
        let accounts = answer.accounts.unwrap_or_default();
        Ok(Page { items: accounts.iter().filter_map(listed).collect(), next: token(answer.next_token) })
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.regions.enabled(account, access).await
    }

    #[cfg(feature = "cli")]
    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.listed(under).await
    }
}

/// An empty token means the same as none.
fn token(next: Option<String>) -> Option<String> {
    next.filter(|token| !token.is_empty())
}

fn facts_of(account: &Account, id: AccountId, ou_path: Vec<OuId>) -> AccountFacts {
    AccountFacts {
        account: id,
        name: clean(account.name().unwrap_or_default(), NAME_CHARS_MAX),
        ou_path,
        state: state_of(account),
    }
}

fn is_root(ou: &OuId) -> bool {
    ou.as_str().starts_with("r-")
}

/// `o-…/r-…/ou-…/…/ACCOUNT/` [bc organizations: `Account.Paths`]. It saves the walk where the answer has it.
fn path_of(account: &Account) -> Option<Vec<OuId>> {
    let path: Vec<OuId> = account.paths().first()?.split('/').filter_map(|part| part.parse().ok()).collect();
    path.first().is_some_and(is_root).then_some(path)
}

/// `State`, or the `Status` that it replaces from September 2026 on [bc organizations]. An account with neither counts as
/// active; its own calls would show otherwise.
fn state_of(account: &Account) -> AccountState {
    let closed = match account.state() {
        Some(State::Suspended | State::PendingClosure | State::Closed) => true,
        Some(_) => false,
        None => account.status().is_some_and(|status| matches!(status.as_str(), "SUSPENDED" | "PENDING_CLOSURE")),
    };
    if closed { AccountState::Closed } else { AccountState::Active }
}
