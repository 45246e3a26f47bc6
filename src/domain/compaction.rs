//! Keeps a record small: folds the oldest versions into the base, which does not change the accepted content.
//!
//! Nothing leaves by age, since a queue may be days late. Versions, calls and intents leave by their number and size.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::accepted::{fold, value_of};
use super::attribution::{Pairing, candidates, nameless, pair};
use super::clock_skew::ClockSkew;
use super::confirmation::pending;
use super::durations::{CALLS_MAX, FACTS_BYTES_MAX, NAMES_MS, SAME_CALL_MS, VERSIONS_MAX};
use super::edit::Action;
use super::fact::{Base, CallFact, Facts, Notified, VersionFact};
use super::hold::emergencies;
use super::principal::Attribution;
use super::time::Time;

/// A record within its bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// What stays.
    pub facts: Facts,
    /// Event ids of the calls that left; rows of their own show that on-call was notified of them.
    pub left: Vec<String>,
    /// Versions that left before on-call was notified of them.
    pub unnotified: Vec<Time>,
}

/// Brings facts within their bounds.
pub fn compact(facts: &Facts, now: Time) -> Compacted {
    let mut compacted = Compacted { facts: facts.clone(), ..Compacted::default() };
    let mut keep = VERSIONS_MAX;
    loop {
        // A record may grow past these numbers, and not past its bytes, while a version awaits the name of its author, and
        // by sharing that is to be undone.
        let by_number = keep == VERSIONS_MAX;
        let awaits = if by_number { compacted.oldest_awaiting(now) } else { None };
        let stays = |evidence| match evidence {
            Evidence::Nothing | Evidence::Acts | Evidence::Rightful => false,
            Evidence::Authors => awaits.is_some(),
            Evidence::Shares => by_number,
        };
        compacted.drop_versions(keep, awaits, now);
        // Some always stay: the version of a write that has just ended may not be observed yet.
        let others = keep.max(1) * CALLS_MAX / VERSIONS_MAX;
        compacted.drop_calls(others, stays, now);
        compacted.drop_intents(others, now);
        compacted.drop_echoes(others);
        compacted.drop_absences(keep);
        compacted.keep_emergencies(facts);
        if is_within_bounds(&compacted.facts) || keep == 0 {
            return compacted;
        }
        keep /= 2;
    }
}

/// Whether a row can hold these facts.
pub(super) fn is_within_bounds(facts: &Facts) -> bool {
    serde_json::to_string(facts).is_ok_and(|json| json.len() <= FACTS_BYTES_MAX)
}

/// What the record loses with a call, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// A failed call: nothing happened.
    Nothing,
    /// An act that neither makes a version nor deletes the document.
    Acts,
    /// Sharing that a trusted principal wants.
    Rightful,
    /// Authors of versions are judged by it; the base keeps what was judged.
    Authors,
    /// Sharing that may still be there, and that no other fact records.
    Shares,
}

impl Evidence {
    fn of(call: &CallFact) -> Self {
        match call.edit.failed {
            Some(_) => Self::Nothing,
            None if call.makes_version() || call.deletes() => Self::Authors,
            None if call.edit.action != Action::SharingChanged || call.over => Self::Acts,
            None if call.is_trusted() => Self::Rightful,
            None => Self::Shares,
        }
    }
}

impl Compacted {
    /// The oldest version that is presumed right until its author is known.
    fn oldest_awaiting(&self, now: Time) -> Option<Time> {
        let young = |version: &VersionFact| version.adopted && now.since(version.observed) < NAMES_MS;
        self.facts.open_versions().find(|(_, version)| young(version))?;
        let pairing = pair(&self.facts);
        nameless(&self.facts, &pairing).find(|(_, version)| young(version)).map(|(created, _)| created)
    }

    /// Folds all but the newest versions into the base.
    fn drop_versions(&mut self, keep: usize, awaits: Option<Time>, now: Time) {
        let open: Vec<Time> = self.facts.open_versions().map(|(created, _)| created).collect();
        let surplus = open.iter().take(open.len().saturating_sub(keep));
        let Some(until) = surplus.copied().take_while(|created| awaits.is_none_or(|at| *created < at)).last() else {
            return;
        };
        self.fold_until(until, now);
    }

    /// Folds all versions up to `until` into the base.
    fn fold_until(&mut self, until: Time, now: Time) {
        let pairing = pair(&self.facts);
        let unnotified = nameless(&self.facts, &pairing)
            .filter(|(created, version)| *created <= until && version.notified == Notified::No && !version.adopted);
        self.unnotified.extend(unnotified.map(|(created, _)| created));
        let base = self.base_until(&pairing, until, now);
        self.drop_calls_of_versions(&pairing, until);
        self.facts.base = Some(base);
        self.facts.versions.retain(|created, _| *created > until);
        self.facts.owned.retain(|created, _| *created > until);
    }

    /// Drops the calls of versions that leave, so that they are not paired with another version of the same number.
    fn drop_calls_of_versions(&mut self, pairing: &Pairing, until: Time) {
        let clock = ClockSkew::of(&self.facts);
        let leaves = |(id, call): &(&String, &CallFact)| match pairing.version.get(*id) {
            Some(created) => *created <= until,
            None => candidates(&self.facts, &clock, call).iter().any(|created| *created <= until),
        };
        let settled =
            self.facts.calls.iter().filter(|(_, call)| call.makes_version() && call.notified == Notified::Named);
        let left: Vec<String> = settled.filter(leaves).map(|(id, _)| id.clone()).collect();
        for id in left {
            self.facts.calls.remove(&id);
            self.left.push(id);
        }
    }

    fn base_until(&self, pairing: &Pairing, until: Time, now: Time) -> Base {
        let mut part = self.facts.clone();
        part.versions.retain(|created, _| *created <= until);
        for version in part.versions.values_mut() {
            // A flood of later versions must not make a presumed version right.
            version.adopted &= now.since(version.observed) >= NAMES_MS;
        }
        for id in pending(&part, now) {
            // Nor a call that only an event claims.
            part.calls.entry(id).and_modify(|call| call.attribution = Attribution::Untrusted);
        }
        let accepted = fold(&part, pairing, &[], Some(until));
        let last = part.versions.get(&until);
        let before = self.facts.base.as_ref();
        Base {
            digest: last
                .and_then(|version| version.digest.clone())
                .filter(|digest| accepted.content.as_ref().is_some_and(|content| content.digest() == *digest)),
            blurred: accepted.blurred,
            foreign: self.carried_after(until, accepted.foreign),
            content: accepted.content,
            until,
            at: before.map_or(now, |base| base.at),
            calls_until: before.map_or(Time::ZERO, |base| base.calls_until),
            intents_until: before.map_or(Time::ZERO, |base| base.intents_until),
            observed: last.map_or(Time::ZERO, |version| version.observed),
            clock_ms: ClockSkew::of(&self.facts).ms_until(until),
            notified: before.map_or(Notified::No, |base| base.notified),
        }
    }

    /// Those of the foreign values that later versions set; all of them where there is no later version.
    fn carried_after(&self, until: Time, foreign: BTreeSet<String>) -> BTreeSet<String> {
        let mut later = self.facts.versions.range((Bound::Excluded(until), Bound::Unbounded)).peekable();
        if later.peek().is_none() {
            return foreign;
        }
        let carried: BTreeSet<String> =
            later.flat_map(|(_, version)| version.change()).map(|change| value_of(&change)).collect();
        foreign.intersection(&carried).cloned().collect()
    }

    /// Drops the oldest calls that on-call was notified of, failed ones first. Where authors are judged by such calls, the
    /// versions of their time are folded into the base first.
    fn drop_calls(&mut self, keep: usize, stays: impl Fn(Evidence) -> bool, now: Time) {
        let surplus = self.facts.calls.len().saturating_sub(keep);
        if surplus == 0 || self.facts.base.is_none() {
            return;
        }
        let settled = self.facts.calls.iter().filter(|(_, call)| call.notified == Notified::Named);
        let mut oldest: Vec<(Evidence, Time, String)> =
            settled.map(|(id, call)| (Evidence::of(call), call.edit.at, id.clone())).collect();
        oldest.retain(|(evidence, ..)| !stays(*evidence));
        oldest.sort();
        oldest.truncate(surplus);
        let judged_by = oldest.iter().filter(|(evidence, ..)| *evidence == Evidence::Authors);
        if let Some(until) = judged_by.map(|(_, at, _)| *at).max() {
            if let Some(version) = self.newest_version_of(until) {
                self.fold_until(version, now);
            }
            if let Some(base) = self.facts.base.as_mut() {
                base.calls_until = base.calls_until.max(until);
            }
        }
        for (_, _, id) in oldest {
            if self.facts.calls.remove(&id).is_some() {
                self.left.push(id);
            }
        }
    }

    /// The newest version that a call at or before `until` made, or can have made.
    fn newest_version_of(&self, until: Time) -> Option<Time> {
        let pairing = pair(&self.facts);
        let latest = ClockSkew::of(&self.facts).ssm_time(until).plus_ms(SAME_CALL_MS);
        let of_such_a_call = |created: Time| {
            let mut ids = pairing.calls.get(&created).into_iter().flatten();
            ids.any(|id| self.facts.calls.get(id).is_some_and(|call| call.edit.at <= until))
        };
        let open = self.facts.open_versions().map(|(created, _)| created);
        open.filter(|created| *created <= latest || of_such_a_call(*created)).max()
    }

    /// Keeps the times of break-glass acts whose calls leave: the policy bounds how long they stand in a day.
    fn keep_emergencies(&mut self, before: &Facts) {
        if !self.left.is_empty() {
            self.facts.emergencies = emergencies(before);
        }
    }

    /// Drops the oldest absences that on-call was notified of.
    fn drop_absences(&mut self, keep: usize) {
        let surplus = self.facts.absences.len().saturating_sub(keep);
        let settled = self.facts.absences.iter().filter(|(_, absence)| absence.notified != Notified::No);
        let oldest: Vec<Time> = settled.map(|(known, _)| *known).take(surplus).collect();
        self.facts.absences.retain(|known, _| !oldest.contains(known));
    }

    /// Drops the oldest intents, except those of versions in the record and those under way.
    fn drop_intents(&mut self, keep: usize, now: Time) {
        let surplus = self.facts.intents.len().saturating_sub(keep);
        if surplus == 0 {
            return;
        }
        let names: BTreeSet<&String> =
            self.facts.versions.values().filter_map(|version| version.name.as_ref()).collect();
        let needed = |name: &String| names.contains(name);
        let ended = self.facts.intents.iter().filter(|(name, intent)| !needed(name) && !intent.is_open(now));
        let mut oldest: Vec<(Time, String)> = ended.map(|(name, intent)| (intent.until, name.clone())).collect();
        oldest.sort();
        let Some(base) = self.facts.base.as_mut() else { return };
        for (until, name) in oldest.into_iter().take(surplus) {
            self.facts.intents.remove(&name);
            base.intents_until = base.intents_until.max(until);
        }
    }

    /// Drops the oldest echoes.
    fn drop_echoes(&mut self, keep: usize) {
        let surplus = self.facts.echoes.len().saturating_sub(keep);
        let mut oldest: Vec<(Time, String)> =
            self.facts.echoes.iter().map(|(id, echo)| (echo.at, id.clone())).collect();
        oldest.sort();
        for (_, id) in oldest.into_iter().take(surplus) {
            self.facts.echoes.remove(&id);
        }
    }
}
