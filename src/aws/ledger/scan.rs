//! Scans the whole table, for questions about all accounts. History has most of the rows; the filter drops them in
//! DynamoDB, but reading them is billed.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use super::items::{self, Item, s};
use super::{DynamoLedger, corrupt};
use crate::aws::fault::Call;
use crate::domain::target::AccountFacts;
use crate::ports::{Fault, FaultClass};

const SCAN: Call = Call::read("Scan");
/// Segments scanned in parallel.
const SEGMENTS: i32 = 4;
/// Limit per segment. A page is 1 MB [docs: amazondynamodb Scan]: 80 GB in all, which takes most of an hour.
const PAGES_MAX: usize = 20_000;

/// Which rows to read, and which of their attributes.
pub(super) struct RowFilter {
    pub(super) filter: String,
    pub(super) projection: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl DynamoLedger {
    /// Every account with facts, ordered by id.
    pub(in crate::aws) async fn known_accounts(&self) -> Result<Vec<AccountFacts>, Fault> {
        let filter = RowFilter {
            filter: "SK = :meta AND attribute_exists(#facts)".to_owned(),
            projection: "SK, #facts".to_owned(),
            names: HashMap::from([("#facts".to_owned(), items::FACTS.to_owned())]),
            values: HashMap::from([(":meta".to_owned(), s("META"))]),
        };
        let rows = self.scan(&filter).await?;
        let facts: Result<Vec<AccountFacts>, _> =
            rows.iter().filter_map(|row| items::facts_from(row).transpose()).collect();
        let mut facts = facts.map_err(|what| corrupt(&what))?;
        facts.sort_by(|a, b| a.account.cmp(&b.account));
        Ok(facts)
    }

    pub(super) async fn scan(&self, filter: &RowFilter) -> Result<Vec<Item>, Fault> {
        let segments = (0..SEGMENTS).map(|segment| self.scan_segment(segment, filter));
        Ok(try_join_all(segments).await?.into_iter().flatten().collect())
    }

    async fn scan_segment(&self, segment: i32, filter: &RowFilter) -> Result<Vec<Item>, Fault> {
        let names = (!filter.names.is_empty()).then(|| filter.names.clone());
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(SEGMENTS)
            .filter_expression(&filter.filter)
            .projection_expression(&filter.projection)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(filter.values.clone()));
        let mut pages = scan.into_paginator().send();
        let mut found = Vec::new();
        for _ in 0..=PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(found) };
            found.extend(page.map_err(|error| SCAN.failed(&error))?.items.unwrap_or_default());
        }
        Err(SCAN.fault(FaultClass::Invalid, "Endless", "the table is larger than this call reads"))
    }
}
