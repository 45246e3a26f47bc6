//! Builds a case: the ledger's facts, joined with those of the message and the observation.

use super::observe::{complete, shares};
use crate::domain::case::Case;
use crate::domain::edit::Edit;
use crate::domain::fact::{CallFact, Notified};
use crate::domain::merge::merge;
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::Policy;
use crate::domain::principal::Attribution;
use crate::domain::record::Loaded;
use crate::domain::sharing::is_open;
use crate::domain::signal::Work;
use crate::domain::target::{AccountFacts, Target};
use crate::domain::time::Time;
use crate::domain::witness;
use crate::ports::{Access, Clock, Fault, World};

/// The calls of a message, as facts.
pub(super) fn call_facts(policy: &Policy, target: &Target, edits: &[Edit], now: Time) -> Vec<CallFact> {
    let fact = |edit: &Edit| {
        let via_reactor_role = policy.is_reactor_role(&edit.principal, &target.account);
        // The reactor's own roles are never trusted: an intent explains their calls, or the calls are foreign.
        let attribution = if via_reactor_role { Attribution::Untrusted } else { policy.attribute(&edit.principal) };
        let edit = edit.clone();
        CallFact {
            edit,
            attribution,
            via_reactor_role,
            received: now,
            checked: false,
            over: false,
            notified: Notified::No,
        }
    };
    edits.iter().map(fact).collect()
}

/// Reads what the observation leaves open: further contents that are needed to determine what is new, and with whom the
/// document is shared, where a call shared it and the policy wants that undone.
pub(super) async fn read_missing<W: World>(
    world: &W,
    policy: &Policy,
    work: &Work,
    (access, account): (&Access, &AccountFacts),
    loaded: &Loaded,
    observation: Observation,
) -> Result<Observation, Fault> {
    let now = world.now();
    let calls = witness::calls(&loaded.record.facts, &call_facts(policy, &work.target, &work.edits, now), &loaded.seen);
    let facts = merge(&loaded.record.facts, &calls);
    let wanted = |seen: &Seen| witness::wanted(&facts, seen, now);
    let mut observation = complete(world, &work.target, access, observation, wanted).await?;
    if let Observation::Present(seen) = &mut observation
        && policy.resolve(account, now).undoes_sharing()
        && is_open(&facts)
    {
        seen.shares = Some(shares(world, &work.target, access).await?);
    }
    Ok(observation)
}

/// Builds the case of one observation.
pub(super) fn case<W: Clock>(
    world: &W,
    policy: &Policy,
    work: &Work,
    loaded: Loaded,
    account: &AccountFacts,
    observation: Observation,
    by_member_role: bool,
) -> Case {
    let now = world.now();
    let mut record = loaded.record;
    let calls = witness::calls(&record.facts, &call_facts(policy, &work.target, &work.edits, now), &loaded.seen);
    record.facts = merge(&record.facts, &calls);
    record.facts = merge(&record.facts, &witness::witness(&record.facts, &observation, now));
    Case {
        target: work.target.clone(),
        account_name: account.name.clone(),
        now,
        cause: work.cause,
        since: work.since,
        requeues: work.requeues,
        redelivered: false,
        correlation: work.correlation.clone(),
        calls: work.edits.iter().map(|edit| edit.id.clone()).collect(),
        newest_call: work.edits.iter().map(|edit| edit.at).max(),
        by_member_role,
        resolution: policy.resolve(account, now),
        policy: policy.label().to_owned(),
        limits: policy.limits(),
        observation,
        record,
        refused: Vec::new(),
        random: world.jitter(),
    }
}
