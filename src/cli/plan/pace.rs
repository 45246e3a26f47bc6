//! Paces calls, so that other callers of Organizations keep some of the quota.

use std::sync::{Mutex, PoisonError};

use crate::domain::target::{AccountFacts, AccountId};
use crate::domain::time::Time;
use crate::ports::{Clock, Directory, Fault, FaultClass, World};

/// `DescribeAccount` is limited to 20 a second, in bursts of 30, for the whole organisation [docs:
/// `orgs_reference_limits`]. The function needs some of that.
const INTERVAL_MS: i64 = 70;
const BURST: i64 = 15;
/// Attempts of a throttled or conflicting call, with pauses that double.
const TRIES: u32 = 5;
const PAUSE_MS: u64 = 400;

/// Organizations at a limited pace.
pub(in crate::cli) struct Paced<'a, W> {
    world: &'a W,
    /// When the calls so far would have been made at an even pace.
    even: Mutex<Time>,
}

impl<'a, W: World> Paced<'a, W> {
    pub(in crate::cli) fn new(world: &'a W) -> Self {
        Self { world, even: Mutex::new(Time::ZERO) }
    }

    /// The account, as from [`Directory::account`].
    pub(in crate::cli) async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        patiently(self.world, async || {
            let pause = self.turn(self.world.now());
            self.world.sleep(pause).await;
            self.world.directory().account(account).await
        })
        .await
    }

    /// How long to wait before the next call, in milliseconds.
    fn turn(&self, now: Time) -> u64 {
        let mut even = self.even.lock().unwrap_or_else(PoisonError::into_inner);
        *even = (*even).max(now.plus_ms(-INTERVAL_MS * BURST)).plus_ms(INTERVAL_MS);
        u64::try_from(even.since(now)).unwrap_or_default()
    }
}

/// Makes a call, and repeats it after a pause where AWS throttles it or reports a conflict.
pub(in crate::cli) async fn patiently<T>(
    world: &impl Clock,
    mut call: impl AsyncFnMut() -> Result<T, Fault>,
) -> Result<T, Fault> {
    for round in 1..TRIES {
        match call().await {
            Err(fault) if matches!(fault.class, FaultClass::Throttled | FaultClass::Conflict) => {
                world.sleep((PAUSE_MS << round) / 2 + u64::from(world.jitter()) % PAUSE_MS).await;
            }
            outcome => return outcome,
        }
    }
    call().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Sim, Switches};

    #[test]
    fn a_burst_is_let_through_and_then_one_call_an_interval() {
        let sim = Sim::new(Switches::PLAIN, Time::from_ms(1_000_000_000), 1);
        let paced = Paced::new(&sim);
        let now = Time::from_ms(1_000_000_000);
        let pauses: Vec<u64> = (0..18).map(|_| paced.turn(now)).collect();
        assert_eq!(pauses[..15], [0; 15]);
        assert_eq!(pauses[15..], [70, 140, 210]);
        let later = now.plus_ms(60_000);
        assert_eq!((0..16).map(|_| paced.turn(later)).collect::<Vec<_>>()[14..], [0, 70], "a pause earns no more");
    }
}
