//! Before a document is deleted to be made anew: a deletion has no condition.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::pass::{RACES_MAX, look};
use crate::domain::case::{Case, Decision};
use crate::domain::observation::{Observation, Seen};
use crate::domain::settle;
use crate::domain::time::Time;
use crate::ports::{Access, Fault, FaultClass, World};

/// Says that the document is about to be deleted; a fault where another invocation was faster. Looks once more meanwhile:
/// false, and what was said is taken back, where somebody has put another document in its place, who would lose it.
pub(super) async fn reserve<W: World>(
    world: &W,
    case: &mut Case,
    decision: &Decision,
    access: &Access,
) -> Result<bool, Fault> {
    let before = case.record.deleted_by_us;
    let commit = settle::reserve(case, decision);
    let nothing = BTreeSet::new();
    let look = look(world, &case.target, access, &nothing);
    let (committed, looked) = join(world.commit(&case.target, &commit), look).await;
    committed?;
    case.record = commit.record;
    if same(&case.observation, &looked?.observation) {
        return Ok(true);
    }
    take_back(world, case, decision, before).await?;
    Ok(false)
}

/// Takes back what was said, also from what another invocation has remembered on top of it.
async fn take_back<W: World>(
    world: &W,
    case: &mut Case,
    decision: &Decision,
    before: Option<Time>,
) -> Result<(), Fault> {
    let announced = case.record.deleted_by_us;
    for _ in 0..RACES_MAX {
        match world.commit(&case.target, &settle::withdraw(case, decision, before)).await {
            Err(fault) if fault.class == FaultClass::Moved => {
                case.record = world.load(&case.target, &BTreeSet::new()).await?.record;
            }
            taken_back => return taken_back,
        }
        if case.record.deleted_by_us != announced {
            break;
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
