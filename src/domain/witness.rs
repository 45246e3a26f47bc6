//! Facts from one observation and from calls.

use std::collections::{BTreeMap, BTreeSet};

use super::accepted::fold;
use super::attribution::{Pairing, pair};
use super::clock_skew::ClockSkew;
use super::document::{Body, Content};
use super::durations::{NAMES_MS, SAME_DOCUMENT_MS, VERSIONS_MAX, VISIBLE_MS};
use super::edit::Action;
use super::fact::{Absence, Base, CallFact, Delta, Echo, Facts, LastSeen, Notified, VersionFact};
use super::merge::merge;
use super::observation::{Observation, Seen, VersionInfo};
use super::own_writes::is_explained;
use super::policy::Owned;
use super::sharing::answered;
use super::time::{SECOND_MS, Time};

/// The facts from calls. A call through the reactor's role that an intent explains is an echo; every other call is kept.
/// `known` are calls that left the record after their alerts went out.
pub fn calls(facts: &Facts, calls: &[CallFact], known: &BTreeSet<String>) -> Facts {
    let mut learned = Facts::default();
    for call in calls.iter().filter(|call| !known.contains(&call.edit.id)) {
        // Join, not replace: one write makes several calls, and an event may arrive in several copies.
        learned = merge(&learned, &learn(facts, call));
    }
    learned
}

fn learn(facts: &Facts, call: &CallFact) -> Facts {
    let mut learned = Facts::default();
    let id = call.edit.id.clone();
    if is_explained(facts, call) {
        let answers = match call.edit.action {
            Action::Created | Action::Updated { .. } | Action::DefaultMoved { .. } | Action::SharingChanged => true,
            Action::Deleted | Action::VersionDeleted { .. } => false,
        };
        if call.edit.failed.is_none() && answers {
            let made = call.edit.action.made_version();
            learned.echoes.insert(id, Echo { at: call.edit.at, made, received: call.received });
        }
    } else if !is_beyond_judging(facts, call) {
        learned.calls.insert(id, call.clone());
    }
    learned
}

/// Whether a call through the reactor's role is not kept: its intents have left the record, or it failed.
fn is_beyond_judging(facts: &Facts, call: &CallFact) -> bool {
    let before = facts.base.as_ref().is_some_and(|base| call.edit.at <= base.intents_until.plus_ms(VISIBLE_MS));
    call.via_reactor_role && (before || call.edit.failed.is_some())
}

/// Versions whose contents are needed to determine what is new in an observation.
pub fn wanted(facts: &Facts, seen: &Seen, now: Time) -> BTreeSet<u64> {
    let mut wanted = BTreeSet::new();
    for (info, previous) in news(facts, seen, now).into_iter().filter(|_| seen.is_session()) {
        wanted.insert(info.number);
        let invalid = matches!(seen.body(info.number), Some(Body::Invalid { .. }));
        let previous = previous.filter(|previous| !invalid && previous.number + 1 == info.number);
        wanted.extend(previous.and_then(|previous| last_valid(facts, seen, previous).err().flatten()));
    }
    if is_first(facts, seen) {
        wanted.extend(adopted(facts, seen, now).map(|info| info.number));
    }
    wanted.retain(|number| seen.info(*number).is_some() && seen.body(*number).is_none());
    wanted
}

/// The facts from an observation, given those known so far.
pub fn witness(facts: &Facts, observation: &Observation, now: Time) -> Facts {
    match observation {
        Observation::Unknown(_) => Facts::default(),
        Observation::Absent => absent(facts, now),
        Observation::Present(seen) => present(facts, seen, now),
    }
}

fn absent(facts: &Facts, now: Time) -> Facts {
    let mut learned = Facts::default();
    if facts.base.is_none() {
        learned.base = Some(base(None, now));
    }
    if let Some(newest) = facts.newest().filter(|newest| now.since(*newest) >= VISIBLE_MS) {
        learned.absences.insert(newest, gone(facts, now));
    }
    learned.last = Some(LastSeen { at: now, latest: None, default: 0 });
    learned
}

fn gone(facts: &Facts, now: Time) -> Absence {
    let after = facts.last.filter(|last| last.latest.is_some()).map_or(Time::ZERO, |last| last.at);
    Absence { default: None, first: now, after, notified: Notified::No }
}

fn present(facts: &Facts, seen: &Seen, now: Time) -> Facts {
    let mut learned = Facts::default();
    if is_first(facts, seen) {
        let old = adopted(facts, seen, now);
        learned.base = Some(base(old.map(|info| (seen, info)), now));
    }
    for (info, previous) in news(facts, seen, now) {
        let fact = version(facts, seen, info, previous, now);
        learned.versions.insert(info.created, fact);
    }
    let first = seen.versions.iter().min_by_key(|info| info.number);
    let replaced = |known: &Time| first.is_some_and(|first| first.number == 1 && first.created > *known);
    if let Some(known) = facts.newest().filter(replaced) {
        learned.absences.insert(known, gone(facts, now));
    }
    learned.absences.extend(moved(facts, seen, now));
    learned.calls = answered(facts, seen, now);
    let last = LastSeen { at: now, latest: Some(seen.latest_created()), default: seen.default.number };
    learned.last = Some(last).filter(|_| !is_behind(facts, Some(seen), now));
    learned
}

/// Whether this document was unknown before. An earlier observation without a document was stale if the document is older
/// than it; then this is the first.
fn is_first(facts: &Facts, seen: &Seen) -> bool {
    let Some(base) = &facts.base else { return true };
    let by_reactor = |info: &VersionInfo| info.name.as_ref().is_some_and(|name| facts.intents.contains_key(name));
    let empty = base.until == Time::ZERO && facts.versions.is_empty();
    empty && seen.versions.iter().any(|info| info.created < base.at) && !seen.versions.iter().any(by_reactor)
}

/// The base of a first observation: adopts the content that it finds.
fn base(old: Option<(&Seen, &VersionInfo)>, now: Time) -> Base {
    let body = old.and_then(|(seen, info)| seen.body(info.number).filter(|_| seen.is_session()));
    let content = body.and_then(Body::content).cloned();
    Base {
        digest: content.as_ref().map(Content::digest),
        blurred: old.is_some() && content.is_none(),
        content,
        until: old.map_or(Time::ZERO, |(_, info)| info.created),
        at: now,
        ..Base::default()
    }
}

/// The newest version that a first observation adopts: older than a principal takes to arrive, and below the first version
/// that a known call made.
fn adopted<'a>(facts: &Facts, seen: &'a Seen, now: Time) -> Option<&'a VersionInfo> {
    let clock = ClockSkew::of(facts);
    let named = |info: &&VersionInfo| {
        facts.calls.values().filter(|call| call.makes_version()).any(|call| {
            let near = info.created.since(clock.ssm_time(call.edit.at)).abs() <= SAME_DOCUMENT_MS;
            near && call.edit.action.made_version().is_none_or(|number| number == info.number)
        })
    };
    let open = |info: &&VersionInfo| named(info) || now.since(info.created) < NAMES_MS;
    let first_open = seen.versions.iter().filter(open).map(|info| info.number).min();
    let old = seen.versions.iter().filter(|info| first_open.is_none_or(|first| info.number < first));
    old.max_by_key(|info| info.number)
}

/// Versions that are new or whose change is undetermined, oldest first, each with the one listed before it.
fn news<'a>(facts: &Facts, seen: &'a Seen, now: Time) -> Vec<(&'a VersionInfo, Option<&'a VersionInfo>)> {
    let until = if is_first(facts, seen) {
        adopted(facts, seen, now).map_or(Time::ZERO, |info| info.created)
    } else {
        facts.base_until()
    };
    // An unread version may become readable a while later, but not for ever.
    let said =
        |version: &VersionFact| !matches!(version.delta, Delta::Unsaid(_)) || now.since(version.observed) >= NAMES_MS;
    let known = |created: Time| facts.versions.get(&created).is_some_and(said);
    let mut listed: Vec<&VersionInfo> = seen.versions.iter().collect();
    listed.sort_by_key(|info| info.number);
    let previous = std::iter::once(None).chain(listed.iter().copied().map(Some));
    let pairs = listed.iter().copied().zip(previous);
    let mut news: Vec<_> = pairs.filter(|(info, _)| info.created > until && !known(info.created)).collect();
    // A record follows no more versions; the changes of older ones become part of the base undistinguished.
    let skipped = news.len().saturating_sub(VERSIONS_MAX + 1);
    news.drain(..skipped);
    news
}

fn version(facts: &Facts, seen: &Seen, info: &VersionInfo, previous: Option<&VersionInfo>, now: Time) -> VersionFact {
    let body = seen.body(info.number);
    VersionFact {
        number: info.number,
        previous: previous.filter(|previous| previous.number + 1 == info.number).map(|previous| previous.created),
        delta: delta(facts, seen, info, previous),
        digest: body.and_then(Body::content).map(Content::digest),
        name: info.name.clone(),
        observed: now,
        adopted: is_first(facts, seen),
        notified: Notified::No,
    }
}

fn delta(facts: &Facts, seen: &Seen, info: &VersionInfo, previous: Option<&VersionInfo>) -> Delta {
    if !seen.is_session() {
        return Delta::OtherType(seen.document_type.clone());
    }
    let content = match seen.body(info.number) {
        Some(Body::Valid(content)) => content,
        Some(Body::Invalid { why }) => return Delta::Invalid(why.clone()),
        None => return Delta::Unsaid(format!("version {} could not be read", info.number)),
    };
    if info.number == 1 {
        return Delta::First(content.clone());
    }
    let Some(previous) = previous.filter(|previous| previous.number + 1 == info.number) else {
        return Delta::Unsaid(format!("version {} is gone", info.number - 1));
    };
    match last_valid(facts, seen, previous) {
        Ok(before) => Delta::Change(before.change_to(content)),
        Err(Some(unread)) => Delta::Unsaid(format!("version {unread} could not be read")),
        Err(None) => Delta::Unsaid("a version before it is gone".to_owned()),
    }
}

/// The content of a version or, where it is invalid, of the last valid one before it. The error is the version that has to
/// be read to determine it, if that is still possible.
fn last_valid(facts: &Facts, seen: &Seen, info: &VersionInfo) -> Result<Content, Option<u64>> {
    let known_invalid = |info: &VersionInfo| {
        facts.versions.get(&info.created).is_some_and(|version| matches!(version.delta, Delta::Invalid(_)))
    };
    let mut number = info.number;
    while let Some(info) = seen.info(number) {
        match seen.body(number) {
            Some(Body::Valid(content)) => return Ok(content.clone()),
            None if !known_invalid(info) => return known_content(facts, info.created).ok_or(Some(number)),
            Some(Body::Invalid { .. }) | None if number == 1 => return Ok(Content::minimal()),
            Some(Body::Invalid { .. }) | None => number -= 1,
        }
    }
    Err(None)
}

/// The content of a known version without reading it: the content accepted by then, under the reactor's overlay. The digest
/// confirms it.
pub fn known_content(facts: &Facts, created: Time) -> Option<Content> {
    if let Some(base) = facts.base.as_ref().filter(|base| base.until == created) {
        return base.content.clone().filter(|content| Some(content.digest()) == base.digest);
    }
    let version = facts.versions.get(&created)?;
    let digest = version.digest.as_ref()?;
    let accepted = fold(facts, &pair(facts), &[], Some(created)).content?;
    let overlays = facts.intents.values().map(|intent| &intent.owned);
    let overlays: BTreeMap<String, &Owned> =
        overlays.chain(facts.owned.values()).map(|owned| (format!("{owned:?}"), owned)).collect();
    let mut candidates =
        std::iter::once(accepted.clone()).chain(overlays.values().map(|owned| accepted.overlaid(owned)));
    candidates.find(|content| content.digest() == *digest)
}

/// The default moved, and neither a write of the reactor nor a stale read explains it.
fn moved(facts: &Facts, seen: &Seen, now: Time) -> Option<(Time, Absence)> {
    let last = facts.last.filter(|last| last.default != seen.default.number)?;
    let same_document = seen.versions.iter().any(|info| Some(info.created) == last.latest);
    let settled = facts.intents.values().all(|intent| now.since(intent.until) >= VISIBLE_MS);
    let wrong = seen.default.number != seen.latest.number;
    let default = Some(seen.default.number);
    let fact = Absence { default, first: now, after: last.at, notified: Notified::No };
    (same_document && settled && wrong).then_some((last.at, fact))
}

/// Whether a known change of the last minute is not visible yet.
pub fn is_behind(facts: &Facts, seen: Option<&Seen>, now: Time) -> bool {
    let newest =
        seen.map_or(Time::ZERO, |seen| seen.versions.iter().map(|info| info.created).max().unwrap_or(Time::ZERO));
    let young = |at: Time| now.since(at) < VISIBLE_MS;
    if facts.versions.keys().any(|created| *created > newest && young(*created)) {
        return true;
    }
    let (pairing, clock) = (pair(facts), ClockSkew::of(facts));
    facts
        .calls
        .iter()
        .filter(|(_, call)| call.edit.failed.is_none())
        .map(|(id, call)| (id, call, clock.ssm_time(call.edit.at)))
        .any(|(id, call, at)| young(at) && invisible(&pairing, (id, call, at), seen, newest))
}

/// `at` is the call's time by SSM's clock.
fn invisible(pairing: &Pairing, (id, call, at): (&String, &CallFact, Time), seen: Option<&Seen>, newest: Time) -> bool {
    match call.edit.action {
        Action::Created | Action::Updated { .. } => {
            let number = call.edit.action.made_version();
            let above = seen.is_none_or(|seen| number.is_some_and(|number| number > seen.latest.number));
            above && !pairing.version.contains_key(id) && at.plus_ms(SECOND_MS) > newest
        }
        Action::Deleted => seen.is_some_and(|seen| {
            let first = seen.versions.iter().min_by_key(|info| info.number);
            first.is_some_and(|first| first.created < at)
        }),
        Action::DefaultMoved { .. } | Action::VersionDeleted { .. } | Action::SharingChanged => false,
    }
}
