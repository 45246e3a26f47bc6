//! The conclusions from a case's facts: computed once per observation, for [`super::decide`] and [`super::settle`].

use super::accepted::{Accepted, fold};
use super::attribution::{Pairing, awaited, pair};
use super::breaker::{Breaker, breaker};
use super::case::Case;
use super::document::Content;
use super::durations::NAMES_MS;
use super::hold::{Hold, hold, is_daily_limit_reached};
use super::observation::Observation;
use super::time::Time;

/// Everything that is derived from the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Which call made which version.
    pub pairing: Pairing,
    /// What is accepted.
    pub accepted: Accepted,
    /// The desired content: the accepted content with the owned fields over it.
    pub desired: Content,
    /// The desired content if versions that still wait for a principal were trusted, and how long to wait.
    pub presumed: Option<Presumed>,
    /// Why the target stays as it is, if it does.
    pub hold: Option<Hold>,
    /// A break-glass act does not stand, because the policy's minutes of a day are used up.
    pub daily_limit_reached: bool,
    /// Edit wars.
    pub breaker: Breaker,
}

/// The desired content if recent versions of unknown authors prove trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presumed {
    /// That content.
    pub desired: Content,
    /// The oldest of those versions.
    pub oldest: Time,
    /// When the wait for their principals ends.
    pub until: Time,
}

/// Judges the facts of a case.
pub fn judge(case: &Case) -> Judgement {
    let facts = &case.record.facts;
    let pairing = pair(facts);
    let desired = |accepted: &Accepted| {
        accepted.content.clone().unwrap_or_else(Content::minimal).overlaid(&case.resolution.owned)
    };
    let accepted = fold(facts, &pairing, &[], None);
    let nameless = awaited(facts, &pairing, case.now);
    let presumed = nameless.first().map(|oldest| Presumed {
        desired: desired(&fold(facts, &pairing, &nameless, None)),
        oldest: *oldest,
        until: oldest.plus_ms(NAMES_MS),
    });
    let absent = case.observation == Observation::Absent;
    Judgement {
        desired: desired(&accepted),
        presumed,
        hold: hold(facts, &pairing, &case.limits, case.now, absent),
        daily_limit_reached: is_daily_limit_reached(facts, &pairing, &case.limits),
        breaker: breaker(facts, &pairing, &case.limits, case.now),
        accepted,
        pairing,
    }
}
