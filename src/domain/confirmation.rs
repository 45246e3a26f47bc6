//! Trusted calls that CloudTrail's event history has to confirm: those that change fields which can run code or redirect
//! sessions, or share the document.
//!
//! An event reaches the hub through the account that it is about, whose administrator may be able to forge one. That
//! account's history is written by CloudTrail alone. The change is accepted at once, so that no pipeline is held up, and
//! dropped if the history does not have the call. Any reconciliation some minutes later asks, the next sweep's at the
//! latest.

use super::attribution::pair;
use super::document::REVIEWED_FIELDS;
use super::durations::{KEPT_MS, WATCH_MS};
use super::edit::Edit;
use super::fact::{CallFact, Facts, VersionFact};
use super::principal::Attribution;
use super::time::Time;

/// A call that the history still lacks after this long counts as forged. CloudTrail takes five minutes on average, without
/// any guarantee [docs: how-cloudtrail-works].
const MADE_UP_MS: i64 = 6 * WATCH_MS;

/// Calls to ask for in one reconciliation, so that a flood of forged events delays no write.
const ASKED_MAX: usize = 4;

/// Event ids of the calls that need a confirmation.
fn unconfirmed(facts: &Facts, now: Time) -> Vec<String> {
    let open = |call: &CallFact| call.is_trusted() && !call.checked && now.since(call.received) < KEPT_MS;
    if !facts.calls.values().any(open) {
        return Vec::new();
    }
    let pairing = pair(facts);
    let reviewed = |id: &String, call: &CallFact| {
        let version = pairing.version.get(id).and_then(|created| facts.versions.get(created));
        let change = version.map(VersionFact::change).unwrap_or_default();
        let shares = call.edit.sharing.as_ref().is_some_and(|sharing| !sharing.added.is_empty());
        shares || change.iter().any(|field| REVIEWED_FIELDS.contains(&field.field.as_str()))
    };
    facts.calls.iter().filter(|(id, call)| open(call) && reviewed(id, call)).map(|(id, _)| id.clone()).collect()
}

/// The calls to ask for now, oldest first: the history has a call some minutes after it was made.
pub fn due(facts: &Facts, now: Time) -> Vec<CallFact> {
    let calls = unconfirmed(facts, now).into_iter().filter_map(|id| facts.calls.get(&id).cloned());
    let mut due: Vec<CallFact> = calls.filter(|call| now.since(call.received) >= WATCH_MS).collect();
    due.sort_by_key(|call| call.received);
    due.truncate(ASKED_MAX);
    due
}

/// The call as the history's answer confirms or refutes it; `None` where a later answer may have it.
pub fn answered(call: &CallFact, found: &[Edit], now: Time) -> Option<CallFact> {
    if found.iter().any(|edit| is_same(edit, &call.edit)) {
        return Some(CallFact { checked: true, ..call.clone() });
    }
    let over = !found.is_empty() || now.since(call.received) >= MADE_UP_MS;
    over.then(|| CallFact { checked: true, attribution: Attribution::Untrusted, ..call.clone() })
}

/// Same principal, second, kind, accounts and, where both name it, version. Otherwise a true event's id under another time or
/// number would make its author vouch for another version.
fn is_same(one: &Edit, other: &Edit) -> bool {
    let kind = |edit: &Edit| std::mem::discriminant(&edit.action);
    let versions = (one.action.made_version(), other.action.made_version());
    let agree = !matches!(versions, (Some(one), Some(other)) if one != other);
    let same = one.principal == other.principal && one.at == other.at && one.sharing == other.sharing;
    same && kind(one) == kind(other) && agree
}

/// Event ids of the calls that the history may still confirm.
pub fn pending(facts: &Facts, now: Time) -> Vec<String> {
    let young = |id: &String| facts.calls.get(id).is_some_and(|call| now.since(call.received) < MADE_UP_MS);
    unconfirmed(facts, now).into_iter().filter(young).collect()
}
