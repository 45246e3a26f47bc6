//! Renders the status, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::overview::{NewAccount, Overview, TargetStatus, Ungoverned};
use crate::cli::policy::count;
use crate::domain::policy::Policy;
use crate::domain::record::Status;
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean, escaped};
use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Time};

/// Version of the JSON that this command writes.
const SCHEMA_VERSION: u32 = 1;
const NAME_CHARS: usize = 24;
const WHY_CHARS: usize = 120;
/// New accounts shown to people; programs get all of them.
const NEW_ACCOUNTS_MAX: usize = 10;
/// Accounts named per ungoverned region; programs get all of them.
const NAMED_MAX: usize = 3;

/// Every selected target, and the new accounts.
pub(super) fn data(overview: &Overview, policy: Option<&Policy>, now: Time) -> String {
    let seconds = |from: Time, to: Time| to.since(from) / SECOND_MS;
    let lines = overview.lines.iter().map(|line| {
        json!({
            "account": line.target.account, "name": line.name, "region": line.target.region,
            "status": line.status, "why": line.why, "updated": line.updated, "policy": line.policy,
            "age_s": line.updated.map(|updated| seconds(updated, now)),
            "checked": line.checked, "checked_age_s": line.checked.map(|checked| seconds(checked, now)),
            "not_checked": line.not_checked,
        })
    });
    let new_accounts = overview.new_accounts.iter().map(|new| {
        let NewAccount { account, name, since, until, regions } = new;
        json!({
            "account": account, "name": name, "since": since, "until": until, "open": until.is_none(),
            "configuration_lag_s": seconds(*since, until.unwrap_or(now)), "regions": regions,
        })
    });
    let counts = overview.counts().into_iter().map(|(status, count)| (word(status), Value::from(count)));
    let value = json!({
        "schema_version": SCHEMA_VERSION, "at": now, "policy": policy.map(Policy::label),
        "accounts": overview.accounts, "counts": counts.collect::<serde_json::Map<_, _>>(),
        "sweep": overview.sweep.as_ref().map(|sweep| {
            json!({
                "id": sweep.id, "began": sweep.began, "last_progress": sweep.last_progress, "ended": sweep.ended,
                "completed": sweep.completed(), "accounts": sweep.accounts, "targets": sweep.targets,
            })
        }),
        "targets": lines.collect::<Vec<_>>(), "new_accounts": new_accounts.collect::<Vec<_>>(), "past": overview.past,
        "ungoverned": overview.ungoverned.as_ref().map(|found| {
            let each = found.iter().map(|Ungoverned { regions, accounts }| json!({ "regions": regions, "accounts": accounts }));
            each.collect::<Vec<_>>()
        }),
        "regions_not_reported": overview.ungoverned.as_ref().map(|_| overview.silent),
    });
    escaped(&format!("{value:#}\n"))
}

/// The targets that need attention, the new accounts, and the totals.
pub(super) fn text(overview: &Overview, all: bool, now: Time) -> String {
    let shown: Vec<&TargetStatus> = overview.lines.iter().filter(|line| all || !line.is_fine()).collect();
    let mut text = String::new();
    if !shown.is_empty() {
        let _ = writeln!(
            text,
            "{:<12} {:<13} {:<NAME_CHARS$} {:<15} {:>8} {:>8}  {:<8}  WHY",
            "STATUS", "ACCOUNT", "NAME", "REGION", "SINCE", "CHECKED", "POLICY"
        );
    }
    let ago = |at: &Option<Time>| at.map_or_else(|| "never".to_owned(), |at| age(now.since(at)));
    for TargetStatus { target, name, status, why, updated, checked, not_checked, policy } in shown {
        let (since, checked) = (ago(updated), ago(checked));
        let why = if *not_checked { format!("not checked: see the dead-letter queue. {why}") } else { why.clone() };
        let row = format!(
            "{:<12} {:<13} {:<NAME_CHARS$} {:<15} {since:>8} {checked:>8}  {:<8}  {}",
            word(*status),
            target.account.as_str(),
            clean(name, NAME_CHARS),
            target.region.as_str(),
            clean(policy, 8),
            clean(&why, WHY_CHARS)
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for new in overview.new_accounts.iter().take(NEW_ACCOUNTS_MAX) {
        let _ = writeln!(text, "{}", new_account(new, now));
    }
    for Ungoverned { regions, accounts } in overview.ungoverned.iter().flatten() {
        let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
        let named: Vec<&str> = accounts.iter().take(NAMED_MAX).map(AccountId::as_str).collect();
        let more = if accounts.len() > NAMED_MAX { ", ..." } else { "" };
        let (regions, named) = (regions.join(", "), named.join(", "));
        let _ = writeln!(
            text,
            "enabled, but not governed, in {} ({named}{more}): {regions}",
            count(accounts.len(), "account")
        );
    }
    text + &sum(overview, now)
}

/// The milestones of a new account, passed and open.
fn new_account(new: &NewAccount, now: Time) -> String {
    let NewAccount { account, name, since, until, regions } = new;
    let after =
        |at: Option<Time>| at.map_or_else(|| "not yet".to_owned(), |at| format!("after {}", age(at.since(*since))));
    let right = if until.is_some() {
        format!("right {}", after(*until))
    } else {
        let right = new.count(|passed| passed.configured);
        format!("not right since {} ({right} of {})", age(now.since(*since)), count(regions.len(), "region"))
    };
    let (reached, member_role, events) = (new.reached(), new.member_role(), new.count(|passed| passed.newest_call));
    format!(
        "new account {account} {}: first access {}, {right}, member role {}, events from {events} of {}",
        clean(name, NAME_CHARS),
        after(reached),
        after(member_role),
        count(regions.len(), "region")
    )
}

fn sum(overview: &Overview, now: Time) -> String {
    let counts = overview.counts().into_iter().map(|(status, count)| format!("{count} {}", in_words(status)));
    let not_checked = overview.lines.iter().filter(|line| line.not_checked).count();
    let not_checked = (not_checked > 0).then(|| format!("{not_checked} not checked at for too long"));
    let counts: Vec<String> = counts.chain(not_checked).collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let newest = overview.lines.iter().filter_map(|line| line.updated).max();
    let newest = newest.map(|at| format!("; the last event came {} ago", age(now.since(at)))).unwrap_or_default();
    let (targets, accounts) = (count(overview.lines.len(), "target"), count(overview.accounts, "account"));
    format!("{targets} in {accounts}: {counts}{newest}\n{}", swept(overview.sweep.as_ref(), now))
}

/// The age of the last sweep, which bounds how long a change without an event can stay unnoticed.
fn swept(sweep: Option<&Sweep>, now: Time) -> String {
    let ago = |at: Time| age(now.since(at));
    let Some(sweep) = sweep else { return "there was no sweep yet\n".to_owned() };
    let Sweep { began, last_progress, ended, accounts, .. } = sweep;
    match ended {
        Some(ended) => format!(
            "the last sweep began {} ago and met {accounts} accounts within {}\n",
            ago(*began),
            age(ended.since(*began))
        ),
        None => format!(
            "a sweep is under way since {}, has met {accounts} accounts, and last moved {} ago; the last complete one {}\n",
            ago(*began),
            ago(*last_progress),
            sweep.completed().map_or_else(|| "never was".to_owned(), |at| format!("began {} ago", ago(at)))
        ),
    }
}

/// Notes on the numbers.
pub(super) fn notes(overview: &Overview, policy: Option<&Policy>) -> String {
    let mut text = String::new();
    if policy.is_none() {
        text.push_str("no policy is in force: what should be checked is not known; fix: `runasctl policy push`\n");
    }
    if overview.silent > 0 && overview.sweep.is_some() {
        let _ = writeln!(
            text,
            "{} did not tell the last sweep which regions are enabled, and may have more; fix: see that a member role can be \
             assumed there, and may call `account:ListRegions`",
            count(overview.silent, "account")
        );
    }
    if overview.past > 0 {
        let _ = writeln!(
            text,
            "{} left out, of accounts that are gone or regions that are not governed",
            count(overview.past, "target")
        );
    }
    clean_lines(&text)
}

fn clean_lines(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + &clean(line, MESSAGE_CHARS_MAX) + "\n")
}

/// The serialised name of a status.
pub(in crate::cli) fn word(status: Status) -> String {
    match serde_json::to_value(status) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(in crate::cli) fn in_words(status: Status) -> String {
    match status {
        Status::New => "not checked yet".to_owned(),
        other => word(other).replace('_', " "),
    }
}

/// A duration in the largest unit that fits.
pub(in crate::cli) fn age(ms: i64) -> String {
    let units = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")];
    let (unit, name) = units.into_iter().find(|(unit, _)| ms >= *unit).unwrap_or((SECOND_MS, "s"));
    format!("{} {name}", ms.max(0) / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        let ages = [0, 999, 59_999, 60_000, 7_200_000, 3 * DAY_MS + 1].map(age);
        assert_eq!(ages, ["0 s", "0 s", "59 s", "1 min", "2 h", "3 d"]);
    }
}
