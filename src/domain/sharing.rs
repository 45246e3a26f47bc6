//! Sharing that is to be undone: accounts to which an untrusted principal gave access to the document.
//!
//! Events say who added which accounts, and an observation whether the document is shared with them; without one nothing is
//! done. A call is answered by an observation, at least a minute after it, of a document that is shared with none of the
//! accounts that it added ([`CallFact::over`]).

use std::collections::{BTreeMap, BTreeSet};

use super::clock_skew::ClockSkew;
use super::durations::VISIBLE_MS;
use super::edit::{Action, Edit, Sharing};
use super::fact::{CallFact, Facts};
use super::observation::{Seen, Shares, Unreadable};
use super::time::Time;

/// A foreign call that shared the document and is not answered.
struct Open<'a> {
    id: &'a String,
    call: &'a CallFact,
    /// When it was made, by SSM's clock.
    at: Time,
    /// The accounts that it added, without those that a trusted principal added.
    with: BTreeSet<&'a str>,
}

impl Open<'_> {
    /// Those of its accounts that a document is shared with.
    fn among(&self, shares: &BTreeSet<String>) -> Vec<String> {
        shares.iter().filter(|account| self.with.contains(account.as_str())).cloned().collect()
    }

    /// From when on an observation shows for certain what it did.
    fn visible(&self) -> Time {
        self.at.plus_ms(VISIBLE_MS)
    }
}

/// What there is to do about sharing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToUndo {
    /// Nothing.
    Nothing,
    /// The document is shared with these accounts.
    SharedWith(Vec<String>),
    /// It is shared with none of them, which is certain from this time on.
    Uncertain(Time),
    /// With whom it is shared was not asked.
    Unasked,
    /// That could not be read.
    Unknown(Unreadable),
}

/// What there is to do about sharing, going by one observation.
pub(super) fn to_undo(facts: &Facts, seen: &Seen) -> ToUndo {
    let open = open(facts);
    let Some(certain) = open.iter().map(Open::visible).max() else { return ToUndo::Nothing };
    match &seen.shares {
        None => ToUndo::Unasked,
        Some(Shares::Unknown(why)) => ToUndo::Unknown(why.clone()),
        Some(Shares::With(shares)) => {
            let left: BTreeSet<String> = open.iter().flat_map(|open| open.among(shares)).collect();
            if left.is_empty() { ToUndo::Uncertain(certain) } else { ToUndo::SharedWith(left.into_iter().collect()) }
        }
    }
}

/// Whether a call is not answered, so that it takes an observation of the shares.
pub fn is_open(facts: &Facts) -> bool {
    !open(facts).is_empty()
}

/// The calls that an observation answers.
pub(super) fn answered(facts: &Facts, seen: &Seen, now: Time) -> BTreeMap<String, CallFact> {
    let Some(Shares::With(shares)) = &seen.shares else { return BTreeMap::new() };
    let over = |open: &Open| open.visible() <= now && open.among(shares).is_empty();
    let answered = open(facts).into_iter().filter(over);
    answered.map(|open| (open.id.clone(), CallFact { over: true, ..open.call.clone() })).collect()
}

/// The foreign calls that are not answered.
fn open(facts: &Facts) -> Vec<Open<'_>> {
    let foreign = facts.calls.iter().filter(|(_, call)| !call.is_trusted() && !call.over);
    let clock = ClockSkew::of(facts);
    let mut calls: Vec<Open> = foreign
        .filter_map(|(id, call)| Some((id, call, sharing(call)?)))
        .map(|(id, call, sharing)| {
            let with = sharing.added.iter().map(String::as_str).collect();
            Open { id, call, at: clock.ssm_time(call.edit.at), with }
        })
        .collect();
    if !calls.is_empty() {
        let rightful = rightful(facts);
        for open in &mut calls {
            open.with.retain(|account| !rightful.contains(account));
        }
        calls.retain(|open| !open.with.is_empty());
    }
    calls
}

/// The accounts that a trusted principal added, and that no call took out since. Of two calls in one second the trusted one
/// comes first: an account that is taken for another's is looked for, and one taken for rightful is not.
fn rightful(facts: &Facts) -> BTreeSet<&str> {
    let mut calls: Vec<(&CallFact, &Sharing)> =
        facts.calls.values().filter_map(|call| Some((call, sharing(call)?))).collect();
    calls.sort_by_key(|(call, _)| (call.edit.at, !call.is_trusted(), &call.edit.id));
    let mut rightful = BTreeSet::new();
    for (call, sharing) in calls {
        if call.is_trusted() {
            rightful.extend(sharing.added.iter().map(String::as_str));
        }
        rightful.retain(|account| !sharing.removed.iter().any(|removed| removed == account));
    }
    rightful
}

/// The change of a successful call that says with whom it shared the document.
fn sharing(call: &CallFact) -> Option<&Sharing> {
    let Edit { action, failed, sharing, .. } = &call.edit;
    sharing.as_ref().filter(|_| *action == Action::SharingChanged && failed.is_none())
}
