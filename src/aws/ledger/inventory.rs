//! The status of all targets, from the attributes beside the records: a record may be a thousand times as large.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use super::corrupt;
use super::items::{self, Item, s};
use super::keys::{self, Key};
use super::row::all_of;
use super::scan::RowFilter;
use super::view::{Inventory, LedgerView, TargetRow};
use crate::domain::milestones::Milestones;
use crate::domain::record::Status;
use crate::domain::target::{AccountId, Region, Target};
use crate::domain::time::Time;
use crate::ports::{Fault, Ledger as _};

const FILTER: &str = "SK = :meta OR begins_with(SK, :region)";
const PROJECTION: &str = "PK, SK, #facts, #account, #region, #status, #why, #updated, #checked, #vended, #reached, #configured, \
     #member_role, #newest_call, #policy, #enabled, #enabled_at";
const NAMES: [&str; 15] = [
    items::FACTS,
    "account",
    "region",
    "status",
    "why",
    items::UPDATED,
    items::CHECKED,
    "vended",
    "reached",
    "configured",
    "member_role",
    "newest_call",
    "policy",
    items::ENABLED,
    items::ENABLED_AT,
];
/// Accounts whose facts are read concurrently.
const CONCURRENCY: usize = 8;
pub(super) const PAGES_MAX: usize = 100;

pub(super) fn filter() -> RowFilter {
    RowFilter {
        filter: FILTER.to_owned(),
        projection: PROJECTION.to_owned(),
        names: NAMES.map(|name| (format!("#{name}"), name.to_owned())).into(),
        values: HashMap::from([(":meta".to_owned(), s("META")), (":region".to_owned(), s("REGION#"))]),
    }
}

impl LedgerView {
    /// Every account and every target. Scans the whole table.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn everything(&self) -> Result<Inventory, Fault> {
        inventory(&self.ledger.scan(&filter()).await?)
    }

    /// One account and its targets, in one query.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn account(&self, account: &AccountId) -> Result<Inventory, Fault> {
        // `META` sorts before `REGION#…`, with few other rows between them.
        let query = self
            .ledger
            .query()
            .key_condition_expression("PK = :pk AND SK BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(keys::partition_of(account)))
            .expression_attribute_values(":from", s("META"))
            .expression_attribute_values(":to", s("REGION#~"))
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(filter().names))
            .consistent_read(true);
        inventory(&all_of(query, PAGES_MAX).await?)
    }

    /// The targets with these statuses, and their accounts, read from the sparse index at a cost independent of the
    /// table's size. Targets in sync, exempt or never observed are not in the index.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn status(&self, statuses: &[Status]) -> Result<Inventory, Fault> {
        let mut rows = Vec::new();
        for status in statuses {
            rows.extend(self.rows_of_attention(&items::word_of(status)).await?);
        }
        let mut found = inventory(&rows)?;
        let accounts: BTreeSet<AccountId> = found.targets.iter().map(|row| row.target.account.clone()).collect();
        let facts = stream::iter(&accounts).map(|account| self.ledger.facts(account)).buffered(CONCURRENCY);
        found.accounts = facts.try_collect::<Vec<_>>().await?.into_iter().flatten().collect();
        Ok(found)
    }

    /// The index may lag behind the table for a moment, which does not matter for a status report.
    async fn rows_of_attention(&self, word: &str) -> Result<Vec<Item>, Fault> {
        let query = self
            .ledger
            .query()
            .index_name(items::ATTENTION)
            .key_condition_expression("attention = :word")
            .expression_attribute_values(":word", s(word));
        all_of(query, PAGES_MAX).await
    }
}

pub(super) fn inventory(rows: &[Item]) -> Result<Inventory, Fault> {
    let mut inventory = Inventory::default();
    for row in rows {
        match Key::sort_of(row) {
            Some("META") => {
                let Some(facts) = items::facts_from(row).map_err(|what| corrupt(&what))? else { continue };
                inventory.enabled.extend(items::enabled_from(row).map(|enabled| (facts.account.clone(), enabled)));
                inventory.accounts.push(facts);
            }
            Some(sort) if sort.starts_with("REGION#") => inventory.targets.push(target(row)?),
            _ => {}
        }
    }
    inventory.accounts.sort_by(|a, b| a.account.cmp(&b.account));
    inventory.targets.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(inventory)
}

/// The attributes beside a record.
#[derive(Deserialize)]
struct TargetAttributes {
    account: AccountId,
    region: Region,
    status: Status,
    why: String,
    updated: Time,
    checked: Option<Time>,
    #[serde(flatten)]
    milestones: Milestones,
    policy: String,
}

fn target(row: &Item) -> Result<TargetRow, Fault> {
    let row: TargetAttributes = items::flat(row).map_err(|what| corrupt(&what))?;
    Ok(TargetRow {
        target: Target::new(row.account, row.region),
        status: row.status,
        why: row.why,
        updated: row.updated,
        checked: row.checked.unwrap_or(row.updated),
        milestones: row.milestones,
        policy: row.policy,
    })
}
