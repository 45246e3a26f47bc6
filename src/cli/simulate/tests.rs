//! Stories that hold, and a checker that bites.

use super::play::play;
use super::step::Story;
use crate::domain::mutant::{Mutant, take};

/// Seeds whose stories are played by every test run.
const SEEDS: std::ops::Range<u64> = 1_200..1_320;
/// A wrong turn is found within so many steps.
const FOUND_WITHIN: u64 = 150_000;

#[test]
fn every_story_of_the_fixed_seeds_ends_well() {
    let mut steps = 0;
    for seed in SEEDS {
        let outcome = play(&Story::draw(seed, None));
        assert_eq!(outcome.violation, None, "runasctl simulate --seed {seed} --steps 1");
        steps += outcome.steps;
    }
    assert!(steps >= FOUND_WITHIN, "{steps} steps");
}

#[test]
fn a_story_is_the_same_each_time() {
    let story = Story::draw(3, None);
    let (first, second) = (play(&story), play(&story));
    assert_eq!((first.steps, first.alerts, first.violation), (second.steps, second.alerts, second.violation));
}

#[test]
fn every_wrong_turn_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        take(Some(mutant));
        let mut steps = 0;
        let found = SEEDS.map(|seed| play(&Story::draw(seed, None))).find(|outcome| {
            steps += outcome.steps;
            outcome.violation.is_some() || steps >= FOUND_WITHIN
        });
        take(None);
        match found.and_then(|outcome| outcome.violation) {
            Some(_) => {}
            None => missed.push(mutant),
        }
    }
    assert_eq!(missed, []);
}
