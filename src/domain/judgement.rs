//! What the facts of a case amount to: computed once for each observation, and handed to [`super::decide`] and
//! [`super::settle`].

use super::accepted::{Accepted, fold};
use super::attribution::{Pairing, awaited, pair};
use super::breaker::{Breaker, breaker};
use super::case::Case;
use super::document::Content;
use super::durations::NAMES_MS;
use super::hold::{Hold, hold};
use super::mutant::{self, Mutant};
use super::observation::Observation;
use super::time::Time;

/// Everything that is derived from the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Which call made which version.
    pub pairing: Pairing,
    /// What is accepted.
    pub accepted: Accepted,
    /// What the document should hold: the accepted content with the owned fields over it.
    pub desired: Content,
    /// What it should hold if the versions whose names may still arrive were trusted, and until when those are waited for.
    pub presumed: Option<Presumed>,
    /// The target is left as it is.
    pub hold: Option<Hold>,
    /// Edit wars.
    pub breaker: Breaker,
}

/// The document as it should be if nameless young versions were trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presumed {
    /// What it should hold then.
    pub desired: Content,
    /// The oldest of those versions.
    pub oldest: Time,
    /// When their names are not waited for any more.
    pub until: Time,
}

/// Judges the facts of a case.
pub fn judge(case: &Case) -> Judgement {
    let facts = &case.record.facts;
    let pairing = pair(facts);
    let desired = |accepted: &Accepted| {
        let blank = mutant::on(Mutant::RecreateBlank) && case.observation == Observation::Absent;
        let content = accepted.content.clone().filter(|_| !blank);
        content.unwrap_or_else(Content::minimal).overlaid(&case.resolution.owned)
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
        breaker: breaker(facts, &pairing, &case.limits, case.now),
        accepted,
        pairing,
    }
}
