//! How facts join: commutative, associative and idempotent, so that the order of invocations and messages, and their
//! repetition, make no difference.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::fact::{Absence, Base, CallFact, Delta, Echo, Facts, Intent, VersionFact};

/// Everything that either side knows.
#[must_use]
pub fn merge(one: &Facts, other: &Facts) -> Facts {
    Facts {
        base: base(one.base.as_ref(), other.base.as_ref()),
        versions: each(&one.versions, &other.versions, version),
        calls: each(&one.calls, &other.calls, call),
        echoes: each(&one.echoes, &other.echoes, |one, other| Echo {
            received: one.received.min(other.received),
            ..*one.min(other)
        }),
        intents: each(&one.intents, &other.intents, intent),
        absences: each(&one.absences, &other.absences, absence),
        owned: each(&one.owned, &other.owned, either),
        emergencies: one.emergencies.union(&other.emergencies).copied().collect(),
        last: one.last.max(other.last),
    }
}

fn each<K: Ord + Clone, V: Clone>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    join: fn(&V, &V) -> V,
) -> BTreeMap<K, V> {
    let mut joined = one.clone();
    for (key, value) in other {
        let value = joined.get(key).map_or_else(|| value.clone(), |known| join(known, value));
        joined.insert(key.clone(), value);
    }
    joined
}

/// Picks the same of two different values, whichever side it is on. Fields that are joined one by one come last in their
/// types, so that they never decide it.
fn either<T: Clone + PartialEq + serde::Serialize>(one: &T, other: &T) -> T {
    if one == other {
        return one.clone();
    }
    std::cmp::min_by_key(one, other, |value| serde_json::to_string(value).unwrap_or_default()).clone()
}

/// The base that reaches further, or else was made later.
fn base(one: Option<&Base>, other: Option<&Base>) -> Option<Base> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other).cloned() };
    let place = |base: &Base| (base.until, base.at);
    let mut joined = match place(one).cmp(&place(other)) {
        Ordering::Less => other.clone(),
        Ordering::Greater => one.clone(),
        Ordering::Equal => Base { notified: one.notified.max(other.notified), ..either(one, other) },
    };
    joined.calls_until = one.calls_until.max(other.calls_until);
    joined.intents_until = one.intents_until.max(other.intents_until);
    Some(joined)
}

/// The observation that determined the change, or else either, with the earlier time.
fn version(one: &VersionFact, other: &VersionFact) -> VersionFact {
    let unsaid = |version: &VersionFact| matches!(version.delta, Delta::Unsaid(_));
    let known = match unsaid(one).cmp(&unsaid(other)) {
        Ordering::Less => one.clone(),
        Ordering::Greater => other.clone(),
        Ordering::Equal => either(one, other),
    };
    VersionFact {
        observed: one.observed.min(other.observed),
        adopted: one.adopted && other.adopted,
        notified: one.notified.max(other.notified),
        ..known
    }
}

/// Keeps the least trusting attribution of the principal.
fn call(one: &CallFact, other: &CallFact) -> CallFact {
    CallFact {
        edit: either(&one.edit, &other.edit),
        attribution: one.attribution.max(other.attribution),
        via_reactor_role: one.via_reactor_role || other.via_reactor_role,
        received: one.received.min(other.received),
        checked: one.checked || other.checked,
        over: one.over || other.over,
        notified: one.notified.max(other.notified),
    }
}

fn intent(one: &Intent, other: &Intent) -> Intent {
    Intent { ended: one.ended.max(other.ended), notified: one.notified.max(other.notified), ..either(one, other) }
}

fn absence(one: &Absence, other: &Absence) -> Absence {
    let (first, default) = (one.first, one.default).min((other.first, other.default));
    let (after, notified) = (one.after.max(other.after), one.notified.max(other.notified));
    Absence { default, first, after, notified }
}
