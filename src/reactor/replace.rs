//! Before a document is deleted to be made anew: a deletion has no condition.

use std::collections::BTreeSet;

use super::observe::observe;
use super::pass::RACES_MAX;
use crate::domain::case::{Case, Decision};
use crate::domain::observation::{Observation, Seen};
use crate::domain::settle;
use crate::domain::time::Time;
use crate::ports::{Access, Fault, FaultClass, World};

/// Says that the document is about to be deleted; a fault where another invocation was faster. Then looks once more: false,
/// and what was said is taken back, where somebody has put another document in its place, who would lose it.
pub(super) async fn reserve<W: World>(
    world: &W,
    case: &mut Case,
    decision: &Decision,
    access: &Access,
) -> Result<bool, Fault> {
    let before = case.record.deleted_by_us;
    let commit = settle::reserve(case, decision);
    world.commit(&case.target, &commit).await?;
    case.record = commit.record;
    // As late as possible: what takes the place of the document after this look is lost with it.
    let observed = observe(world, &case.target, access, &BTreeSet::new()).await;
    if observed.as_ref().is_ok_and(|observed| same(&case.observation, &observed.observation)) {
        return Ok(true);
    }
    take_back(world, case, decision, before).await?;
    observed.map(|_| false)
}

/// Takes back what was said, also from what another invocation has remembered on top of it.
async fn take_back<W: World>(
    world: &W,
    case: &mut Case,
    decision: &Decision,
    before: Option<Time>,
) -> Result<(), Fault> {
    let announced = case.record.deleted_by_us;
    let mut race = 0;
    while case.record.deleted_by_us == announced {
        let commit = settle::withdraw(case, decision, before);
        match world.commit(&case.target, &commit).await {
            Err(fault) if fault.class == FaultClass::Moved && race < RACES_MAX => {
                race += 1;
                case.record = world.load(&case.target, &BTreeSet::new()).await?.record;
            }
            Err(fault) => return Err(fault),
            Ok(()) => {
                case.record = commit.record;
                break;
            }
        }
    }
    Ok(())
}

fn same(decided: &Observation, there: &Observation) -> bool {
    let latest = |seen: &Seen| (seen.document_type.clone(), seen.latest.number, seen.latest_created());
    match (decided, there) {
        (Observation::Present(decided), Observation::Present(there)) => latest(decided) == latest(there),
        _ => false,
    }
}
