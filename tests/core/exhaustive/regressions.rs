//! Stories that did not end right once.

use super::story::{BURST, Crashes, Kind, LATE, ONCE, STRAGGLING, Scope, Tally, Timing, play_all};

use Kind::{
    HostileDeletion, HostileEdit, HostileRecreation, Rollback, TrustedDeletion, TrustedEdit, TrustedRecreation,
};

/// Plays the story of these acts whose events arrive in this order, without a crash and with each.
fn story(acts: &[Kind], timing: Timing, order: &'static [usize]) {
    play(acts, Scope { timing, only: Some(order), ..ONCE });
}

fn play(acts: &[Kind], scope: Scope) {
    let mut tally = Tally::default();
    play_all(acts, Scope { crashes: Crashes::Anywhere, ..scope }, &mut tally);
    tally.assert_right();
    assert!(tally.cases > 1);
}

/// Each call of a write was noted on the intent as it had been before the message, so that the second undid the first.
#[test]
fn two_calls_of_one_write_in_one_message_are_both_noted() {
    story(&[HostileEdit], BURST, &[0]);
}

/// The default was moved twice for one version within a second, and both calls were taken for those of the first intent.
#[test]
fn calls_of_two_writes_that_are_taken_for_one_another_show_that_events_arrive() {
    story(&[HostileEdit, Rollback, Rollback], BURST, &[0, 1, 2]);
}

/// The call was marked as part of the alert of version 1, which had gone out before.
#[test]
fn a_moved_default_is_notified_although_the_version_was_notified_nameless_before() {
    story(&[Rollback, HostileDeletion, TrustedEdit], BURST, &[2, 1, 0]);
}

/// One alert named the call as what it was, and another as that of the presumed author of version 1.
#[test]
fn a_moved_default_that_was_notified_makes_no_presumed_author() {
    story(&[Rollback, HostileDeletion, HostileEdit], BURST, &[0, 1]);
}

/// Two versions without a name were presumed to be of the principal of one and the same call.
#[test]
fn a_moved_default_makes_a_presumed_author_of_one_version_only() {
    story(&[Rollback, HostileRecreation, HostileRecreation], BURST, &[0, 3, 1]);
}

/// The first name that became known was taken for that of all acts without one.
#[test]
fn each_act_that_was_notified_nameless_gets_its_name() {
    story(&[HostileEdit, HostileRecreation], STRAGGLING, &[0, 1, 2]);
}

/// A name that came ten minutes after the alert had no incident to enrich any more.
#[test]
fn a_name_that_comes_after_its_incident_is_notified() {
    story(&[TrustedRecreation, HostileRecreation], LATE, &[1, 2, 0, 3]);
}

/// The alert of the second act counted as if it showed also the first one's repetition.
#[test]
fn act_that_was_only_counted_is_named_at_the_end() {
    let scope = Scope { timing: BURST, one_principal: true, only: Some(&[0, 1, 2]), ..ONCE };
    play(&[HostileEdit, Rollback, HostileEdit], scope);
}

/// A call of a pipeline that no version fits was alerted at the end of an incident as that of an opponent.
#[test]
fn a_trusted_principal_is_no_opponent() {
    story(&[TrustedRecreation, TrustedDeletion], BURST, &[2, 0, 1]);
}

/// Both calls were taken to have made the first of the two documents.
#[test]
fn a_pipeline_recreates_the_document_twice_within_a_second() {
    story(&[TrustedRecreation, TrustedRecreation], BURST, &[0, 1, 2, 3]);
}

/// The commit lost a race, and the next observation found nothing else that was new.
#[test]
fn how_a_write_ended_is_committed_although_nothing_else_is_new() {
    story(&[Rollback, HostileDeletion, TrustedEdit], BURST, &[2, 1, 0]);
}
