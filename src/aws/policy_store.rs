//! The policy in the ledger's table, as operators read and write it. The function reads the one in force, and may not write.

use super::client::Clients;
use super::ledger::DynamoLedger;
use crate::domain::policy::{Policy, PolicyError};
use crate::domain::target::AccountFacts;
use crate::domain::time::Time;
use crate::ports::Fault;

/// One version: who put it into force, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Counted from 1.
    pub number: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Digest of the compiled policy.
    pub digest: String,
    /// The version that it brought back, if it did.
    pub rollback_of: Option<u64>,
}

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The version.
    pub version: PolicyVersion,
    /// As it was written.
    pub yaml: String,
    /// As the function reads it.
    pub compiled: String,
}

/// An item of DynamoDB holds 400 KB, and both texts stand in one [docs: amazondynamodb `ServiceQuotas`]; the rest is for
/// keys, names and the message.
pub const TEXTS_BYTES_MAX: usize = 390 * 1_024;

/// What is in force.
#[derive(Debug)]
pub struct Current {
    /// The policy, or why the function cannot read it.
    pub policy: Result<Policy, PolicyError>,
    /// Its version; absent where somebody put it there by hand.
    pub version: Option<PolicyVersion>,
}

/// The versions of the policy.
pub struct PolicyStore {
    ledger: DynamoLedger,
}

impl PolicyStore {
    pub(super) fn new(table: &str, clients: &Clients) -> Self {
        Self { ledger: DynamoLedger::at(table, clients) }
    }

    /// What is in force; nothing where no policy was ever pushed.
    ///
    /// # Errors
    /// The table cannot be read, or holds something else there.
    pub async fn current(&self) -> Result<Option<Current>, Fault> {
        self.ledger.current_policy().await
    }

    /// One version with its text.
    ///
    /// # Errors
    /// The table cannot be read, or holds something else there.
    pub async fn version(&self, number: u64) -> Result<Option<Pushed>, Fault> {
        self.ledger.pushed_policy(number).await
    }

    /// The newest versions, newest first, at most `limit`; and whether there are more.
    ///
    /// # Errors
    /// The table cannot be read, or holds something else there.
    pub async fn versions(&self, limit: usize) -> Result<(Vec<PolicyVersion>, bool), Fault> {
        self.ledger.policy_versions(limit).await
    }

    /// Writes a version and puts it into force at once, both or neither, and only where `on` is what is in force still.
    ///
    /// # Errors
    /// [`FaultClass::Conflict`](crate::ports::FaultClass::Conflict) where it is not: somebody else was faster.
    pub async fn push(&self, pushed: &Pushed, on: Option<&Current>) -> Result<(), Fault> {
        self.ledger.push_policy(pushed, on).await
    }

    /// The accounts that the ledger knows.
    ///
    /// # Errors
    /// The table cannot be read, or is larger than anybody would wait for.
    pub async fn accounts(&self) -> Result<Vec<AccountFacts>, Fault> {
        self.ledger.known_accounts().await
    }
}
