//! All accounts, or those below an OU.

use std::collections::BTreeSet;

use aws_sdk_organizations::types::Account;

use super::{DEPTH_MAX, Organizations};
use crate::aws::fault::Call;
use crate::domain::target::{AccountId, OuId};
use crate::ports::{Fault, FaultClass};

const LIST: Call = Call::read("ListAccounts");
const LIST_BELOW: Call = Call::read("ListAccountsForParent");
const LIST_OUS: Call = Call::read("ListOrganizationalUnitsForParent");

/// A page has at most 20 accounts (API model) and may have none and go on [docs: `API_ListAccounts`]; an organisation this large
/// would take ten minutes to list.
const PAGES_MAX: usize = 5_000;

impl Organizations {
    pub(in crate::aws) async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        let found = match under {
            None => self.everywhere().await?,
            Some(ou) => self.below(ou).await?,
        };
        Ok(found.into_iter().collect())
    }

    async fn everywhere(&self) -> Result<BTreeSet<AccountId>, Fault> {
        let mut found = BTreeSet::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let sent = self.client.list_accounts().set_next_token(next).send().await;
            let page = sent.map_err(|error| LIST.failed(&error))?;
            found.extend(ids(page.accounts));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(endless(LIST))
    }

    /// Level by level; OUs that are moved while we walk are met once or twice, and accounts with them.
    async fn below(&self, top: &OuId) -> Result<BTreeSet<AccountId>, Fault> {
        let mut found = BTreeSet::new();
        let mut level = vec![top.clone()];
        for _ in 0..DEPTH_MAX {
            let mut deeper = Vec::new();
            for ou in &level {
                self.accounts_in(ou, &mut found).await?;
                self.ous_in(ou, &mut deeper).await?;
            }
            if deeper.is_empty() {
                return Ok(found);
            }
            level = deeper;
        }
        Err(endless(LIST_OUS))
    }

    async fn accounts_in(&self, ou: &OuId, found: &mut BTreeSet<AccountId>) -> Result<(), Fault> {
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let sent = self.client.list_accounts_for_parent().parent_id(ou.as_str()).set_next_token(next).send().await;
            let page = sent.map_err(|error| LIST_BELOW.failed(&error))?;
            found.extend(ids(page.accounts));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(());
            }
        }
        Err(endless(LIST_BELOW))
    }

    async fn ous_in(&self, ou: &OuId, found: &mut Vec<OuId>) -> Result<(), Fault> {
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let sent = self
                .client
                .list_organizational_units_for_parent()
                .parent_id(ou.as_str())
                .set_next_token(next)
                .send()
                .await;
            let page = sent.map_err(|error| LIST_OUS.failed(&error))?;
            let ous = page.organizational_units.unwrap_or_default();
            found.extend(ous.iter().filter_map(|ou| ou.id()?.parse::<OuId>().ok()));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(());
            }
        }
        Err(endless(LIST_OUS))
    }
}

fn ids(accounts: Option<Vec<Account>>) -> impl Iterator<Item = AccountId> {
    accounts.into_iter().flatten().filter_map(|account| account.id()?.parse().ok())
}

fn endless(call: Call) -> Fault {
    call.fault(FaultClass::Invalid, "Endless", "more pages or levels than any organisation has")
}
