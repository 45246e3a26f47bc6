//! A port decorator that counts dependent calls: a call that began after another one ended depends on it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::observation::{DocumentStatus, Observation};
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::quick_check::QuickCheck;
use runas_reactor::domain::record::{Commit, Enabled, Known, LastCheck, Loaded};
use runas_reactor::domain::signal::Task;
use runas_reactor::domain::sweep::Sweep;
use runas_reactor::domain::target::{AccountFacts, AccountId, OuId, Region, Target};
use runas_reactor::domain::time::Time;
use runas_reactor::ports::{
    Access, Attempt, Clock, Directory, Documents, Fault, Ledger, Lookup, Notifier, Page, Queue, Written,
};
use runas_reactor::sim::Sim;
use runas_reactor::sim::drive::Simulated;

/// A world whose calls are counted.
pub(crate) struct Counted<W> {
    inner: W,
    chain: Mutex<Chain>,
}

#[derive(Default)]
struct Chain {
    /// Ended calls of the longest chain so far.
    length: usize,
    calls: Vec<(&'static str, usize)>,
}

impl<W> Counted<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, chain: Mutex::new(Chain::default()) }
    }

    /// Forgets what was counted.
    pub(crate) fn start(&self) {
        *self.chain() = Chain::default();
    }

    /// Every call with its place in the longest chain that led to it, in the order in which they ended.
    pub(crate) fn calls(&self) -> Vec<(&'static str, usize)> {
        self.chain().calls.clone()
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn count<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        let place = self.chain().length + 1;
        let answer = call.await;
        let mut chain = self.chain();
        chain.length = chain.length.max(place);
        chain.calls.push((name, place));
        answer
    }
}

impl<W: Documents + Sync> Documents for Counted<W> {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.count("observe", self.inner.observe(target, access, between)).await
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.count("quick_check", self.inner.quick_check(target, access)).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.count("lookup_events", self.inner.lookup_events(target, access, lookup)).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.count("create", self.inner.create(target, access, text, name)).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.count("update", self.inner.update(target, access, base, text, name)).await
    }

    /// A poll, and no part of the chain: it is made only while AWS says `Updating`.
    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.inner.status(target, access, version).await
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.count("promote", self.inner.promote(target, access, version)).await
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.count("delete", self.inner.delete(target, access)).await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.count("prune", self.inner.prune(target, access, version)).await
    }
}

impl<W: Directory + Sync> Directory for Counted<W> {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.count("account", self.inner.account(account)).await
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.count("ous_in", self.inner.ous_in(parent, page)).await
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.count("accounts_in", self.inner.accounts_in(path, page)).await
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.count("enabled_regions", self.inner.enabled_regions(account, access)).await
    }

    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.count("accounts", self.inner.accounts(under)).await
    }
}

impl<W: Ledger + Sync> Ledger for Counted<W> {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.count("policy", self.inner.policy()).await
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.count("facts", self.inner.facts(account)).await
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.count("save_facts", self.inner.save_facts(facts)).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.count("load", self.inner.load(target, edit_ids)).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.count("commit", self.inner.commit(target, commit)).await
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.count("record_check", self.inner.record_check(target, generation, last_check)).await
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.count("known", self.inner.known(account)).await
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.count("reported_regions", self.inner.reported_regions(account)).await
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.count("save_regions", self.inner.save_regions(account, enabled)).await
    }

    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.count("sweep", self.inner.sweep()).await
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        self.count("save_sweep", self.inner.save_sweep(sweep)).await
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.count("met", self.inner.met(account, sweep)).await
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        self.count("unmet", self.inner.unmet(sweep)).await
    }

    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        self.count("unsent", self.inner.unsent(account)).await
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.count("keep_alert", self.inner.keep_alert(alert)).await
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        self.count("claim", self.inner.claim(alert, attempt, now)).await
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.count("mark_sent", self.inner.mark_sent(alert)).await
    }
}

impl<W: Notifier + Sync> Notifier for Counted<W> {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.count("publish", self.inner.publish(alert)).await
    }
}

impl<W: Queue + Sync> Queue for Counted<W> {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        self.count("send", self.inner.send(tasks)).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.count("dead_letter", self.inner.dead_letter(body, reason)).await
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        self.count("resend", self.inner.resend(body, received, delay_s)).await
    }

    async fn hand_back(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.count("hand_back", self.inner.hand_back(receipt, delay_s)).await
    }
}

impl<W: Clock + Sync> Clock for Counted<W> {
    fn now(&self) -> Time {
        self.inner.now()
    }

    async fn sleep(&self, ms: u64) {
        self.inner.sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        self.inner.jitter()
    }
}

impl Simulated for Counted<Sim> {
    fn sim(&self) -> &Sim {
        &self.inner
    }
}
