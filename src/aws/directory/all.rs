//! All accounts, or those below an OU, for operators.

use std::collections::BTreeSet;

use super::Organizations;
use crate::aws::fault::Call;
use crate::domain::sweep::{List, OuWalk};
use crate::domain::target::{AccountId, OuId};
use crate::ports::{Directory as _, Fault, FaultClass};

const LIST: Call = Call::read("ListAccounts");

/// A page has at most 20 accounts (API model), and may be empty but not the last [docs: `API_ListAccounts`]. Listing this
/// many pages would take ten minutes.
const PAGES_MAX: usize = 5_000;

impl Organizations {
    pub(super) async fn listed(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        let found = match under {
            None => self.everywhere().await?,
            Some(ou) => self.below(ou).await?,
        };
        Ok(found.into_iter().collect())
    }

    async fn everywhere(&self) -> Result<BTreeSet<AccountId>, Fault> {
        let mut found = BTreeSet::new();
        let mut pages = self.client.list_accounts().into_paginator().send();
        for _ in 0..=PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(found) };
            let page = page.map_err(|error| LIST.failed(&error))?;
            found.extend(page.accounts.iter().flatten().filter_map(|account| account.id()?.parse::<AccountId>().ok()));
        }
        Err(LIST.fault(FaultClass::Invalid, "Endless", "more pages than any organisation has"))
    }

    async fn below(&self, top: &OuId) -> Result<BTreeSet<AccountId>, Fault> {
        let mut found = BTreeSet::new();
        let mut walk = OuWalk::from(top.clone());
        while let Some(cursor) = walk.next().cloned() {
            let (page, parent) = (cursor.page.as_deref(), cursor.path.last().unwrap_or(top));
            let (ous, next) = match cursor.list {
                List::Ous => self.ous_in(parent, page).await.map(|page| (page.items, page.next))?,
                List::Accounts => {
                    let page = self.accounts_in(&cursor.path, page).await?;
                    found.extend(page.items.into_iter().map(|facts| facts.account));
                    (Vec::new(), page.next)
                }
            };
            walk.listed(ous, next);
        }
        Ok(found)
    }
}
