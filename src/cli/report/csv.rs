//! One target a row, by RFC 4180. A spreadsheet must not take a text for a formula.

use super::model::Report;
use crate::cli::status::word;
use crate::domain::time::Time;

const HEADER: [&str; 11] =
    ["account", "name", "ou", "region", "health", "status", "why", "updated", "checked", "policy", "open_incident"];

/// A header and a row for each target.
pub(super) fn render(report: &Report) -> String {
    let time = |at: Option<Time>| at.map_or_else(String::new, |at| at.to_string());
    let rows = report.cells().map(|(row, cell)| {
        [
            row.account.to_string(),
            row.name.clone(),
            row.ou_path.last().map_or_else(String::new, ToString::to_string),
            cell.region.to_string(),
            cell.health.words().to_owned(),
            word(cell.status),
            cell.why.clone(),
            time(cell.updated),
            time(cell.checked),
            cell.policy.clone(),
            report.open_incident(row, cell).map_or_else(String::new, |story| story.id.clone()),
        ]
    });
    let header = HEADER.map(str::to_owned);
    [header].into_iter().chain(rows).map(|cells| cells.map(|cell| field(&cell)).join(",") + "\r\n").collect()
}

/// A field. An apostrophe before what begins like a formula makes it a text.
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let text = format!("{guard}{text}");
    if text.contains(['"', ',', '\r', '\n', '\'']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_where_needed_and_never_formulas() {
        for (text, wanted) in [
            ("payments", "payments"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("+2", "\"'+2\""),
            ("2-1", "2-1"),
            ("", ""),
        ] {
            assert_eq!(field(text), wanted);
        }
    }
}
