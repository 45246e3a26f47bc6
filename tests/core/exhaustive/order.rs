//! The same facts after the same events, in whatever order they come between the same observations.

use runas_reactor::domain::fact::{CallFact, Facts};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::time::{MINUTE_MS, Time};
use runas_reactor::domain::witness;
use std::collections::BTreeSet;

use super::story::{Kind, Timing, acted};

/// What is learned, in the order in which it happened: an observation after each act and one at last, and calls.
pub(super) struct Learned {
    pub(super) observations: Vec<(Time, Observation)>,
    /// Each call, and how many observations are made before its event can arrive.
    pub(super) calls: Vec<(usize, CallFact)>,
}

/// Plays every order in which the events of these acts can come between the observations, each of them twice, and says how
/// many those are.
pub(super) fn same_facts(acts: &[Kind], timing: Timing) -> u64 {
    let (known, mut learned) = acted(acts, timing);
    let (last, there) = learned.observations.last().expect("an observation").clone();
    learned.observations.push((last.plus_ms(2 * MINUTE_MS), there));
    let mut ends = Vec::new();
    learned.go_on(&known, 0, &BTreeSet::new(), &mut ends);
    let first = ends.first().expect("an order");
    assert!(ends.iter().all(|facts| facts == first), "{acts:?}: the order of events leaves other facts");
    ends.len() as u64
}

impl Learned {
    fn go_on(&self, facts: &Facts, observed: usize, reported: &BTreeSet<usize>, ends: &mut Vec<Facts>) {
        for (at, (from, call)) in self.calls.iter().enumerate() {
            if *from <= observed && !reported.contains(&at) {
                let facts = merge(facts, &witness::calls(facts, std::slice::from_ref(call), &BTreeSet::new()));
                let reported = reported.iter().copied().chain([at]).collect();
                self.go_on(&facts, observed, &reported, ends);
            }
        }
        match self.observations.get(observed) {
            Some((at, observation)) => {
                let next = merge(facts, &witness::witness(facts, observation, *at));
                self.go_on(&next, observed + 1, reported, ends);
            }
            None if reported.len() == self.calls.len() => ends.push(self.twice(facts)),
            None => {}
        }
    }

    /// Once more, which changes nothing.
    fn twice(&self, facts: &Facts) -> Facts {
        let calls: Vec<CallFact> = self.calls.iter().map(|(_, call)| call.clone()).collect();
        let (at, observation) = self.observations.last().expect("an observation");
        let again = merge(facts, &witness::calls(facts, &calls, &BTreeSet::new()));
        merge(&again, &witness::witness(&again, observation, *at))
    }
}
