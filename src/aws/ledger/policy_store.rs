//! The policy's versions, for operators: each is kept for good. The function reads a copy of the newest, and may not write.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::items::{self, Item, n, s};
use super::keys::Key;
use super::row::first_of;
use super::{DynamoLedger, corrupt};
use crate::aws::client::Clients;
use crate::aws::fault::Call;
use crate::domain::policy::{Policy, PolicyError};
use crate::domain::target::AccountFacts;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

const PUT: Call = Call::write("TransactWriteItems");
/// The attributes of a version in a list, without the policy's texts.
const LINE: &str = "#version, #at, #by, #why, #digest, #of";
/// Versions per page, and the limit on pages: together ten thousand versions.
const PAGE: i32 = 100;
const PAGES_MAX: usize = 100;

const YAML: &str = "yaml";

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
    pub(in crate::aws) fn new(table: &str, clients: &Clients) -> Self {
        Self { ledger: DynamoLedger::at(table, clients) }
    }

    /// The policy in force; `None` where no policy was ever pushed.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn current(&self) -> Result<Option<Current>, Fault> {
        let Some(item) = self.ledger.get(&Key::policy()).await? else { return Ok(None) };
        let compiled = items::text(&item, items::COMPILED).map_err(|what| corrupt(&what))?.to_owned();
        let version = if item.contains_key(items::VERSION) { Some(version_from(&item)?) } else { None };
        Ok(Some(Current { policy: Policy::from_compiled(&compiled), version }))
    }

    /// One version with its text.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn version(&self, number: u64) -> Result<Option<Pushed>, Fault> {
        let Some(item) = self.ledger.get(&Key::policy_version(number)).await? else { return Ok(None) };
        let text = |name| items::text(&item, name).map(str::to_owned).map_err(|what| corrupt(&what));
        Ok(Some(Pushed { version: version_from(&item)?, yaml: text(YAML)?, compiled: text(items::COMPILED)? }))
    }

    /// The newest versions, newest first, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn versions(&self, limit: usize) -> Result<(Vec<PolicyVersion>, bool), Fault> {
        let query = self
            .ledger
            .query()
            .key_condition_expression("PK = :pk AND begins_with(SK, :sk)")
            .expression_attribute_values(":pk", s(Key::POLICY))
            .expression_attribute_values(":sk", s(Key::VERSION))
            .projection_expression(LINE)
            .set_expression_attribute_names(Some(names()))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(PAGE);
        let (rows, more) = first_of(query, limit, PAGES_MAX).await?;
        Ok((rows.iter().map(version_from).collect::<Result<_, _>>()?, more))
    }

    /// Writes a version and puts it into force in one transaction, on condition that `on` is still in force.
    ///
    /// # Errors
    /// [`FaultClass::Conflict`] where another policy was pushed meanwhile.
    pub async fn push(&self, pushed: &Pushed, on: Option<&Current>) -> Result<(), Fault> {
        let mut current = Key::policy().into_item();
        current.extend(row(&pushed.version, &pushed.compiled)?);
        let mut version = Key::policy_version(pushed.version.number).into_item();
        version.extend(row(&pushed.version, &pushed.compiled)?);
        version.insert(YAML.to_owned(), s(&pushed.yaml));
        let fresh = Put::builder().table_name(&self.ledger.table).set_item(Some(version));
        let fresh = fresh.condition_expression("attribute_not_exists(PK)");
        let replaced = Put::builder().table_name(&self.ledger.table).set_item(Some(current));
        let replaced = match on.map(|current| current.version.as_ref().map(|version| version.number)) {
            None => replaced.condition_expression("attribute_not_exists(PK)"),
            // The policy in force was written to the table without `runasctl`.
            Some(None) => replaced
                .condition_expression("attribute_exists(PK) AND attribute_not_exists(#version)")
                .expression_attribute_names("#version", items::VERSION),
            Some(Some(number)) => replaced
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", items::VERSION)
                .expression_attribute_values(":version", n(number)),
        };
        let put = |put: aws_sdk_dynamodb::types::builders::PutBuilder| {
            let put = put.build().map_err(|error| PUT.fault(FaultClass::Invalid, "Build", &error.to_string()))?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let request =
            self.ledger.client.transact_write_items().transact_items(put(fresh)?).transact_items(put(replaced)?);
        let Err(error) = request.send().await else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(PUT.failed(&error));
        };
        let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
        let code = codes.filter(|code| *code != "None").min().unwrap_or("TransactionCanceledException");
        Err(PUT.answered(Some(code), 400, canceled.message().unwrap_or_default()))
    }

    /// The accounts that the ledger knows.
    ///
    /// # Errors
    /// The table cannot be read, or is too large to scan.
    pub async fn accounts(&self) -> Result<Vec<AccountFacts>, Fault> {
        self.ledger.known_accounts().await
    }
}

fn names() -> std::collections::HashMap<String, String> {
    let names = [("#version", items::VERSION), ("#at", "at"), ("#by", "by"), ("#why", "why")];
    let names = names.into_iter().chain([("#digest", "digest"), ("#of", "rollback_of")]);
    names.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())).collect()
}

/// The attributes of both rows.
fn row(version: &PolicyVersion, compiled: &str) -> Result<Item, Fault> {
    let row: Result<Item, _> = serde_dynamo::to_item(version);
    let mut row = row.map_err(|error| PUT.fault(FaultClass::Invalid, "Build", &error.to_string()))?;
    row.insert(items::COMPILED.to_owned(), s(compiled));
    Ok(row)
}

fn version_from(item: &Item) -> Result<PolicyVersion, Fault> {
    items::flat(item).map_err(|what| corrupt(&what))
}
