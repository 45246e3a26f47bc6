//! The results of all checks, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::ExitStatus;
use crate::cli::plan::show::counted;
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean, escaped};

/// Version of the JSON that the command writes.
const SCHEMA_VERSION: u32 = 1;
/// Limit of an account's name.
const NAME_CHARS_MAX: usize = 32;
/// Accounts shown to people; programs get all of them.
const ACCOUNTS_MAX: usize = 6;
/// Limit of a cause shown to people: several reasons fit.
const CAUSE_CHARS_MAX: usize = 2 * MESSAGE_CHARS_MAX;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CheckOutcome {
    /// As it should be.
    Right,
    /// Unknown, and why.
    NotKnown(Remedy),
    /// Not as it should be.
    Wrong(Remedy),
}

/// The cause of a result that is not right, and its fix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Remedy {
    pub(super) cause: String,
    pub(super) fix: String,
}

impl CheckOutcome {
    pub(super) fn wrong(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Wrong(Remedy { cause: cause.into(), fix: fix.into() })
    }

    pub(super) fn not_known(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::NotKnown(Remedy { cause: cause.into(), fix: fix.into() })
    }

    /// A stable word for programs.
    fn word(&self) -> &'static str {
        match self {
            Self::Right => "ok",
            Self::NotKnown(_) => "not_known",
            Self::Wrong(_) => "wrong",
        }
    }

    fn remedy(&self) -> Option<&Remedy> {
        match self {
            Self::Right => None,
            Self::NotKnown(remedy) | Self::Wrong(remedy) => Some(remedy),
        }
    }

    fn styled(&self) -> String {
        let style = match self {
            Self::Right => GOOD,
            Self::NotKnown(_) => CAUTION,
            Self::Wrong(_) => BAD,
        };
        styled(style, &format!("{:<9}", self.word().replace('_', " ")))
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// A stable name for programs.
    pub(super) name: &'static str,
    pub(super) outcome: CheckOutcome,
    /// The finding.
    pub(super) what: String,
    /// Where it applies, if it concerns accounts.
    pub(super) places: Places,
}

/// Accounts by id, with their names and the regions of the finding; no regions where it concerns the whole account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(BTreeMap<AccountId, (String, BTreeSet<Region>)>);

impl Places {
    pub(super) fn add(&mut self, account: &AccountId, name: &str, region: Option<&Region>) {
        let (_, regions) = self.0.entry(account.clone()).or_insert_with(|| (name.to_owned(), BTreeSet::new()));
        regions.extend(region.cloned());
    }

    fn targets(&self) -> usize {
        self.0.values().map(|(_, regions)| regions.len()).sum()
    }

    /// `3 targets of 2 accounts`, or `2 accounts`.
    fn counted(&self) -> String {
        let accounts = counted(self.0.len(), "account");
        match self.targets() {
            0 => accounts,
            targets => format!("{} of {accounts}", counted(targets, "target")),
        }
    }

    /// The first accounts with their regions, and how many more there are.
    fn named(&self) -> String {
        let one = |(account, (name, regions)): (&AccountId, &(String, BTreeSet<Region>))| {
            let account = format!("{account} {}", clean(name, NAME_CHARS_MAX)).trim_end().to_owned();
            let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
            if regions.is_empty() { account } else { format!("{account} ({})", regions.join(", ")) }
        };
        let first: Vec<String> = self.0.iter().take(ACCOUNTS_MAX).map(one).collect();
        match self.0.len().saturating_sub(ACCOUNTS_MAX) {
            0 => first.join(", "),
            more => format!("{}, and {more} more", first.join(", ")),
        }
    }

    fn data(&self) -> Value {
        let one = |(account, (name, regions)): (&AccountId, &(String, BTreeSet<Region>))| json!({ "account": account, "name": name, "regions": regions });
        self.0.iter().map(one).collect()
    }
}

impl Check {
    /// A check of the hub.
    pub(super) fn new(name: &'static str, outcome: CheckOutcome, what: impl Into<String>) -> Self {
        Self { name, outcome, what: what.into(), places: Places::default() }
    }
}

/// Groups equal findings. Findings that are not right come last, next to the summary.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<(u8, String), (CheckOutcome, Places)>);

impl Groups {
    /// Adds a place to the group of `what`; the group shows the cause of its first place.
    pub(super) fn add(
        &mut self,
        what: &str,
        outcome: CheckOutcome,
        account: &AccountId,
        name: &str,
        region: Option<&Region>,
    ) {
        let rank = match outcome {
            CheckOutcome::Right => 0,
            CheckOutcome::NotKnown(_) => 1,
            CheckOutcome::Wrong(_) => 2,
        };
        let group = self.0.entry((rank, what.to_owned())).or_insert_with(|| (outcome, Places::default()));
        group.1.add(account, name, region);
    }

    /// One check per group.
    pub(super) fn checks(self, name: &'static str) -> Vec<Check> {
        let groups = self.0.into_iter();
        let check = |((_, what), (outcome, places)): ((u8, String), (CheckOutcome, Places))| Check {
            name,
            outcome,
            what: format!("{}: {what}", places.counted()),
            places,
        };
        groups.map(check).collect()
    }
}

/// The whole report.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    /// Number of accounts that the policy exempts.
    pub(super) exempt: usize,
    /// Number of accounts that are closed or closing.
    pub(super) closed: usize,
}

impl Report {
    fn count(&self, wanted: fn(&CheckOutcome) -> bool) -> usize {
        self.checks.iter().filter(|check| wanted(&check.outcome)).count()
    }

    fn counts(&self) -> (usize, usize, usize) {
        let right = self.count(|outcome| matches!(outcome, CheckOutcome::Right));
        let wrong = self.count(|outcome| matches!(outcome, CheckOutcome::Wrong(_)));
        (right, wrong, self.checks.len() - right - wrong)
    }

    /// Unknown results take precedence over wrong ones.
    pub(super) fn exit_status(&self) -> ExitStatus {
        match self.counts() {
            (_, 0, 0) => ExitStatus::Success,
            (_, _, 0) => ExitStatus::Drift,
            _ => ExitStatus::Unreachable,
        }
    }

    /// For people: a line per check, followed by cause and fix where it is not right.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Check { name, outcome, what, places } in &self.checks {
            let line = clean(what, MESSAGE_CHARS_MAX);
            let _ = writeln!(text, "{}  {:<13}  {line}", outcome.styled(), name.replace('_', " "));
            let Some(Remedy { cause, fix }) = outcome.remedy() else { continue };
            if !places.0.is_empty() {
                let _ = writeln!(text, "             {}", styled(QUIET, &places.named()));
            }
            let _ = writeln!(text, "             cause: {}", clean(cause, CAUSE_CHARS_MAX));
            let _ = writeln!(text, "             fix: {}", clean(fix, CAUSE_CHARS_MAX));
        }
        text + &self.sum()
    }

    fn sum(&self) -> String {
        let (right, wrong, not_known) = self.counts();
        let style = match (wrong, not_known) {
            (0, 0) => GOOD,
            (0, _) => HEADING,
            _ => BAD,
        };
        let counts =
            format!("{}: {right} ok, {wrong} wrong, {not_known} not known.", counted(self.checks.len(), "check"));
        let left_out = [(self.exempt, "exempt"), (self.closed, "closed")];
        let left_out = left_out.into_iter().filter(|(count, _)| *count > 0);
        let left_out: Vec<String> =
            left_out.map(|(count, why)| format!(" {} left out: {why}.", counted(count, "account"))).collect();
        format!("\n{}{}\n", styled(style, &counts), left_out.concat())
    }

    /// For programs.
    pub(super) fn data(&self) -> String {
        let (right, wrong, not_known) = self.counts();
        let checks = self.checks.iter().map(|Check { name, outcome, what, places }| {
            let remedy = outcome.remedy();
            json!({
                "check": name, "outcome": outcome.word(), "what": what, "accounts": places.data(),
                "cause": remedy.map(|remedy| &remedy.cause), "fix": remedy.map(|remedy| &remedy.fix),
            })
        });
        let value = json!({
            "schema_version": SCHEMA_VERSION,
            "summary": { "ok": right, "wrong": wrong, "not_known": not_known },
            "exempt_accounts": self.exempt, "closed_accounts": self.closed,
            "checks": checks.collect::<Vec<_>>(),
        });
        escaped(&format!("{value:#}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u64) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    fn report(outcomes: Vec<CheckOutcome>) -> Report {
        let checks = outcomes.into_iter().map(|outcome| Check::new("queue", outcome, "so it is")).collect();
        Report { checks, ..Report::default() }
    }

    #[test]
    fn not_known_beats_wrong_and_nothing_but_right_is_green() {
        let (wrong, not_known) = (CheckOutcome::wrong("c", "f"), CheckOutcome::not_known("c", "f"));
        assert_eq!(report(vec![CheckOutcome::Right]).exit_status(), ExitStatus::Success);
        assert_eq!(report(vec![CheckOutcome::Right, wrong.clone()]).exit_status(), ExitStatus::Drift);
        assert_eq!(report(vec![CheckOutcome::Right, not_known.clone()]).exit_status(), ExitStatus::Unreachable);
        assert_eq!(report(vec![wrong, not_known]).exit_status(), ExitStatus::Unreachable);
    }

    #[test]
    fn equal_findings_are_one_line_that_counts_and_names() {
        let mut groups = Groups::default();
        let regions: [Region; 2] = ["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()];
        for number in 0..212 {
            for region in &regions {
                let outcome =
                    if number < 8 { CheckOutcome::wrong("no trail", "make one") } else { CheckOutcome::Right };
                let what = if number < 8 { "nothing came" } else { "all came" };
                groups.add(what, outcome, &account(number), "app", Some(region));
            }
        }
        let report = Report { checks: groups.checks("events"), exempt: 1, closed: 0 };
        let text = anstream::adapter::strip_str(&report.text()).to_string();
        let regions = "app (eu-west-1, us-east-1)";
        let named: Vec<String> = (0..6).map(|number| format!("{} {regions}", account(number))).collect();
        let expected = format!(
            "ok         events         408 targets of 204 accounts: all came\n\
             wrong      events         16 targets of 8 accounts: nothing came\n             {}, and 2 more\n             \
             cause: no trail\n             fix: make one\n\n\
             2 checks: 1 ok, 1 wrong, 0 not known. 1 account left out: exempt.\n",
            named.join(", ")
        );
        assert_eq!(text, expected);
        let data: Value = serde_json::from_str(&report.data()).unwrap();
        assert_eq!(data["checks"][1]["accounts"].as_array().map(Vec::len), Some(8), "programs get all of them");
    }
}
