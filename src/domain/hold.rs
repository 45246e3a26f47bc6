//! Targets that stay wrong on purpose for a while: derived from the facts, never stored.

use serde::{Deserialize, Serialize};

use super::attribution::{Author, Pairing};
use super::clock_skew::ssm_time;
use super::durations::REPLACEMENT_MS;
use super::fact::{CallFact, Facts};
use super::policy::Limits;
use super::principal::Attribution;
use super::time::{MINUTE_MS, Time};

/// Why a target is left as it is, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Until when.
    pub until: Time,
    /// The attribution of the principal behind it.
    pub attribution: Attribution,
    /// Why, for people.
    pub why: String,
}

/// The hold in force at `now`. A break-glass edit stands for the policy's minutes, unless an untrusted principal acts after
/// it. A trusted principal that deletes the document has a while to create the next one.
pub fn hold(facts: &Facts, pairing: &Pairing, limits: &Limits, now: Time, absent: bool) -> Option<Hold> {
    let emergency = last_foreign_act(facts, pairing).filter(|(_, call)| call.attribution == Attribution::BreakGlass);
    let emergency = emergency.map(|(at, call)| Hold {
        until: at.plus_ms(i64::from(limits.hold_minutes) * MINUTE_MS),
        attribution: Attribution::BreakGlass,
        why: format!("break-glass by {}", call.edit.principal.called()),
    });
    let deletions = facts.calls.values().filter(|call| absent && call.deletes());
    let replacement = deletions.max_by_key(|call| call.edit.at).filter(|call| call.is_trusted()).map(|call| Hold {
        until: ssm_time(facts, call.edit.at).plus_ms(REPLACEMENT_MS),
        attribution: Attribution::Trusted,
        why: format!("a trusted deletion by {}, perhaps to replace the document", call.edit.principal.called()),
    });
    emergency.into_iter().chain(replacement).filter(|hold| hold.until > now).max_by_key(|hold| hold.until)
}

/// The newest act that is neither the reactor's nor a trusted principal's, with its time.
fn last_foreign_act<'a>(facts: &'a Facts, pairing: &Pairing) -> Option<(Time, &'a CallFact)> {
    let versions =
        facts.open_versions().filter_map(|(created, version)| match pairing.author(facts, created, version) {
            Author::Known(call) => Some((created, call)),
            Author::Ours(_) | Author::Nameless => None,
        });
    let others =
        facts.calls.values().filter(|call| call.edit.failed.is_none() && call.edit.action.made_version().is_none());
    let others = others.map(|call| (ssm_time(facts, call.edit.at), call));
    versions.chain(others).filter(|(_, call)| !call.is_trusted()).max_by_key(|(at, call)| (*at, call.attribution))
}
