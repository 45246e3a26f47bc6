//! The quick check of a sweep, and its fingerprint for the next one.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::Reactor;
use super::gather::case;
use super::observe::{Observed, observe};
use crate::domain::case::{Applied, Case, Decision, Verdict};
use crate::domain::decide::decide;
use crate::domain::judgement::judge;
use crate::domain::policy::Policy;
use crate::domain::quick_check::{QuickCheck, check_to_record, remembered};
use crate::domain::record::{LastCheck, Loaded};
use crate::domain::signal::{Cause, Work};
use crate::ports::{Access, Documents as _, Fault, FaultClass, Ledger as _, World};

/// How a reconciliation begins.
pub(super) struct Start {
    pub(super) loaded: Loaded,
    pub(super) observed: Observed,
    /// The answer of the quick check, where one was made.
    pub(super) check: Option<QuickCheck>,
}

/// Loads the record and observes. A sweep without events tries the quick check first, which costs one call.
pub(super) async fn begin<W: World>(
    Reactor { world, approval, .. }: &Reactor<W>,
    policy: &Policy,
    work: &Work,
    access: &Access,
) -> Result<Start, Fault> {
    let ids: BTreeSet<String> = work.edits.iter().map(|edit| edit.id.clone()).collect();
    let mut check = None;
    if work.cause == Cause::Sweep && ids.is_empty() && approval.is_none() {
        let (loaded, checked) =
            join(world.ledger().load(&work.target, &ids), world.documents().quick_check(&work.target, access)).await;
        let loaded = loaded?;
        // The full observation meets the same fault again, and reports it; only this call can be denied alone.
        check = checked.inspect_err(|fault| log_denied(work, fault)).ok();
        if let Some(observed) = check.as_ref().and_then(|check| as_it_was(world, policy, work, &loaded, check)) {
            return Ok(Start { loaded, observed, check });
        }
    }
    let nothing = BTreeSet::new();
    let (loaded, observed) =
        join(world.ledger().load(&work.target, &ids), observe(world, &work.target, access, &nothing)).await;
    let (mut loaded, observed) = (loaded?, observed?);
    if observed.waited {
        loaded = world.ledger().load(&work.target, &ids).await?;
    }
    Ok(Start { loaded, observed, check })
}

fn log_denied(work: &Work, fault: &Fault) {
    if matches!(fault.class, FaultClass::Denied | FaultClass::DeniedByScp) {
        let (target, correlation) = (&work.target, &work.correlation);
        tracing::warn!(%target, correlation, error = %fault, "the quick check is denied; every sweep observes in full");
    }
}

/// The remembered observation, if the document is unchanged and in sync with the policy; else a full observation is needed.
fn as_it_was<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    loaded: &Loaded,
    check: &QuickCheck,
) -> Option<Observed> {
    let (facts, observation) = (loaded.facts.as_ref()?, remembered(loaded, check)?);
    let case = case(world, policy, work, loaded.clone(), facts, observation, true);
    let right = decide(&case, &judge(&case)).verdict == Verdict::InSync;
    right.then_some(Observed { observation: case.observation, waited: false })
}

/// Stores the check if it differs from the stored one. A fault only costs the next sweep a full observation.
pub(super) async fn record_check<W: World>(
    world: &W,
    (case, decision, applied): (&Case, &Decision, &Applied),
    check: &QuickCheck,
    last_check: Option<&LastCheck>,
    generation: u64,
) {
    let Some(last) = check_to_record(case, decision, applied, check, last_check) else { return };
    if let Err(fault) = world.ledger().record_check(&case.target, generation, &last).await {
        tracing::warn!(target = %case.target, error = %fault, "the quick check was not written down; the next sweep observes in full");
    }
}
