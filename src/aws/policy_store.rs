//! The policy in the ledger's table, for operators. The function reads the policy in force and may not write.

use serde::{Deserialize, Serialize};

use super::client::Clients;
use super::ledger::DynamoLedger;
use crate::domain::policy::{Policy, PolicyError};
use crate::domain::target::AccountFacts;
use crate::domain::time::Time;
use crate::ports::Fault;

/// One version: who put it into force, when, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Counted from 1.
    #[serde(rename = "version")]
    pub number: u64,
    /// When it was pushed.
    pub at: Time,
    /// Who pushed it.
    pub by: String,
    /// The reason given for it.
    pub why: String,
    /// Digest of the compiled policy.
    pub digest: String,
    /// For a rollback, the version that it restores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<u64>,
}

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The version.
    pub version: PolicyVersion,
    /// The YAML as it was written.
    pub yaml: String,
    /// The compiled policy that the function reads.
    pub compiled: String,
}

/// Limit of both texts together: they share one DynamoDB item of 400 KB [docs: amazondynamodb `ServiceQuotas`] with
/// keys, names and the message.
pub const TEXTS_BYTES_MAX: usize = 390 * 1_024;

/// The policy in force.
#[derive(Debug)]
pub struct Current {
    /// The policy, or why the function cannot read it.
    pub policy: Result<Policy, PolicyError>,
    /// Its version; absent where it was written to the table without `runasctl`.
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

    /// The policy in force; `None` where no policy was ever pushed.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn current(&self) -> Result<Option<Current>, Fault> {
        self.ledger.current_policy().await
    }

    /// One version with its text.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn version(&self, number: u64) -> Result<Option<Pushed>, Fault> {
        self.ledger.pushed_policy(number).await
    }

    /// The newest versions, newest first, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn versions(&self, limit: usize) -> Result<(Vec<PolicyVersion>, bool), Fault> {
        self.ledger.policy_versions(limit).await
    }

    /// Writes a version and puts it into force in one transaction, on condition that `on` is still in force.
    ///
    /// # Errors
    /// [`FaultClass::Conflict`](crate::ports::FaultClass::Conflict) where another policy was pushed meanwhile.
    pub async fn push(&self, pushed: &Pushed, on: Option<&Current>) -> Result<(), Fault> {
        self.ledger.push_policy(pushed, on).await
    }

    /// The accounts that the ledger knows.
    ///
    /// # Errors
    /// The table cannot be read, or is too large to scan.
    pub async fn accounts(&self) -> Result<Vec<AccountFacts>, Fault> {
        self.ledger.known_accounts().await
    }
}
