//! The imperative shell: works on a batch of messages until each document complies, and records and alerts what it did.
//!
//! It borrows and never spawns, sleeps and reads time only through [`crate::ports::Clock`], and walks ordered maps. The
//! same world and the same messages therefore give the same run.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod batch;
mod bypass;
mod core;
pub(crate) mod expand;
pub(crate) mod gather;
pub(crate) mod lookup;
mod message;
pub(crate) mod observe;
#[cfg(feature = "cli")]
mod preview;
mod prune;
pub(crate) mod publish;
pub(crate) mod quick_check;
pub(crate) mod reconcile;
mod reconciled;
mod regions;
pub(crate) mod retry;
mod sweep;
pub(crate) mod write;

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::finding::{HubFinding, about_hub};
use crate::domain::policy::Policy;
use crate::domain::record::Record;
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::{Attempt, Fault, FaultClass, Ledger as _, World};

pub use approval::{Approval, NOT_APPROVED};
pub(crate) use core::Core;
pub use message::{BatchReport, Message};
#[cfg(feature = "cli")]
pub use preview::preview;
pub use reconciled::{ConfigurationLag, Reconciled};

/// A cached policy of this age is read again (invariant 1).
const POLICY_AGE_MAX_MS: i64 = MINUTE_MS;

/// Everything ends this long before the deadline, so that the response still gets out.
const REPLY_MS: i64 = 500;

/// Where the policy comes from.
#[derive(Debug)]
pub enum PolicySource {
    /// A file that is read at start-up, for local runs.
    Fixed(Arc<Policy>),
    /// The ledger, read at most once a minute.
    Table,
}

/// The reactor over one world.
#[derive(Debug)]
pub struct Reactor<W> {
    world: W,
    source: PolicySource,
    core: Core,
    approval: Option<Arc<dyn Approval>>,
    cached: Mutex<Option<InForce>>,
}

/// A policy in force.
#[derive(Clone, Debug)]
struct InForce {
    policy: Arc<Policy>,
    /// When it was read from the ledger; absent for a file, which is read once.
    read: Option<Time>,
}

impl InForce {
    /// Whether another invocation has since worked on a target by another policy. Work by this one would undo what that
    /// invocation wrote.
    fn is_outdated(&self, record: &Record) -> bool {
        record.policy != self.policy.label() && self.read.is_some_and(|read| read <= record.updated)
    }
}

impl<W: World> Reactor<W> {
    /// A reactor that acts on `world` by the policy of `source`.
    pub fn new(world: W, source: PolicySource) -> Self {
        Self { world, source, core: Core::REAL, approval: None, cached: Mutex::new(None) }
    }

    /// The same reactor, which makes approved writes only.
    #[cfg(feature = "cli")]
    #[must_use]
    pub fn with_approval(self, approval: Arc<dyn Approval>) -> Self {
        Self { approval: Some(approval), ..self }
    }

    /// The same reactor with a distorted core, to show that a check notices.
    #[cfg(test)]
    pub(crate) fn with_core(self, core: Core) -> Self {
        Self { core, ..self }
    }

    /// The world that it acts on.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Whether the policy was read from the ledger at or after `began`.
    fn policy_read_since(&self, began: Time) -> bool {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().and_then(|cached| cached.read).is_some_and(|read| read >= began)
    }

    /// The policy in force: the last one, if it was read after `since`. If the ledger's cannot be read, the last good one stays
    /// and on-call is alerted.
    async fn policy(&self, since: Time, attempt: &Attempt) -> Result<InForce, Fault> {
        if let PolicySource::Fixed(policy) = &self.source {
            return Ok(InForce { policy: Arc::clone(policy), read: None });
        }
        let now = self.world.now();
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = cached.as_ref().filter(|cached| cached.read > Some(since)) {
            return Ok(cached.clone());
        }
        let fault = match self.world.ledger().policy().await {
            Ok(Some(policy)) => {
                let fresh = InForce { policy: Arc::new(policy), read: Some(now) };
                *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
                return Ok(fresh);
            }
            Ok(None) => Fault {
                class: FaultClass::NotFound,
                call: "BatchGetItem",
                code: "NoPolicy".to_owned(),
                message: "the ledger holds no policy: push one, or set RUNAS_POLICY=file:PATH".to_owned(),
                outcome_unknown: false,
            },
            Err(fault) => fault,
        };
        let Some(cached) = cached else { return Err(fault) };
        let policy = &cached.policy;
        tracing::warn!(error = %fault, policy = policy.label(), "policy not readable, the last good one stays");
        let hour = hour_of(now);
        let found = HubFinding::PolicyUnreadable;
        let alert = about_hub(found, policy.hub_account(), &hour, None, &fault.to_string(), now);
        if let Err(fault) = publish::notify_once(&self.world, &alert, attempt).await {
            tracing::warn!(error = %fault, "alert not published; the next batch tries again");
        }
        Ok(cached)
    }
}

/// The hour, as a dedupe key: recurring findings are alerted once in each.
fn hour_of(now: Time) -> String {
    now.to_string().chars().take(13).collect()
}
