//! The ledger as an operator reads it: the status of every target, and the history of one account. Nothing here writes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::DynamoLedger;
use crate::aws::client::Clients;
use crate::domain::milestones::Milestones;
use crate::domain::policy::Policy;
use crate::domain::record::{Enabled, Incident, Status};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, Target};
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
    pub(super) ledger: DynamoLedger,
}

impl LedgerView {
    pub(in crate::aws) fn new(table: &str, clients: &Clients) -> Self {
        Self { ledger: DynamoLedger::at(table, clients) }
    }

    /// The policy in force.
    ///
    /// # Errors
    /// The table cannot be read, or the policy is malformed.
    pub async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.ledger.policy().await
    }

    /// The last sweep and its progress.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.ledger.sweep().await
    }
}
