//! The configuration lag of new accounts: from the news of an account until all its regions were configured.

use serde::Serialize;

use crate::cli::status::overview::NewAccount;
use crate::domain::target::AccountId;
use crate::domain::time::{MINUTE_MS, SECOND_MS, Time};

/// Upper ends of the histogram's bins, in seconds.
const ENDS_S: [i64; 9] = [15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400];

/// The configuration lag of all new accounts, against its objective.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Lag {
    /// The policy's objective, in seconds; absent without a policy.
    pub(super) objective_s: Option<i64>,
    /// Accounts that were configured within it.
    pub(super) within: usize,
    /// Accounts that were configured later.
    pub(super) late: usize,
    /// Accounts that are not configured yet.
    pub(super) open: usize,
    /// Those of them that have exceeded the objective.
    pub(super) open_late: usize,
    /// Configured accounts by their lag. The objective is always the end of a bin.
    pub(super) bins: Vec<Bin>,
    /// Every new account, open ones first, then the newest.
    pub(super) accounts: Vec<NewLine>,
}

/// A range of lags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bin {
    /// More than this, in seconds.
    pub(super) from_s: i64,
    /// At most this; absent for the last bin.
    pub(super) to_s: Option<i64>,
    /// Number of accounts.
    pub(super) accounts: usize,
    /// Whether the lags in it exceed the objective.
    pub(super) late: bool,
}

/// One new account.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NewLine {
    pub(super) account: AccountId,
    pub(super) name: String,
    /// When the reactor first received an event of it.
    pub(super) since: Time,
    /// When its last region was configured; absent while one is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) configured: Option<Time>,
    /// The lag so far, in seconds.
    pub(super) lag_s: i64,
    pub(super) late: bool,
    pub(super) regions: usize,
    pub(super) regions_configured: usize,
}

impl Lag {
    pub(super) fn of(new_accounts: &[NewAccount], objective_minutes: Option<u32>, now: Time) -> Self {
        let objective_s = objective_minutes.map(|minutes| i64::from(minutes) * MINUTE_MS / SECOND_MS);
        // In milliseconds, as the alert about a late account compares them.
        let exceeds = |ms: i64| objective_s.is_some_and(|objective| ms > objective * SECOND_MS);
        let accounts: Vec<NewLine> = new_accounts
            .iter()
            .map(|new| {
                let ms = new.until.unwrap_or(now).since(new.since).max(0);
                NewLine {
                    account: new.account.clone(),
                    name: new.name.clone(),
                    since: new.since,
                    configured: new.until,
                    lag_s: ms / SECOND_MS,
                    late: exceeds(ms),
                    regions: new.regions.len(),
                    regions_configured: new.count(|passed| passed.configured),
                }
            })
            .collect();
        let number = |open: bool, late: bool| {
            accounts.iter().filter(|new| new.configured.is_none() == open && new.late == late).count()
        };
        let lags: Vec<i64> = new_accounts.iter().filter_map(|new| Some(new.until?.since(new.since).max(0))).collect();
        Self {
            objective_s,
            within: number(false, false),
            late: number(false, true),
            open: number(true, false) + number(true, true),
            open_late: number(true, true),
            bins: bins(&lags, objective_s),
            accounts,
        }
    }
}

/// The bins of lags in milliseconds.
fn bins(lags: &[i64], objective_s: Option<i64>) -> Vec<Bin> {
    let mut ends: Vec<i64> = ENDS_S.into_iter().chain(objective_s).collect();
    ends.sort_unstable();
    ends.dedup();
    let starts = [0].into_iter().chain(ends.iter().copied());
    let ranges = starts.zip(ends.iter().copied().map(Some).chain([None]));
    let bin = |(from_s, to_s): (i64, Option<i64>)| {
        let above = |ms: i64| ms > from_s * SECOND_MS || from_s == 0;
        let below = |ms: i64| to_s.is_none_or(|to| ms <= to * SECOND_MS);
        let accounts = lags.iter().filter(|ms| above(**ms) && below(**ms)).count();
        Bin { from_s, to_s, accounts, late: objective_s.is_some_and(|objective| from_s >= objective) }
    };
    ranges.map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lag_is_in_one_bin_and_the_objective_divides_them() {
        let lags = [0, 15_000, 15_001, 420_000, 420_001, 99_000_000];
        let bins = bins(&lags, Some(420));
        assert_eq!(bins.iter().map(|bin| bin.accounts).sum::<usize>(), lags.len());
        let late: usize = bins.iter().filter(|bin| bin.late).map(|bin| bin.accounts).sum();
        assert_eq!(late, 2, "at the objective is within it: {bins:?}");
        assert!(bins.iter().any(|bin| bin.to_s == Some(420)));
        assert!(super::bins(&lags, None).iter().all(|bin| !bin.late), "without an objective nothing is late");
    }
}
