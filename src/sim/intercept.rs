//! A decorator around every port: an interceptor decides what becomes of each call. Counting calls and injecting faults
//! are interceptors.

use std::collections::BTreeSet;

use super::Sim;
use super::drive::Simulated;
use crate::domain::edit::Edit;
use crate::domain::finding::Alert;
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::policy::Policy;
use crate::domain::quick_check::QuickCheck;
use crate::domain::record::{Commit, Enabled, Known, LastCheck, Loaded};
use crate::domain::signal::Task;
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, OuId, Region, Target};
use crate::domain::time::Time;
use crate::ports::{
    Access, AccountAccess, Attempt, Clock, Directory, Documents, Fault, Ledger, Lookup, Notifier, Outbox, Page, Queue,
    Sweeps, World, Written,
};

/// Decides what becomes of calls to the ports of `W`.
pub trait Interceptor<W>: Sync {
    /// Makes a call by awaiting `work`, or does not, and answers it.
    fn intercept<T: Send>(
        &self,
        world: &W,
        call: Call,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> impl Future<Output = Result<T, Fault>> + Send;
}

/// A call of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The port's method.
    pub method: &'static str,
    /// Its subject.
    pub about: About,
    /// The access to the account, for calls on a document.
    pub access: Option<Access>,
}

/// The subject of a call, as far as an interceptor needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A document.
    Document(Target),
    /// An alert, by its id.
    Alert(String),
    /// The reactor's own messages: requeues and delays.
    Messages(Vec<(u32, u32)>),
    /// Anything else.
    Other,
}

/// A world whose calls go through an interceptor. Time, randomness and the access to an account pass it by.
#[derive(Debug)]
pub struct Intercepted<W, I> {
    pub(super) world: W,
    pub(super) interceptor: I,
}

impl<W: World, I: Interceptor<W>> Intercepted<W, I> {
    /// Puts an interceptor in front of a world.
    pub fn new(world: W, interceptor: I) -> Self {
        Self { world, interceptor }
    }

    /// The world behind the interceptor.
    pub fn inner(&self) -> &W {
        &self.world
    }

    /// The interceptor.
    pub fn interceptor(&self) -> &I {
        &self.interceptor
    }

    async fn meet<T: Send>(
        &self,
        method: &'static str,
        about: About,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        self.interceptor.intercept(&self.world, Call { method, about, access: None }, work).await
    }

    async fn on<T: Send>(
        &self,
        method: &'static str,
        target: &Target,
        access: &Access,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        let call = Call { method, about: About::Document(target.clone()), access: Some(access.clone()) };
        self.interceptor.intercept(&self.world, call, work).await
    }
}

impl<W: World, I: Interceptor<W>> Documents for Intercepted<W, I> {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.on("observe", target, access, self.world.documents().observe(target, access, between)).await
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.on("quick_check", target, access, self.world.documents().quick_check(target, access)).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.on("lookup_events", target, access, self.world.documents().lookup_events(target, access, lookup)).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.on("create", target, access, self.world.documents().create(target, access, text, name)).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.on("update", target, access, self.world.documents().update(target, access, base, text, name)).await
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.on("status", target, access, self.world.documents().status(target, access, version)).await
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("promote", target, access, self.world.documents().promote(target, access, version)).await
    }

    async fn shares(&self, target: &Target, access: &Access) -> Result<BTreeSet<String>, Fault> {
        self.on("shares", target, access, self.world.documents().shares(target, access)).await
    }

    async fn unshare(&self, target: &Target, access: &Access, accounts: &[String]) -> Result<(), Fault> {
        self.on("unshare", target, access, self.world.documents().unshare(target, access, accounts)).await
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.on("delete", target, access, self.world.documents().delete(target, access)).await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("prune", target, access, self.world.documents().prune(target, access, version)).await
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.world.documents().account_access(account, access).await
    }
}

impl<W: World, I: Interceptor<W>> Directory for Intercepted<W, I> {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.meet("account", About::Other, self.world.directory().account(account)).await
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.meet("ous_in", About::Other, self.world.directory().ous_in(parent, page)).await
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.meet("accounts_in", About::Other, self.world.directory().accounts_in(path, page)).await
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.meet("enabled_regions", About::Other, self.world.directory().enabled_regions(account, access)).await
    }

    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.meet("accounts", About::Other, self.world.directory().accounts(under)).await
    }
}

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
        self.meet("claim", About::Other, self.world.outbox().claim(alert, attempt, now)).await
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("mark_sent", About::Alert(alert.id.clone()), self.world.outbox().mark_sent(alert)).await
    }
}

impl<W: World, I: Interceptor<W>> Notifier for Intercepted<W, I> {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("publish", About::Alert(alert.id.clone()), self.world.notifier().publish(alert)).await
    }
}

impl<W: World, I: Interceptor<W>> Queue for Intercepted<W, I> {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        let requeues = tasks.iter().filter_map(|(task, delay)| match task {
            Task::Work(work) => Some((work.requeues, *delay)),
            Task::SweepStep(_) | Task::SweepAccount { .. } => None,
        });
        self.meet("send", About::Messages(requeues.collect()), self.world.queue().send(tasks)).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.meet("dead_letter", About::Other, self.world.queue().dead_letter(body, reason)).await
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        let messages = About::Messages(vec![(received, delay_s)]);
        self.meet("resend", messages, self.world.queue().resend(body, received, delay_s)).await
    }

    async fn make_visible_after(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.meet("make_visible_after", About::Other, self.world.queue().make_visible_after(receipt, delay_s)).await
    }
}

impl<W: World, I: Interceptor<W>> Clock for Intercepted<W, I> {
    fn now(&self) -> Time {
        self.world.now()
    }

    async fn sleep(&self, ms: u64) {
        self.world.sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        self.world.jitter()
    }
}

impl<I: Interceptor<Sim>> Simulated for Intercepted<Sim, I> {
    fn sim(&self) -> &Sim {
        &self.world
    }
}
