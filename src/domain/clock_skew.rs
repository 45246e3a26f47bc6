//! The difference between CloudTrail's clock and SSM's, as echoes of the reactor's own versions measure it. AWS does not
//! document that the two agree.

use std::collections::BTreeMap;

use super::durations::SAME_CALL_MS;
use super::fact::{Echo, Ended, Facts};
use super::own_writes::{intent_of, may_be_of};
use super::time::{SECOND_MS, Time};

/// One version and its echo.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// When the version was created.
    created: Time,
    /// CloudTrail's time of the call.
    at: Time,
}

impl Measure {
    /// By how much SSM's clock is ahead, and how long the call took.
    fn ms(self) -> i64 {
        self.created.since(self.at)
    }
}

/// The difference at each write whose echo is known: measured once, and then asked for as many calls as there are.
#[derive(Clone, Debug)]
pub struct ClockSkew {
    /// By the versions' creation dates.
    measures: Vec<Measure>,
    /// The last measure that is part of the base.
    of_base: Option<i64>,
}

impl ClockSkew {
    /// Measures it from the facts.
    pub fn of(facts: &Facts) -> Self {
        Self { measures: measures(facts), of_base: facts.base.as_ref().and_then(|base| base.clock_ms) }
    }

    /// A call's time by SSM's clock. The last measure before the call counts, so that no later write changes what is known of
    /// an earlier call.
    pub fn ssm_time(&self, at: Time) -> Time {
        let before = self.measures.iter().rev().find(|measure| measure.at <= at).map(|measure| measure.ms());
        match before.or(self.of_base).or_else(|| self.measures.first().map(|measure| measure.ms())) {
            // CloudTrail cuts times to whole seconds: half a second is the best guess at the rest.
            Some(ms) if !(-SECOND_MS / 2..=SECOND_MS * 3 / 2).contains(&ms) => at.plus_ms(ms - SECOND_MS / 2),
            Some(_) | None => at,
        }
    }

    /// The milliseconds by which SSM's clock is ahead, by the newest version up to `until` that has an echo.
    pub(super) fn ms_until(&self, until: Time) -> Option<i64> {
        self.measures.iter().rev().find(|measure| measure.created <= until).map(|measure| measure.ms()).or(self.of_base)
    }
}

/// The versions whose echo is known, oldest first. Numbers repeat where one document follows another, so an echo may be of
/// several versions; it is of the one that agrees with the certain measures.
fn measures(facts: &Facts) -> Vec<Measure> {
    let created = own_versions(facts);
    let possible: Vec<(Time, Vec<Option<Time>>)> =
        facts.echoes.values().map(|echo| (echo.at, candidates(facts, echo, &created))).collect();
    let certain = possible.iter().filter_map(|(at, versions)| match versions[..] {
        [created] => Some(Measure { created: created?, at: *at }.ms()),
        _ => None,
    });
    let of_base = facts.base.as_ref().and_then(|base| base.clock_ms);
    let known: Vec<i64> = certain.chain(of_base).collect();
    let mut measures = Vec::new();
    for (at, versions) in &possible {
        let all = versions.iter().flatten().map(|created| Measure { created: *created, at: *at });
        let agrees = |measure: &Measure| known.iter().any(|ms| (measure.ms() - ms).abs() <= SAME_CALL_MS);
        let agreeing: Vec<Measure> = all.filter(agrees).collect();
        if let [measure] = agreeing[..] {
            measures.push(measure);
        }
    }
    measures.sort_by_key(|measure| (measure.created, measure.at));
    measures
}

/// When each of the reactor's versions was created, by its name.
fn own_versions(facts: &Facts) -> BTreeMap<&str, Time> {
    let own = facts.versions.iter().filter(|(_, version)| intent_of(facts, version).is_some());
    own.filter_map(|(created, version)| Some((version.name.as_deref()?, *created))).collect()
}

/// The writes that an echo may report, with the version's creation date if known. A write counts only if it was logged before
/// the echo arrived; the invocation that the echo triggers logs later ones.
fn candidates(facts: &Facts, echo: &Echo, created: &BTreeMap<&str, Time>) -> Vec<Option<Time>> {
    let writes = facts.intents.iter().filter(|(name, intent)| {
        let may_have_landed = intent.ended != Some(Ended::Refused) || created.contains_key(name.as_str());
        let same = intent.makes_version() && echo.made == Some(intent.number);
        same && may_have_landed && intent.from < echo.received && may_be_of(intent, echo.at)
    });
    writes.map(|(name, _)| created.get(name.as_str()).copied()).collect()
}
