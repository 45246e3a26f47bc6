//! A decorator that injects faults: a port call can fail before or after its effect, or the process can die around it.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::intercept::{Call, Intercepted, Interceptor};
use super::{Sim, fault};
use crate::domain::time::Time;
use crate::ports::{Clock as _, Fault, FaultClass, World};

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

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// When it was made.
    pub at: Time,
    /// The invocation that made it.
    pub invocation: u64,
    /// The call.
    pub call: Call,
    /// The fault that it met.
    pub fault: Option<InjectedFault>,
}

/// The simulated organisation, with injected faults.
pub type FaultInjector = Intercepted<Sim, Faults>;

/// A world around injected faults: the injector itself, or a decorator of it.
pub trait Faulty: World {
    /// The injector.
    fn injector(&self) -> &FaultInjector;
}

impl Faulty for FaultInjector {
    fn injector(&self) -> &FaultInjector {
        self
    }
}

/// The faults to inject, and the calls that were made.
#[derive(Debug, Default)]
pub struct Faults {
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
    pub fn around(sim: Sim) -> Self {
        Self::new(sim, Faults::default())
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
        self.interceptor.state()
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that the next call meets, and the invocation that makes it.
    fn next(&self, method: &str) -> (Option<InjectedFault>, u64) {
        let mut state = self.state();
        state.calls += 1;
        let number = state.calls;
        let of_method = state.once.remove(method).or_else(|| state.always.get(method).copied());
        let fault = state.at_call.remove(&number).or(of_method).filter(|_| !state.spared);
        (fault, state.invocation)
    }

    async fn stop<T>(&self) -> T {
        self.state().stopped = true;
        pending().await
    }
}

impl Interceptor<Sim> for Faults {
    async fn intercept<T: Send + 'static>(
        &self,
        sim: &Sim,
        call: Call,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        let method = call.method;
        let timeout =
            || Fault { outcome_unknown: true, ..fault(FaultClass::Transient, method, "Timeout", "no answer") };
        let (injected, invocation) = self.next(method);
        let record = || self.state().made.push(Made { at: sim.now(), invocation, call, fault: injected });
        // A call is recorded once it has taken effect; a call that is dropped earlier was never made.
        match injected {
            None => {
                let answer = work.await;
                record();
                answer
            }
            Some(InjectedFault::Slow(ms)) => {
                sim.sleep(ms).await;
                let answer = work.await;
                record();
                answer
            }
            Some(InjectedFault::TimeoutAfter | InjectedFault::StopAfter) => {
                let _ = work.await;
                record();
                if injected == Some(InjectedFault::StopAfter) { self.stop().await } else { Err(timeout()) }
            }
            Some(InjectedFault::Refused(class)) => {
                record();
                Err(fault(class, method, &format!("{class:?}"), "refused by the simulator"))
            }
            Some(InjectedFault::TimeoutBefore) => {
                record();
                Err(timeout())
            }
            Some(InjectedFault::StopBefore) => {
                record();
                self.stop().await
            }
        }
    }
}
