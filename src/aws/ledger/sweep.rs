//! The progress of a sweep, the accounts that it met, and the time of each target's last check.

use std::collections::BTreeMap;

use futures_util::future::try_join;

use aws_sdk_dynamodb::types::AttributeValue;

use super::items::{self, n, s};
use super::keys::{self, Key};
use super::{DynamoLedger, corrupt};
use crate::domain::record::{Enabled, Known, LastCheck};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountId, AccountState, Target};
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

impl DynamoLedger {
    pub(in crate::aws) async fn record_check(
        &self,
        target: &Target,
        generation: u64,
        last_check: &LastCheck,
    ) -> Result<(), Fault> {
        let checked = (items::CHECKED, s(last_check.at.to_string()));
        let fields = [checked]
            .into_iter()
            .chain(last_check.fingerprint.clone().map(|fingerprint| (items::FINGERPRINT, s(fingerprint))))
            .collect();
        match self.set(Key::region(target), fields, Some((items::GENERATION, generation))).await {
            Err(fault) if fault.class == FaultClass::Conflict => Ok(()),
            outcome => outcome,
        }
    }

    pub(in crate::aws) async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        let meta = Key::meta(account);
        let (meta, rows) =
            try_join(self.get(&meta), self.rows(keys::partition_of(account), keys::REGION, None)).await?;
        let checked = rows.iter().filter_map(|row| {
            let region = Key::sort_of(row)?.strip_prefix(keys::REGION)?.parse().ok()?;
            Some((region, items::last_check_from(row)?.at))
        });
        let meta = meta.unwrap_or_default();
        let mut looks = BTreeMap::new();
        looks.extend(checked);
        Ok(Known {
            facts: items::facts_from(&meta).map_err(|what| corrupt(&what))?,
            enabled: items::enabled_from(&meta),
            looks,
        })
    }

    pub(in crate::aws) async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        Ok(self.get(&Key::meta(account)).await?.as_ref().and_then(items::enabled_from))
    }

    pub(in crate::aws) async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        let regions = enabled.regions.iter().map(|region| s(region.as_str())).collect();
        let fields = vec![(items::ENABLED, AttributeValue::L(regions)), (items::ENABLED_AT, s(enabled.at.to_string()))];
        self.set(Key::meta(account), fields, None).await
    }

    pub(in crate::aws) async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        let row = self.get(&Key::sweep()).await?;
        row.map(|row| items::from_json(&row, items::SWEEP)).transpose().map_err(|what| corrupt(&what))
    }

    pub(in crate::aws) async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
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

    pub(in crate::aws) async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.set(Key::of_roster(account), vec![(items::STEP, n(sweep))], None).await
    }

    pub(in crate::aws) async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        let left = items::word_of(&AccountState::Left);
        let rows = self.rows(keys::ROSTER.to_owned(), keys::ACCOUNT, Some((items::STEP, n(sweep)))).await?;
        let unmet = rows.iter().filter(|row| items::text(row, items::STATE).is_ok_and(|state| state != left));
        Ok(unmet.filter_map(|row| Key::sort_of(row)?.strip_prefix(keys::ACCOUNT)?.parse().ok()).collect())
    }

    /// Adds an account to the roster. The row of an account that left stays; `unmet` ignores it.
    pub(super) async fn enter(&self, account: &AccountId, state: String, now: Time) -> Result<(), Fault> {
        let fields = vec![(items::STATE, s(state)), (items::UPDATED, s(now.to_string()))];
        self.set(Key::of_roster(account), fields, None).await
    }
}
