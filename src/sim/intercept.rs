//! A decorator around every port: an interceptor decides what becomes of each call. Counting calls and injecting faults
//! are interceptors.

mod documents;
mod ledger;
mod messages;

use super::Sim;
use super::drive::Simulated;
use crate::domain::finding::Alert;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Access, Clock, Fault, World};

/// Decides what becomes of calls to the ports of `W`.
pub trait Interceptor<W>: Sync {
    /// Makes a call by awaiting `work`, or does not, and answers it.
    fn intercept<T: Send + 'static>(
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
    /// An alert.
    Alert(Box<Alert>),
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

impl About {
    fn alert(alert: &Alert) -> Self {
        Self::Alert(Box::new(alert.clone()))
    }
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

    async fn meet<T: Send + 'static>(
        &self,
        method: &'static str,
        about: About,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        self.interceptor.intercept(&self.world, Call { method, about, access: None }, work).await
    }

    async fn on<T: Send + 'static>(
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
