//! What cannot be known, each excuse with its sentence. Nothing else is excused.

use runas_reactor::domain::edit::Action;
use runas_reactor::domain::time::MINUTE_MS;

use crate::support::world::{Actor, Call, World};

/// "Within 3 s".
const SAME_MOMENT_MS: i64 = 3_000;

/// "A trusted call that was lost", or one on the same number in the same moment, which is taken for it.
pub(super) fn lost(world: &World, call: &Call) -> bool {
    let trusted = world.calls.iter().filter(|other| other.actor == Actor::Pipeline && !other.arrived);
    !call.arrived || trusted.into_iter().any(|other| is_same_number(other, call))
}

/// "A trusted version that was gone before any observation."
pub(super) fn never_observed(world: &World, call: &Call) -> bool {
    call.created.is_some_and(|created| !world.observed.contains(&created))
}

/// "A trusted act and, within 3 s, a foreign one on the same number or a deletion."
pub(super) fn same_moment(world: &World, call: &Call) -> bool {
    hostile_in_the_same_moment(world, call).next().is_some()
}

/// "Hostile content stays only if the foreign call is lost as well."
pub(super) fn same_moment_and_lost(world: &World) -> bool {
    let trusted = world.calls.iter().filter(|call| call.actor == Actor::Pipeline);
    trusted.flat_map(|call| hostile_in_the_same_moment(world, call)).any(|call| !call.arrived)
}

/// "A foreign deletion and the version after it both lost."
pub(super) fn deletion_and_next_lost(world: &World) -> bool {
    let calls = world.calls.iter().filter(|call| is_hostile(call) && !call.arrived);
    let mut deleted = false;
    for call in calls {
        if deleted && call.created.is_some() {
            return true;
        }
        deleted |= call.edit.action == Action::Deleted;
    }
    false
}

/// A lost foreign call: another one on the same number in the same moment is notified in its place.
pub(super) fn taken_for_another(world: &World, call: &Call) -> bool {
    let others = world.calls.iter().filter(|other| other.actor != Actor::Reactor && other.edit.id != call.edit.id);
    others.into_iter().any(|other| is_same_number(other, call))
}

/// "A move of the default by a version's own author within a minute is part of that version's alert."
pub(super) fn moves_own_version(world: &World, call: &Call) -> bool {
    let Action::DefaultMoved { version } = call.edit.action else { return false };
    world.calls.iter().filter(|other| other.actor == call.actor).any(|other| {
        let near = (-SAME_MOMENT_MS..=MINUTE_MS).contains(&call.at.since(other.at));
        near && other.edit.action.made_version() == version
    })
}

fn is_same_number(one: &Call, other: &Call) -> bool {
    let number = one.edit.action.made_version();
    let near = one.at.since(other.at).abs() <= SAME_MOMENT_MS;
    near && number.is_some() && other.edit.action.made_version() == number
}

fn hostile_in_the_same_moment<'a>(world: &'a World, call: &'a Call) -> impl Iterator<Item = &'a Call> {
    world.calls.iter().filter(|other| is_hostile(other)).filter(move |other| {
        let near = other.at.since(call.at).abs() <= SAME_MOMENT_MS;
        let deletion = other.edit.action == Action::Deleted || call.edit.action == Action::Deleted;
        (near && deletion) || is_same_number(other, call)
    })
}

pub(super) fn is_hostile(call: &Call) -> bool {
    matches!(call.actor, Actor::Mallory(_))
}
