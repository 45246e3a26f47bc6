//! The report for issues and wikis. Texts of others cannot become markup.

use std::fmt::Write as _;

use super::incident::Story;
use super::model::{AccountCells, Cell, Report};
use super::timeline::FieldDiff;
use super::words::{act, course, coverage, headline, lag, limits, moment, range, scope, sides};
use crate::cli::policy::count;

/// Targets in the table; programs get all of them.
const TARGETS_MAX: usize = 200;
const INCIDENTS_MAX: usize = 50;

/// All parts, one after the other.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("# Run As: {}\n\n{}\n\n", plain(&headline(report)), plain(&scope(report)));
    text.push_str("| health | targets |\n| --- | ---: |\n");
    for count in &report.counts {
        let _ = writeln!(text, "| {} | {} |", count.words, count.targets);
    }
    targets(&mut text, report);
    incidents(&mut text, report);
    let _ = writeln!(text, "\n## Configuration lag of new accounts\n\n{}\n", plain(&lag(&report.lag)));
    if !report.lag.accounts.is_empty() {
        text.push_str("| lag | accounts | |\n| --- | ---: | --- |\n");
        for bin in &report.lag.bins {
            let late = if bin.late { "beyond the objective" } else { "" };
            let _ = writeln!(text, "| {} | {} | {late} |", range(bin), bin.accounts);
        }
    }
    let _ = writeln!(text, "\n## Sweep coverage\n\n{}", plain(&coverage(&report.coverage, report.at)));
    for limit in limits(&report.coverage) {
        let _ = writeln!(text, "\n{}", plain(&limit));
    }
    text
}

fn targets(text: &mut String, report: &Report) {
    let shown: Vec<(&AccountCells, &Cell)> = report.cells().filter(|(_, cell)| !cell.health.is_fine()).collect();
    let _ = writeln!(text, "\n## Targets that need attention\n");
    if shown.is_empty() {
        text.push_str("none\n");
        return;
    }
    text.push_str("| health | account | name | region | since | why |\n| --- | --- | --- | --- | --- | --- |\n");
    for (row, cell) in shown.iter().take(TARGETS_MAX) {
        let since = cell.updated.map_or_else(|| "never checked".to_owned(), |at| at.to_string());
        let (health, name, why) = (cell.health.words(), plain(&row.name), plain(&cell.why));
        let _ = writeln!(text, "| {health} | {} | {name} | {} | {since} | {why} |", row.account, cell.region);
    }
    let more = shown.len().saturating_sub(TARGETS_MAX);
    if more > 0 {
        let _ = writeln!(text, "\nand {} more", count(more, "target"));
    }
}

fn incidents(text: &mut String, report: &Report) {
    let _ = writeln!(text, "\n## Incidents, open or ended since {}\n", moment(report.since));
    if report.incidents.is_empty() {
        text.push_str("none\n");
    }
    report.incidents.iter().take(INCIDENTS_MAX).for_each(|story| incident(text, report, story));
    let more = report.incidents.len().saturating_sub(INCIDENTS_MAX);
    if more > 0 {
        let _ = writeln!(text, "and {} more", count(more, "incident"));
    }
}

fn incident(text: &mut String, report: &Report, story: &Story) {
    let (name, summary) = (plain(&story.name), plain(&story.summary));
    let _ =
        writeln!(text, "### {}/{} {name}\n\n{summary}; {}\n", story.account, story.region, course(story, report.at));
    for step in &story.steps {
        let _ = writeln!(text, "* {} {}", moment(step.at), plain(&act(step)));
        for FieldDiff { field, before, after } in &step.changes {
            let side =
                |value: &Option<String>| value.as_ref().map_or_else(|| "(none)".to_owned(), |value| plain(value));
            let _ = writeln!(text, "  * {}: {}", plain(field), sides(step.kind, &side(before), &side(after)));
        }
    }
    if !story.steps.is_empty() {
        text.push('\n');
    }
}

/// Escapes each character that begins Markdown's markup, and GitHub's links and mentions.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => {
                plain.extend(['\\', c]);
            }
            // Otherwise addresses and mentions become links.
            '@' => plain.push_str("&#64;"),
            _ => plain.push(c),
        }
    }
    plain.replace("://", "&#58;//").replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn texts_of_others_stay_texts() {
        assert_eq!(plain("a|b"), r"a\|b");
        assert_eq!(plain("<img src=x onerror=alert(1)>"), r"&lt;img src=x onerror=alert\(1\)&gt;");
        assert_eq!(plain("[a](https://evil.example)"), r"\[a\]\(https&#58;//evil.example\)");
        assert_eq!(plain("@team"), "&#64;team");
    }
}
