//! A sweep: its walk through the organisation, in steps that one message each has time for, and its alerts.
//!
//! The ledger holds the progress; a message only names the step that is due. A completed step is not repeated, an
//! interrupted one is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::finding::{Alert, AlertBuilder, Kind, Severity};
use super::policy::{Mode, Policy};
use super::target::{AccountFacts, AccountId, OuId, Region};
use super::text::clean;
use super::time::{DAY_MS, MINUTE_MS, Time};

/// A sweep without progress for this long has stopped: SQS redelivers its message within minutes, or dead-letters it.
const STALLED_MS: i64 = 15 * MINUTE_MS;
/// A check is recorded if the last recorded one is older than this, so that most sweeps write nothing.
pub const LAST_CHECK_MS: i64 = DAY_MS / 2;
/// A target last checked this long before a complete sweep began was missed by that sweep, too.
const MISSED_MS: i64 = DAY_MS;
/// OUs nest five deep [docs: `orgs_reference_limits`], below the root; the rest is margin.
pub const OU_DEPTH_MAX: usize = 8;

/// One sweep and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Id of the event that started it; correlation id of everything that follows from it.
    pub id: String,
    /// The step that it began with: unique, and larger than the number of every earlier sweep.
    pub number: u64,
    /// The step that is due; steps are counted through all sweeps.
    pub step: u64,
    /// When it began.
    pub began: Time,
    /// When a step was last completed.
    pub last_progress: Time,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// When the newest complete sweep before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_completed: Option<Time>,
    /// Accounts met so far.
    pub accounts: u64,
    /// Targets in them: each account's governed regions, by the enabled regions that it last reported.
    pub targets: u64,
    /// Enabled but ungoverned regions of the accounts met so far.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ungoverned: BTreeMap<Region, Ungoverned>,
    /// Ungoverned regions that the last complete sweep found.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub notified: BTreeSet<Region>,
    /// The walk through the tree; absent before the root is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<OuWalk>,
}

/// The accounts in which an ungoverned region is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ungoverned {
    /// How many.
    pub accounts: u64,
    /// The first of them that the sweep met.
    pub first: AccountId,
}

/// A depth-first walk through the tree of OUs; it can pause after every page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OuWalk(Vec<Cursor>);

/// A list in progress: the OUs below an OU, or the accounts in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The OU, preceded by the OUs through which the walk came, outermost first.
    pub path: Vec<OuId>,
    /// Which of the two lists.
    pub list: List,
    /// The next page; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// What a cursor lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// The OUs directly below.
    Ous,
    /// The accounts directly in it.
    Accounts,
}

/// The outcome of starting a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartResult {
    /// A new sweep; second, the previous one if it did not complete.
    New(Box<Sweep>, Option<Box<Sweep>>),
    /// A sweep is under way; its due step.
    UnderWay(u64),
}

impl OuWalk {
    /// A walk from an OU, or the root, downwards.
    pub fn from(top: OuId) -> Self {
        Self(vec![Cursor { path: vec![top], list: List::Ous, page: None }])
    }

    /// The list to read next; `None` when the walk is complete.
    pub fn next(&self) -> Option<&Cursor> {
        self.0.last()
    }

    /// Takes in the page that was next: its OUs, and the token of the page after it.
    pub fn listed(&mut self, ous: Vec<OuId>, page: Option<String>) {
        let Some(Cursor { path, list, .. }) = self.0.pop() else { return };
        for ou in ous.into_iter().filter(|_| path.len() < OU_DEPTH_MAX) {
            let path = path.iter().cloned().chain([ou]).collect();
            self.0.push(Cursor { path, list: List::Ous, page: None });
        }
        match (list, &page) {
            (_, Some(_)) => self.0.push(Cursor { path, list, page }),
            (List::Ous, None) => self.0.push(Cursor { path, list: List::Accounts, page: None }),
            (List::Accounts, None) => {}
        }
    }
}

/// Whether a complete sweep that began at `began` missed a target that was last checked at `checked`.
pub fn was_missed(began: Time, checked: Time) -> bool {
    began.since(checked) > MISSED_MS
}

/// Enabled regions of an account that the policy does not govern; none for an exempt account.
pub fn ungoverned<'a>(
    policy: &Policy,
    facts: &AccountFacts,
    enabled: &'a BTreeSet<Region>,
    now: Time,
) -> Vec<&'a Region> {
    if policy.resolve(facts, now).mode == Mode::Exempt {
        return Vec::new();
    }
    enabled.iter().filter(|region| !policy.governs(region)).collect()
}

impl Sweep {
    /// Starts a sweep under `id`, unless the last one is under way.
    pub fn begin(last: Option<Self>, id: &str, now: Time) -> StartResult {
        if let Some(last) = last.as_ref().filter(|last| last.ended.is_none() && !last.has_stalled(now)) {
            return StartResult::UnderWay(last.step);
        }
        let step = last.as_ref().map_or(1, |last| last.step.saturating_add(1));
        let new = Self {
            id: id.to_owned(),
            number: step,
            step,
            began: now,
            last_progress: now,
            ended: None,
            previous_completed: last.as_ref().and_then(Self::completed),
            accounts: 0,
            targets: 0,
            ungoverned: BTreeMap::new(),
            notified: last.as_ref().map(Self::known_ungoverned).unwrap_or_default(),
            walk: None,
        };
        StartResult::New(Box::new(new), last.filter(|last| last.ended.is_none()).map(Box::new))
    }

    /// Whether it has neither ended nor progressed for longer than any step takes.
    pub fn has_stalled(&self, now: Time) -> bool {
        self.ended.is_none() && now.since(self.last_progress) >= STALLED_MS
    }

    /// Completes the step; with `ended`, it was the last.
    pub fn done(&mut self, now: Time, ended: bool) {
        self.step = self.step.saturating_add(1);
        self.last_progress = now;
        self.ended = ended.then_some(now);
    }

    /// Whether the last complete sweep missed a target that was last checked at `checked`.
    pub fn missed(&self, checked: Time) -> bool {
        self.previous_completed.is_some_and(|previous_completed| was_missed(previous_completed, checked))
    }

    /// When the newest complete sweep began, this one included.
    pub fn completed(&self) -> Option<Time> {
        self.ended.map(|_| self.began).or(self.previous_completed)
    }

    /// Counts the ungoverned regions of an account that the sweep met.
    pub fn has_met(&mut self, policy: &Policy, facts: &AccountFacts, enabled: &BTreeSet<Region>, now: Time) {
        for region in ungoverned(policy, facts, enabled, now) {
            let fresh = || Ungoverned { accounts: 0, first: facts.account.clone() };
            self.ungoverned.entry(region.clone()).or_insert_with(fresh).accounts += 1;
        }
    }

    /// Ungoverned regions that the newest complete sweep found, this one included.
    fn known_ungoverned(&self) -> BTreeSet<Region> {
        if self.ended.is_none() {
            return self.notified.clone();
        }
        let mut known = BTreeSet::new();
        known.extend(self.ungoverned.keys().cloned());
        known
    }

    /// The alert about enabled but ungoverned regions, after a sweep that found one which the last complete sweep had not.
    pub fn newly_ungoverned(&self, hub: &AccountId, now: Time) -> Option<Alert> {
        let new = |region: &Region| !self.notified.contains(region);
        let mut page =
            AlertBuilder::new(Kind::RegionUngoverned, Severity::Warning, &format!("region_ungoverned:{}", self.number))
                .subject("Not governed", "regions are enabled that the policy does not name", "")
                .says("Regions are enabled in the organisation that the policy does not name.")
                .says("The reactor does not observe Session Manager's settings there: sessions may run as any user.");
        for (region, Ungoverned { accounts, first }) in &self.ungoverned {
            let news = if new(region) { "; new since the last sweep" } else { "" };
            let noun = if *accounts == 1 { "account" } else { "accounts" };
            page = page.row("Region", &format!("{region}, enabled in {accounts} {noun}, such as {first}{news}"));
        }
        let page = page
            .advice(
                "In working hours: add them to `regions` of the policy, or switch them off, or deny them by a service control \
                 policy.",
            )
            .link("Accounts", "runasctl status".to_owned())
            .origin(&format!("Sweep {}.", self.id))
            .put("regions", json!(self.ungoverned));
        self.ungoverned.keys().any(new).then(|| page.finish(hub, None, None, now))
    }

    /// The alert about a sweep that did not complete.
    pub fn unfinished(&self, hub: &AccountId, now: Time) -> Alert {
        AlertBuilder::new(Kind::SweepUnfinished, Severity::High, &format!("sweep:{}", self.number))
            .subject("Stopped", "a sweep did not come to its end", "")
            .says("The regular observation of every account (a sweep) stopped before its end.")
            .says("Edits whose events got lost were not found since. A new sweep has begun.")
            .row("Began", &self.began.to_string())
            .row(
                "Stopped",
                &format!("{}, after {} accounts and {} documents", self.last_progress, self.accounts, self.targets),
            )
            .advice("See the function's log, and the dead-letter queue, for what stopped it.")
            .link("Queue", "runasctl redrive list".to_owned())
            .origin(&format!("Sweep {}.", self.id))
            .put(
                "sweep",
                json!({ "id": self.id, "began": self.began, "last_progress": self.last_progress, "step": self.step }),
            )
            .put("accounts", json!(self.accounts))
            .put("targets", json!(self.targets))
            .finish(hub, None, None, now)
    }

    /// The alert about targets of one account that were not checked for too long; once per account and day.
    pub fn not_checked(&self, account: &AccountId, name: &str, targets: &[(Region, Time)], now: Time) -> Alert {
        let day: String = now.to_string().chars().take(10).collect();
        let (short, place) = match clean(name, 32) {
            name if name.is_empty() => (account.to_string(), format!("account {account}")),
            name => (name.clone(), format!("{name} ({account})")),
        };
        let mut page = AlertBuilder::new(
            Kind::TargetsNotChecked,
            Severity::Warning,
            &format!("targets_not_checked:{account}:{day}"),
        )
        .subject("Not checked", &format!("{} regions of {short}, for too long", targets.len()), "")
        .says(&format!("Documents of {place} were not checked for too long. Whether they are right is NOT known."));
        for (region, checked) in targets {
            page = page.row("Region", &format!("{region}, last checked {checked}"));
        }
        let regions: Vec<_> =
            targets.iter().map(|(region, checked)| json!({ "region": region, "checked": checked })).collect();
        page.advice("See the dead-letter queue and the function's log for what stood in the way. The sweep under way tries again.")
            .link("Account", format!("runasctl status --account {account}"))
            .origin(&format!("Sweep {}.", self.id))
            .put("targets", regions.into())
            .finish(account, None, None, now)
    }
}

#[cfg(test)]
mod tests;
