//! The report: what all formats show.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::incident::{Story, stories};
use super::lag::Lag;
use crate::aws::ledger::view::Survey;
use crate::cli::ExitStatus;
use crate::cli::status::overview::{Overview, Query, TargetStatus};
use crate::cli::status::word;
use crate::domain::policy::Policy;
use crate::domain::record::Status;
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, OuId, Region};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::Time;

/// Version of the JSON.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What a report is made from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Accounts, targets and incidents.
    pub survey: Survey,
    /// The policy in force.
    pub policy: Option<Policy>,
    /// The last sweep.
    pub sweep: Option<Sweep>,
}

/// The part of the organisation and the time that a report is about.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only accounts below this OU.
    pub ou: Option<OuId>,
    /// Only targets with these statuses; all where empty.
    pub statuses: Vec<Status>,
    /// Incidents that ended before this time are left out.
    pub since: Time,
}

/// Targets, incidents, new accounts and the last sweep. Texts of others in it are cleaned and bounded.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub(super) schema_version: u32,
    /// When it was made.
    pub(super) at: Time,
    /// Incidents that ended before are left out.
    pub(super) since: Time,
    /// The policy in force, by its version.
    pub(super) policy: Option<String>,
    /// What was selected, in words; empty for everything.
    pub(super) selection: String,
    /// Number of targets of each health, the most urgent first; each is listed.
    pub(super) counts: Vec<Count>,
    /// Number of targets.
    pub(super) targets: usize,
    /// Regions with a target.
    pub(super) regions: Vec<Region>,
    /// Accounts with their targets, the most urgent first.
    pub(super) accounts: Vec<AccountCells>,
    /// Open incidents first.
    pub(super) incidents: Vec<Story>,
    pub(super) lag: Lag,
    pub(super) coverage: Coverage,
    #[serde(skip)]
    exit_status: ExitStatus,
}

/// The health of a target: its status, unless that is outdated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Unreachable,
    /// In sync or exempt when it was last checked, which the last complete sweep did not do.
    NotChecked,
    BackingOff,
    Drifted,
    Held,
    Waiting,
    New,
    Exempt,
    InSync,
}

/// The number of targets that stand like this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub(super) health: Health,
    /// In words.
    pub(super) words: &'static str,
    /// The letter in the grid.
    pub(super) letter: char,
    pub(super) targets: usize,
}

/// One account.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AccountCells {
    pub(super) account: AccountId,
    pub(super) name: String,
    /// The root and the OUs above it, outermost first.
    pub(super) ou_path: Vec<OuId>,
    /// By region.
    pub(super) targets: Vec<Cell>,
}

/// One target.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cell {
    pub(super) region: Region,
    pub(super) health: Health,
    pub(super) status: Status,
    /// Why it is not in sync.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) why: String,
    /// When its record last changed; absent where it was never observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated: Option<Time>,
    /// The last recorded check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checked: Option<Time>,
    /// The policy version of its last decision.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) policy: String,
}

/// What the last sweep covered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Coverage {
    /// The last sweep; it may be under way.
    pub(super) sweep: Option<SweepLine>,
    /// When the newest complete sweep began.
    pub(super) completed: Option<Time>,
    /// Targets that were checked, by that sweep or since; all that were ever checked where no sweep has completed.
    pub(super) checked: usize,
    /// Targets that the newest complete sweep missed.
    pub(super) missed: usize,
    /// Targets that were never checked.
    pub(super) never: usize,
    /// The same by region, where some are missed or were never checked.
    pub(super) incomplete_regions: Vec<RegionCoverage>,
    /// Enabled regions that the policy does not govern, with the number of accounts; absent where only some statuses are
    /// selected.
    pub(super) ungoverned: Option<BTreeMap<Region, usize>>,
    /// Accounts that have not recently reported their enabled regions, and may have more.
    pub(super) accounts_without_regions: usize,
    /// Targets left out, of accounts that are gone or regions that are not governed.
    pub(super) past: usize,
}

/// One sweep.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SweepLine {
    pub(super) began: Time,
    pub(super) last_progress: Time,
    pub(super) ended: Option<Time>,
    /// It neither ended nor progresses.
    pub(super) stalled: bool,
    /// Accounts met so far.
    pub(super) accounts: u64,
}

/// The coverage of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RegionCoverage {
    pub(super) region: Region,
    pub(super) targets: usize,
    pub(super) missed: usize,
    pub(super) never: usize,
}

impl Report {
    /// Makes the report of `now`.
    pub fn of(sources: &Sources, selection: &Selection, now: Time) -> Self {
        let Sources { survey, policy, sweep } = sources;
        let Selection { ou, statuses, since } = selection;
        let query = Query { ou: ou.as_ref(), statuses, now };
        let overview = Overview::of(&survey.inventory, policy.as_ref(), sweep.clone(), &query);
        let below = |facts: &&AccountFacts| ou.as_ref().is_none_or(|ou| facts.ou_path.contains(ou));
        let accounts: BTreeMap<&AccountId, &AccountFacts> =
            survey.inventory.accounts.iter().filter(below).map(|facts| (&facts.account, facts)).collect();
        let name = |account: &AccountId| {
            accounts.get(account).map_or_else(String::new, |facts| clean(&facts.name, NAME_CHARS_MAX))
        };
        let mut incidents = stories(survey, name);
        incidents
            .retain(|story| accounts.contains_key(&story.account) && story.ended.is_none_or(|ended| ended >= *since));
        mark_wrong(&mut incidents, &overview.lines);
        let objective = policy.as_ref().map(|policy| policy.limits().alerts.configuration_lag_minutes);
        Self {
            schema_version: SCHEMA_VERSION,
            at: now,
            since: *since,
            policy: policy.as_ref().map(|policy| clean(policy.label(), NAME_CHARS_MAX)),
            selection: selection.in_words(),
            counts: counts(&overview.lines),
            targets: overview.lines.len(),
            regions: regions(&overview.lines),
            accounts: rows(&overview.lines, &accounts),
            incidents,
            lag: Lag::of(&overview.new_accounts, objective, now),
            coverage: Coverage::of(&overview, now),
            exit_status: overview.exit_status(),
        }
    }

    /// How the command ends.
    pub fn exit_status(&self) -> ExitStatus {
        self.exit_status
    }

    /// Number of targets that need attention.
    pub(super) fn attention(&self) -> usize {
        self.counts.iter().filter(|count| !count.health.is_fine()).map(|count| count.targets).sum()
    }

    /// Each target with its account, the most urgent account first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&AccountCells, &Cell)> {
        self.accounts.iter().flat_map(|row| row.targets.iter().map(move |cell| (row, cell)))
    }

    /// The open incident of a target.
    pub(super) fn open_incident(&self, row: &AccountCells, cell: &Cell) -> Option<&Story> {
        let here = |story: &&Story| story.account == row.account && story.region == cell.region;
        self.incidents.iter().filter(|story| story.ended.is_none()).find(here)
    }
}

impl Selection {
    fn in_words(&self) -> String {
        let ou = self.ou.iter().map(|ou| format!("below {ou}"));
        let statuses: Vec<String> = self.statuses.iter().map(|status| word(*status).replace('_', " ")).collect();
        let statuses = (!statuses.is_empty()).then(|| format!("only {}", statuses.join(", ")));
        ou.chain(statuses).collect::<Vec<_>>().join("; ")
    }
}

impl Health {
    /// All of them, the most urgent first.
    pub(super) const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::NotChecked,
        Self::BackingOff,
        Self::Drifted,
        Self::Held,
        Self::Waiting,
        Self::New,
        Self::Exempt,
        Self::InSync,
    ];

    fn of(line: &TargetStatus) -> Self {
        match line.status {
            Status::InSync | Status::Exempt if line.not_checked => Self::NotChecked,
            Status::Unreachable => Self::Unreachable,
            Status::BackingOff => Self::BackingOff,
            Status::Drifted => Self::Drifted,
            Status::Held => Self::Held,
            Status::Waiting => Self::Waiting,
            Status::New => Self::New,
            Status::Exempt => Self::Exempt,
            Status::InSync => Self::InSync,
        }
    }

    /// Needs no attention.
    pub(super) fn is_fine(self) -> bool {
        matches!(self, Self::InSync | Self::Exempt)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotChecked => "not checked by the last sweep",
            Self::BackingOff => "backing off",
            Self::Drifted => "drifted",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::New => "never checked",
            Self::Exempt => "exempt",
            Self::InSync => "in sync",
        }
    }

    /// The letter in a grid: colour is never the only sign.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Unreachable => 'U',
            Self::NotChecked => '!',
            Self::BackingOff => 'B',
            Self::Drifted => 'D',
            Self::Held => 'H',
            Self::Waiting => 'W',
            Self::New => '?',
            Self::Exempt => 'e',
            Self::InSync => '·',
        }
    }
}

/// Says of each open incident whether its target needs attention now, and puts those first that do.
fn mark_wrong(incidents: &mut [Story], lines: &[TargetStatus]) {
    let stand: BTreeMap<(&AccountId, &Region), Health> =
        lines.iter().map(|line| ((&line.target.account, &line.target.region), Health::of(line))).collect();
    for story in incidents.iter_mut().filter(|story| story.ended.is_none()) {
        story.wrong = stand.get(&(&story.account, &story.region)).map(|health| !health.is_fine());
    }
    incidents.sort_by_key(|story| (story.ended.is_some(), story.wrong == Some(false)));
}

fn counts(lines: &[TargetStatus]) -> Vec<Count> {
    let count = |health: Health| Count {
        health,
        words: health.words(),
        letter: health.letter(),
        targets: lines.iter().filter(|line| Health::of(line) == health).count(),
    };
    Health::ALL.into_iter().map(count).collect()
}

fn regions(lines: &[TargetStatus]) -> Vec<Region> {
    let regions: BTreeSet<&Region> = lines.iter().map(|line| &line.target.region).collect();
    regions.into_iter().cloned().collect()
}

/// The accounts, ordered by their most urgent target, then by how many are as urgent.
fn rows(lines: &[TargetStatus], accounts: &BTreeMap<&AccountId, &AccountFacts>) -> Vec<AccountCells> {
    let mut rows: BTreeMap<&AccountId, AccountCells> = BTreeMap::new();
    for line in lines {
        let account = &line.target.account;
        let row = rows.entry(account).or_insert_with(|| AccountCells {
            account: account.clone(),
            name: clean(&line.name, NAME_CHARS_MAX),
            ou_path: accounts.get(account).map_or_else(Vec::new, |facts| facts.ou_path.clone()),
            targets: Vec::new(),
        });
        row.targets.push(Cell {
            region: line.target.region.clone(),
            health: Health::of(line),
            status: line.status,
            why: clean(&line.why, MESSAGE_CHARS_MAX),
            updated: line.updated,
            checked: line.checked,
            policy: clean(&line.policy, NAME_CHARS_MAX),
        });
    }
    let mut rows: Vec<AccountCells> = rows.into_values().collect();
    for row in &mut rows {
        row.targets.sort_by(|a, b| a.region.cmp(&b.region));
    }
    let urgency = |row: &AccountCells| {
        let worst = row.targets.iter().map(|cell| cell.health).min();
        let as_bad = row.targets.iter().filter(|cell| Some(cell.health) == worst).count();
        (worst, std::cmp::Reverse(as_bad))
    };
    rows.sort_by(|a, b| (urgency(a), &a.account).cmp(&(urgency(b), &b.account)));
    rows
}

impl Coverage {
    fn of(overview: &Overview, now: Time) -> Self {
        let lines = &overview.lines;
        let missed = |line: &&TargetStatus| line.not_checked;
        let never = |line: &&TargetStatus| line.checked.is_none();
        let of_region = |region: Region| {
            let here = || lines.iter().filter(|line| line.target.region == region);
            let (targets, missed, never) =
                (here().count(), here().filter(missed).count(), here().filter(never).count());
            RegionCoverage { region: region.clone(), targets, missed, never }
        };
        let regions = regions(lines).into_iter().map(of_region);
        let (missed, never) = (lines.iter().filter(missed).count(), lines.iter().filter(never).count());
        let ungoverned = overview.ungoverned.as_ref().map(|found| {
            let each = found.iter().flat_map(|group| group.regions.iter().map(|region| (region, group.accounts.len())));
            each.fold(BTreeMap::new(), |mut all, (region, accounts)| {
                *all.entry(region.clone()).or_default() += accounts;
                all
            })
        });
        Self {
            sweep: overview.sweep.as_ref().map(|sweep| SweepLine::of(sweep, now)),
            completed: overview.sweep.as_ref().and_then(Sweep::completed),
            checked: lines.len() - missed - never,
            missed,
            never,
            incomplete_regions: regions.filter(|region| region.missed + region.never > 0).collect(),
            ungoverned,
            accounts_without_regions: overview.silent,
            past: overview.past,
        }
    }
}

impl SweepLine {
    fn of(sweep: &Sweep, now: Time) -> Self {
        let Sweep { began, last_progress, ended, accounts, .. } = *sweep;
        Self { began, last_progress, ended, accounts, stalled: sweep.has_stalled(now) }
    }
}
