//! Which versions and calls are the reactor's own: those that a logged intent explains.

use super::durations::VISIBLE_MS;
use super::edit::Action;
use super::fact::{CallFact, Facts, Intended, Intent, VersionFact};
use super::time::{SECOND_MS, Time};

/// The intent behind a version: its random name, number and digest all have to match. Content alone, the caller's role or
/// the form of the name prove nothing.
pub fn intent_of<'a>(facts: &'a Facts, version: &VersionFact) -> Option<&'a Intent> {
    let intent = facts.intents.get(version.name.as_ref()?)?;
    let same = intent.makes_version() && intent.number == version.number && intent.digest == version.digest;
    same.then_some(intent)
}

/// Whether an intent explains a call through the reactor's role; otherwise the call is foreign. The reactor shares the
/// document with no account.
pub fn is_explained(facts: &Facts, call: &CallFact) -> bool {
    let says = |intent: &Intent| may_be_of(intent, call.edit.at) && means(intent, call.edit.action);
    let shares = call.edit.sharing.as_ref().is_some_and(|sharing| !sharing.added.is_empty());
    call.via_reactor_role && !shares && facts.intents.values().any(says)
}

/// Whether the write can have made a call at that time. Until an echo measures CloudTrail's clock, it may be off by as long
/// as a change takes to become visible.
pub(super) fn may_be_of(intent: &Intent, at: Time) -> bool {
    (earliest_call(intent)..=intent.until.plus_ms(VISIBLE_MS)).contains(&at)
}

/// The earliest time that CloudTrail may give to a call of the write: its clock may be behind, and it cuts off the second.
pub(super) fn earliest_call(intent: &Intent) -> Time {
    intent.from.plus_ms(-VISIBLE_MS - SECOND_MS)
}

/// Whether the write includes such a call.
fn means(intent: &Intent, action: Action) -> bool {
    match (intent.write, action) {
        (Intended::Recreate, Action::Deleted) | (Intended::Recreate | Intended::Unshare, Action::SharingChanged) => {
            true
        }
        (Intended::Put | Intended::Recreate, Action::Created) => intent.number == 1,
        (Intended::Put, Action::Updated { version }) => version.is_none_or(|number| number == intent.number),
        (Intended::Put | Intended::Promote, Action::DefaultMoved { version }) => version == Some(intent.number),
        (Intended::Prune, Action::VersionDeleted { version }) => version.is_some_and(|number| number < intent.number),
        (
            Intended::Put | Intended::Promote | Intended::Recreate | Intended::Prune | Intended::Unshare,
            Action::Created
            | Action::Updated { .. }
            | Action::DefaultMoved { .. }
            | Action::Deleted
            | Action::VersionDeleted { .. }
            | Action::SharingChanged,
        ) => false,
    }
}
