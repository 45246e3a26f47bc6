//! A decorator that injects faults: a port call can fail before or after its effect, or the process can die around it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::drive::Simulated;
use super::{Sim, fault};
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
    Access, AccountAccess, Attempt, Clock, Directory, Documents, Fault, FaultClass, Ledger, Lookup, Notifier, Page,
    Queue, Written,
};

/// The fate of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// It fails with this fault and has no effect.
    Refused(FaultClass),
    /// No answer, and no effect.
    TimeoutBefore,
    /// No answer, but it took effect.
    TimeoutAfter,
    /// The process dies before the call.
    StopBefore,
    /// The process dies right after the call.
    StopAfter,
    /// It is made, and answered, this many milliseconds later.
    Slow(u64),
}

impl InjectedFault {
    /// Every kind of fault that a story draws.
    pub const ALL: [Self; 6] = [
        Self::Refused(FaultClass::Throttled),
        Self::Refused(FaultClass::Denied),
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::StopBefore,
        Self::StopAfter,
    ];
}

/// A call of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// When it was made.
    pub at: Time,
    /// The invocation that made it.
    pub invocation: u64,
    /// The port's method.
    pub call: &'static str,
    /// Its subject.
    pub about: About,
    /// The fault that it met.
    pub fault: Option<InjectedFault>,
    /// The access to the account, for calls on a document.
    pub access: Option<Access>,
}

/// The subject of a call, as far as the checker needs it.
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

/// The simulated organisation, with injected faults.
#[derive(Debug)]
pub struct FaultInjector {
    sim: Sim,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Number of calls so far.
    calls: u64,
    at_call: BTreeMap<u64, InjectedFault>,
    /// Faults that every call of a method meets.
    always: BTreeMap<&'static str, InjectedFault>,
    /// Faults that the next call of a method meets.
    once: BTreeMap<&'static str, InjectedFault>,
    /// The invocation being polled, and whether it is spared.
    invocation: u64,
    spared: bool,
    stopped: bool,
    made: Vec<Made>,
}

/// How an invocation ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// By itself.
    Returned(T),
    /// The process died.
    Stopped,
}

impl FaultInjector {
    /// The organisation, without faults.
    pub fn new(sim: Sim) -> Self {
        Self { sim, state: Mutex::default() }
    }

    /// Makes the `nth` call from now on meet this fault; the next call is number 1.
    pub fn inject(&self, nth: u64, fault: InjectedFault) {
        let mut state = self.state();
        let call = state.calls + nth.max(1);
        state.at_call.insert(call, fault);
    }

    /// Makes every call of a port's method meet this fault from now on.
    pub fn inject_always(&self, call: &'static str, fault: InjectedFault) {
        self.state().always.insert(call, fault);
    }

    /// Makes the next call of a port's method meet this fault.
    pub fn inject_once(&self, call: &'static str, fault: InjectedFault) {
        self.state().once.insert(call, fault);
    }

    /// Removes all faults.
    pub fn stop_injecting(&self) {
        let mut state = self.state();
        state.at_call.clear();
        state.always.clear();
        state.once.clear();
    }

    /// Number of calls so far.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Takes the calls made since the last time.
    pub fn made(&self) -> Vec<Made> {
        std::mem::take(&mut self.state().made)
    }

    /// Runs an invocation until it ends or the process dies in it. A spared invocation meets no fault.
    pub async fn invocation<T>(&self, number: u64, spared: bool, work: impl Future<Output = T>) -> Ended<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            {
                let mut state = self.state();
                (state.invocation, state.spared) = (number, spared);
            }
            match work.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Ended::Returned(output)),
                Poll::Pending if std::mem::take(&mut self.state().stopped) => Poll::Ready(Ended::Stopped),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that the next call meets, and the invocation that makes it.
    fn next(&self, call: &str) -> (Option<InjectedFault>, u64) {
        let mut state = self.state();
        state.calls += 1;
        let number = state.calls;
        let of_method = state.once.remove(call).or_else(|| state.always.get(call).copied());
        let fault = state.at_call.remove(&number).or(of_method).filter(|_| !state.spared);
        (fault, state.invocation)
    }

    fn note(&self, made: Made) {
        self.state().made.push(made);
    }

    async fn meet<T>(
        &self,
        call: &'static str,
        about: About,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        self.through(call, about, None, work).await
    }

    async fn on<T>(
        &self,
        call: &'static str,
        target: &Target,
        access: &Access,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        self.through(call, About::Document(target.clone()), Some(access), work).await
    }

    async fn through<T>(
        &self,
        call: &'static str,
        about: About,
        access: Option<&Access>,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let timeout = || Fault { outcome_unknown: true, ..fault(FaultClass::Transient, call, "Timeout", "no answer") };
        let (injected, invocation) = self.next(call);
        let made = || Made { at: self.sim.now(), invocation, call, about, fault: injected, access: access.cloned() };
        // A call is recorded once it has taken effect; a call that is dropped earlier was never made.
        match injected {
            None => {
                let answer = work.await;
                self.note(made());
                answer
            }
            Some(InjectedFault::Slow(ms)) => {
                self.sim.sleep(ms).await;
                let answer = work.await;
                self.note(made());
                answer
            }
            Some(InjectedFault::TimeoutAfter | InjectedFault::StopAfter) => {
                let _ = work.await;
                self.note(made());
                if injected == Some(InjectedFault::StopAfter) { self.stop().await } else { Err(timeout()) }
            }
            Some(InjectedFault::Refused(class)) => {
                self.note(made());
                Err(fault(class, call, &format!("{class:?}"), "refused by the simulator"))
            }
            Some(InjectedFault::TimeoutBefore) => {
                self.note(made());
                Err(timeout())
            }
            Some(InjectedFault::StopBefore) => {
                self.note(made());
                self.stop().await
            }
        }
    }

    async fn stop<T>(&self) -> T {
        self.state().stopped = true;
        pending().await
    }
}

impl Simulated for FaultInjector {
    fn sim(&self) -> &Sim {
        &self.sim
    }
}

impl Documents for FaultInjector {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.on("observe", target, access, self.sim.observe(target, access, between)).await
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.on("quick_check", target, access, self.sim.quick_check(target, access)).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.on("lookup_events", target, access, self.sim.lookup_events(target, access, lookup)).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.on("create", target, access, Documents::create(&self.sim, target, access, text, name)).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.on("update", target, access, self.sim.update(target, access, base, text, name)).await
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.on("status", target, access, self.sim.status(target, access, version)).await
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("promote", target, access, self.sim.promote(target, access, version)).await
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.on("delete", target, access, self.sim.delete(target, access)).await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("prune", target, access, self.sim.prune(target, access, version)).await
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.sim.account_access(account, access).await
    }
}

impl Directory for FaultInjector {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.meet("account", About::Other, self.sim.account(account)).await
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.meet("ous_in", About::Other, self.sim.ous_in(parent, page)).await
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.meet("accounts_in", About::Other, self.sim.accounts_in(path, page)).await
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.meet("enabled_regions", About::Other, self.sim.enabled_regions(account, access)).await
    }

    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.meet("accounts", About::Other, Directory::accounts(&self.sim, under)).await
    }
}

impl Ledger for FaultInjector {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.meet("policy", About::Other, self.sim.policy()).await
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.meet("facts", About::Other, self.sim.facts(account)).await
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.meet("save_facts", About::Other, self.sim.save_facts(facts)).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.meet("load", About::Other, self.sim.load(target, edit_ids)).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.meet("commit", About::Other, self.sim.commit(target, commit)).await
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.meet("record_check", About::Other, self.sim.record_check(target, generation, last_check)).await
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.meet("known", About::Other, self.sim.known(account)).await
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.meet("reported_regions", About::Other, self.sim.reported_regions(account)).await
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.meet("save_regions", About::Other, self.sim.save_regions(account, enabled)).await
    }

    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.meet("sweep", About::Other, self.sim.sweep()).await
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        self.meet("save_sweep", About::Other, self.sim.save_sweep(sweep)).await
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.meet("met", About::Other, self.sim.met(account, sweep)).await
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        self.meet("unmet", About::Other, self.sim.unmet(sweep)).await
    }

    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        self.meet("unsent", About::Other, self.sim.unsent(account)).await
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.meet("keep_alert", About::Other, self.sim.keep_alert(alert)).await
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        self.meet("claim", About::Other, self.sim.claim(alert, attempt, now)).await
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("mark_sent", About::Alert(alert.id.clone()), self.sim.mark_sent(alert)).await
    }
}

impl Notifier for FaultInjector {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("publish", About::Alert(alert.id.clone()), self.sim.publish(alert)).await
    }
}

impl Queue for FaultInjector {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        let requeues = tasks.iter().filter_map(|(task, delay)| match task {
            Task::Work(work) => Some((work.requeues, *delay)),
            Task::SweepStep(_) | Task::SweepAccount { .. } => None,
        });
        self.meet("send", About::Messages(requeues.collect()), self.sim.send(tasks)).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.meet("dead_letter", About::Other, self.sim.dead_letter(body, reason)).await
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        let messages = About::Messages(vec![(received, delay_s)]);
        self.meet("resend", messages, self.sim.resend(body, received, delay_s)).await
    }

    async fn hand_back(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.meet("hand_back", About::Other, self.sim.hand_back(receipt, delay_s)).await
    }
}

impl Clock for FaultInjector {
    fn now(&self) -> Time {
        self.sim.now()
    }

    async fn sleep(&self, ms: u64) {
        self.sim.sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        self.sim.jitter()
    }
}
