//! The progress of a sweep, and the accounts that it met.

use super::items::{self, n, s};
use super::keys::{self, Key};
use super::{DynamoLedger, corrupt};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountId, AccountState};
use crate::domain::time::Time;
use crate::ports::{Fault, Sweeps};

impl Sweeps for DynamoLedger {
    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        let row = self.get(&Key::sweep()).await?;
        row.map(|row| items::from_json(&row, items::SWEEP)).transpose().map_err(|what| corrupt(&what))
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        let fields = vec![
            (items::SWEEP, s(items::json_of(sweep).map_err(|what| corrupt(&what))?)),
            (items::STEP, n(sweep.step)),
            ("began", s(sweep.began.to_string())),
            ("accounts", n(sweep.accounts)),
            ("targets", n(sweep.targets)),
            (items::STATE, s(if sweep.ended.is_some() { "ended" } else { "under way" })),
            (items::UPDATED, s(sweep.last_progress.to_string())),
        ];
        self.set(Key::sweep(), fields, Some((items::STEP, sweep.step.saturating_sub(1)))).await
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.set(Key::of_roster(account), vec![(items::STEP, n(sweep))], None).await
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        let left = items::word_of(&AccountState::Left);
        let rows = self.rows(keys::ROSTER.to_owned(), keys::ACCOUNT, Some((items::STEP, n(sweep)))).await?;
        let unmet = rows.iter().filter(|row| items::text(row, items::STATE).is_ok_and(|state| state != left));
        Ok(unmet.filter_map(|row| Key::sort_of(row)?.strip_prefix(keys::ACCOUNT)?.parse().ok()).collect())
    }
}

impl DynamoLedger {
    /// Adds an account to the roster. The row of an account that left stays; `unmet` ignores it.
    pub(super) async fn enter(&self, account: &AccountId, state: String, now: Time) -> Result<(), Fault> {
        let fields = vec![(items::STATE, s(state)), (items::UPDATED, s(now.to_string()))];
        self.set(Key::of_roster(account), fields, None).await
    }
}
