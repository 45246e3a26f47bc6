//! Lines of history, newest first, and the contents that they name.

use aws_sdk_dynamodb::types::AttributeValue;

use super::items::{self, Item, s};
use super::keys::{self, Key};
use super::{DynamoLedger, corrupt};
use crate::aws::fault::Call;
use crate::aws::ledger_view::HistoryLine;
use crate::domain::target::{AccountId, Region};
use crate::ports::{Fault, FaultClass};

const QUERY: Call = Call::read("Query");
/// Lines of all regions per page. Cases may be large, and a page holds at most 1 MB.
const PAGE: i32 = 50;
/// Limit on pages: in a longer history, older lines of one region are not found.
const PAGES_MAX: usize = 400;

impl DynamoLedger {
    pub(in crate::aws) async fn history(
        &self,
        account: &AccountId,
        region: Option<&Region>,
        limit: usize,
    ) -> Result<(Vec<HistoryLine>, bool), Fault> {
        let mut lines = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("PK = :pk AND begins_with(SK, :sk)")
                .expression_attribute_values(":pk", s(keys::partition_of(account)))
                .expression_attribute_values(":sk", s("EVENT#"))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(PAGE)
                .set_exclusive_start_key(next);
            if let Some(region) = region {
                query = query
                    .filter_expression("#region = :region")
                    .expression_attribute_names("#region", "region")
                    .expression_attribute_values(":region", s(region.as_str()));
            }
            let page = query.send().await.map_err(|error| QUERY.failed(&error))?;
            for item in page.items.unwrap_or_default() {
                if lines.len() == limit {
                    return Ok((lines, true));
                }
                lines.push(line(&item)?);
            }
            next = page.last_evaluated_key;
            if next.is_none() {
                return Ok((lines, false));
            }
        }
        Ok((lines, true))
    }

    pub(in crate::aws) async fn content(&self, account: &AccountId, digest: &str) -> Result<Option<String>, Fault> {
        let row = self.get(&Key::content(account, digest)).await?;
        row.map(|row| items::text(&row, items::BODY).map(str::to_owned)).transpose().map_err(|what| corrupt(&what))
    }
}

pub(super) fn line(item: &Item) -> Result<HistoryLine, Fault> {
    let text = |name: &str| items::text(item, name).map(str::to_owned).map_err(|what| corrupt(&what));
    let broken = |name: &str| QUERY.fault(FaultClass::Invalid, "Corrupt", &format!("`{name}` of a line is not one"));
    let contents = match item.get("contents") {
        Some(AttributeValue::L(digests)) => digests.iter().filter_map(|digest| digest.as_s().ok().cloned()).collect(),
        _ => Vec::new(),
    };
    Ok(HistoryLine {
        id: text("id")?,
        at: text("at")?.parse().map_err(|_| broken("at"))?,
        region: text("region")?,
        summary: text("summary")?,
        case: serde_json::from_str(&text("case")?).map_err(|_| broken("case"))?,
        contents,
    })
}
