//! An interceptor that counts dependent calls: a call that began after another one ended depends on it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use runas_reactor::ports::{Fault, World};
use runas_reactor::sim::intercept::{Call, Intercepted, Interceptor};

/// A world whose calls are counted.
pub(crate) type Counted<W> = Intercepted<W, Counter>;

/// Counts the calls of `world`.
pub(crate) fn counted<W: World>(world: W) -> Counted<W> {
    Intercepted::new(world, Counter::default())
}

/// The calls so far.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Chain>);

#[derive(Debug, Default)]
struct Chain {
    /// Ended calls of the longest chain so far.
    length: usize,
    calls: Vec<(&'static str, usize)>,
}

impl Counter {
    /// Forgets what was counted.
    pub(crate) fn start(&self) {
        *self.chain() = Chain::default();
    }

    /// Every call with its place in the longest chain that led to it, in the order in which they ended.
    pub(crate) fn calls(&self) -> Vec<(&'static str, usize)> {
        self.chain().calls.clone()
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Sync> Interceptor<W> for Counter {
    async fn intercept<T: Send>(
        &self,
        _: &W,
        call: Call,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        // A poll, and no part of the chain: it is made only while AWS says `Updating`.
        if call.method == "status" {
            return work.await;
        }
        let place = self.chain().length + 1;
        let answer = work.await;
        let mut chain = self.chain();
        chain.length = chain.length.max(place);
        chain.calls.push((call.method, place));
        answer
    }
}
