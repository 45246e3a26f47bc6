//! The outcome of a reconciliation.

use crate::domain::case::{Applied, Decision};
use crate::domain::record::Status;
use crate::domain::signal::{Cause, Work};
use crate::domain::target::Target;
use crate::ports::{Clock, Fault};

/// The outcome for one target.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// Where.
    pub target: Target,
    /// Why it was observed.
    pub cause: Cause,
    /// The decision; absent where the account is unknown, closed or no longer in the organisation.
    pub decision: Option<Decision>,
    /// The outcome of the decision.
    pub applied: Applied,
    /// Why the write did not land.
    pub fault: Option<Fault>,
    /// The target's status now.
    pub status: Status,
    /// Rounds of observation.
    pub observations: usize,
    /// From the signal to the end, in milliseconds.
    pub since_ms: i64,
    /// How often this work was put off before.
    pub requeues: u32,
    /// The configuration lag, where a new account's target became right.
    pub lag: Option<ConfigurationLag>,
}

/// How long a new account's target was without the right document, and how long it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationLag {
    /// From the account's first event, in milliseconds.
    pub ms: i64,
    /// The policy's `alerts.configuration_lag_minutes`, in milliseconds.
    pub objective_ms: i64,
}

impl Reconciled {
    /// The outcome for a target whose account is not observed.
    pub(super) fn not_observed(clock: &impl Clock, work: &Work, reason: &str) -> Self {
        let Target { account, region } = &work.target;
        tracing::warn!(%account, %region, correlation = work.correlation, reason, "not observed");
        Self {
            target: work.target.clone(),
            cause: work.cause,
            decision: None,
            applied: Applied::Nothing,
            fault: None,
            status: Status::New,
            observations: 0,
            since_ms: clock.now().since(work.since),
            requeues: work.requeues,
            lag: None,
        }
    }
}
