//! Calls of the ledger, through an interceptor.

use std::collections::BTreeSet;

use super::{About, Intercepted, Interceptor};
use crate::domain::finding::Alert;
use crate::domain::policy::Policy;
use crate::domain::record::{Commit, Enabled, Known, LastCheck, Loaded};
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, Ledger, Outbox, Sweeps, World};

impl<W: World, I: Interceptor<W>> Ledger for Intercepted<W, I> {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.meet("policy", About::Other, self.world.ledger().policy()).await
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.meet("facts", About::Other, self.world.ledger().facts(account)).await
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.meet("save_facts", About::Other, self.world.ledger().save_facts(facts)).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.meet("load", About::Other, self.world.ledger().load(target, edit_ids)).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.meet("commit", About::Other, self.world.ledger().commit(target, commit)).await
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.meet("record_check", About::Other, self.world.ledger().record_check(target, generation, last_check)).await
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.meet("known", About::Other, self.world.ledger().known(account)).await
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.meet("reported_regions", About::Other, self.world.ledger().reported_regions(account)).await
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.meet("save_regions", About::Other, self.world.ledger().save_regions(account, enabled)).await
    }
}

impl<W: World, I: Interceptor<W>> Sweeps for Intercepted<W, I> {
    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.meet("sweep", About::Other, self.world.sweeps().sweep()).await
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        self.meet("save_sweep", About::Other, self.world.sweeps().save_sweep(sweep)).await
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.meet("met", About::Other, self.world.sweeps().met(account, sweep)).await
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        self.meet("unmet", About::Other, self.world.sweeps().unmet(sweep)).await
    }
}

impl<W: World, I: Interceptor<W>> Outbox for Intercepted<W, I> {
    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        self.meet("unsent", About::Other, self.world.outbox().unsent(account)).await
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.meet("keep_alert", About::Other, self.world.outbox().keep_alert(alert)).await
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        self.meet("claim", About::alert(alert), self.world.outbox().claim(alert, attempt, now)).await
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("mark_sent", About::alert(alert), self.world.outbox().mark_sent(alert)).await
    }
}
