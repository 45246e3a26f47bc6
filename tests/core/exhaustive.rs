//! Exhaustive at small scope: every story of two foreign acts, with every order, duplication and loss of their events,
//! and a crash after every step, ends right. `tests/core/wide.rs` has more of three acts.
//!
//! Enumerated, not sampled. Each test states how many cases it has played.

mod check;
mod excuses;
mod order;
mod regressions;
pub(crate) mod story;

use order::same_facts;
use story::{BURST, CALM, Crashes, Kind, ONCE, Scope, Tally, play_all};

/// Acts that nobody keeps.
const HOSTILE: [Kind; 3] = [Kind::HostileEdit, Kind::Rollback, Kind::HostileDeletion];
/// Acts by which hostile values come back.
const COPYING: [Kind; 3] = [Kind::HostileEdit, Kind::TrustedCopy, Kind::Rollback];
/// Acts of one call.
pub(crate) const FOUR: [Kind; 4] = [Kind::HostileEdit, Kind::TrustedEdit, Kind::Rollback, Kind::HostileDeletion];
/// The same, and what a pipeline does beside editing.
pub(crate) const SEVEN: [Kind; 7] = [
    Kind::HostileEdit,
    Kind::TrustedEdit,
    Kind::Rollback,
    Kind::HostileDeletion,
    Kind::HostileRecreation,
    Kind::TrustedDeletion,
    Kind::TrustedRecreation,
];

/// Every sequence of so many acts.
pub(crate) fn sequences(kinds: &[Kind], length: usize) -> Vec<Vec<Kind>> {
    (0..length).fold(vec![Vec::new()], |shorter, _| {
        let longer =
            |acts: &Vec<Kind>| kinds.iter().map(move |kind| [acts.clone(), vec![*kind]].concat()).collect::<Vec<_>>();
        shorter.iter().flat_map(longer).collect()
    })
}

/// Plays all stories of these acts, and says how many those are.
pub(crate) fn play(sequences: &[Vec<Kind>], scope: Scope) -> u64 {
    let mut tally = Tally::default();
    for acts in sequences {
        play_all(acts, scope, &mut tally);
    }
    tally.assert_right();
    tally.cases
}

#[test]
fn events_in_any_order_leave_the_same_facts() {
    let acts = sequences(&SEVEN, 2).into_iter().chain(sequences(&FOUR, 3));
    assert_eq!(acts.map(|acts| same_facts(&acts, CALM)).sum::<u64>(), 11_327);
}

#[test]
fn one_act_with_copies_and_a_crash() {
    let scope = Scope { arrivals: 2, crashes: Crashes::Anywhere, ..ONCE };
    assert_eq!(play(&sequences(&SEVEN, 1), scope), 773);
}

#[test]
fn two_acts() {
    assert_eq!(play(&sequences(&SEVEN, 2), ONCE), 643);
}

#[test]
fn two_acts_with_copies() {
    let scope = Scope { arrivals: 2, ..ONCE };
    assert_eq!(play(&sequences(&FOUR, 2), scope), 272);
}

#[test]
fn two_acts_and_a_crash() {
    let scope = Scope { crashes: Crashes::Anywhere, ..ONCE };
    assert_eq!(play(&sequences(&FOUR, 2), scope), 847);
}

#[test]
fn three_acts_of_one_principal() {
    let scope = Scope { one_principal: true, ..ONCE };
    let cases = [BURST, CALM].map(|timing| play(&sequences(&HOSTILE, 3), Scope { timing, ..scope }));
    assert_eq!(cases, [326, 344]);
}

#[test]
fn three_acts_with_a_copy_of_a_hostile_version() {
    let copies = |acts: &Vec<Kind>| acts[0] == Kind::HostileEdit && acts.contains(&Kind::TrustedCopy);
    let sequences: Vec<_> = sequences(&COPYING, 3).into_iter().filter(copies).collect();
    let cases = [BURST, CALM].map(|timing| play(&sequences, Scope { timing, ..ONCE }));
    assert_eq!(cases, [80, 80]);
}
