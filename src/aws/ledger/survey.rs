//! Accounts, targets and incidents in one pass over the table, for a report.

use std::collections::HashMap;

use super::items::{self, Item, s};
use super::keys::{self, Key};
use super::row::all_of;
use super::scan::RowFilter;
use super::view::{HistoryLine, LedgerView, Survey};
use super::{corrupt, history, inventory};
use crate::aws::fault::Call;
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

const QUERY: Call = Call::read("Query");
const INCIDENT: &str = "INCIDENT#";
const EVENT: &str = "EVENT#";
/// A case whose record has an open incident; other lines are not transferred. In texts of others, the quotes are escaped.
const MARKER: &str = r#""incident":{"#;
const OF_INCIDENTS: [&str; 6] = [items::INCIDENT, "id", "at", "summary", "case", "contents"];

/// The rows of an inventory, and those of incidents from `since` on.
fn filter(since: Time) -> RowFilter {
    let mut filter = inventory::filter();
    filter.filter.push_str(
        " OR begins_with(SK, :incident) OR (begins_with(SK, :event) AND SK >= :since AND contains(#case, :marker))",
    );
    filter.projection.push_str(", #incident, #id, #at, #summary, #case, #contents");
    filter.names.extend(OF_INCIDENTS.map(|name| (format!("#{name}"), name.to_owned())));
    filter.values.extend([
        (":incident".to_owned(), s(INCIDENT)),
        (":event".to_owned(), s(EVENT)),
        (":since".to_owned(), s(Key::events_from(since))),
        (":marker".to_owned(), s(MARKER)),
    ]);
    filter
}

impl LedgerView {
    /// Every account, every target and the incidents of the time from `since` on. Scans the whole table, once.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn survey(&self, since: Time) -> Result<Survey, Fault> {
        survey(&self.ledger.scan(&filter(since)).await?)
    }

    /// The same of one account, in one query.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn survey_of(&self, account: &AccountId, since: Time) -> Result<Survey, Fault> {
        // `EVENT#…`, `INCIDENT#…`, `META` and `REGION#…` sort one after the other, with few other rows between them.
        let RowFilter { projection, names, .. } = filter(since);
        let query = self
            .ledger
            .query()
            .key_condition_expression("PK = :pk AND SK BETWEEN :from AND :to")
            .filter_expression("attribute_not_exists(#case) OR contains(#case, :marker)")
            .expression_attribute_values(":pk", s(keys::partition_of(account)))
            .expression_attribute_values(":from", s(Key::events_from(since)))
            .expression_attribute_values(":to", s("REGION#~"))
            .expression_attribute_values(":marker", s(MARKER))
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names))
            .consistent_read(true);
        survey(&all_of(query, inventory::PAGES_MAX).await?)
    }

    /// A target's lines of history from `from` until just before `until`, oldest first.
    ///
    /// # Errors
    /// The table cannot be read, or a row is malformed.
    pub async fn lines_between(&self, target: &Target, from: Time, until: Time) -> Result<Vec<HistoryLine>, Fault> {
        let query = self
            .ledger
            .query()
            .key_condition_expression("PK = :pk AND SK BETWEEN :from AND :to")
            .filter_expression("#region = :region")
            .set_expression_attribute_names(Some(HashMap::from([("#region".to_owned(), "region".to_owned())])))
            .expression_attribute_values(":pk", s(keys::partition_of(&target.account)))
            .expression_attribute_values(":from", s(Key::events_from(from)))
            .expression_attribute_values(":to", s(Key::events_from(until)))
            .expression_attribute_values(":region", s(target.region.as_str()))
            .consistent_read(true);
        all_of(query, inventory::PAGES_MAX).await?.iter().map(history::line).collect()
    }
}

fn survey(rows: &[Item]) -> Result<Survey, Fault> {
    let mut survey = Survey { inventory: inventory::inventory(rows)?, ..Survey::default() };
    for row in rows {
        match Key::sort_of(row) {
            Some(sort) if sort.starts_with(INCIDENT) => {
                let incident = items::incident_from(row).map_err(|what| corrupt(&what))?;
                survey.open.push((target(row, sort.trim_start_matches(INCIDENT))?, incident));
            }
            Some(sort) if sort.starts_with(EVENT) => {
                let line = history::line(row)?;
                survey.lines.push((target(row, &line.region)?, line));
            }
            _ => {}
        }
    }
    survey.open.sort_by(|(a, _), (b, _)| a.cmp(b));
    survey.lines.sort_by(|(a, one), (b, other)| (one.at, a).cmp(&(other.at, b)));
    Ok(survey)
}

/// The account is the row's partition.
fn target(row: &Item, region: &str) -> Result<Target, Fault> {
    let broken = || QUERY.fault(FaultClass::Invalid, "Corrupt", "a row's account or region is not one");
    let partition = items::text(row, keys::PK).map_err(|what| corrupt(&what))?;
    let account = partition.strip_prefix(keys::ACCOUNT).and_then(|account| account.parse().ok()).ok_or_else(broken)?;
    Ok(Target::new(account, region.parse().map_err(|_| broken())?))
}
