//! What a sweep finds that no event told of.

use super::advance::advance;
use super::case::Case;
use super::observation::{Observation, Seen};
use super::principal::Attribution;
use super::record::Standing;
use super::signal::Cause;
use super::time::{MINUTE_MS, Time};

/// Since when somebody may have called something on the document that we were not told of; `None` where nothing shows that
/// anybody did. A document that nobody has looked at before is adopted, whoever made it.
pub fn unheard(case: &Case) -> Option<Time> {
    let told = case.edits.iter().any(|edit| !edit.seen);
    if case.cause != Cause::Swept || told || case.record.accounted.is_none() {
        return None;
    }
    let was_right = case.record.standing == Standing::InSync;
    let changed = match &case.observation {
        Observation::Present(seen) => (was_right && seen.latest.number != seen.default.number) || nameless(case, seen),
        Observation::Absent => was_right,
        Observation::Unknown(_) => false,
    };
    changed.then(|| case.record.updated.plus_ms(-MINUTE_MS))
}

fn nameless(case: &Case, seen: &Seen) -> bool {
    advance(case, seen).judged.iter().any(|judged| judged.attribution == Attribution::Unattributed)
}
