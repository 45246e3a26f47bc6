//! Which call made which version: a function of all facts, so that the order of events makes no difference.
//!
//! A call names its version by number, and numbers restart with each document. So the creation date has to fit the call's
//! time, and no deletion may lie between them. A call belongs to the nearest version that fits it, a version to the least
//! trusted of its calls.

use std::collections::BTreeMap;

use super::clock_skew::ClockSkew;
use super::durations::{LEASE_MS, NAMES_MS, SAME_CALL_MS, SAME_DOCUMENT_MS, VISIBLE_MS};
use super::edit::Action;
use super::fact::{Absence, Base, CallFact, Ended, Facts, Intended, Intent, VersionFact};
use super::own_writes::intent_of;
use super::principal::Attribution;
use super::time::{SECOND_MS, Time};

/// Which call belongs to which version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Event ids by the version that those calls made.
    pub calls: BTreeMap<Time, Vec<String>>,
    /// The version that a call made, by event id.
    pub version: BTreeMap<String, Time>,
}

/// The author of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author<'a> {
    /// The reactor, by its intent.
    Reactor(&'a Intent),
    /// The principal of this call.
    Known(&'a CallFact),
    /// No known call made it.
    Nameless,
}

/// Finds the version that each call made.
pub fn pair(facts: &Facts) -> Pairing {
    let (mut pairing, clock) = (Pairing::default(), ClockSkew::of(facts));
    for (id, call) in facts.calls.iter().filter(|(_, call)| call.makes_version()) {
        let fitting = candidates(facts, &clock, call);
        // CloudTrail omitted the reply: only a single fitting version identifies the call's own.
        if call.edit.action.made_version().is_none() && fitting.len() > 1 {
            continue;
        }
        let at = clock.ssm_time(call.edit.at);
        let distance = |created: &Time| created.since(at).abs();
        let least = fitting.first().map_or(0, distance);
        let alike = fitting.iter().take_while(|created| distance(created) <= least + SECOND_MS);
        let free = |created: &&Time| !call.is_trusted() || !has_trusted(facts, pairing.calls.get(created));
        if let Some(created) = alike.clone().find(free).or(fitting.first()) {
            pairing.calls.entry(*created).or_default().push(id.clone());
            pairing.version.insert(id.clone(), *created);
        }
    }
    pairing
}

/// Whether a call of the version is trusted. A pipeline that creates the document twice within a second makes two versions
/// of one number, equally near to both calls; each call made one.
fn has_trusted(facts: &Facts, calls: Option<&Vec<String>>) -> bool {
    calls.into_iter().flatten().any(|id| facts.calls.get(id).is_some_and(CallFact::is_trusted))
}

/// The versions that a call can have made, nearest first.
pub(super) fn candidates(facts: &Facts, clock: &ClockSkew, call: &CallFact) -> Vec<Time> {
    let at = clock.ssm_time(call.edit.at);
    let number = call.edit.action.made_version();
    let fitting = |(created, version): &(&Time, &VersionFact)| {
        number.is_none_or(|number| number == version.number)
            && intent_of(facts, version).is_none()
            && fits(facts, clock, (**created, version), (call, at))
    };
    let mut fitting: Vec<Time> = facts.versions.iter().filter(fitting).map(|(created, _)| *created).collect();
    // A version older than the call's second fits only because clocks may differ, so it comes last.
    fitting.sort_by_key(|created| (*created < at, created.since(at).abs(), *created));
    fitting
}

impl Pairing {
    /// The author of a version.
    pub fn author<'a>(&self, facts: &'a Facts, created: Time, version: &VersionFact) -> Author<'a> {
        if let Some(intent) = intent_of(facts, version) {
            return Author::Reactor(intent);
        }
        let calls = self.calls.get(&created).into_iter().flatten().filter_map(|id| Some((id, facts.calls.get(id)?)));
        let least = calls.max_by_key(|(id, call)| (call.attribution, std::cmp::Reverse(*id)));
        least.map_or(Author::Nameless, |(_, call)| Author::Known(call))
    }
}

impl Author<'_> {
    /// The policy's attribution of the author.
    pub fn attribution(self) -> Attribution {
        match self {
            Self::Reactor(_) => Attribution::Reactor,
            Self::Known(call) => call.attribution,
            Self::Nameless => Attribution::Unattributed,
        }
    }
}

/// Whether a call can have made a version of its number. `at` is the call's time by SSM's clock.
fn fits(
    facts: &Facts,
    clock: &ClockSkew,
    (created, version): (Time, &VersionFact),
    (call, at): (&CallFact, Time),
) -> bool {
    let near = created.since(at).abs() <= SAME_CALL_MS;
    let predates_base = facts.base.as_ref().is_some_and(|base| call.edit.at <= base.calls_until);
    (near || only_that_call(facts, (created, version), at))
        && !another_document(facts, clock, call, (at, created))
        && !(predates_base && call.is_trusted())
}

/// Whether only this call can have made the version: it follows one that was known before the call. So it is the same
/// document, in which numbers are unique, and within some minutes nothing else can have made it.
fn only_that_call(facts: &Facts, (created, version): (Time, &VersionFact), at: Time) -> bool {
    let Some(previous) = version.previous else { return false };
    let in_base = |base: &Base| previous <= base.until && base.observed < at;
    let known = match facts.versions.get(&previous) {
        Some(version) if previous > facts.base_until() => version.observed < at,
        Some(_) | None => facts.base.as_ref().is_some_and(in_base),
    };
    let earliest = at.plus_ms(-LEASE_MS);
    let mut successors = facts.versions.iter().filter(|(_, other)| other.previous == Some(created));
    known
        && created.since(at).abs() <= SAME_DOCUMENT_MS
        && version.observed >= earliest
        && successors.all(|(successor, _)| *successor >= earliest)
}

/// Whether a deletion lies between call and version; in doubt, a foreign one counts against a trusted call.
fn another_document(facts: &Facts, clock: &ClockSkew, call: &CallFact, (at, created): (Time, Time)) -> bool {
    facts.calls.values().filter(|other| other.deletes()).any(|deletion| {
        let deleted = clock.ssm_time(deletion.edit.at);
        let strictly = at < deleted && deleted.plus_ms(SECOND_MS) <= created;
        let in_doubt = call.is_trusted() && !deletion.is_trusted() && at <= deleted && deleted <= created;
        strictly || in_doubt
    }) || recreated(facts, call, (at, created))
}

/// The same for the reactor's own deletions, which are intents and not calls.
fn recreated(facts: &Facts, call: &CallFact, (at, created): (Time, Time)) -> bool {
    facts.intents.values().filter(|intent| intent.write == Intended::Recreate).any(|intent| {
        let deleted = (intent.from, intent.until.min(created));
        call.is_trusted() && intent.ended != Some(Ended::Refused) && at <= deleted.0 && deleted.0 <= created
    })
}

/// Versions whose authors are not known, oldest first.
pub fn nameless<'a>(facts: &'a Facts, pairing: &'a Pairing) -> impl Iterator<Item = (Time, &'a VersionFact)> {
    facts.open_versions().filter(|(created, version)| pairing.author(facts, *created, version) == Author::Nameless)
}

/// Young ones of those, whose authors may still become known.
pub fn awaited(facts: &Facts, pairing: &Pairing, now: Time) -> Vec<Time> {
    nameless(facts, pairing).map(|(created, _)| created).filter(|created| now.since(*created) < NAMES_MS).collect()
}

/// Whether a call explains what an observation found missing: it deleted the document, or moved the default, about then. `at`
/// is the call's time by SSM's clock.
pub fn explains(call: &CallFact, at: Time, absence: &Absence) -> bool {
    let did = match absence.default {
        Some(_) => Action::DefaultMoved { version: absence.default },
        None => Action::Deleted,
    };
    let between = absence.after.plus_ms(-VISIBLE_MS - SECOND_MS)..=absence.first.plus_ms(VISIBLE_MS);
    call.edit.failed.is_none() && call.edit.action == did && between.contains(&at)
}

/// Whether a call makes the default what its caller wrote at most a minute before.
pub fn promotes_own(facts: &Facts, call: &CallFact) -> bool {
    let Action::DefaultMoved { version: Some(number) } = call.edit.action else { return false };
    let wrote = |other: &CallFact| other.makes_version() && other.edit.action.made_version() == Some(number);
    let own = |other: &CallFact| wrote(other) && other.edit.principal == call.edit.principal;
    let mut written = facts.calls.values().filter(|other| own(other));
    call.edit.failed.is_none() && written.any(|other| is_soon_after(call.edit.at, other.edit.at))
}

/// Whether `at` is within a minute after `before`, as far as CloudTrail's and SSM's clocks agree.
pub(super) fn is_soon_after(at: Time, before: Time) -> bool {
    (-SAME_CALL_MS..=VISIBLE_MS).contains(&at.since(before))
}
