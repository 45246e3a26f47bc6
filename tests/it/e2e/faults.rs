//! Everything that can go wrong with one call, at every call of every story.
//!
//! A story is played once undisturbed, which gives its calls: the k-th of them is the n-th of some action. Then it is played
//! again for each k, in an account and with a deployment of its own, with that one call going wrong, see [`ways_of`].
//! A message that the function hands back comes again, and that of a process that died comes to another process. A message
//! that the function sends itself comes when it is due, and so do the events of its own writes. Every story ends as in
//! [`ending`].
//!
//! The stories of an edit and of an undecodable message are played for every call and all that can differ there.
//! In the others a call with an effect, and the first of each action without one, goes wrong in one of these ways, by turns.
//! Each way at each of a story's first eighteen calls is the simulator's: `whichever_call_fails_a_hostile_version_ends_right`.

mod ending;
mod play;
mod stories;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use super::stage::Stage;
use play::{CallPoint, Lasts, Play, Strike, Way};
use stories::Story;

/// Plays at the same time. Each has an emulator to itself, with a clock of its own, so that none waits in earnest.
const PLAYS: usize = 3;

/// What passes by itself. The function has one arm for all of it, and the calls take turns.
const PASSING: [(Way, Lasts); 4] = [
    (Way::Throttled, Lasts::Always),
    (Way::Broken, Lasts::Once),
    (Way::Broken, Lasts::Always),
    (Way::Broken, Lasts::ThroughRetries),
];

/// The ways whose ends can differ at the `at`-th call.
///
/// A lost call without an effect differs from a failed one for the SDK alone. A process that is killed before a call leaves the
/// same world as one that is killed after the last call with an effect.
fn ways_of(at: usize, point: &CallPoint) -> Vec<(Way, Lasts)> {
    let mut ways = vec![(Way::Denied, Lasts::Always), PASSING[at % PASSING.len()]];
    if at == 0 {
        ways.push((Way::KilledBefore, Lasts::Always));
    }
    if point.has_effect() {
        ways.extend([(Way::Lost, Lasts::Once), (Way::Lost, Lasts::Always), (Way::KilledAfter, Lasts::Always)]);
    } else if at.is_multiple_of(2) {
        ways.push((Way::Lost, Lasts::Always));
    }
    ways
}

/// Plays a story undisturbed, and then with each of the strikes that `choose` makes of its calls.
fn everywhere(story: &Story, choose: impl Fn(&[CallPoint]) -> Vec<Strike>) {
    let stage = Stage::set();
    let number = |at: usize| format!("9{at:011}");
    stage.open_accounts(&[number(0)]);
    let calls = undisturbed(&stage, story, &number(0));
    let strikes = choose(&calls);
    let accounts: Vec<String> = (1..=strikes.len()).map(number).collect();
    let waiting = Mutex::new(strikes.iter().zip(&accounts));
    let failed = Mutex::new(Vec::new());
    let stages = std::iter::once(stage).chain(std::iter::repeat_with(Stage::set));
    thread::scope(|scope| {
        for stage in stages.take(PLAYS.min(strikes.len())) {
            let (waiting, failed, calls) = (&waiting, &failed, &calls);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((strike, account)) = next else { return };
                    stage.open_accounts(std::slice::from_ref(account));
                    let outcome = catch_unwind(AssertUnwindSafe(|| disturbed(&stage, story, account, strike, calls)));
                    if outcome.is_err() {
                        failed.lock().unwrap().push(strike);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} did not end well: {failed:#?}", failed.len(), strikes.len());
}

fn undisturbed(stage: &Stage, story: &Story, account: &str) -> Vec<CallPoint> {
    let mut play = Play::begin(stage, story, account, None);
    play.run();
    let calls = play.calls();
    ending::check(&mut play, None, &calls);
    calls
}

fn disturbed(stage: &Stage, story: &Story, account: &str, strike: &Strike, calls: &[CallPoint]) {
    let mut play = Play::begin(stage, story, account, Some(strike));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        play.run();
        if !story.has_event && strike.keeps_us_out() {
            // No event brings the function back to it; the next sweep does.
            play.sweep();
        }
        assert_ne!(play.struck(), 0, "the call was not made");
        ending::check(&mut play, Some(strike), calls);
    }));
    assert!(outcome.is_ok(), "{strike:?} in {account}: {:#?}", play.logs());
}

/// Each call in each way that can differ.
fn all(calls: &[CallPoint]) -> Vec<Strike> {
    let strikes = |(at, point): (usize, &CallPoint)| {
        ways_of(at, point)
            .into_iter()
            .map(|(way, lasts)| Strike { point: point.clone(), way, lasts })
            .collect::<Vec<_>>()
    };
    calls.iter().enumerate().flat_map(strikes).collect()
}

#[test]
fn untrusted_edit_is_reverted_and_alerted_under_any_single_fault() {
    everywhere(&stories::DRIFT, all);
}

/// Each call with an effect, and the first of each action without one, in one way; the turns begin at another one for each `s`.
fn in_turns(s: usize) -> impl Fn(&[CallPoint]) -> Vec<Strike> {
    move |calls| {
        let of_its_own = calls.iter().enumerate().filter(|(_, point)| point.has_effect() || point.nth == 1);
        let strike = |(turn, (at, point)): (usize, (usize, &CallPoint))| {
            let ways = ways_of(at, point);
            let (way, lasts) = ways[(turn + s) % ways.len()];
            Strike { point: point.clone(), way, lasts }
        };
        of_its_own.enumerate().map(strike).collect()
    }
}

#[test]
fn edit_that_a_sweep_finds_is_reverted_and_alerted_under_any_single_fault() {
    everywhere(&stories::MISSED_EVENT, in_turns(7));
}

#[test]
fn deleted_document_is_restored_and_alerted_under_any_single_fault() {
    everywhere(&stories::DELETION, in_turns(1));
}

#[test]
fn document_of_another_type_is_replaced_and_alerted_under_any_single_fault() {
    everywhere(&stories::OTHER_TYPE, in_turns(2));
}

#[test]
fn rollback_is_undone_and_alerted_under_any_single_fault() {
    everywhere(&stories::ROLLBACK, in_turns(3));
}

#[test]
fn new_account_is_configured_in_every_region_under_any_single_fault() {
    everywhere(&stories::VENDED, in_turns(4));
}

#[test]
fn pipelines_change_is_kept_and_corrected_under_any_single_fault() {
    everywhere(&stories::TRUSTED, in_turns(5));
}

#[test]
fn undecodable_message_is_kept_and_alerted_under_any_single_fault() {
    everywhere(&stories::UNDECODABLE, all);
}

#[test]
fn edit_before_the_first_observation_is_reverted_and_alerted_under_any_single_fault() {
    everywhere(&stories::FIRST_SIGHT, in_turns(6));
}
