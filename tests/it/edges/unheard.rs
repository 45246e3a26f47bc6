//! When a sweep asks CloudTrail whose doing it was.

use runas_reactor::domain::case::Case;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::principal::Attribution::Untrusted;
use runas_reactor::domain::record::Standing;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::MINUTE_MS;
use runas_reactor::domain::unheard::unheard;

use crate::core_review::cases::{at, body, case, document, in_sync, right, right_but, unknown, wrote};

/// A sweep comes by where version 1 was in sync at second 10.
fn swept(observation: Observation) -> Case {
    let mut case = case();
    case.cause = Cause::Swept;
    case.record = in_sync(1, 10);
    case.observation = observation;
    case
}

fn foreign_version() -> Observation {
    document(&[(1, 10, body(&right())), (2, 50, body(&right_but("kmsKeyId", "k")))], 2)
}

/// The latest version is right, and another one is the default.
fn default_behind() -> Observation {
    document(&[(1, 10, body(&right())), (2, 50, body(&right()))], 1)
}

#[test]
fn a_change_that_nobody_told_of_is_asked_about_from_a_minute_before_the_last_look_on() {
    for there in [foreign_version(), default_behind(), Observation::Absent] {
        assert_eq!(unheard(&swept(there.clone())), Some(at(10).plus_ms(-MINUTE_MS)), "{there:?}");
    }
}

#[test]
fn where_nothing_changed_or_nothing_can_be_seen_nobody_is_asked_about() {
    let ours = document(&[(1, 10, body(&right())), (2, 50, body(&right()))], 2);
    for there in [document(&[(1, 10, body(&right()))], 1), ours, unknown()] {
        assert_eq!(unheard(&swept(there.clone())), None, "{there:?}");
    }
}

#[test]
fn a_default_or_a_deletion_that_was_known_before_is_not_asked_about_again() {
    for there in [default_behind(), Observation::Absent] {
        let mut case = swept(there);
        case.record.standing = Standing::BackingOff;
        assert_eq!(unheard(&case), None, "{:?}", case.observation);
    }
}

#[test]
fn only_a_sweep_asks_and_only_what_no_event_told_of() {
    let mut touched = swept(foreign_version());
    touched.cause = Cause::Touched;
    assert_eq!(unheard(&touched), None);
    let mut told = swept(foreign_version());
    told.edits = vec![wrote("e", 50, 2, Untrusted)];
    assert_eq!(unheard(&told), None);
    let mut told_before = swept(foreign_version());
    told_before.edits = vec![wrote("e", 10, 1, Untrusted)];
    told_before.edits[0].seen = true;
    assert!(unheard(&told_before).is_some(), "that was another edit");
}

#[test]
fn a_document_that_nobody_has_looked_at_before_is_adopted_whoever_made_it() {
    for there in [foreign_version(), default_behind(), Observation::Absent] {
        let mut case = swept(there);
        case.record.accounted = None;
        assert_eq!(unheard(&case), None, "{:?}", case.observation);
    }
}
