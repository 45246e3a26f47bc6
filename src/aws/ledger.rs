//! The ledger: one `DynamoDB` table with the string keys `PK` and `SK` and the TTL attribute `ttl`. The attribute
//! `attention` keys a sparse index of targets that are not in sync.
//!
//! | PK | SK | row |
//! | --- | --- | --- |
//! | `ACCOUNT#<id>` | `META` | facts of the account, and the regions that it has enabled |
//! | | `REGION#<r>` | record of a target, with the generation that locks it |
//! | | `INCIDENT#<r>` | the open incident of a target |
//! | | `SEEN#<r>#<eventID>` | an edit that was settled; 3 days |
//! | | `EVENT#<time>#<id>#<r>` | one line of history; 400 days |
//! | | `DOC#<digest>` | a content that history names; as long as the last line that names it |
//! | | `OUTBOX#PENDING#<alert id>` | an alert that is not yet published |
//! | | `SENT#<alert id>` | a published alert, and how often it came up; 2 days |
//! | `ROSTER` | `ACCOUNT#<id>` | the account exists; its state, and the last sweep that met it |
//! | `SWEEP` | `LAST` | the last sweep: its progress, or its end |
//! | `POLICY` | `CURRENT` | the policy in force; the function may only read it |
//! | | `VERSION#<n>` | a version of it with its YAML: who, when and why; for good |
//! | `DEADLETTER` | `DROPPED#<time>#<message id>` | who dropped a message from the dead-letter queue, and why; 400 days |
//! | | `BODY#<sha256>#<part>` | the body of a dropped message; as long as the last line that names it |

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join;

use super::client::{Clients, Lazy};
use super::fault::Call;
use crate::clock;
use crate::config::{Config, PolicyLocation};
use crate::domain::policy::Policy;
use crate::domain::record::{Commit, Enabled, Known, LastCheck, Loaded};
use crate::domain::target::{AccountFacts, AccountId, OuId, Target};
use crate::ports::{Fault, FaultClass, Ledger};
use items::{Item, s};
use keys::Key;

mod attributes;
mod commit;
#[cfg(feature = "cli")]
pub mod discarded_messages;
#[cfg(feature = "cli")]
mod history;
#[cfg(feature = "cli")]
mod inventory;
mod items;
mod keys;
mod load;
mod outbox;
mod plan;
#[cfg(feature = "cli")]
pub mod policy_store;
mod row;
#[cfg(feature = "cli")]
mod scan;
#[cfg(feature = "cli")]
mod survey;
mod sweep;
mod transaction;
#[cfg(feature = "cli")]
pub mod view;

const READ: Call = Call::read("BatchGetItem");
const UPDATE: Call = Call::write("UpdateItem");

/// The ledger's table.
pub struct DynamoLedger {
    client: Lazy<Client>,
    table: String,
    policy: PolicyLocation,
}

impl DynamoLedger {
    pub(super) fn new(config: &Config, clients: &Clients) -> Self {
        Self { client: clients.dynamodb(), table: config.table.clone(), policy: config.policy.clone() }
    }

    /// The table as an operator names it.
    #[cfg(feature = "cli")]
    pub(super) fn at(table: &str, clients: &Clients) -> Self {
        Self { client: clients.dynamodb(), table: table.to_owned(), policy: PolicyLocation::Table }
    }

    /// Uses a batch of one: one SDK operation fewer in the function's package.
    async fn get(&self, key: &Key) -> Result<Option<Item>, Fault> {
        let mut rows = BTreeMap::new();
        self.read(std::slice::from_ref(key), &mut rows).await?;
        Ok(rows.remove(key.sort()))
    }
}

impl Ledger for DynamoLedger {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        let (compiled, version) = match &self.policy {
            // For local runs only, so that blocking on a small file is harmless.
            PolicyLocation::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    READ.fault(FaultClass::NotFound, "PolicyFile", &format!("{}: {error}", path.display()))
                })?;
                (text, None)
            }
            PolicyLocation::Table => {
                let Some(item) = self.get(&Key::policy()).await? else { return Ok(None) };
                let text = items::text(&item, items::COMPILED).map_err(|what| corrupt(&what))?.to_owned();
                (text, item.get(items::VERSION).and_then(|value| value.as_n().ok()).cloned())
            }
        };
        let policy = Policy::from_compiled(&compiled)
            .map_err(|error| READ.fault(FaultClass::Invalid, "Policy", &error.to_string()))?;
        // A policy written to the table without `runasctl` has no version; its digest names it.
        Ok(Some(match version {
            Some(version) => policy.with_label(format!("v{version}")),
            None => policy,
        }))
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        let Some(item) = self.get(&Key::meta(account)).await? else { return Ok(None) };
        items::facts_from(&item).map_err(|what| corrupt(&what))
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        let ou_path: Vec<&str> = facts.ou_path.iter().map(OuId::as_str).collect();
        let (state, now) = (items::word_of(&facts.state), clock::now());
        let fields = vec![
            (items::FACTS, s(items::json_of(facts).map_err(|what| corrupt(&what))?)),
            (items::NAME, s(facts.name.clone())),
            (items::OU_PATH, s(ou_path.join("/"))),
            (items::STATE, s(state.clone())),
            (items::UPDATED, s(now.to_string())),
        ];
        self.enter(&facts.account, state, now).await?;
        self.set(Key::meta(&facts.account), fields, None).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.load_consistent(target, edit_ids).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.commit_in_one(target, commit).await
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        let checked = (items::CHECKED, s(last_check.at.to_string()));
        let fields = [checked]
            .into_iter()
            .chain(last_check.fingerprint.clone().map(|fingerprint| (items::FINGERPRINT, s(fingerprint))))
            .collect();
        match self.set(Key::region(target), fields, Some((items::GENERATION, generation))).await {
            Err(fault) if fault.class == FaultClass::Conflict => Ok(()),
            outcome => outcome,
        }
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        let meta = Key::meta(account);
        let (meta, rows) =
            try_join(self.get(&meta), self.rows(keys::partition_of(account), keys::REGION, None)).await?;
        let checked = rows.iter().filter_map(|row| {
            let region = Key::sort_of(row)?.strip_prefix(keys::REGION)?.parse().ok()?;
            Some((region, items::last_check_from(row)?.at))
        });
        let meta = meta.unwrap_or_default();
        let mut last_checks = BTreeMap::new();
        last_checks.extend(checked);
        Ok(Known {
            facts: items::facts_from(&meta).map_err(|what| corrupt(&what))?,
            enabled: items::enabled_from(&meta),
            last_checks,
        })
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        Ok(self.get(&Key::meta(account)).await?.as_ref().and_then(items::enabled_from))
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        let regions = enabled.regions.iter().map(|region| s(region.as_str())).collect();
        let fields = vec![(items::ENABLED, AttributeValue::L(regions)), (items::ENABLED_AT, s(enabled.at.to_string()))];
        self.set(Key::meta(account), fields, None).await
    }
}

/// The fault for a malformed row, which an operator has to inspect; a second read does not help.
fn corrupt(what: &items::Corrupt) -> Fault {
    READ.fault(FaultClass::Invalid, "Corrupt", &what.to_string())
}
