//! The ledger in memory, with the table's conditions.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sim, fault};
use crate::domain::finding::Alert;
use crate::domain::policy::Policy;
use crate::domain::record::{Commit, Enabled, HistoryEntry, Known, LastCheck, Loaded, Record};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, AccountState, Target};
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, FaultClass, Ledger, Outbox, Sweeps};

#[derive(Debug, Default)]
pub(super) struct Tables {
    facts: BTreeMap<AccountId, AccountFacts>,
    enabled: BTreeMap<AccountId, Enabled>,
    met: BTreeMap<AccountId, u64>,
    sweep: Option<Sweep>,
    records: BTreeMap<Target, Record>,
    /// Checks recorded beside the records; a new record removes them.
    last_check: BTreeMap<Target, LastCheck>,
    seen: BTreeSet<(Target, String)>,
    history: Vec<(Target, HistoryEntry)>,
    outbox: BTreeMap<String, Outgoing>,
    commits: u64,
}

#[derive(Clone, Debug)]
struct Outgoing {
    alert: Alert,
    sent: bool,
    count: u32,
    claimed: Option<(BTreeSet<String>, Time)>,
}

/// The ledger's content, for reports.
#[derive(Clone, Debug)]
pub struct LedgerRows {
    /// The record of every target.
    pub records: BTreeMap<Target, Record>,
    /// Lines of history, oldest first.
    pub history: Vec<(Target, HistoryEntry)>,
    /// Number of alerts committed and not marked as sent.
    pub unsent: usize,
    /// Number of transactions so far.
    pub commits: u64,
}

impl Sim {
    /// The ledger's content.
    pub fn ledger(&self) -> LedgerRows {
        let state = self.state();
        let tables = &state.ledger;
        LedgerRows {
            records: tables.records.clone(),
            history: tables.history.clone(),
            unsent: tables.outbox.values().filter(|outgoing| !outgoing.sent).count(),
            commits: tables.commits,
        }
    }
}

impl Sim {
    /// The last sweep.
    pub fn last_sweep(&self) -> Option<Sweep> {
        self.state().ledger.sweep.clone()
    }

    /// The record of a target.
    pub fn record(&self, target: &Target) -> Option<Record> {
        self.state().ledger.records.get(target).cloned()
    }

    /// The stored facts of an account.
    pub fn known_facts(&self, account: &AccountId) -> Option<AccountFacts> {
        self.state().ledger.facts.get(account).cloned()
    }

    /// Alerts committed and not marked as sent.
    pub fn unsent_alerts(&self) -> Vec<Alert> {
        let state = self.state();
        state.ledger.outbox.values().filter(|outgoing| !outgoing.sent).map(|outgoing| outgoing.alert.clone()).collect()
    }
}

impl Tables {
    fn last_check(&self, target: &Target) -> Option<LastCheck> {
        let record = self.records.get(target)?;
        Some(self.last_check.get(target).cloned().unwrap_or(LastCheck { at: record.updated, fingerprint: None }))
    }

    fn keep(&mut self, alert: &Alert) -> bool {
        let fresh = || Outgoing { alert: alert.clone(), sent: false, count: 0, claimed: None };
        let outgoing = self.outbox.entry(alert.id.clone()).or_insert_with(fresh);
        outgoing.count += 1;
        !outgoing.sent
    }
}

impl Ledger for Sim {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.call().await;
        Ok(self.state().policy.clone())
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.call().await;
        Ok(self.state().ledger.facts.get(account).cloned())
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.call().await;
        self.state().ledger.facts.insert(facts.account.clone(), facts.clone());
        Ok(())
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.call().await;
        let state = self.state();
        let tables = &state.ledger;
        let seen = |id: &&String| tables.seen.contains(&(target.clone(), (*id).clone()));
        Ok(Loaded {
            facts: tables.facts.get(&target.account).cloned(),
            record: tables.records.get(target).cloned().unwrap_or_default(),
            seen: edit_ids.iter().filter(seen).cloned().collect(),
            last_check: tables.last_check(target),
        })
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.call().await;
        let mut state = self.state();
        let tables = &mut state.ledger;
        let generation = tables.records.get(target).map_or(0, |record| record.generation);
        if generation != commit.expected {
            let code = "TransactionCanceledException";
            return Err(fault(FaultClass::Conflict, "TransactWriteItems", code, "ConditionalCheckFailed"));
        }
        tables.records.insert(target.clone(), commit.record.clone());
        tables.last_check.remove(target);
        tables.seen.extend(commit.seen.iter().map(|id| (target.clone(), id.clone())));
        tables.history.extend(commit.history.clone().map(|entry| (target.clone(), entry)));
        for alert in &commit.alerts {
            tables.keep(alert);
        }
        tables.commits += 1;
        Ok(())
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.call().await;
        let tables = &mut self.state().ledger;
        if tables.records.get(target).is_some_and(|record| record.generation == generation) {
            let fingerprint = last_check.fingerprint.clone().or_else(|| tables.last_check(target)?.fingerprint);
            tables.last_check.insert(target.clone(), LastCheck { fingerprint, ..last_check.clone() });
        }
        Ok(())
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.call().await;
        let tables = &self.state().ledger;
        let records = tables.records.keys().filter(|target| target.account == *account);
        let checked =
            |target: &Target| tables.last_check(target).map(|last_check| (target.region.clone(), last_check.at));
        Ok(Known {
            facts: tables.facts.get(account).cloned(),
            enabled: tables.enabled.get(account).cloned(),
            last_checks: records.filter_map(checked).collect(),
        })
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.call().await;
        Ok(self.state().ledger.enabled.get(account).cloned())
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.call().await;
        self.state().ledger.enabled.insert(account.clone(), enabled.clone());
        Ok(())
    }
}

impl Sweeps for Sim {
    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.call().await;
        Ok(self.state().ledger.sweep.clone())
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        self.call().await;
        let row = &mut self.state().ledger.sweep;
        if row.as_ref().map_or(0, |last| last.step) + 1 != sweep.step {
            return Err(fault(FaultClass::Conflict, "UpdateItem", "ConditionalCheckFailedException", "another step"));
        }
        *row = Some(sweep.clone());
        Ok(())
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.call().await;
        self.state().ledger.met.insert(account.clone(), sweep);
        Ok(())
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        self.call().await;
        let state = self.state();
        let tables = &state.ledger;
        let unmet = tables.facts.values().filter(|facts| {
            let met = tables.met.get(&facts.account) == Some(&sweep);
            !met && facts.state != AccountState::Left
        });
        Ok(unmet.map(|facts| facts.account.clone()).collect())
    }
}

impl Outbox for Sim {
    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        self.call().await;
        let state = self.state();
        let pending = state.ledger.outbox.values().filter(|outgoing| !outgoing.sent);
        Ok(pending.filter(|o| o.alert.account == *account).map(|o| o.alert.clone()).collect())
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.call().await;
        Ok(self.state().ledger.keep(alert))
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        self.call().await;
        let mut state = self.state();
        let free = |outgoing: &&mut Outgoing| {
            let over = |(by, until): &(BTreeSet<String>, Time)| {
                *until <= now || (attempt.again && !by.is_disjoint(&attempt.messages))
            };
            !outgoing.sent && outgoing.claimed.as_ref().is_none_or(over)
        };
        let outgoing = state.ledger.outbox.get_mut(&alert.id).filter(free);
        let claim = (attempt.messages.clone(), attempt.deadline);
        Ok(outgoing.map(|outgoing| outgoing.claimed = Some(claim)).is_some())
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.call().await;
        if let Some(outgoing) = self.state().ledger.outbox.get_mut(&alert.id) {
            outgoing.sent = true;
        }
        Ok(())
    }
}
