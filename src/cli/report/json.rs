//! The report for programs: all of it, or one target a line.

use serde::Serialize;

use super::model::{AccountCells, Cell, Report};
use crate::domain::target::AccountId;
use crate::domain::text::escaped;
use crate::domain::time::Time;

/// Everything.
pub(super) fn whole(report: &Report) -> String {
    escaped(&(serde_json::to_string_pretty(report).unwrap_or_default() + "\n"))
}

/// One target, complete by itself.
#[derive(Serialize)]
struct Target<'a> {
    schema_version: u32,
    at: Time,
    account: &'a AccountId,
    name: &'a str,
    #[serde(flatten)]
    cell: &'a Cell,
    /// The id of the open incident.
    incident: Option<&'a str>,
}

/// One target a line.
pub(super) fn lines(report: &Report) -> String {
    let line = |(row, cell): (&AccountCells, &Cell)| {
        let target = Target {
            schema_version: report.schema_version,
            at: report.at,
            account: &row.account,
            name: &row.name,
            cell,
            incident: report.open_incident(row, cell).map(|story| story.id.as_str()),
        };
        escaped(&(serde_json::to_string(&target).unwrap_or_default() + "\n"))
    };
    report.cells().map(line).collect()
}
