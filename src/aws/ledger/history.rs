//! Lines of history, newest first, and the contents that they name.

use serde::Deserialize;

use super::corrupt;
use super::items::{self, Item, s};
use super::keys::{self, Key};
use super::row::first_of;
use super::view::{HistoryLine, LedgerView};
use crate::domain::target::{AccountId, Region};
use crate::domain::time::Time;
use crate::ports::Fault;

/// Lines of all regions per page. Cases may be large, and a page holds at most 1 MB.
const PAGE: i32 = 50;
/// Limit on pages: in a longer history, older lines of one region are not found.
const PAGES_MAX: usize = 400;

impl LedgerView {
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
        let mut query = self
            .ledger
            .query()
            .key_condition_expression("PK = :pk AND begins_with(SK, :sk)")
            .expression_attribute_values(":pk", s(keys::partition_of(account)))
            .expression_attribute_values(":sk", s("EVENT#"))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(PAGE);
        if let Some(region) = region {
            query = query
                .filter_expression("#region = :region")
                .expression_attribute_names("#region", "region")
                .expression_attribute_values(":region", s(region.as_str()));
        }
        let (rows, more) = first_of(query, limit, PAGES_MAX).await?;
        Ok((rows.iter().map(line).collect::<Result<_, _>>()?, more))
    }

    /// A content that history names; `None` where it has expired.
    ///
    /// # Errors
    /// The table cannot be read, or the row is malformed.
    pub async fn content(&self, account: &AccountId, digest: &str) -> Result<Option<String>, Fault> {
        let row = self.ledger.get(&Key::content(account, digest)).await?;
        row.map(|row| items::text(&row, items::BODY).map(str::to_owned)).transpose().map_err(|what| corrupt(&what))
    }
}

/// A line, whose case is JSON in one attribute.
#[derive(Deserialize)]
struct HistoryRow {
    id: String,
    at: Time,
    region: String,
    summary: String,
    #[serde(default)]
    contents: Vec<String>,
}

pub(super) fn line(item: &Item) -> Result<HistoryLine, Fault> {
    let row: HistoryRow = items::flat(item).map_err(|what| corrupt(&what))?;
    let case = items::from_json(item, "case").map_err(|what| corrupt(&what))?;
    Ok(HistoryLine { id: row.id, at: row.at, region: row.region, summary: row.summary, case, contents: row.contents })
}
