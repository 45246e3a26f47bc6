//! Lists OUs and accounts of a parent, page by page.

use aws_sdk_organizations::types::Account;

use super::{Organizations, facts_of};
use crate::aws::fault::Call;
use crate::domain::target::{AccountFacts, OuId};
use crate::ports::{Fault, Page};

const ACCOUNTS: Call = Call::read("ListAccountsForParent");
const OUS: Call = Call::read("ListOrganizationalUnitsForParent");

impl Organizations {
    pub(in crate::aws) async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
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
    pub(in crate::aws) async fn accounts_in(
        &self,
        path: &[OuId],
        page: Option<&str>,
    ) -> Result<Page<AccountFacts>, Fault> {
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
}

/// An empty token means the same as none.
pub(super) fn token(next: Option<String>) -> Option<String> {
    next.filter(|token| !token.is_empty())
}
