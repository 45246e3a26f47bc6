//! The ledger as an operator reads it: the status of every target, and the history of one account. Nothing here writes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Clients;
use super::ledger::DynamoLedger;
use crate::domain::milestones::Milestones;
use crate::domain::policy::Policy;
use crate::domain::record::{Enabled, Incident, Status};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, Region, Target};
use crate::domain::time::Time;
use crate::ports::{Fault, Ledger as _, Sweeps as _};

/// A target as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRow {
    /// The account and the region.
    pub target: Target,
    /// Its status.
    pub status: Status,
    /// Why it is not in sync.
    pub why: String,
    /// When its record last changed. A check that finds no change does not update it.
    pub updated: Time,
    /// The last recorded check; without changes, checks are recorded twice a day.
    pub checked: Time,
    /// The milestones that it has reached.
    pub milestones: Milestones,
    /// The policy version of its last decision.
    pub policy: String,
}

/// Accounts and targets, ordered by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The accounts that are known.
    pub accounts: Vec<AccountFacts>,
    /// Their enabled regions, where a sweep has read them.
    pub enabled: BTreeMap<AccountId, Enabled>,
    /// The targets that were observed.
    pub targets: Vec<TargetRow>,
}

/// One line of history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryLine {
    /// Correlation id.
    pub id: String,
    /// When it was written.
    pub at: Time,
    /// The region.
    pub region: String,
    /// What was found and done.
    pub summary: String,
    /// The case, the decision and its outcome; contents are given as digests.
    pub case: Value,
    /// The digests of those contents.
    pub contents: Vec<String>,
}

/// Accounts, targets, and what the ledger knows of incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Accounts and targets.
    pub inventory: Inventory,
    /// Open incidents, at most one a target.
    pub open: Vec<(Target, Incident)>,
    /// Lines of history that were written while an incident was open, oldest first.
    pub lines: Vec<(Target, HistoryLine)>,
}

/// Read-only access to the ledger.
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
    /// The table cannot be read, or the policy is malformed.
    pub async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.ledger.policy().await
    }

    /// Every account and every target. Scans the whole table.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn everything(&self) -> Result<Inventory, Fault> {
        self.ledger.inventory().await
    }

    /// The targets with these statuses, and their accounts, read from the sparse index at a cost independent of the
    /// table's size. Targets in sync, exempt or never observed are not in the index.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn status(&self, statuses: &[Status]) -> Result<Inventory, Fault> {
        self.ledger.inventory_from_index(statuses).await
    }

    /// Every account, every target and the incidents of the time from `since` on. Scans the whole table, once.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn survey(&self, since: Time) -> Result<Survey, Fault> {
        self.ledger.survey(since).await
    }

    /// The same of one account, in one query.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn survey_of(&self, account: &AccountId, since: Time) -> Result<Survey, Fault> {
        self.ledger.survey_of(account, since).await
    }

    /// A target's lines of history from `from` until just before `until`, oldest first.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn lines_between(&self, target: &Target, from: Time, until: Time) -> Result<Vec<HistoryLine>, Fault> {
        self.ledger.lines_between(target, from, until).await
    }

    /// The last sweep and its progress.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.ledger.sweep().await
    }

    /// One account and its targets, in one query.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn account(&self, account: &AccountId) -> Result<Inventory, Fault> {
        self.ledger.inventory_of(account).await
    }

    /// The newest lines of an account or of one region, newest first, at most `limit`; and whether there are more.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn history(
        &self,
        account: &AccountId,
        region: Option<&Region>,
        limit: usize,
    ) -> Result<(Vec<HistoryLine>, bool), Fault> {
        self.ledger.history(account, region, limit).await
    }

    /// A content that history names; `None` where it has expired.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn content(&self, account: &AccountId, digest: &str) -> Result<Option<String>, Fault> {
        self.ledger.content(account, digest).await
    }
}
