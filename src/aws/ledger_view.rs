//! The ledger as an operator reads it: how everything stands, and what happened at one target. Nothing here writes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Clients;
use super::ledger::DynamoLedger;
use crate::domain::milestones::Milestones;
use crate::domain::policy::Policy;
use crate::domain::record::{Enabled, Status};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, Region, Target};
use crate::domain::time::Time;
use crate::ports::Fault;

/// A target as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRow {
    /// Where.
    pub target: Target,
    /// How it stands.
    pub status: Status,
    /// Why it is not in sync.
    pub why: String,
    /// When a look last brought something new. A look that finds everything as it was writes nothing.
    pub updated: Time,
    /// The last look that was written down, which is twice a day where nothing is new.
    pub looked: Time,
    /// How far it has come.
    pub milestones: Milestones,
    /// The version of the policy by which it was last decided.
    pub policy: String,
}

/// Accounts and targets, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The accounts that are known.
    pub accounts: Vec<AccountFacts>,
    /// The regions that they have enabled, where a sweep was told.
    pub enabled: BTreeMap<AccountId, Enabled>,
    /// The targets that were looked at.
    pub targets: Vec<TargetRow>,
}

/// One line of history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryLine {
    /// Correlation id.
    pub id: String,
    /// When.
    pub at: Time,
    /// Where.
    pub region: String,
    /// What was found and done.
    pub summary: String,
    /// The case, the decision and what came of it; contents stand as digests.
    pub case: Value,
    /// The digests of those contents.
    pub contents: Vec<String>,
}

/// The ledger, to be read.
pub struct LedgerView {
    ledger: DynamoLedger,
}

impl LedgerView {
    pub(super) fn new(table: &str, clients: &Clients) -> Self {
        Self { ledger: DynamoLedger::at(table, clients) }
    }

    /// The policy in force.
    ///
    /// # Errors
    /// The table cannot be read, or the policy in it.
    pub async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.ledger.policy().await
    }

    /// Every account and every target: the whole table is read.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn everything(&self) -> Result<Inventory, Fault> {
        self.ledger.inventory().await
    }

    /// The targets that stand like this, and their accounts, from the index of what is not in sync: however large the table
    /// is, only those are read. What is in sync or exempt, and what nobody has looked at, has no place there.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn status(&self, statuses: &[Status]) -> Result<Inventory, Fault> {
        self.ledger.inventory_from_index(statuses).await
    }

    /// The last sweep, as far as it has come.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.ledger.sweep().await
    }

    /// One account and its targets: one query.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn account(&self, account: &AccountId) -> Result<Inventory, Fault> {
        self.ledger.inventory_of(account).await
    }

    /// The newest lines of an account's history, or of one region of it, newest first, at most `limit`; and whether there
    /// are more.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn history(
        &self,
        account: &AccountId,
        region: Option<&Region>,
        limit: usize,
    ) -> Result<(Vec<HistoryLine>, bool), Fault> {
        self.ledger.history(account, region, limit).await
    }

    /// A content that history names; absent where it is gone.
    ///
    /// # Errors
    /// The table cannot be read, or holds what we do not write.
    pub async fn content(&self, account: &AccountId, digest: &str) -> Result<Option<String>, Fault> {
        self.ledger.content(account, digest).await
    }
}
