//! The common operations on the table: set attributes of one row, or read the rows of a partition.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::items::{Item, n, s};
use super::keys::{self, Key};
use super::{DynamoLedger, UPDATE};
use crate::aws::fault::Call;
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

const QUERY: Call = Call::read("Query");
/// A page reads up to 1 MB (API model); no partition should have more pages than this.
const PAGES_MAX: usize = 50;

/// An attribute and its value.
pub(super) type Field = (&'static str, AttributeValue);

impl DynamoLedger {
    /// Updates a row and keeps its other attributes. With `only_if`, the update requires that a numeric attribute has
    /// this value; zero requires that it is absent.
    pub(super) async fn set(&self, key: Key, fields: Vec<Field>, only_if: Option<(&str, u64)>) -> Result<(), Fault> {
        let mut update = self.client.update_item().table_name(&self.table).set_key(Some(key.into_item()));
        let mut set = String::from("SET ");
        for (nth, (name, value)) in fields.into_iter().enumerate() {
            if nth > 0 {
                set.push_str(", ");
            }
            let (name_at, value_at) = (format!("#f{nth}"), format!(":f{nth}"));
            set.extend([name_at.as_str(), " = ", &value_at]);
            update = update.expression_attribute_names(name_at, name).expression_attribute_values(value_at, value);
        }
        update = match only_if {
            Some((name, 0)) => {
                let update = update.condition_expression("attribute_not_exists(#only)");
                update.expression_attribute_names("#only", name)
            }
            Some((name, number)) => update
                .condition_expression("#only = :only")
                .expression_attribute_names("#only", name)
                .expression_attribute_values(":only", n(number)),
            None => update,
        };
        update.update_expression(set).send().await.map(drop).map_err(|error| UPDATE.failed(&error))
    }

    /// A query of the table, still without its key.
    pub(super) fn query(&self) -> QueryFluentBuilder {
        self.client.query().table_name(&self.table)
    }

    /// The rows of a partition whose sort keys begin with `prefix`, in order, except those with `value` under `unless`.
    pub(super) async fn rows(
        &self,
        partition: String,
        prefix: &str,
        unless: Option<Field>,
    ) -> Result<Vec<Item>, Fault> {
        let mut query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#pk", keys::PK)
            .expression_attribute_names("#sk", keys::SK)
            .expression_attribute_values(":pk", s(partition))
            .expression_attribute_values(":prefix", s(prefix));
        if let Some((name, value)) = unless {
            query = query
                .filter_expression("attribute_not_exists(#unless) OR #unless <> :unless")
                .expression_attribute_names("#unless", name)
                .expression_attribute_values(":unless", value);
        }
        all_of(query, PAGES_MAX).await
    }
}

/// The items of all pages. Too many pages are a fault, because a truncated list would pass for a complete one.
pub(super) async fn all_of(query: QueryFluentBuilder, pages_max: usize) -> Result<Vec<Item>, Fault> {
    let mut pages = query.into_paginator().send();
    let mut rows = Vec::new();
    for _ in 0..=pages_max {
        let Some(page) = pages.next().await else { return Ok(rows) };
        rows.extend(page.map_err(|error| QUERY.failed(&error))?.items.unwrap_or_default());
    }
    let what = format!("there are more than {pages_max} pages of rows");
    Err(QUERY.fault(FaultClass::Invalid, "Endless", &what))
}

/// The first items, at most `limit` of those on `pages_max` pages, and whether there are more.
#[cfg(feature = "cli")]
pub(super) async fn first_of(
    query: QueryFluentBuilder,
    limit: usize,
    pages_max: usize,
) -> Result<(Vec<Item>, bool), Fault> {
    let mut pages = query.into_paginator().send();
    let mut rows = Vec::new();
    for _ in 0..pages_max {
        let Some(page) = pages.next().await else { return Ok((rows, false)) };
        rows.extend(page.map_err(|error| QUERY.failed(&error))?.items.unwrap_or_default());
        if rows.len() > limit {
            rows.truncate(limit);
            return Ok((rows, true));
        }
    }
    Ok((rows, true))
}
