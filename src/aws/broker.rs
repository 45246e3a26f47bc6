//! The broker's calls in the management account. Its role may assume the gap role in any account and describe accounts;
//! every answer comes from one of the two.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_organizations::types::{Account, AccountState};

use super::client::{Clients, Lazy};
use super::fault::Call;
use super::iam::Iam;
use super::session::{Scope, ScopedSts};
use crate::broker::wire::Granted;
use crate::broker::{AccountStatus, Described, Management, RoleUse};
use crate::config::broker::BrokerConfig;
use crate::domain::target::{AccountId, partition};
use crate::domain::text::{ID_CHARS_MAX, clean};
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};
use role_use::role_use;

mod role_use;

const DESCRIBE: Call = Call::read("DescribeAccount");

/// AWS as the broker's role reaches it.
pub struct ManagementAccount {
    organizations: Lazy<aws_sdk_organizations::Client>,
    gap_role: String,
    member_role: String,
    /// Sessions that reach one document.
    to_document: ScopedSts,
    /// Sessions that may read the member role.
    to_role: ScopedSts,
    iam: Iam,
}

impl ManagementAccount {
    pub(super) fn new(config: &BrokerConfig, clients: &Clients) -> Self {
        let BrokerConfig { connection, gap_role, member_role, max_age_hours: _ } = config;
        let scoped = |scope| ScopedSts::new(clients.sts(), partition(&connection.region), scope);
        Self {
            organizations: clients.organizations(),
            gap_role: gap_role.clone(),
            member_role: member_role.clone(),
            to_document: scoped(Scope::Gap),
            to_role: scoped(Scope::Role(member_role.clone())),
            iam: Iam::new(&connection.region, clients),
        }
    }
}

impl Management for ManagementAccount {
    async fn describe(&self, account: &AccountId) -> Result<Option<Described>, Fault> {
        let sent = self.organizations.describe_account().account_id(account.as_str()).send().await;
        match sent.map_err(|error| DESCRIBE.failed(&error)) {
            Ok(answer) => described(answer.account.as_ref()).map(Some),
            Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn member_role_use(&self, account: &AccountId, correlation: &str) -> Result<RoleUse, Fault> {
        let session = self.to_role.assume(account, &self.gap_role, correlation).await?;
        role_use(&self.iam, &self.member_role, SharedCredentialsProvider::new(session.credentials)).await
    }

    async fn document_session(&self, account: &AccountId, correlation: &str) -> Result<Granted, Fault> {
        let session = self.to_document.assume(account, &self.gap_role, correlation).await?;
        Ok(Granted {
            access_key_id: session.credentials.access_key_id().to_owned(),
            secret_access_key: session.credentials.secret_access_key().to_owned(),
            session_token: session.credentials.session_token().unwrap_or_default().to_owned(),
            expiration: session.expires,
            role: self.gap_role.clone(),
            member_role_used: None,
        })
    }
}

/// An answer without the management account or the account's state is incomplete.
fn described(account: Option<&Account>) -> Result<Described, Fault> {
    let read = |account: &Account| {
        let joined = account.joined_timestamp().and_then(|at| at.to_millis().ok()).map(Time::from_ms);
        Some(Described { management_account: manager(account.arn()?)?, status: status(account)?, joined })
    };
    account
        .and_then(read)
        .ok_or_else(|| DESCRIBE.fault(FaultClass::Transient, "Incomplete", "the answer lacks an ARN or a state"))
}

/// `arn:PARTITION:organizations::MANAGEMENT:account/ORGANISATION/ACCOUNT` [bc organizations: `AccountArn`].
fn manager(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4)?.parse().ok()
}

/// `State`, or the `Status` that it replaces from September 2026 on [bc organizations].
fn status(account: &Account) -> Option<AccountStatus> {
    let (active, word) = match (account.state(), account.status()) {
        (Some(state), _) => (*state == AccountState::Active, state.as_str()),
        (None, Some(status)) => (status.as_str() == "ACTIVE", status.as_str()),
        (None, None) => return None,
    };
    Some(if active { AccountStatus::Active } else { AccountStatus::Other(clean(word, ID_CHARS_MAX)) })
}

#[cfg(test)]
mod tests {
    use aws_sdk_organizations::types::AccountStatus as Status;

    use super::*;

    const ARN: &str = "arn:aws:organizations::111122223333:account/o-exampleorgid/444455556666";

    #[test]
    fn state_counts_before_the_status_that_it_replaces() {
        let read = |account: Account| described(Some(&account)).map(|described| described.status);
        let account = || Account::builder().arn(ARN);
        assert_eq!(read(account().status(Status::Active).build()).unwrap(), AccountStatus::Active);
        let closing = account().status(Status::Active).state(AccountState::PendingClosure).build();
        assert_eq!(read(closing).unwrap(), AccountStatus::Other("PENDING_CLOSURE".to_owned()));
        let young = account().state(AccountState::PendingActivation).build();
        assert_eq!(read(young).unwrap(), AccountStatus::Other("PENDING_ACTIVATION".to_owned()));
    }

    #[test]
    fn an_answer_without_state_or_management_account_is_none() {
        for account in [
            Account::builder().arn(ARN).build(),
            Account::builder().status(Status::Active).build(),
            Account::builder().status(Status::Active).arn("arn:aws:organizations").build(),
        ] {
            assert_eq!(described(Some(&account)).unwrap_err().code, "Incomplete");
        }
        assert_eq!(described(None).unwrap_err().code, "Incomplete");
    }
}
