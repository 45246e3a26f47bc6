//! Sentences that several formats share.

use super::incident::Story;
use super::lag::{Bin, Lag};
use super::model::{Coverage, Report, SweepLine};
use super::timeline::{StepKind, TimelineStep};
use crate::cli::policy::count;
use crate::cli::status::age;
use crate::domain::time::{SECOND_MS, Time};

/// The result in one line.
pub(super) fn headline(report: &Report) -> String {
    let (attention, targets) = (report.attention(), count(report.targets, "target"));
    let open = report.incidents.iter().filter(|story| story.ended.is_none()).count();
    let health = match attention {
        _ if report.targets == 0 => "no target is known".to_owned(),
        0 => format!("all of {targets} are in sync or exempt"),
        some => format!("{some} of {targets} need attention"),
    };
    if open == 0 { health } else { format!("{health}; {} open", count(open, "incident")) }
}

/// When, by which policy, and of what.
pub(super) fn scope(report: &Report) -> String {
    let policy =
        report.policy.as_ref().map_or_else(|| "no policy in force".to_owned(), |policy| format!("policy {policy}"));
    let (accounts, regions) = (count(report.accounts.len(), "account"), count(report.regions.len(), "region"));
    let selection = if report.selection.is_empty() { String::new() } else { format!(", {}", report.selection) };
    format!("{}; {policy}; {accounts} in {regions}{selection}", moment(report.at))
}

/// The number of targets per health, without those that none has.
pub(super) fn counts(report: &Report) -> String {
    let counts = report.counts.iter().filter(|count| count.targets > 0);
    counts.map(|count| format!("{} {}", count.targets, count.words)).collect::<Vec<_>>().join(", ")
}

/// How long an incident lasted or has lasted, and what came of it.
pub(super) fn course(story: &Story, now: Time) -> String {
    let lasted = match story.ended {
        Some(ended) => format!("ended {} ago, after {}", age(now.since(ended)), age(ended.since(story.opened))),
        None => format!("open for {}{}", age(now.since(story.opened)), order(story)),
    };
    let war = if story.escalated { ", an edit war" } else { "" };
    let corrected =
        story.corrected_after_s.map_or_else(String::new, |s| format!(", corrected after {}", age(s * SECOND_MS)));
    format!("{lasted}{war}; {}{corrected}", count(usize::try_from(story.acts).unwrap_or(usize::MAX), "act"))
}

fn order(story: &Story) -> &'static str {
    match story.wrong {
        Some(true) => ", wrong now",
        Some(false) => ", in order now",
        None => "",
    }
}

/// The two sides of a field: before and after, or as it was found and as it should be.
pub(super) fn sides(kind: StepKind, before: &str, after: &str) -> String {
    match kind {
        StepKind::Observed => format!("is {before}, should be {after}"),
        _ => format!("{before} -> {after}"),
    }
}

/// A time to the second, as people write it.
pub(super) fn moment(at: Time) -> String {
    let text = at.to_string();
    let date_and_time: String = text.chars().take("2026-11-20T12:00:00".len()).collect();
    format!("{} UTC", date_and_time.replace('T', " "))
}

/// Who did what.
pub(super) fn act(step: &TimelineStep) -> String {
    match step.kind {
        StepKind::Observed => format!("{} {}: {}", step.who, step.what, step.detail),
        _ => format!("{} {}", step.who, step.what),
    }
}

/// The configuration lag of new accounts, in one line.
pub(super) fn lag(lag: &Lag) -> String {
    if lag.accounts.is_empty() {
        return "no account is new since the reactor was installed".to_owned();
    }
    let open = match (lag.open, lag.open_late) {
        (0, _) => String::new(),
        (open, 0) => format!("; {open} not configured yet"),
        (open, late) => format!("; {open} not configured yet, {late} of them beyond the objective"),
    };
    let configured = lag.within + lag.late;
    match lag.objective_s {
        Some(objective) => {
            let objective = age(objective * SECOND_MS);
            format!(
                "{} of {} configured within the objective of {objective}{open}",
                lag.within,
                count(configured, "new account")
            )
        }
        None => format!("{} configured, without an objective to compare{open}", count(configured, "new account")),
    }
}

/// The range of a bin.
pub(super) fn range(bin: &Bin) -> String {
    match bin.to_s {
        Some(to) => format!("up to {}", age(to * SECOND_MS)),
        None => format!("more than {}", age(bin.from_s * SECOND_MS)),
    }
}

/// What the last sweep covered.
pub(super) fn coverage(coverage: &Coverage, now: Time) -> String {
    let ago = |at: Time| format!("{} ago", age(now.since(at)));
    let sweep = match &coverage.sweep {
        None => "there was no sweep yet".to_owned(),
        Some(SweepLine { began, ended: Some(ended), accounts, .. }) => {
            format!(
                "the last sweep began {} and met {accounts} accounts within {}",
                ago(*began),
                age(ended.since(*began))
            )
        }
        Some(SweepLine { began, last_progress, accounts, stalled, .. }) => {
            let state = if *stalled { "has stopped" } else { "is under way" };
            let last = coverage.completed.map_or_else(
                || "none has completed".to_owned(),
                |at| format!("the last complete one began {}", ago(at)),
            );
            format!(
                "a sweep {state} that began {}, has met {accounts} accounts and last moved {}; {last}",
                ago(*began),
                ago(*last_progress)
            )
        }
    };
    let Coverage { checked, missed, never, .. } = coverage;
    let checked = match coverage.completed {
        Some(_) => format!(
            "{checked} targets checked by the last complete sweep or since, {missed} missed, {never} never checked"
        ),
        None => format!("{checked} targets were checked once, {never} never"),
    };
    format!("{sweep}; {checked}")
}

/// What is known to be left out; empty where nothing is.
pub(super) fn limits(coverage: &Coverage) -> Vec<String> {
    let Coverage { ungoverned, accounts_without_regions, past, .. } = coverage;
    let regions = ungoverned.iter().flatten().map(|(region, accounts)| format!("{region} ({accounts})"));
    let regions: Vec<String> = regions.collect();
    let mut limits = Vec::new();
    if !regions.is_empty() {
        limits.push(format!("enabled but not governed, with the number of accounts: {}", regions.join(", ")));
    }
    if *accounts_without_regions > 0 {
        let accounts = count(*accounts_without_regions, "account");
        limits.push(format!("{accounts} did not report enabled regions lately, and may have more"));
    }
    if *past > 0 {
        limits.push(format!(
            "{} left out, of accounts that are gone or regions that are not governed",
            count(*past, "target")
        ));
    }
    limits
}
