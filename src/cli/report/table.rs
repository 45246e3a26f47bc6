//! The report for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::incident::Story;
use super::model::{AccountCells, Cell, Health, Report};
use super::timeline::FieldDiff;
use super::words::{act, counts, course, coverage, headline, lag, limits, moment, range, scope, sides};
use crate::cli::policy::count;
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};
use crate::domain::target::Region;
use crate::domain::text::clean;
use crate::domain::time::SECOND_MS;

const NAME_CHARS: usize = 20;
const VALUE_CHARS: usize = 60;
/// Incidents with their course; further ones are counted.
const INCIDENTS_MAX: usize = 20;
const STEPS_MAX: usize = 12;
const BAR_CHARS: usize = 40;

/// All parts, one after the other.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n{}\n{}\n", styled(HEADING, &headline(report)), scope(report), counts(report));
    grid(&mut text, report);
    incidents(&mut text, report);
    new_accounts(&mut text, report);
    sweep(&mut text, report);
    text
}

fn heading(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n{}", styled(HEADING, title));
}

/// Accounts with a target that needs attention; the others are counted.
fn grid(text: &mut String, report: &Report) {
    let fine = |row: &&AccountCells| row.targets.iter().all(|cell| cell.health.is_fine());
    let shown: Vec<&AccountCells> = report.accounts.iter().filter(|row| !fine(row)).collect();
    heading(text, "Accounts and regions");
    if !shown.is_empty() {
        let columns: Vec<String> = report.regions.iter().map(short).collect();
        let _ = writeln!(text, "{:<12}  {:<NAME_CHARS$}  {}", "ACCOUNT", "NAME", columns.join(" "));
        for row in &shown {
            let cells = cells(row, &report.regions, &columns);
            let _ =
                writeln!(text, "{}  {:<NAME_CHARS$}  {}", row.account, clean(&row.name, NAME_CHARS), cells.trim_end());
        }
        let used = report.counts.iter().filter(|count| count.targets > 0);
        let legend: Vec<String> = used.map(|count| format!("{} {}", count.letter, count.words)).collect();
        let _ = writeln!(text, "{}", styled(QUIET, &legend.join("   ")));
    }
    let rest = report.accounts.len() - shown.len();
    if rest > 0 {
        let _ = writeln!(text, "{} with every target in sync or exempt", count(rest, "account"));
    }
}

fn cells(row: &AccountCells, regions: &[Region], columns: &[String]) -> String {
    let by_region: BTreeMap<&Region, &Cell> = row.targets.iter().map(|cell| (&cell.region, cell)).collect();
    let cell = |(region, column): (&Region, &String)| match by_region.get(region) {
        Some(cell) => {
            let letter = cell.health.letter();
            let padding = " ".repeat(column.len().saturating_sub(1));
            styled(style(cell.health), &letter.to_string()) + &padding
        }
        None => " ".repeat(column.len()),
    };
    regions.iter().zip(columns).map(cell).collect::<Vec<_>>().join(" ")
}

fn style(health: Health) -> anstyle::Style {
    match health {
        Health::InSync => GOOD,
        Health::Exempt => QUIET,
        Health::Unreachable | Health::Drifted => BAD,
        _ => CAUTION,
    }
}

/// A region in few letters: `eu-central-1` is `euc1`, `ap-southeast-2` is `apse2`.
fn short(region: &Region) -> String {
    let parts: Vec<&str> = region.as_str().split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return region.to_string() };
    let letters = |part: &str| match part {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        other => other.chars().take(1).collect(),
    };
    format!("{first}{}{last}", middle.iter().map(|part| letters(part)).collect::<String>())
}

fn incidents(text: &mut String, report: &Report) {
    heading(text, &format!("Incidents, open or ended since {}", moment(report.since)));
    if report.incidents.is_empty() {
        text.push_str("none\n");
    }
    report.incidents.iter().take(INCIDENTS_MAX).for_each(|story| incident(text, report, story));
    let more = report.incidents.len().saturating_sub(INCIDENTS_MAX);
    if more > 0 {
        let _ = writeln!(text, "and {} more; --format json has them", count(more, "incident"));
    }
}

fn incident(text: &mut String, report: &Report, story: &Story) {
    let open = if story.ended.is_none() { styled(BAD, "open ") } else { styled(QUIET, "ended") };
    let _ = writeln!(
        text,
        "{open} {}/{} {}  {}",
        story.account,
        story.region,
        clean(&story.name, NAME_CHARS),
        story.summary
    );
    let _ = writeln!(text, "      {}", styled(QUIET, &course(story, report.at)));
    for step in story.steps.iter().take(STEPS_MAX) {
        let _ = writeln!(text, "      {}  {}", moment(step.at), act(step));
        for FieldDiff { field, before, after } in &step.changes {
            let side = |value: &Option<String>| {
                value.as_ref().map_or_else(|| "(none)".to_owned(), |value| clean(value, VALUE_CHARS))
            };
            let sides = sides(step.kind, &side(before), &side(after));
            let _ = writeln!(text, "        {}: {sides}", clean(field, VALUE_CHARS));
        }
    }
    let more = story.steps.len().saturating_sub(STEPS_MAX);
    if more > 0 {
        let _ = writeln!(
            text,
            "      and {} more; see `runasctl history {}/{}`",
            count(more, "step"),
            story.account,
            story.region
        );
    }
}

fn new_accounts(text: &mut String, report: &Report) {
    heading(text, "Configuration lag of new accounts");
    let _ = writeln!(text, "{}", lag(&report.lag));
    let most = report.lag.bins.iter().map(|bin| bin.accounts).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let mut late = false;
    for bin in &report.lag.bins {
        if bin.late && !late {
            let _ = writeln!(text, "{:>17}  {}", "", styled(QUIET, "--- the objective ---"));
            late = true;
        }
        let bar = "#".repeat((bin.accounts * BAR_CHARS).div_ceil(most));
        let row = format!("{:>17}  {:>5} {bar}", range(bin), bin.accounts);
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for new in report.lag.accounts.iter().filter(|new| new.configured.is_none()) {
        let late = if new.late { styled(BAD, "late") } else { "open".to_owned() };
        let (lag, done, regions) =
            (crate::cli::status::age(new.lag_s * SECOND_MS), new.regions_configured, new.regions);
        let _ = writeln!(
            text,
            "{late}  {} {}: {lag} so far, {done} of {}",
            new.account,
            clean(&new.name, NAME_CHARS),
            count(regions, "region")
        );
    }
}

fn sweep(text: &mut String, report: &Report) {
    heading(text, "Sweep coverage");
    let _ = writeln!(text, "{}", coverage(&report.coverage, report.at));
    for region in &report.coverage.incomplete_regions {
        let _ = writeln!(
            text,
            "  {}: {} missed, {} never checked, of {}",
            region.region, region.missed, region.never, region.targets
        );
    }
    for limit in limits(&report.coverage) {
        let _ = writeln!(text, "{limit}");
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn regions_have_short_names_that_differ() {
        let short = |region: &str| short(&region.parse().unwrap());
        assert_eq!(["eu-central-1", "ap-southeast-2", "us-gov-west-1"].map(short), ["euc1", "apse2", "usgw1"]);
    }
}
